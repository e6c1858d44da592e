#include "rotary/golden/exact_rotate.h"

#include <cstddef>
#include <functional>
#include <vector>

#include "rotary/golden/exact.h"

namespace rotary {
namespace {

// The matrix of one pair at one token.
struct Turn {
  Exact first_first, first_second, second_first, second_second;
};

Turn TurnOf(const GoldenCase& golden, size_t row, size_t pair,
            const std::vector<double>& position) {
  const Rotation& rotation = golden.rotation;
  const auto axes = static_cast<size_t>(rotation.axes);
  const auto angle = [&](const std::vector<double>& frequency) {
    Exact sum;
    for (size_t axis = 0; axis < axes; ++axis) {
      const size_t at = (row * static_cast<size_t>(rotation.pairs()) + pair) * axes + axis;
      sum = sum + Exact(frequency[at]) * position[axis];
    }
    return sum;
  };
  const Exact a = angle(rotation.frequency);
  const Exact b = rotation.IsGroup() ? a : angle(rotation.second_frequency);
  Exact g = rotation.attention_factor;
  if (!rotation.log_decay.empty()) {
    const Exact decay = Exact(rotation.log_decay[pair]) * (Exact(position[0]) - golden.centre);
    g = g * Exp(golden.side == Side::kQuery ? decay : -decay);
  }
  if (golden.direction == Direction::kInverse) {  // of groups alone
    return {Cos(a) / g, Sin(a) / g, -Sin(a) / g, Cos(a) / g};
  }
  return {g * Cos(a), -(g * Sin(a)), g * Sin(b), g * Cos(b)};
}

std::vector<double> PositionOf(const Tensor& positions, size_t token, size_t axes) {
  std::vector<double> position(axes);
  for (size_t axis = 0; axis < axes; ++axis) {
    const size_t at = token * axes + axis;
    position[axis] = positions.dtype() == DType::kI64
                         ? static_cast<double>(positions.span<int64_t>()[at])
                         : positions.span<double>()[at];
  }
  return position;
}

// Calls store(index, value) for every element of the result; transposed: of the gradient.
void ForEach(const GoldenCase& golden, const Tensor& positions, const Tensor& x, bool transposed,
             const std::function<void(size_t, const Exact&)>& store) {
  const Rotation& rotation = golden.rotation;
  const auto in = x.span<float>();
  const auto heads = static_cast<size_t>(x.shape(2)), head_dim = static_cast<size_t>(x.shape(3));
  for (size_t i = 0; i < in.size(); ++i) store(i, in[i]);  // channels in no pair are copied
  for (size_t token = 0; token < in.size() / (heads * head_dim); ++token) {
    const auto position = PositionOf(positions, token, static_cast<size_t>(rotation.axes));
    for (size_t pair = 0; pair < rotation.first.size(); ++pair) {
      Turn turn;
      for (size_t head = 0; head < heads; ++head) {
        if (head == 0 || rotation.heads > 1) {
          turn = TurnOf(golden, rotation.heads > 1 ? head : 0, pair, position);
        }
        const size_t channels = (token * heads + head) * head_dim;
        const size_t first = channels + static_cast<size_t>(rotation.first[pair]);
        const size_t second = channels + static_cast<size_t>(rotation.second[pair]);
        const Exact& across_first = transposed ? turn.second_first : turn.first_second;
        const Exact& across_second = transposed ? turn.first_second : turn.second_first;
        store(first, turn.first_first * in[first] + across_first * in[second]);
        store(second, across_second * in[first] + turn.second_second * in[second]);
      }
    }
  }
}

}  // namespace

ExactRotated RotateExactly(const GoldenCase& golden, const Tensor& positions, const Tensor& x) {
  ExactRotated y{Tensor(DType::kF64, x.shape()), Tensor(DType::kF32, x.shape()),
                 Tensor(DType::kBF16, x.shape()), Tensor(DType::kF16, x.shape())};
  ForEach(golden, positions, x, false, [&](size_t i, const Exact& value) {
    y.f64.span<double>()[i] = value.Double();
    // What is left to these conversions is exact.
    y.f32.span<float>()[i] = static_cast<float>(value.Rounded(24, -126));
    y.bf16.span<BF16>()[i] = ToBF16(static_cast<float>(value.Rounded(8, -126)));
    y.f16.span<F16>()[i] = ToF16(static_cast<float>(value.Rounded(11, -14)));
  });
  return y;
}

Tensor GradientExactly(const GoldenCase& golden, const Tensor& positions, const Tensor& d_y) {
  Tensor d_x(DType::kF64, d_y.shape());
  ForEach(golden, positions, d_y, true,
          [&](size_t i, const Exact& value) { d_x.span<double>()[i] = value.Double(); });
  return d_x;
}

}  // namespace rotary
