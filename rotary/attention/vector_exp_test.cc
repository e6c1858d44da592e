// Properties, on every SIMD target of this machine: 2^x is within 2.5 ulp of the exact value over
// its whole range, exact where x is an integer, 0 below -125 down to -infinity (results that would
// be denormal included), never above 1 for x <= 0, and NaN of NaN.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <vector>

#include "gtest/gtest.h"
#include "rotary/base/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "rotary/attention/vector_exp_test.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"
#include "rotary/attention/vector_exp-inl.h"

HWY_BEFORE_NAMESPACE();
namespace rotary {
namespace HWY_NAMESPACE {

// `count` is a multiple of the lanes of any target.
void Exp2Of(const float* x, int64_t count, float* y) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t i = 0; i < count; i += lanes) hn::StoreU(Exp2(d, hn::LoadU(d, x + i)), d, y + i);
}

}  // namespace HWY_NAMESPACE
}  // namespace rotary
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rotary {
namespace {

HWY_EXPORT(Exp2Of);

std::vector<float> Exp2All(std::vector<float> x) {
  constexpr size_t kMostLanes = 16;
  x.resize((x.size() + kMostLanes - 1) / kMostLanes * kMostLanes);
  std::vector<float> y(x.size());
  HWY_DYNAMIC_DISPATCH(Exp2Of)(x.data(), static_cast<int64_t>(x.size()), y.data());
  return y;
}

// |actual - expected| in units of the last place of the expected value.
double Ulps(float actual, long double expected) {
  const long double ulp = std::ldexp(1.0L, std::ilogb(expected) - 23);
  return static_cast<double>(std::fabs(static_cast<long double>(actual) - expected) / ulp);
}

TEST(VectorExpTest, ErrorsAreWithinTheirBoundOverTheWholeRange) {
  std::vector<float> x;
  for (int i = -125 * 1024; i < 127 * 1024; ++i) {
    x.push_back(static_cast<float>(i) * 0x1p-10f + 0x1.3p-12f);
  }
  for (int i = -0x10000; i <= 0x10000; ++i) x.push_back(static_cast<float>(i) * 0x1p-16f);
  // 1e-40 to 124, in steps of a thousandth.
  for (int i = -92000; i < 4820; ++i) {
    const auto value = static_cast<float>(std::exp(i * 1e-3));
    x.push_back(value);
    x.push_back(-value);
  }
  for (const int64_t target : SimdTargets()) {
    const ScopedSimdTarget scope(target);
    const std::vector<float> y = Exp2All(x);
    double worst = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      const double error = Ulps(y[i], std::exp2(static_cast<long double>(x[i])));
      ASSERT_TRUE(error <= 2.5) << SimdTargetName(target) << ": 2^" << x[i];
      ASSERT_TRUE(x[i] > 0 || y[i] <= 1) << SimdTargetName(target) << ": 2^" << x[i];
      worst = std::max(worst, error);
    }
    std::printf("  %s: %.2f ulp\n", SimdTargetName(target).c_str(), worst);
  }
}

TEST(VectorExpTest, IsExactForIntegersAndZeroBelow) {
  const float infinity = std::numeric_limits<float>::infinity();
  const std::vector<float> below = {
      -125.0001f, -126, -149, -150, -1e4f, -1e30f, std::numeric_limits<float>::lowest(), -infinity};
  std::vector<float> integers;
  for (int n = -125; n < 127; ++n) integers.push_back(static_cast<float>(n));
  for (const int64_t target : SimdTargets()) {
    const ScopedSimdTarget scope(target);
    SCOPED_TRACE(SimdTargetName(target));
    const std::vector<float> zeros = Exp2All(below), powers = Exp2All(integers);
    for (size_t i = 0; i < below.size(); ++i) EXPECT_EQ(zeros[i], 0) << below[i];
    for (size_t i = 0; i < integers.size(); ++i) {
      EXPECT_EQ(powers[i], std::exp2(integers[i])) << integers[i];
    }
    EXPECT_TRUE(std::isnan(Exp2All({std::numeric_limits<float>::quiet_NaN()})[0]));
  }
}

}  // namespace
}  // namespace rotary
#endif  // HWY_ONCE
