#include "rotary/rope/phases.h"

#include <cmath>
#include <utility>

#include "rotary/base/parallel.h"

namespace rotary {
namespace {

constexpr double kExactIntegers = 0x1p53;

// The element of `positions` at (batch row, token, axis); a missing batch or axis dimension counts
// as length 1.
double PositionAt(ConstTensorView positions, int64_t batch, int64_t token, int64_t axis) {
  int64_t index = 0;
  if (positions.rank() == 1) {
    index = token * positions.stride(0);
  } else {
    index = batch * positions.stride(0) + token * positions.stride(1);
    if (positions.rank() == 3) index += axis * positions.stride(2);
  }
  if (positions.dtype() == DType::kI64) {
    return static_cast<double>(positions.As<int64_t>()[index]);
  }
  return positions.As<double>()[index];
}

}  // namespace

PhaseTable::PhaseTable(Rotation rotation) : rotation_(std::move(rotation)) {
  CheckRotation(rotation_);
}

template <class T>
void PhaseTable::Fill(std::span<const double> position, Side side, double centre, T* cos, T* sin,
                      T* second_cos, T* second_sin) const {
  const size_t pairs = static_cast<size_t>(rotation_.pairs());
  const size_t axes = static_cast<size_t>(rotation_.axes);
  Require(position.size() == axes, "phases: the rotation has ", axes, " axes, the position ",
          position.size());
  for (size_t row = 0; row < static_cast<size_t>(rotation_.heads) * pairs; ++row) {
    double factor = rotation_.attention_factor;
    if (!rotation_.log_decay.empty()) {
      const double decay = rotation_.log_decay[row % pairs] * (position[0] - centre);
      factor *= std::exp(side == Side::kQuery ? decay : -decay);
    }
    const auto fill = [&](const std::vector<double>& frequency, T* c, T* s) {
      double angle = 0;
      for (size_t x = 0; x < axes; ++x) angle += frequency[row * axes + x] * position[x];
      c[row] = static_cast<T>(factor * std::cos(angle));
      s[row] = static_cast<T>(factor * std::sin(angle));
    };
    fill(rotation_.frequency, cos, sin);
    if (!rotation_.second_frequency.empty()) {
      fill(rotation_.second_frequency, second_cos, second_sin);
    }
  }
}

template void PhaseTable::Fill<float>(std::span<const double>, Side, double, float*, float*, float*,
                                      float*) const;
template void PhaseTable::Fill<double>(std::span<const double>, Side, double, double*, double*,
                                       double*, double*) const;

Phases::Phases(const PhaseTable& table, ConstTensorView positions, DType dtype, Side side,
               double centre, int threads) {
  const Rotation& rotation = table.rotation();
  Require(dtype == DType::kF32 || dtype == DType::kF64, "phases: dtype must be f32 or f64, got ",
          Name(dtype));
  Require(positions.dtype() == DType::kI64 || positions.dtype() == DType::kF64,
          "phases: positions must be i64 or f64, got ", Name(positions.dtype()));
  Require(positions.rank() >= 1 && positions.rank() <= 3,
          "phases: positions must have 1 to 3 axes, got ", positions.shape().ToString());
  const int64_t axes = positions.rank() == 3 ? positions.shape(2) : 1;
  Require(axes == rotation.axes, "phases: the rotation has ", rotation.axes,
          " axes of position, positions have ", axes);
  batch_ = positions.rank() == 1 ? 1 : positions.shape(0);
  tokens_ = positions.rank() == 1 ? positions.shape(0) : positions.shape(1);
  head_dim_ = rotation.head_dim;
  heads_ = rotation.heads;
  first_ = rotation.first;
  second_ = rotation.second;
  for (int64_t b = 0; b < batch_; ++b) {
    for (int64_t t = 0; t < tokens_; ++t) {
      for (int64_t x = 0; x < axes; ++x) {
        const double position = PositionAt(positions, b, t, x);
        Require(std::isfinite(position) && std::abs(position) <= kExactIntegers,
                "phases: positions must be finite and at most 2^53 in magnitude, got ", position);
      }
    }
  }
  const Dims shape{batch_, tokens_, heads_, pairs()};
  cos_ = Tensor(dtype, shape);
  sin_ = Tensor(dtype, shape);
  if (!rotation.IsGroup()) {
    second_cos_ = Tensor(dtype, shape);
    second_sin_ = Tensor(dtype, shape);
  }
  const int64_t row = int64_t{heads_} * pairs();
  const auto fill = [&]<class T>() {
    ParallelFor(batch_ * tokens_, threads, 64, [&](int64_t begin, int64_t end) {
      std::vector<double> position(static_cast<size_t>(axes));
      for (int64_t i = begin; i < end; ++i) {
        for (int64_t x = 0; x < axes; ++x) {
          position[static_cast<size_t>(x)] = PositionAt(positions, i / tokens_, i % tokens_, x);
        }
        T* second_cos = rotation.IsGroup() ? nullptr : second_cos_.data<T>() + i * row;
        T* second_sin = rotation.IsGroup() ? nullptr : second_sin_.data<T>() + i * row;
        table.Fill(position, side, centre, cos_.data<T>() + i * row, sin_.data<T>() + i * row,
                   second_cos, second_sin);
      }
    });
  };
  if (dtype == DType::kF32) {
    fill.operator()<float>();
  } else {
    fill.operator()<double>();
  }
}

Phases Phases::Given(int head_dim, std::span<const int32_t> first, std::span<const int32_t> second,
                     ConstTensorView cos, ConstTensorView sin) {
  Phases phases;
  Rotation pairing;  // checks the pairs; its frequencies mean nothing here
  pairing.head_dim = head_dim;
  pairing.first.assign(first.begin(), first.end());
  pairing.second.assign(second.begin(), second.end());
  pairing.frequency.assign(first.size(), 0.0);
  CheckRotation(pairing);
  Require(cos.dtype() == DType::kF32 || cos.dtype() == DType::kF64,
          "phases: cos must be f32 or f64, got ", Name(cos.dtype()));
  Require(cos.dtype() == sin.dtype() && cos.shape() == sin.shape(),
          "phases: cos and sin must be alike, got ", Name(cos.dtype()), " ", cos.shape().ToString(),
          " and ", Name(sin.dtype()), " ", sin.shape().ToString());
  const int64_t pairs = static_cast<int64_t>(first.size());
  Require((cos.rank() == 2 || cos.rank() == 3) && cos.shape(cos.rank() - 1) == pairs,
          "phases: cos and sin must be [rows, pairs] or [rows, heads, pairs] with ", pairs,
          " pairs, got ", cos.shape().ToString());
  const int64_t heads = cos.rank() == 3 ? cos.shape(1) : 1;
  Require(heads >= 1, "phases: heads must be at least 1, got ", heads);
  phases.head_dim_ = head_dim;
  phases.heads_ = static_cast<int>(heads);
  phases.batch_ = 1;
  phases.tokens_ = cos.shape(0);
  phases.first_ = pairing.first;
  phases.second_ = pairing.second;
  const auto copy = [&]<class T>(ConstTensorView from) {
    Tensor to(from.dtype(), {1, phases.tokens_, heads, pairs});
    T* out = to.data<T>();
    const int64_t head_stride = from.rank() == 3 ? from.stride(1) : 0;
    const int64_t pair_stride = from.stride(from.rank() - 1);
    for (int64_t t = 0; t < phases.tokens_; ++t) {
      for (int64_t h = 0; h < heads; ++h) {
        for (int64_t j = 0; j < pairs; ++j) {
          *out++ = from.As<T>()[t * from.stride(0) + h * head_stride + j * pair_stride];
        }
      }
    }
    return to;
  };
  if (cos.dtype() == DType::kF32) {
    phases.cos_ = copy.operator()<float>(cos);
    phases.sin_ = copy.operator()<float>(sin);
  } else {
    phases.cos_ = copy.operator()<double>(cos);
    phases.sin_ = copy.operator()<double>(sin);
  }
  return phases;
}

ConstTensorView Phases::cos() const { return cos_.view(); }
ConstTensorView Phases::sin() const { return sin_.view(); }
ConstTensorView Phases::second_cos() const {
  return second_cos_.rank() == 0 ? cos_.view() : second_cos_.view();
}
ConstTensorView Phases::second_sin() const {
  return second_sin_.rank() == 0 ? sin_.view() : second_sin_.view();
}

}  // namespace rotary
