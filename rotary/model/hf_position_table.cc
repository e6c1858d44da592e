#include "rotary/model/hf_position_table.h"

#include <cmath>
#include <numbers>

#include "rotary/base/error.h"

namespace rotary {
namespace {

// The first row that `rotation` does not explain, or -1.
int64_t FirstOtherRow(const Rotation& rotation, std::span<const float> table, double tolerance) {
  const auto pairs = static_cast<size_t>(rotation.pairs());
  for (size_t row = 0; row < table.size() / (2 * pairs); ++row) {
    const float* sine = table.data() + row * 2 * pairs;
    for (size_t j = 0; j < pairs; ++j) {
      const double angle = static_cast<double>(row) * rotation.frequency[j];
      const double error = std::max(std::abs(sine[j] - std::sin(angle)),
                                    std::abs(sine[pairs + j] - std::cos(angle)));
      if (!(error <= tolerance)) return static_cast<int64_t>(row);
    }
  }
  return -1;
}

}  // namespace

Tensor MakePositionTable(const Rotation& rotation, int64_t rows) {
  const int pairs = rotation.pairs();
  Tensor table(DType::kF32, {rows, 2 * pairs});
  float* out = table.data<float>();
  for (int64_t row = 0; row < rows; ++row, out += 2 * pairs) {
    for (int j = 0; j < pairs; ++j) {
      const double angle = static_cast<double>(row) * rotation.frequency[static_cast<size_t>(j)];
      out[j] = static_cast<float>(std::sin(angle));
      out[pairs + j] = static_cast<float>(std::cos(angle));
    }
  }
  return table;
}

Rotation RotationOfPositionTable(std::span<const float> table, int head_dim, double tolerance) {
  Rotation rotation = MakeRotation({.head_dim = head_dim, .layout = Layout::kInterleaved});
  if (FirstOtherRow(rotation, table, tolerance) < 0) return rotation;

  // Row 1 shows the angle up to a whole turn. Rows 2, 4, 8, ... show multiples of it, each of which
  // corrects the estimate by less than half a turn, so the error falls with the position.
  const auto pairs = static_cast<size_t>(head_dim) / 2;
  const size_t rows = table.size() / (2 * pairs);
  for (size_t j = 0; j < pairs; ++j) {
    double frequency = 0;
    for (size_t row = 1; row < rows; row *= 2) {
      const float* sine = table.data() + row * 2 * pairs;
      const double shown = std::atan2(sine[j], sine[pairs + j]);
      const auto position = static_cast<double>(row);
      frequency += std::remainder(shown - position * frequency, 2 * std::numbers::pi) / position;
    }
    rotation.frequency[j] = frequency;
  }
  const int64_t other = FirstOtherRow(rotation, table, tolerance);
  Require(other < 0, "its rows do not turn by the same angle each, see row ", other);
  return rotation;
}

}  // namespace rotary
