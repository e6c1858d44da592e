// An image: patches on a grid of rows and columns. Each pair of channels turns with the row or with
// the column, so that scores depend on how far apart two patches are, and in which direction, but
// not on where in the image they are.
#include <cmath>
#include <cstdio>
#include <vector>

#include "rotary/base/random.h"
#include "rotary/rope/grid_positions.h"
#include "rotary/rope/image_rotations.h"
#include "rotary/rope/rotate.h"

namespace {

constexpr int kRows = 3, kColumns = 5, kHeadDim = 64;  // not square: axes in the wrong order show
constexpr int kPatches = kRows * kColumns;

rotary::Tensor RandomVectors(uint64_t stream) {
  rotary::Tensor x(rotary::DType::kF32, {kPatches, 1, kHeadDim});  // tokens, heads, channels
  const rotary::Random random(/*seed=*/1, stream);
  for (int64_t i = 0; i < x.count(); ++i) {
    x.data<float>()[i] = static_cast<float>(random.Normal(static_cast<uint64_t>(i)));
  }
  return x;
}

// The score of every patch with every patch, after both have been rotated to their positions.
std::vector<double> Scores(const rotary::Tensor& q, const rotary::Tensor& k,
                           const rotary::Tensor& positions) {
  static const rotary::PhaseTable table(rotary::AxialInterleaved(kHeadDim, /*theta=*/100));
  rotary::Tensor turned_q = q.Clone(), turned_k = k.Clone();
  rotary::RotateQK(table, positions.view(), turned_q.view(), turned_k.view());
  std::vector<double> scores;
  for (int i = 0; i < kPatches; ++i) {
    for (int j = 0; j < kPatches; ++j) {
      double score = 0;
      for (int c = 0; c < kHeadDim; ++c) {
        score +=
            turned_q.data<float>()[i * kHeadDim + c] * turned_k.data<float>()[j * kHeadDim + c];
      }
      scores.push_back(score);
    }
  }
  return scores;
}

double Difference(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += std::abs(a[i] - b[i]);
  return sum / static_cast<double>(a.size());
}

}  // namespace

int main() {
  const rotary::Tensor q = RandomVectors(0), k = RandomVectors(1);
  // This rotation reads column, row: the order of tokens (row by row) reversed.
  const auto at = [](double row, double column, rotary::AxisOrder order) {
    return rotary::Grid({rotary::Steps(kRows, row), rotary::Steps(kColumns, column)}, order);
  };
  const auto here = Scores(q, k, at(0, 0, rotary::AxisOrder::kReversed));
  std::printf("A grid of %d x %d patches, score of the first with each:\n", kRows, kColumns);
  for (int j = 0; j < kPatches; ++j) {
    std::printf("%9.3f%s", here[static_cast<size_t>(j)], (j + 1) % kColumns == 0 ? "\n" : "");
  }
  const double moved = Difference(here, Scores(q, k, at(40, -7, rotary::AxisOrder::kReversed)));
  const double swapped = Difference(here, Scores(q, k, at(0, 0, rotary::AxisOrder::kTokens)));
  std::printf("all moved by 40 rows and -7 columns: scores differ by %.1e\n", moved);
  std::printf("rows taken for columns:              scores differ by %.1f\n", swapped);
  return moved < 1e-5 && swapped > 1 ? 0 : 1;
}
