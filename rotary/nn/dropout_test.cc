// Properties: the mask is that of the twin to the bit, on every SIMD target, for sizes around the
// vector and block widths and counters beyond 32 bits; it depends on the seed, the stream and the
// place only; the share that drops and the mean that stays are right; probability 0 copies; the
// same bits for any number of threads; NaN stays NaN.
#include "rotary/nn/dropout.h"

#include "rotary/nn/dropout_ref.h"
#include "rotary/nn/test_matrix.h"

namespace rotary {
namespace {

constexpr DropoutMask kMask = {
    .probability = 0.3, .seed = 0x1234567890abcdef, .stream = 0xfedcba0987654321};

TEST(DropoutTest, AgreesWithItsTwin) {
  OnEverySimdTarget([] {
    for (const int64_t cols : {1, 3, 15, 16, 17, 33, 127, 128, 129, 300}) {
      for (const int64_t rows : {0, 1, 5}) {
        SCOPED_TRACE(testing::Message() << rows << " x " << cols);
        const auto x = TestMatrix<float>::Random(rows, cols, 1, {.gap = 3, .offset = 1});
        TestMatrix<double> expected(rows, cols);
        ApplyDropoutRef(kMask, x.As<double>().view(), expected.view());
        TestMatrix<float> y(rows, cols, {.gap = 1});
        ApplyDropout(kMask, x.view(), y.view());
        ExpectNear(y, expected, 1e-6);
        auto in_place = x;
        ApplyDropout(kMask, in_place.view(), in_place.view());
        ExpectNear(in_place, expected, 1e-6);
      }
    }
  });
}

TEST(DropoutTest, TheShareAndTheMeanAreRight) {
  for (const double probability : {0.1, 0.5, 0.9}) {
    constexpr int64_t kRows = 500, kCols = 400;
    TestMatrix<float> ones(kRows, kCols), y(kRows, kCols);
    for (int64_t i = 0; i < kRows; ++i) std::fill_n(ones.view().Row(i), kCols, 1.0f);
    ApplyDropout({.probability = probability, .seed = 1, .stream = 2}, ones.view(), y.view());
    double dropped = 0, sum = 0;
    for (int64_t i = 0; i < kRows; ++i) {
      for (int64_t j = 0; j < kCols; ++j) {
        dropped += y.view().Row(i)[j] == 0;
        sum += static_cast<double>(y.view().Row(i)[j]);
      }
    }
    constexpr double kCount = kRows * kCols;
    const double error =
        5 * std::sqrt(probability * (1 - probability) / kCount);  // five standard errors
    EXPECT_NEAR(dropped / kCount, probability, error);
    EXPECT_NEAR(sum / kCount, 1, error / (1 - probability));
  }
}

TEST(DropoutTest, MasksDifferByRowSeedAndStream) {
  TestMatrix<float> ones(1, 1000);
  std::fill(ones.row().begin(), ones.row().end(), 1.0f);
  TestMatrix<float> two_rows(2, 1000), a(1, 1000), b(1, 1000), c(1, 1000);
  for (int64_t i = 0; i < 2; ++i) std::copy_n(ones.view().Row(0), 1000, two_rows.view().Row(i));
  ApplyDropout(kMask, two_rows.view(), two_rows.view());
  ApplyDropout(kMask, ones.view(), a.view());
  ApplyDropout({.probability = 0.3, .seed = kMask.seed + 1, .stream = kMask.stream}, ones.view(),
               b.view());
  ApplyDropout({.probability = 0.3, .seed = kMask.seed, .stream = kMask.stream + 1}, ones.view(),
               c.view());
  const auto same = [](const float* x, const float* y) {
    int count = 0;
    for (int j = 0; j < 1000; ++j) count += (x[j] == 0) == (y[j] == 0);
    return count;
  };
  EXPECT_EQ(same(two_rows.view().Row(0), a.view().Row(0)), 1000);
  // Independent masks agree in 0.7^2 + 0.3^2 = 58% of the places.
  EXPECT_NEAR(same(two_rows.view().Row(1), a.view().Row(0)), 580, 80);
  EXPECT_NEAR(same(b.view().Row(0), a.view().Row(0)), 580, 80);
  EXPECT_NEAR(same(c.view().Row(0), a.view().Row(0)), 580, 80);
}

TEST(DropoutTest, ProbabilityZeroCopies) {
  const auto x = TestMatrix<float>::Random(3, 50, 1);
  TestMatrix<float> y(3, 50);
  ApplyDropout({}, x.view(), y.view());
  EXPECT_TRUE(y.SameBits(x));
}

TEST(DropoutTest, AProbabilityNextToOneKeepsItsScaleFinite) {
  EXPECT_EQ((DropoutMask{.probability = 0.9999999}.scale()), 65536);
}

TEST(DropoutTest, SameBitsForAnyThreads) {
  const auto x = TestMatrix<float>::Random(700, 101, 1);
  ExpectSameBitsForAnyThreads([&](int threads) {
    auto y = x;
    ApplyDropout(kMask, x.view(), y.view(), threads);
    return y;
  });
}

TEST(DropoutTest, NanStaysNan) {
  TestMatrix<float> x(1, 40);
  std::fill(x.row().begin(), x.row().end(), std::numeric_limits<float>::quiet_NaN());
  ApplyDropout(kMask, x.view(), x.view());
  for (const float value : x.row()) EXPECT_TRUE(std::isnan(value));
}

TEST(DropoutTest, RefusesBadInput) {
  TestMatrix<float> a(2, 3), b(3, 2);
  const auto sentence = [&](double probability, Matrix<float> y) {
    return Thrown<std::invalid_argument>(
        [&] { ApplyDropout({.probability = probability}, a.view(), y); });
  };
  EXPECT_EQ(sentence(0.1, b.view()), "ApplyDropout: y must be [2, 3], got [3, 2]");
  EXPECT_EQ(sentence(1, a.view()),
            "ApplyDropout: the dropout probability must be in [0, 1), got 1");
  EXPECT_EQ(sentence(-0.5, a.view()),
            "ApplyDropout: the dropout probability must be in [0, 1), got -0.5");
  EXPECT_EQ(sentence(std::nan(""), a.view()),
            "ApplyDropout: the dropout probability must be in [0, 1), got nan");
}

}  // namespace
}  // namespace rotary
