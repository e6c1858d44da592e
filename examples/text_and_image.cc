// Text with an image in it, as Qwen3-VL counts positions (M-RoPE): each token has a time, a row and
// a column. Words have one number on all three axes, so text alone rotates as it always did;
// patches of an image share their time and differ by row and column.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "rotary/rope/axes.h"
#include "rotary/rope/multimodal_positions.h"
#include "rotary/rope/rotate.h"

namespace {

constexpr int kHeadDim = 128;

// The same vector for every token, turned to its position.
rotary::Tensor Turned(const rotary::Rotation& rotation, const rotary::Tensor& positions) {
  rotary::Tensor x(rotary::DType::kF32,
                   {1, positions.shape(1), 1, kHeadDim});  // batch, tokens, heads, channels
  std::fill_n(x.data<float>(), x.count(), 0.125f);
  rotary::Rotate(rotary::PhaseTable(rotation), positions.view(), x.view(), x.view());
  return x;
}

double Score(const rotary::Tensor& x, int64_t i, int64_t j) {
  double score = 0;
  for (int c = 0; c < kHeadDim; ++c) {
    score += x.data<float>()[i * kHeadDim + c] * x.data<float>()[j * kHeadDim + c];
  }
  return score;
}

}  // namespace

int main() {
  const rotary::Rotation plain = rotary::MakeRotation({.head_dim = kHeadDim, .theta = 5e6});
  // The pairs take turns: time, row, column, time, row, column ..
  const rotary::Rotation mrope =
      rotary::OnAxes(plain, 3, rotary::InterleavedSections(plain.pairs(), std::array{24, 20, 20}));
  const rotary::MultimodalPositions sequence =
      rotary::MropePositions({{.text = 4}, {.frames = 1, .rows = 2, .columns = 3}, {.text = 3}});
  const rotary::Tensor x = Turned(mrope, sequence.positions);

  std::printf("token  time  row  column  score with the last token\n");
  const int64_t tokens = sequence.positions.shape(1);
  for (int64_t i = 0; i < tokens; ++i) {
    const int64_t* p = sequence.positions.data<int64_t>() + 3 * i;
    std::printf("%5d %5d %4d %7d %26.4f\n", static_cast<int>(i), static_cast<int>(p[0]),
                static_cast<int>(p[1]), static_cast<int>(p[2]), Score(x, i, tokens - 1));
  }
  std::printf("the next word has position %d on all axes\n", static_cast<int>(sequence.next));

  // Words alone are rotated as by one axis; here the four before the image.
  rotary::Tensor numbers(rotary::DType::kI64, {1, 4});
  for (int i = 0; i < 4; ++i) numbers.data<int64_t>()[i] = i;
  const rotary::Tensor y = Turned(plain, numbers);
  double difference = 0;
  for (int64_t i = 0; i < y.count(); ++i) {
    difference += std::abs(x.data<float>()[i] - y.data<float>()[i]);
  }
  // Later in a document the patches of the image score with each other as they do here.
  const auto later =
      rotary::MropePositions({{.text = 5000}, {.frames = 1, .rows = 2, .columns = 3}});
  const rotary::Tensor z = Turned(mrope, later.positions);
  const double moved = std::abs(Score(x, 4, 9) - Score(z, 5000, 5005));
  std::printf("words against plain RoPE: %.1e; patches 5000 words later: %.1e\n", difference,
              moved);
  return sequence.next == 10 && difference < 1e-5 && moved < 1e-6 ? 0 : 1;
}
