// Properties: the logistic function and the normal distribution keep the errors that math-inl.h
// states, on every SIMD target and at every magnitude; their limits are right and NaN stays NaN.
#include <cmath>
#include <cstdio>
#include <numbers>
#include <vector>

#include "rotary/nn/test_matrix.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "rotary/nn/math_test.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "rotary/nn/columns-inl.h"
#include "rotary/nn/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace rotary {
namespace HWY_NAMESPACE {

void Compute(const float* x, int64_t count, float* sigmoid, float* below) {
  ForColumns(count, [&](auto d, int64_t j) HWY_ATTR {
    const auto value = hn::LoadU(d, x + j);
    hn::StoreU(Sigmoid(d, value), d, sigmoid + j);
    hn::StoreU(NormalAt(d, value).below, d, below + j);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace rotary
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rotary {
namespace {

HWY_EXPORT(Compute);

struct Computed {
  explicit Computed(const std::vector<float>& x) : sigmoid(x.size()), below(x.size()) {
    HWY_DYNAMIC_DISPATCH(Compute)
    (x.data(), static_cast<int64_t>(x.size()), sigmoid.data(), below.data());
  }
  std::vector<float> sigmoid, below;
};

// |actual - expected| in units of the last place of the expected value.
double Ulps(float actual, double expected) {
  const double ulp = std::ldexp(1.0, std::ilogb(expected) - 23);
  return std::abs(static_cast<double>(actual) - expected) / ulp;
}

TEST(MathTest, ErrorsAreWithinTheirBounds) {
  std::vector<float> x;
  for (int i = -87 * 1024; i <= 88 * 1024; ++i)
    x.push_back(static_cast<float>(i / 1024.0) * 0.9999999f);
  for (int i = 0; i < 7382; ++i) {  // 1e-30 .. 80
    const auto value = static_cast<float>(1e-30 * std::pow(1.01, i));
    x.push_back(value);
    x.push_back(-value);
  }
  OnEverySimdTarget([&] {
    const Computed computed(x);
    double sigmoid = 0, below = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      const double value = static_cast<double>(x[i]);
      const double by_normal = 0.5 * std::erfc(-value / std::numbers::sqrt2);
      ASSERT_TRUE(Ulps(computed.sigmoid[i], 1 / (1 + std::exp(-value))) <= 3) << x[i];
      ASSERT_TRUE(std::abs(computed.below[i] - by_normal) <= 3e-7) << x[i];
      sigmoid = std::max(sigmoid, Ulps(computed.sigmoid[i], 1 / (1 + std::exp(-value))));
      below = std::max(below, std::abs(computed.below[i] - by_normal));
    }
    std::printf("  sigmoid %.2f ulp, normal distribution %.2g\n", sigmoid, below);
  });
}

TEST(MathTest, Limits) {
  const float infinity = std::numeric_limits<float>::infinity();
  const std::vector<float> x = {0, -0.0f, 89, 1e30f, infinity, -87.5f, -89, -1e30f, -infinity};
  const std::vector<float> sigmoid = {0.5f, 0.5f, 1, 1, 1, 1e-38f, 0, 0, 0};
  const std::vector<float> below = {0.5f, 0.5f, 1, 1, 1, 0, 0, 0, 0};
  OnEverySimdTarget([&] {
    for (size_t i = 0; i < x.size(); ++i) {
      // Whole vectors, and single lanes of a tail.
      const Computed computed(std::vector<float>(33, x[i]));
      for (const size_t at : {0, 32}) {
        EXPECT_NEAR(computed.sigmoid[at], sigmoid[i], 1e-37f) << x[i];
        EXPECT_NEAR(computed.below[at], below[i], 1e-7f) << x[i];
      }
    }
  });
}

TEST(MathTest, NanStaysNan) {
  OnEverySimdTarget([&] {
    const Computed computed(std::vector<float>(33, std::numeric_limits<float>::quiet_NaN()));
    for (size_t i = 0; i < 33; ++i) {
      EXPECT_TRUE(std::isnan(computed.sigmoid[i]));
      EXPECT_TRUE(std::isnan(computed.below[i]));
    }
  });
}

}  // namespace
}  // namespace rotary
#endif  // HWY_ONCE
