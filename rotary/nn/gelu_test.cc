// Properties: gelu and its slope agree with erfc in double, to a few units of 1e-7, at every
// magnitude, on every SIMD target, for sizes around the vector width, unaligned and strided; the
// slope is the derivative; work in place; the same bits for any number of threads; NaN stays NaN.
#include "rotary/nn/gelu.h"

#include <cmath>
#include <cstdio>

#include "rotary/nn/gelu_ref.h"
#include "rotary/nn/test_matrix.h"

namespace rotary {
namespace {

constexpr double kError =
    3e-7;  // of values up to about 8, by the half ulp of which and the error of the distribution

TestMatrix<double> Shifted(const TestMatrix<float>& z, const TestMatrix<float>& bias) {
  auto shifted = z.As<double>();
  for (int64_t i = 0; i < shifted.view().rows; ++i) {
    for (int64_t j = 0; j < shifted.view().cols; ++j) {
      // The sum is rounded to f32 as the kernel does it.
      shifted.view().Row(i)[j] = static_cast<double>(z.view().Row(i)[j] + bias.view().Row(0)[j]);
    }
  }
  return shifted;
}

TEST(GeluTest, AgreesWithDouble) {
  OnEverySimdTarget([] {
    for (const Placement placement : {Placement{}, Placement{.gap = 3, .offset = 1}}) {
      for (const int64_t cols : {1, 3, 4, 7, 8, 9, 15, 16, 17, 33, 100}) {
        for (const int64_t rows : {0, 1, 5}) {
          SCOPED_TRACE(testing::Message() << rows << " x " << cols);
          const auto z = TestMatrix<float>::Random(rows, cols, 1, placement);
          const auto bias = TestMatrix<float>::Random(1, cols, 2);
          TestMatrix<float> y(rows, cols, placement), slope(rows, cols, placement);
          Gelu(z.view(), bias.row(), slope.view(), y.view());
          const auto shifted = Shifted(z, bias);
          TestMatrix<double> expected_y(rows, cols), expected_slope(rows, cols);
          GeluRef(shifted.view(), expected_slope.view(), expected_y.view());
          ExpectNear(y, expected_y, kError);
          ExpectNear(slope, expected_slope, kError);
          // In place, with no bias and no slope.
          auto in_place = z;
          Gelu(in_place.view(), {}, {}, in_place.view());
          GeluRef(z.As<double>().view(), {}, expected_y.view());
          ExpectNear(in_place, expected_y, kError);
        }
      }
    }
  });
}

TEST(GeluTest, AgreesAtEveryMagnitude) {
  std::vector<float> values;
  for (int i = 0; i < 30747; ++i) {  // 1e-20 .. 1e20
    const auto value = static_cast<float>(1e-20 * std::pow(1.003, i));
    values.push_back(value);
    values.push_back(-value);
  }
  const auto count = static_cast<int64_t>(values.size());
  TestMatrix<float> z(1, count);
  std::copy(values.begin(), values.end(), z.row().begin());
  OnEverySimdTarget([&] {
    TestMatrix<float> y(1, count), slope(1, count);
    Gelu(z.view(), {}, slope.view(), y.view());
    double error = 0, slope_error = 0;
    for (size_t i = 0; i < values.size(); ++i) {
      const double value = static_cast<double>(values[i]);
      const double of_value = std::abs(static_cast<double>(y.row()[i]) - GeluRef(value)) /
                              std::max(1.0, std::abs(value));
      const double of_slope = std::abs(static_cast<double>(slope.row()[i]) - GeluSlopeRef(value));
      ASSERT_TRUE(of_value <= kError) << value;
      ASSERT_TRUE(of_slope <= kError) << value;
      error = std::max(error, of_value);
      slope_error = std::max(slope_error, of_slope);
    }
    std::printf("  gelu: |error| <= %.2g max(1, |z|), slope: %.2g\n", error, slope_error);
  });
}

TEST(GeluTest, TheSlopeIsTheDerivative) {
  auto z = TestMatrix<double>::Random(4, 5, 1);
  const auto d_y = TestMatrix<double>::Random(4, 5, 2);
  TestMatrix<double> y(4, 5), slope(4, 5), d_z(4, 5);
  GeluRef(z.view(), slope.view(), y.view());
  for (int64_t i = 0; i < 4; ++i) {
    for (int64_t j = 0; j < 5; ++j)
      d_z.view().Row(i)[j] = d_y.view().Row(i)[j] * slope.view().Row(i)[j];
  }
  ExpectGradient(z, d_z, [&] {
    GeluRef(z.view(), {}, y.view());
    return WeightedSum(y.view(), d_y.view());
  });
}

TEST(GeluTest, BackwardMultipliesBySlope) {
  OnEverySimdTarget([] {
    const auto slope = TestMatrix<float>::Random(5, 37, 1, {.gap = 2, .offset = 1});
    auto d_y = TestMatrix<float>::Random(5, 37, 2, {.gap = 1});
    TestMatrix<double> expected(5, 37);
    for (int64_t i = 0; i < 5; ++i) {
      for (int64_t j = 0; j < 37; ++j) {
        expected.view().Row(i)[j] =
            static_cast<double>(d_y.view().Row(i)[j] * slope.view().Row(i)[j]);
      }
    }
    GeluBackward(slope.view(), d_y.view(), d_y.view());
    ExpectNear(d_y, expected, 0);
  });
}

TEST(GeluTest, SameBitsForAnyThreads) {
  const auto z = TestMatrix<float>::Random(700, 101, 1);
  ExpectSameBitsForAnyThreads([&](int threads) {
    auto y = z;
    Gelu(y.view(), {}, {}, y.view(), threads);
    GeluBackward(z.view(), y.view(), y.view(), threads);
    return y;
  });
}

TEST(GeluTest, NanStaysNan) {
  OnEverySimdTarget([] {
    auto z = TestMatrix<float>::Random(1, 35, 1);
    for (const size_t at : {2, 34}) z.row()[at] = std::numeric_limits<float>::quiet_NaN();
    TestMatrix<float> y(1, 35), slope(1, 35);
    Gelu(z.view(), {}, slope.view(), y.view());
    for (size_t j = 0; j < 35; ++j) {
      EXPECT_EQ(std::isnan(y.row()[j]), j == 2 || j == 34);
      EXPECT_EQ(std::isnan(slope.row()[j]), j == 2 || j == 34);
    }
  });
}

TEST(GeluTest, RefusesBadShapes) {
  TestMatrix<float> a(2, 3), b(3, 2), bias(1, 2);
  EXPECT_EQ(Thrown<std::invalid_argument>([&] { Gelu(a.view(), {}, {}, b.view()); }),
            "Gelu: y must be [2, 3], got [3, 2]");
  EXPECT_EQ(Thrown<std::invalid_argument>([&] { Gelu(a.view(), {}, b.view(), a.view()); }),
            "Gelu: slope must be [2, 3], got [3, 2]");
  EXPECT_EQ(Thrown<std::invalid_argument>([&] { Gelu(a.view(), bias.row(), {}, a.view()); }),
            "Gelu: bias must have 3 elements, got 2");
  EXPECT_EQ(Thrown<std::invalid_argument>([&] { GeluBackward(a.view(), b.view(), a.view()); }),
            "GeluBackward: d_y must be [2, 3], got [3, 2]");
  EXPECT_EQ(Thrown<std::invalid_argument>([&] { GeluBackward(a.view(), a.view(), b.view()); }),
            "GeluBackward: d_z must be [2, 3], got [3, 2]");
}

}  // namespace
}  // namespace rotary
