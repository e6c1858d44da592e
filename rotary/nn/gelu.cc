#include "rotary/nn/gelu.h"

#include <cmath>
#include <numbers>

#include "rotary/base/parallel.h"

namespace rotary {

void Gelu(Matrix<const float> z, Matrix<float> slope, Matrix<float> y, int threads) {
  RequireShape(y, z.rows, z.cols, "Gelu", "y");
  if (slope) RequireShape(slope, z.rows, z.cols, "Gelu", "slope");
  ParallelFor(z.rows, threads, 16, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      for (int64_t j = 0; j < z.cols; ++j) {
        const float x = z.Row(i)[j];
        const float phi = 0.5f * (1 + std::erf(x * std::numbers::sqrt2_v<float> / 2));
        if (slope) slope.Row(i)[j] = phi + x * std::exp(-0.5f * x * x) * 0.398942280f;
        y.Row(i)[j] = x * phi;
      }
    }
  });
}

void GeluBackward(Matrix<const float> slope, Matrix<const float> d_y, Matrix<float> d_z,
                  int threads) {
  RequireShape(d_y, slope.rows, slope.cols, "GeluBackward", "d_y");
  RequireShape(d_z, slope.rows, slope.cols, "GeluBackward", "d_z");
  ParallelFor(slope.rows, threads, 16, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      for (int64_t j = 0; j < slope.cols; ++j) d_z.Row(i)[j] = d_y.Row(i)[j] * slope.Row(i)[j];
    }
  });
}

}  // namespace rotary
