#include "rotary/nn/gelu.h"

#include "rotary/nn/row_ranges.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "rotary/nn/gelu.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "rotary/nn/columns-inl.h"
#include "rotary/nn/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace rotary {
namespace HWY_NAMESPACE {

void GeluRows(Matrix<const float> z, const float* bias, Matrix<float> slope, Matrix<float> y) {
  for (int64_t i = 0; i < z.rows; ++i) {
    const float* in = z.Row(i);
    float* derivative = slope ? slope.Row(i) : nullptr;
    float* out = y.Row(i);
    ForColumns(z.cols, [&](auto d, int64_t j) HWY_ATTR {
      auto x = hn::LoadU(d, in + j);
      if (bias != nullptr) x = hn::Add(x, hn::LoadU(d, bias + j));
      const auto normal = NormalAt(d, x);
      if (derivative != nullptr) {
        const auto density =
            hn::Mul(normal.exponential, hn::Set(d, 0.398942280f));  // 1 / sqrt(2 pi)
        hn::StoreU(hn::MulAdd(x, density, normal.below), d, derivative + j);
      }
      hn::StoreU(hn::Mul(x, normal.below), d, out + j);
    });
  }
}

void MultiplyRows(Matrix<const float> x, Matrix<const float> factor, Matrix<float> y) {
  for (int64_t i = 0; i < x.rows; ++i) {
    const float* in = x.Row(i);
    const float* by = factor.Row(i);
    float* out = y.Row(i);
    ForColumns(x.cols, [&](auto d, int64_t j) HWY_ATTR {
      hn::StoreU(hn::Mul(hn::LoadU(d, in + j), hn::LoadU(d, by + j)), d, out + j);
    });
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace rotary
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rotary {

HWY_EXPORT(GeluRows);
HWY_EXPORT(MultiplyRows);

void Gelu(Matrix<const float> z, std::span<const float> bias, Matrix<float> slope, Matrix<float> y,
          int threads) {
  Require(bias.empty() || static_cast<int64_t>(bias.size()) == z.cols, "Gelu: bias must have ",
          z.cols, " elements, got ", bias.size());
  RequireShape(y, z.rows, z.cols, "Gelu", "y");
  if (slope) RequireShape(slope, z.rows, z.cols, "Gelu", "slope");
  ForRows(z.rows, z.cols, threads, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(GeluRows)
    (z.Rows(begin, end), bias.data(), slope ? slope.Rows(begin, end) : slope, y.Rows(begin, end));
  });
}

void GeluBackward(Matrix<const float> slope, Matrix<const float> d_y, Matrix<float> d_z,
                  int threads) {
  RequireShape(d_y, slope.rows, slope.cols, "GeluBackward", "d_y");
  RequireShape(d_z, slope.rows, slope.cols, "GeluBackward", "d_z");
  ForRows(slope.rows, slope.cols, threads, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(MultiplyRows)
    (d_y.Rows(begin, end), slope.Rows(begin, end), d_z.Rows(begin, end));
  });
}

}  // namespace rotary
#endif  // HWY_ONCE
