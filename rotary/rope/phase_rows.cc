#include "rotary/rope/phase_rows.h"

#include <algorithm>
#include <cmath>

#include "rotary/rope/float32_arithmetic.h"

namespace rotary {

Turn TurnBy(const double* frequency, const double* position, int axes) {
  // angle + error is the sum without rounding, but for the rounding of `error` itself.
  double angle = 0, error = 0;
  for (int axis = 0; axis < axes; ++axis) {
    const double product = frequency[axis] * position[axis];
    error += std::fma(frequency[axis], position[axis], -product);
    const double sum = angle + product;
    const double added = sum - angle;
    error += (angle - (sum - added)) + (product - added);
    angle = sum;
  }
  const double cos = std::cos(angle), sin = std::sin(angle);
  const double error_cos = std::cos(error), error_sin = std::sin(error);
  return {cos * error_cos - sin * error_sin, sin * error_cos + cos * error_sin};
}

PhaseRows::PhaseRows(const Rotation& rotation, Arithmetic arithmetic)
    : arithmetic_(arithmetic),
      axes_(rotation.axes),
      columns_(int64_t{rotation.heads} * rotation.pairs() * (rotation.IsGroup() ? 1 : 2)),
      stride_((columns_ + kLanes - 1) / kLanes * kLanes),
      frequency_(rotation.frequency) {
  frequency_.insert(frequency_.end(), rotation.second_frequency.begin(),
                    rotation.second_frequency.end());
  const auto table = [&](int64_t rows, int64_t step) {
    Tensor filled(DType::kF64, {rows, 2, stride_});
    for (int64_t row = 0; row < rows; ++row) {
      const std::vector<double> position(static_cast<size_t>(axes_),
                                         static_cast<double>(row * step));
      Direct(position.data(), filled.data<double>() + row * 2 * stride_);
    }
    return filled;
  };
  if (arithmetic == Arithmetic::kExact && rotation.heads == 1 && FindAxes()) {
    low_ = table(kRows, 1);
    middle_ = table(kRows, kRows);
    high_ = table(kRows, kRows * kRows);
  } else {
    low_ = Tensor(DType::kF64, {1, 2, stride_});
    std::fill_n(low_.data<double>(), columns_, 1.0);
  }
  fixed_low_ = Tensor(DType::kI32, low_.shape());
  std::transform(low_.data<double>(), low_.data<double>() + low_.count(),
                 fixed_low_.data<int32_t>(),
                 [](double x) { return static_cast<int32_t>(std::lround(x / kFixedUnit)); });
}

bool PhaseRows::FindAxes() {
  reads_axis_ = Tensor(DType::kI32, {axes_, stride_});
  const int vectors = static_cast<int>(stride_ / kLanes);
  axes_of_vectors_.assign(static_cast<size_t>(vectors), {axes_, 0});
  vectors_of_axes_.assign(static_cast<size_t>(axes_), {vectors, 0});
  const auto include = [](Range& range, int i) {
    range = {std::min(range.first, i), std::max(range.end, i + 1)};
  };
  for (int64_t column = 0; column < columns_; ++column) {
    const double* frequency = frequency_.data() + column * axes_;
    int axis = 0;  // of a column that stands still
    int count = 0;
    for (int i = 0; i < axes_; ++i) {
      if (frequency[i] == 0) continue;
      axis = i;
      ++count;
    }
    if (count > 1) return false;
    reads_axis_.data<int32_t>()[axis * stride_ + column] = -1;
    const int vector = static_cast<int>(column / kLanes);
    include(axes_of_vectors_[static_cast<size_t>(vector)], axis);
    include(vectors_of_axes_[static_cast<size_t>(axis)], vector);
  }
  return true;
}

void PhaseRows::Direct(const double* position, double* row) const {
  for (int64_t column = 0; column < columns_; ++column) {
    const double* frequency = frequency_.data() + column * axes_;
    const Turn turn = arithmetic_ == Arithmetic::kExact ? TurnBy(frequency, position, axes_)
                                                        : Float32TurnBy(frequency, position, axes_);
    row[column] = turn.cos;
    row[stride_ + column] = turn.sin;
  }
  for (int64_t column = columns_; column < stride_; ++column) {
    row[column] = row[stride_ + column] = 0;
  }
}

}  // namespace rotary
