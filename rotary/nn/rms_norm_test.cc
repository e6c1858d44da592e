// Properties: y, the sum and every gradient agree with double on every SIMD target, with and
// without residual and dropout, for sizes around the vector width, unaligned and strided; a
// gradient can add to that of a residual stream; outputs may take the place of inputs; the twin's
// gradient agrees with finite differences; gradients by the gain add to what is there; the same
// bits for any number of threads; NaN stays in its row; bad shapes are refused.
#include "rotary/nn/rms_norm.h"

#include "rotary/nn/norm_test.h"
#include "rotary/nn/rms_norm_ref.h"

namespace rotary {
namespace {

constexpr double kEpsilon = 0.1;  // bounds how far rstd multiplies rounding errors
// As in layer_norm_test.cc: results are below 500; sums go over 70 of them.
constexpr double kError = 2e-5;
constexpr double kSumError = 1e-4;

void CheckBoth(NormOperands op, const DropoutMask& dropout, bool with_residual, float beta) {
  SCOPED_TRACE(testing::Message() << "dropout " << dropout.probability << ", residual "
                                  << with_residual << ", beta " << beta);
  const int64_t rows = op.x.view().rows, cols = op.x.view().cols;
  const RmsNormOptions options = {.epsilon = kEpsilon, .dropout = dropout};
  const auto sum = op.Sum(dropout, with_residual);
  const auto gain = op.gain.As<double>();

  TestMatrix<double> y_ref(rows, cols);
  RmsNormRef(sum.view(), gain.row(), kEpsilon, y_ref.view());
  auto y = op.x;  // in the place of x
  RmsNorm(y.view(), with_residual ? op.residual.view() : Matrix<float>(), op.gain.row(), y.view(),
          op.saved(), options);
  ExpectNear(y, y_ref, kError);
  ExpectNear(op.sum, sum, 2e-6);

  auto d_gain_ref = op.d_gain.As<double>();
  auto d_sum = beta == 0 ? op.d_y : op.residual;  // in the place of d_y, or added to
  auto d_sum_ref = d_sum.As<double>();
  TestMatrix<double> d_x_ref(rows, cols);
  RmsNormBackwardRef(sum.view(), gain.row(), kEpsilon, op.d_y.As<double>().view(), beta,
                     d_sum_ref.view(), d_gain_ref.row());
  ApplyDropoutRef(dropout, d_sum_ref.view(), d_x_ref.view());
  TestMatrix<float> d_x = op.x;
  RmsNormBackward(op.saved(), op.gain.row(), beta == 0 ? d_sum.view() : op.d_y.view(), beta,
                  d_sum.view(), d_x.view(), op.d_gain.row(), options);
  ExpectNear(d_sum, d_sum_ref, kError);
  ExpectNear(d_x, d_x_ref, kError);
  ExpectNear(op.d_gain, d_gain_ref, kSumError);
}

TEST(RmsNormTest, AgreesWithDouble) {
  OnEverySimdTarget([] {
    ForNormShapes([](int64_t rows, int64_t cols, Placement placement) {
      const NormOperands op(rows, cols, placement);
      CheckBoth(op, {}, true, 0);
      if (cols != 33) return;
      CheckBoth(op, {}, false, 0);
      CheckBoth(op, {}, true, 1);
      CheckBoth(op, kNormDropout, false, 0);
      CheckBoth(op, kNormDropout, true, 1);
    });
  });
}

TEST(RmsNormTest, AgreesWithATinyEpsilon) {
  auto x = TestMatrix<float>::Random(2, 100, 1);
  for (int64_t j = 0; j < 100; ++j) x.view().Row(1)[j] *= 1e-4f;
  const auto gain = TestMatrix<float>::Random(1, 100, 2);
  TestMatrix<double> expected(2, 100);
  RmsNormRef(x.As<double>().view(), gain.As<double>().row(), 1e-6, expected.view());
  TestMatrix<float> y(2, 100);
  RmsNorm(x.view(), {}, gain.row(), y.view(), {}, {.epsilon = 1e-6});
  ExpectNear(y, expected, kError);
}

TEST(RmsNormTest, TheTwinsGradientIsTheDerivative) {
  auto x = TestMatrix<double>::Random(3, 7, 1), gain = TestMatrix<double>::Random(1, 7, 2);
  const auto d_y = TestMatrix<double>::Random(3, 7, 4);
  TestMatrix<double> d_x(3, 7), d_gain(1, 7), y(3, 7);
  RmsNormBackwardRef(x.view(), gain.row(), 1e-3, d_y.view(), 0, d_x.view(), d_gain.row());
  const auto loss = [&] {
    RmsNormRef(x.view(), gain.row(), 1e-3, y.view());
    return WeightedSum(y.view(), d_y.view());
  };
  ExpectGradient(x, d_x, loss);
  ExpectGradient(gain, d_gain, loss);
}

TEST(RmsNormTest, SameBitsForAnyThreads) {
  ExpectSameBitsForAnyThreads([](int threads) {
    NormOperands op(700, 101, {});
    TestMatrix<float> result(701, 101), y(700, 101), d_x(700, 101);
    const RmsNormOptions options = {.dropout = kNormDropout, .threads = threads};
    RmsNorm(op.x.view(), op.residual.view(), op.gain.row(), y.view(), op.saved(), options);
    RmsNormBackward(op.saved(), op.gain.row(), y.view(), 1, result.view().Rows(0, 700), d_x.view(),
                    op.d_gain.row(), options);
    std::copy_n(op.d_gain.row().data(), 101, result.view().Row(700));
    return result;
  });
}

TEST(RmsNormTest, NanStaysInItsRow) {
  OnEverySimdTarget([] {
    NormOperands op(3, 35, {});
    op.x.view().Row(1)[34] = std::numeric_limits<float>::quiet_NaN();
    TestMatrix<float> y(3, 35), d_sum(3, 35);
    RmsNorm(op.x.view(), op.residual.view(), op.gain.row(), y.view(), op.saved());
    RmsNormBackward(op.saved(), op.gain.row(), op.d_y.view(), 0, d_sum.view(), {}, op.d_gain.row());
    for (int64_t i = 0; i < 3; ++i) {
      for (int64_t j = 0; j < 35; ++j) {
        EXPECT_EQ(std::isnan(y.view().Row(i)[j]), i == 1);
        EXPECT_EQ(std::isnan(d_sum.view().Row(i)[j]), i == 1);
      }
    }
    EXPECT_TRUE(std::isnan(op.d_gain.row()[0]));
  });
}

// The rules are those of layer normalisation; their sentences carry the name of this operation.
TEST(RmsNormTest, RefusesBadShapes) {
  NormOperands op(2, 3, {});
  TestMatrix<float> good(2, 3), bad(3, 2), wide(1, 4);
  EXPECT_EQ(Thrown<std::invalid_argument>(
                [&] { RmsNorm(op.x.view(), bad.view(), op.gain.row(), good.view(), {}); }),
            "RmsNorm: residual must be [2, 3], got [3, 2]");
  const auto backward = [&](float beta, std::span<float> d_gain) {
    return Thrown<std::invalid_argument>([&] {
      RmsNormBackward(op.saved(), op.gain.row(), op.d_y.view(), beta, good.view(), {}, d_gain);
    });
  };
  EXPECT_EQ(backward(0.5f, op.d_gain.row()), "RmsNormBackward: beta must be 0 or 1, got 0.5");
  EXPECT_EQ(backward(0, wide.row()), "RmsNormBackward: d_gain must have 3 elements, got 4");
}

}  // namespace
}  // namespace rotary
