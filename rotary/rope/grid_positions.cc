#include "rotary/rope/grid_positions.h"

#include <algorithm>
#include <cmath>

#include "rotary/base/error.h"

namespace rotary {
namespace {

void CheckCount(int64_t count) {
  Require(count >= 0, "positions: their number must not be negative, got ", count);
}

void CheckFinite(double value) {
  Require(std::isfinite(value), "positions: coordinates must be finite, got ", value);
}

void CheckPositions(const Tensor& positions) {
  if (positions.dtype() == DType::kF64 && positions.rank() == 3 && positions.shape(0) == 1) return;
  throw std::invalid_argument(Sentence("positions: they must be f64 [1, tokens, axes], got ",
                                       Name(positions.dtype()), " ", positions.shape().ToString()));
}

}  // namespace

std::vector<double> Steps(int64_t count, double first, double step) {
  CheckCount(count);
  CheckFinite(first);
  CheckFinite(step);
  std::vector<double> coordinates;
  for (int64_t i = 0; i < count; ++i) coordinates.push_back(first + static_cast<double>(i) * step);
  return coordinates;
}

std::vector<double> Centred(int64_t count) {
  const int64_t first = count / 2 - count;
  return Steps(count, static_cast<double>(first));
}

std::vector<double> Rescaled(int64_t count, double reference, double offset) {
  CheckFinite(reference);
  std::vector<double> coordinates = Steps(count, offset);
  for (double& x : coordinates) x = x / static_cast<double>(count) * reference;
  return coordinates;
}

std::vector<double> PatchCentres(int64_t count, int64_t extent) {
  Require(extent >= 1, "positions: the extent must be at least 1 patch, got ", extent);
  std::vector<double> coordinates = Steps(count, 0.5);
  for (double& x : coordinates) x = 2 * (x / static_cast<double>(extent)) - 1;
  return coordinates;
}

std::vector<double> EvenlySpaced(int64_t count, double first, double last) {
  CheckFinite(last);
  return Steps(count, first, count > 1 ? (last - first) / static_cast<double>(count - 1) : 0);
}

Tensor Grid(const std::vector<std::vector<double>>& coordinates, AxisOrder order) {
  Require(!coordinates.empty(), "positions: a grid needs at least one axis");
  const auto axes = static_cast<int64_t>(coordinates.size());
  int64_t tokens = 1;
  for (const auto& list : coordinates) {
    tokens *= static_cast<int64_t>(list.size());
    for (const double x : list) CheckFinite(x);
  }
  Tensor positions(DType::kF64, {1, tokens, axes});
  double* out = positions.data<double>();
  for (int64_t token = 0; token < tokens; ++token, out += axes) {
    // token = (.. index[0] n[1] + index[1]) n[2] + index[2] ..
    int64_t rest = token;
    for (int64_t axis = axes - 1; axis >= 0; --axis) {
      const auto& list = coordinates[static_cast<size_t>(axis)];
      const auto count = static_cast<int64_t>(list.size());
      out[order == AxisOrder::kTokens ? axis : axes - 1 - axis] =
          list[static_cast<size_t>(rest % count)];
      rest /= count;
    }
  }
  return positions;
}

Tensor EqualOnAxes(int64_t tokens, double first, int axes, double step) {
  Require(axes >= 1, "positions: there must be at least one axis, got ", axes);
  const std::vector<double> coordinates = Steps(tokens, first, step);
  Tensor positions(DType::kF64, {1, tokens, axes});
  double* out = positions.data<double>();
  for (const double x : coordinates) out = std::fill_n(out, axes, x);
  return positions;
}

Tensor InMergeBlocks(const Tensor& positions, int64_t rows, int64_t columns, int64_t merge) {
  CheckPositions(positions);
  Require(merge >= 1 && rows >= 1 && columns >= 1 && rows % merge == 0 && columns % merge == 0,
          "positions: blocks of ", merge, " x ", merge, " patches do not fill ", rows, " x ",
          columns);
  const int64_t tokens = positions.shape(1), axes = positions.shape(2);
  Require(tokens % (rows * columns) == 0, "positions: ", tokens, " are no whole frames of ", rows,
          " x ", columns);
  Tensor blocks(DType::kF64, positions.shape());
  double* out = blocks.data<double>();
  for (int64_t frame = 0; frame < tokens; frame += rows * columns) {
    for (int64_t top = 0; top < rows; top += merge) {
      for (int64_t left = 0; left < columns; left += merge) {
        for (int64_t row = top; row < top + merge; ++row) {
          const double* from = positions.data<double>() + (frame + row * columns + left) * axes;
          out = std::copy_n(from, merge * axes, out);
        }
      }
    }
  }
  return blocks;
}

Tensor Joined(std::initializer_list<const Tensor*> parts) {
  int64_t tokens = 0, axes = 0;
  for (const Tensor* part : parts) {
    CheckPositions(*part);
    tokens += part->shape(1);
    axes = (*parts.begin())->shape(2);
    Require(part->shape(2) == axes, "positions: parts of ", axes, " and of ", part->shape(2),
            " axes cannot be joined");
  }
  Tensor joined(DType::kF64, {1, tokens, axes});
  double* out = joined.data<double>();
  for (const Tensor* part : parts) {
    out = std::copy_n(part->data<double>(), part->count(), out);
  }
  return joined;
}

}  // namespace rotary
