// Properties: y, the sum, the moments and every gradient agree with double on every SIMD target,
// with and without residual, dropout and bias, for sizes around the vector width, unaligned and
// strided, also where rows are far from zero; outputs may take the place of inputs; the twin's
// gradient agrees with finite differences; a gradient can add to that of a residual stream, and
// those by gain and bias add to what is there; the same bits for any
// number of threads; NaN stays in its row; bad shapes are refused.
#include "rotary/nn/layer_norm.h"

#include "rotary/nn/layer_norm_ref.h"
#include "rotary/nn/norm_test.h"

namespace rotary {
namespace {

// Large, so that two columns that are almost alike do not multiply rounding errors by 1 / their
// difference; a test of its own has the usual one.
constexpr double kEpsilon = 0.1;
// Normalised values are below 6, gains and gradients below 5, rstd below 3.2, so results are below
// 500: a few half ulps of that.
constexpr double kError = 2e-5;
// Sums over up to 70 rows of such numbers.
constexpr double kSumError = 1e-4;

void CheckBoth(NormOperands op, const DropoutMask& dropout, bool with_residual, bool with_bias,
               float beta) {
  SCOPED_TRACE(testing::Message() << "dropout " << dropout.probability << ", residual "
                                  << with_residual << ", bias " << with_bias << ", beta " << beta);
  const int64_t rows = op.x.view().rows, cols = op.x.view().cols;
  const LayerNormOptions options = {.epsilon = kEpsilon, .dropout = dropout};
  const auto sum = op.Sum(dropout, with_residual);
  const auto gain = op.gain.As<double>(), bias = op.bias.As<double>();

  TestMatrix<double> y_ref(rows, cols);
  LayerNormRef(sum.view(), gain.row(), with_bias ? bias.row() : std::span<const double>(), kEpsilon,
               y_ref.view());
  auto y = op.x;  // in the place of x
  LayerNorm(y.view(), with_residual ? op.residual.view() : Matrix<float>(), op.gain.row(),
            with_bias ? op.bias.row() : std::span<float>(), y.view(), op.saved(), options);
  ExpectNear(y, y_ref, kError);
  ExpectNear(op.sum, sum, 2e-6);

  auto d_gain_ref = op.d_gain.As<double>(), d_bias_ref = op.d_bias.As<double>();
  auto d_sum = beta == 0 ? op.d_y : op.residual;  // in the place of d_y, or added to
  auto d_sum_ref = d_sum.As<double>();
  TestMatrix<double> d_x_ref(rows, cols);
  LayerNormBackwardRef(sum.view(), gain.row(), kEpsilon, op.d_y.As<double>().view(), beta,
                       d_sum_ref.view(), d_gain_ref.row(),
                       with_bias ? d_bias_ref.row() : std::span<double>());
  ApplyDropoutRef(dropout, d_sum_ref.view(), d_x_ref.view());
  TestMatrix<float> d_x = op.x;
  LayerNormBackward(op.saved(), op.gain.row(), beta == 0 ? d_sum.view() : op.d_y.view(), beta,
                    d_sum.view(), d_x.view(), op.d_gain.row(),
                    with_bias ? op.d_bias.row() : std::span<float>(), options);
  ExpectNear(d_sum, d_sum_ref, kError);
  ExpectNear(d_x, d_x_ref, kError);
  ExpectNear(op.d_gain, d_gain_ref, kSumError);
  ExpectNear(op.d_bias, d_bias_ref, kSumError);
}

TEST(LayerNormTest, AgreesWithDouble) {
  OnEverySimdTarget([] {
    ForNormShapes([](int64_t rows, int64_t cols, Placement placement) {
      const NormOperands op(rows, cols, placement);
      CheckBoth(op, {}, true, true, 0);
      if (cols != 33) return;
      CheckBoth(op, {}, false, true, 0);
      CheckBoth(op, {}, true, false, 0);
      CheckBoth(op, {}, true, true, 1);
      CheckBoth(op, kNormDropout, false, true, 0);
      CheckBoth(op, kNormDropout, true, true, 1);
    });
  });
}

TEST(LayerNormTest, AgreesFarFromZeroAndWithATinyEpsilon) {
  constexpr int64_t kCols = 100;
  auto x = TestMatrix<float>::Random(3, kCols, 1);
  for (int64_t j = 0; j < kCols; ++j) {
    x.view().Row(1)[j] += 1000;    // a variance by E[x^2] - E[x]^2 would be off by 0.1
    x.view().Row(2)[j] *= 1e-12f;  // a variance far below the usual epsilon of 1e-12
  }
  const auto gain = TestMatrix<float>::Random(1, kCols, 2);
  OnEverySimdTarget([&] {
    TestMatrix<double> expected(3, kCols);
    LayerNormRef(x.As<double>().view(), gain.As<double>().row(), {}, 1e-12, expected.view());
    TestMatrix<float> y(3, kCols);
    LayerNorm(x.view(), {}, gain.row(), {}, y.view(), {}, {.epsilon = 1e-12});
    ExpectNear(y, expected, 5e-4);  // the mean of 1000 has an ulp of 6e-5
  });
}

TEST(LayerNormTest, TheSumIsCopiedWhereItIsWantedElsewhere) {
  NormOperands op(5, 33, {});
  TestMatrix<float> y(5, 33);
  LayerNorm(op.x.view(), {}, op.gain.row(), {}, y.view(), op.saved());
  EXPECT_TRUE(op.sum.SameBits(op.x));
  // And the sum may take the place of x.
  const auto expected = op.Sum({}, true);
  NormSaved saved = op.saved();
  saved.sum = op.x.view();
  LayerNorm(op.x.view(), op.residual.view(), op.gain.row(), {}, y.view(), saved);
  ExpectNear(op.x, expected, 1e-6);
}

TEST(LayerNormTest, InferenceNeedsNothingSaved) {
  NormOperands op(5, 33, {});
  TestMatrix<float> y(5, 33), inference(5, 33);
  LayerNorm(op.x.view(), op.residual.view(), op.gain.row(), op.bias.row(), y.view(), op.saved());
  LayerNorm(op.x.view(), op.residual.view(), op.gain.row(), op.bias.row(), inference.view(), {});
  EXPECT_TRUE(inference.SameBits(y));
}

TEST(LayerNormTest, TheTwinsGradientIsTheDerivative) {
  auto x = TestMatrix<double>::Random(3, 7, 1), gain = TestMatrix<double>::Random(1, 7, 2);
  auto bias = TestMatrix<double>::Random(1, 7, 3);
  const auto d_y = TestMatrix<double>::Random(3, 7, 4);
  TestMatrix<double> d_x(3, 7), d_gain(1, 7), d_bias(1, 7), y(3, 7);
  LayerNormBackwardRef(x.view(), gain.row(), 1e-3, d_y.view(), 0, d_x.view(), d_gain.row(),
                       d_bias.row());
  const auto loss = [&] {
    LayerNormRef(x.view(), gain.row(), bias.row(), 1e-3, y.view());
    return WeightedSum(y.view(), d_y.view());
  };
  ExpectGradient(x, d_x, loss);
  ExpectGradient(gain, d_gain, loss);
  ExpectGradient(bias, d_bias, loss);
}

TEST(LayerNormTest, SameBitsForAnyThreads) {
  ExpectSameBitsForAnyThreads([](int threads) {
    NormOperands op(700, 101, {});
    TestMatrix<float> result(702, 101), y(700, 101), d_x(700, 101);
    const LayerNormOptions options = {.dropout = kNormDropout, .threads = threads};
    LayerNorm(op.x.view(), op.residual.view(), op.gain.row(), op.bias.row(), y.view(), op.saved(),
              options);
    const Matrix<float> d_sum = result.view().Rows(0, 700);
    LayerNormBackward(op.saved(), op.gain.row(), y.view(), 0, d_sum, d_x.view(), op.d_gain.row(),
                      op.d_bias.row(), options);
    std::copy_n(op.d_gain.row().data(), 101, result.view().Row(700));
    std::copy_n(op.d_bias.row().data(), 101, result.view().Row(701));
    return result;
  });
}

TEST(LayerNormTest, NanStaysInItsRow) {
  OnEverySimdTarget([] {
    NormOperands op(3, 35, {});
    op.x.view().Row(1)[34] = std::numeric_limits<float>::quiet_NaN();
    TestMatrix<float> y(3, 35), d_sum(3, 35);
    LayerNorm(op.x.view(), op.residual.view(), op.gain.row(), op.bias.row(), y.view(), op.saved());
    LayerNormBackward(op.saved(), op.gain.row(), op.d_y.view(), 0, d_sum.view(), {},
                      op.d_gain.row(), op.d_bias.row());
    for (int64_t i = 0; i < 3; ++i) {
      for (int64_t j = 0; j < 35; ++j) {
        EXPECT_EQ(std::isnan(y.view().Row(i)[j]), i == 1);
        EXPECT_EQ(std::isnan(d_sum.view().Row(i)[j]), i == 1);
      }
    }
    EXPECT_TRUE(std::isnan(op.d_gain.row()[0]));
  });
}

TEST(LayerNormTest, RefusesBadShapes) {
  NormOperands op(2, 3, {});
  TestMatrix<float> good(2, 3), bad(3, 2), wide(1, 4);
  const auto forward = [&](Matrix<float> residual, std::span<float> gain, std::span<float> bias,
                           Matrix<float> y, const NormSaved& saved, const DropoutMask& dropout) {
    return Thrown<std::invalid_argument>(
        [&] { LayerNorm(op.x.view(), residual, gain, bias, y, saved, {.dropout = dropout}); });
  };
  const auto y = good.view();
  const auto gain = op.gain.row(), bias = op.bias.row();
  EXPECT_EQ(forward(bad.view(), gain, bias, y, {}, {}),
            "LayerNorm: residual must be [2, 3], got [3, 2]");
  EXPECT_EQ(forward({}, wide.row(), bias, y, {}, {}),
            "LayerNorm: gain must have 3 elements, got 4");
  EXPECT_EQ(forward({}, gain, wide.row(), y, {}, {}),
            "LayerNorm: bias must have 3 elements, got 4");
  EXPECT_EQ(forward({}, gain, bias, bad.view(), {}, {}), "LayerNorm: y must be [2, 3], got [3, 2]");
  EXPECT_EQ(forward({}, gain, bias, y, {.sum = bad.view()}, {}),
            "LayerNorm: saved.sum must be [2, 3], got [3, 2]");
  EXPECT_EQ(forward({}, gain, bias, y, {.sum = y}, {}), "LayerNorm: saved.sum must not be y");
  EXPECT_EQ(forward({}, gain, bias, y, {.mean = wide.row()}, {}),
            "LayerNorm: saved.mean must have 2 elements, got 4");
  EXPECT_EQ(forward({}, gain, bias, y, {.rstd = wide.row()}, {}),
            "LayerNorm: saved.rstd must have 2 elements, got 4");
  EXPECT_EQ(forward({}, gain, bias, y, {}, {.probability = 2}),
            "LayerNorm: the dropout probability must be in [0, 1), got 2");

  const auto backward = [&](const NormSaved& saved, std::span<float> of_gain, Matrix<float> d_sum,
                            Matrix<float> d_x, std::span<float> d_gain, std::span<float> d_bias) {
    return Thrown<std::invalid_argument>(
        [&] { LayerNormBackward(saved, of_gain, op.d_y.view(), 0, d_sum, d_x, d_gain, d_bias); });
  };
  const auto saved = op.saved();
  EXPECT_EQ(backward({}, gain, y, {}, gain, bias),
            "LayerNormBackward: saved.sum must be [2, 3], got [0, 0]");
  EXPECT_EQ(backward({.sum = y, .rstd = saved.rstd}, gain, y, {}, gain, bias),
            "LayerNormBackward: saved.mean must have 2 elements, got 0");
  EXPECT_EQ(backward({.sum = y, .mean = saved.mean}, gain, y, {}, gain, bias),
            "LayerNormBackward: saved.rstd must have 2 elements, got 0");
  EXPECT_EQ(backward(saved, wide.row(), y, {}, gain, bias),
            "LayerNormBackward: gain must have 3 elements, got 4");
  EXPECT_EQ(backward(saved, gain, bad.view(), {}, gain, bias),
            "LayerNormBackward: d_sum must be [2, 3], got [3, 2]");
  EXPECT_EQ(backward(saved, gain, y, bad.view(), gain, bias),
            "LayerNormBackward: d_x must be [2, 3], got [3, 2]");
  EXPECT_EQ(backward(saved, gain, y, {}, wide.row(), bias),
            "LayerNormBackward: d_gain must have 3 elements, got 4");
  EXPECT_EQ(backward(saved, gain, y, {}, gain, wide.row()),
            "LayerNormBackward: d_bias must have 3 elements, got 4");
}

}  // namespace
}  // namespace rotary
