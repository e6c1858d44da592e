// Properties, on every SIMD target of this machine: 2^x and e^x keep the errors that exp-inl.h
// states over their whole ranges; 2^x is exact where x is an integer and never above 1 for x <= 0;
// both are 0 below the smallest results that the header promises, down to -infinity, and NaN of
// NaN, whatever its bits; e^x is infinite above 88.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "rotary/base/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "rotary/base/exp_test.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// After foreach_target.h.
#include "hwy/highway.h"
#include "rotary/base/exp-inl.h"

HWY_BEFORE_NAMESPACE();
namespace rotary {
namespace HWY_NAMESPACE {

// `count` is a multiple of the lanes of any target.
void Compute(const float* x, int64_t count, float* exp2, float* exp) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t i = 0; i < count; i += lanes) {
    hn::StoreU(Exp2(d, hn::LoadU(d, x + i)), d, exp2 + i);
    hn::StoreU(Exp(d, hn::LoadU(d, x + i)), d, exp + i);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace rotary
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rotary {
namespace {

HWY_EXPORT(Compute);

constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct Computed {
  explicit Computed(std::vector<float> x) {
    constexpr size_t kMostLanes = 16;
    x.resize((x.size() + kMostLanes - 1) / kMostLanes * kMostLanes);
    exp2.resize(x.size());
    exp.resize(x.size());
    HWY_DYNAMIC_DISPATCH(Compute)
    (x.data(), static_cast<int64_t>(x.size()), exp2.data(), exp.data());
  }
  std::vector<float> exp2, exp;
};

template <class Body>
void OnEverySimdTarget(Body&& body) {
  for (const int64_t target : SimdTargets()) {
    SCOPED_TRACE(SimdTargetName(target));
    const ScopedSimdTarget scope(target);
    body(SimdTargetName(target));
  }
}

// |actual - expected| in units of the last place of the expected value.
double Ulps(float actual, long double expected) {
  const long double ulp = std::ldexp(1.0L, std::ilogb(expected) - 23);
  return static_cast<double>(std::fabs(static_cast<long double>(actual) - expected) / ulp);
}

// From -125 to 127 in steps of 2^-10, the neighbourhood of 0 in steps of 2^-16, and all magnitudes
// from 1e-40 to 124 in steps of a thousandth.
std::vector<float> Arguments() {
  std::vector<float> x;
  for (int i = -125 * 1024; i < 127 * 1024; ++i) {
    x.push_back(static_cast<float>(i) * 0x1p-10f + 0x1.3p-12f);
  }
  for (int i = -0x10000; i <= 0x10000; ++i) x.push_back(static_cast<float>(i) * 0x1p-16f);
  for (int i = -92000; i < 4820; ++i) {
    const auto value = static_cast<float>(std::exp(i * 1e-3));
    x.push_back(value);
    x.push_back(-value);
  }
  return x;
}

TEST(ExpTest, ErrorsAreWithinTheirBoundsOverTheWholeRange) {
  const std::vector<float> x = Arguments();
  OnEverySimdTarget([&](const std::string& target) {
    const Computed computed(x);
    double worst_exp2 = 0, worst_exp = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      const double exp2 = Ulps(computed.exp2[i], std::exp2(static_cast<long double>(x[i])));
      ASSERT_TRUE(exp2 <= 1.5) << "2^" << x[i];
      ASSERT_TRUE(x[i] > 0 || computed.exp2[i] <= 1) << "2^" << x[i];
      worst_exp2 = std::max(worst_exp2, exp2);
      if (x[i] < -87 || x[i] > 88) continue;
      const double exp = Ulps(computed.exp[i], std::exp(static_cast<long double>(x[i])));
      ASSERT_TRUE(exp <= 2) << "e^" << x[i];
      worst_exp = std::max(worst_exp, exp);
    }
    std::printf("  %s: 2^x %.2f ulp, e^x %.2f ulp\n", target.c_str(), worst_exp2, worst_exp);
  });
}

TEST(ExpTest, PowersOfTwoAreExactForIntegers) {
  std::vector<float> integers;
  for (int n = -125; n < 127; ++n) integers.push_back(static_cast<float>(n));
  OnEverySimdTarget([&](const std::string&) {
    const Computed computed(integers);
    for (size_t i = 0; i < integers.size(); ++i) {
      EXPECT_EQ(computed.exp2[i], std::exp2(integers[i])) << integers[i];
    }
  });
}

TEST(ExpTest, Limits) {
  const std::vector<float> small = {
      -125.0001f, -126, -149, -150, -1e4f, -1e30f, std::numeric_limits<float>::lowest(),
      -kInfinity};
  const std::vector<float> no_base_e = {-87.0001f, -87.5f, -88, -89};
  const std::vector<float> large = {88.0001f, 89, 1e30f, std::numeric_limits<float>::max(),
                                    kInfinity};
  OnEverySimdTarget([&](const std::string&) {
    const Computed of_small(small), of_no_base_e(no_base_e), of_large(large);
    const Computed at_ends({-87, 88, 0, -0.0f});
    for (size_t i = 0; i < small.size(); ++i) {
      EXPECT_EQ(of_small.exp2[i], 0) << small[i];
      EXPECT_EQ(of_small.exp[i], 0) << small[i];
    }
    for (size_t i = 0; i < no_base_e.size(); ++i) EXPECT_EQ(of_no_base_e.exp[i], 0);
    for (size_t i = 0; i < large.size(); ++i) EXPECT_EQ(of_large.exp[i], kInfinity) << large[i];
    EXPECT_GT(at_ends.exp[0], 0);
    EXPECT_LT(at_ends.exp[1], kInfinity);
    EXPECT_EQ(at_ends.exp[2], 1);
    EXPECT_EQ(at_ends.exp[3], 1);
  });
}

TEST(ExpTest, NanStaysNan) {
  // The last ones have all bits of the payload that a float has.
  std::vector<float> nans;
  for (const uint32_t bits : {0x7fc00000u, 0xffc00000u, 0x7fc00001u, 0x7fffffffu, 0xffffffffu}) {
    nans.push_back(std::bit_cast<float>(bits));
  }
  OnEverySimdTarget([&](const std::string&) {
    const Computed computed(nans);
    for (size_t i = 0; i < nans.size(); ++i) {
      EXPECT_TRUE(std::isnan(computed.exp2[i])) << i;
      EXPECT_TRUE(std::isnan(computed.exp[i])) << i;
    }
  });
}

}  // namespace
}  // namespace rotary
#endif  // HWY_ONCE
