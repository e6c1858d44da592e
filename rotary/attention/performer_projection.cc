#include <cmath>
#include <vector>

#include "rotary/attention/feature_map.h"
#include "rotary/base/error.h"
#include "rotary/base/random.h"

namespace rotary {
namespace {

double Dot(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (size_t c = 0; c < a.size(); ++c) sum += a[c] * b[c];
  return sum;
}

void AddScaled(double factor, const std::vector<double>& from, std::vector<double>& to) {
  for (size_t c = 0; c < to.size(); ++c) to[c] += factor * from[c];
}

}  // namespace

Tensor PerformerProjection(int features, int head_dim, uint64_t seed, uint64_t draw) {
  Require(features > 0 && head_dim > 0,
          "PerformerProjection: features and head_dim must be at least 1, got ", features, " and ",
          head_dim);
  const Random random(seed, draw);
  uint64_t next = 0;
  const auto gaussian = [&] {
    std::vector<double> row(static_cast<size_t>(head_dim));
    for (double& value : row) value = random.Normal(next++);
    return row;
  };
  Tensor projection(DType::kF32, {features, head_dim});
  float* out = projection.data<float>();
  std::vector<std::vector<double>> block;  // unit rows; the next one must be orthogonal to them
  for (int i = 0; i < features; ++i) {
    if (i % head_dim == 0) block.clear();
    std::vector<double> unit = gaussian();
    // Gram and Schmidt, twice: once leaves rounding errors where little of the row remains.
    for (int pass = 0; pass < 2; ++pass) {
      for (const auto& earlier : block) AddScaled(-Dot(unit, earlier), earlier, unit);
    }
    AddScaled(1 / std::sqrt(Dot(unit, unit)) - 1, std::vector<double>(unit), unit);
    // The length of another Gaussian vector, so that it does not depend on the direction.
    const std::vector<double> other = gaussian();
    const double length = std::sqrt(Dot(other, other));
    for (const double value : unit) *out++ = static_cast<float>(length * value);
    block.push_back(std::move(unit));
  }
  return projection;
}

}  // namespace rotary
