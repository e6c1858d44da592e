// Properties: forward and backward agree with double, with and without bias, small and over several
// blocks, unaligned and strided; LinearGelu is Linear, then Gelu, to the bit; the gradient through
// a slope is the product of the two; gradients by weights and bias add to what is there; the twin's
// gradient agrees with finite differences; the same bits for any number of threads; bad shapes are
// refused.
#include "rotary/nn/linear.h"

#include "rotary/nn/gelu.h"
#include "rotary/nn/linear_ref.h"
#include "rotary/nn/swiglu.h"
#include "rotary/nn/test_matrix.h"

namespace rotary {
namespace {

struct Sizes {
  int64_t rows, in, out;
};
constexpr Sizes kSizes[] = {{0, 3, 5},  {1, 1, 1},    {1, 17, 33},
                            {5, 3, 40}, {70, 40, 30}, {1100, 20, 300}};

struct Operands {
  Operands(Sizes s, Placement placement)
      : x(TestMatrix<float>::Random(s.rows, s.in, 1, placement)),
        w(TestMatrix<float>::Random(s.out, s.in, 2, placement)),
        bias(TestMatrix<float>::Random(1, s.out, 3)),
        d_y(TestMatrix<float>::Random(s.rows, s.out, 4, placement)),
        d_w(TestMatrix<float>::Random(s.out, s.in, 5, placement)),
        d_bias(TestMatrix<float>::Random(1, s.out, 6)),
        d_x(TestMatrix<float>::Random(s.rows, s.in, 7, placement)),
        y(s.rows, s.out, placement) {}
  TestMatrix<float> x, w, bias, d_y, d_w, d_bias, d_x, y;
};

template <class Body>
void ForEach(Body&& body) {
  for (const Placement placement : {Placement{}, Placement{.gap = 3, .offset = 1}}) {
    for (const Sizes s : kSizes) {
      SCOPED_TRACE(testing::Message() << s.rows << " rows, " << s.in << " -> " << s.out);
      body(s, Operands(s, placement));
    }
  }
}

// Sums of `terms` products of normal numbers.
double Error(int64_t terms) { return 3e-6 + 0x1p-22 * static_cast<double>(terms); }

TEST(LinearTest, AgreesWithDouble) {
  ForEach([](Sizes s, Operands op) {
    TestMatrix<double> y(s.rows, s.out);
    const auto x = op.x.As<double>(), w = op.w.As<double>(), bias = op.bias.As<double>();
    Linear(op.x.view(), op.w.view(), op.bias.row(), op.y.view());
    LinearRef(x.view(), w.view(), bias.row(), y.view());
    ExpectNear(op.y, y, Error(s.in));
    Linear(op.x.view(), op.w.view(), {}, op.y.view());
    LinearRef(x.view(), w.view(), {}, y.view());
    ExpectNear(op.y, y, Error(s.in));
  });
}

TEST(LinearTest, BackwardAgreesWithDouble) {
  ForEach([](Sizes s, Operands op) {
    const auto x = op.x.As<double>(), w = op.w.As<double>(), d_y = op.d_y.As<double>();
    for (const float beta : {0.0f, 1.0f}) {
      auto d_x = op.d_x;
      auto expected = op.d_x.As<double>();
      LinearBackwardInput(op.d_y.view(), op.w.view(), beta, d_x.view());
      LinearBackwardInputRef(d_y.view(), w.view(), beta, expected.view());
      ExpectNear(d_x, expected, Error(s.out));
    }
    auto d_w = op.d_w.As<double>(), d_bias = op.d_bias.As<double>();
    LinearBackwardWeightRef(d_y.view(), x.view(), d_w.view(), d_bias.row());
    auto without_bias = op.d_w;
    LinearBackwardWeight(op.d_y.view(), op.x.view(), op.d_w.view(), op.d_bias.row());
    ExpectNear(op.d_w, d_w, Error(s.rows));
    ExpectNear(op.d_bias, d_bias, Error(s.rows));
    LinearBackwardWeight(op.d_y.view(), op.x.view(), without_bias.view(), {});
    EXPECT_TRUE(without_bias.SameBits(op.d_w));
  });
}

TEST(LinearTest, LinearGeluIsLinearThenGelu) {
  ForEach([](Sizes s, Operands op) {
    for (const bool with_bias : {false, true}) {
      const std::span<const float> bias = with_bias ? op.bias.row() : std::span<float>();
      TestMatrix<float> y(s.rows, s.out, {.gap = 2}), slope(s.rows, s.out, {.gap = 1});
      TestMatrix<float> expected(s.rows, s.out, {.gap = 2}),
          expected_slope(s.rows, s.out, {.gap = 1});
      LinearGelu(op.x.view(), op.w.view(), bias, slope.view(), y.view());
      Linear(op.x.view(), op.w.view(), bias, expected.view());
      Gelu(expected.view(), {}, expected_slope.view(), expected.view());
      EXPECT_TRUE(y.SameBits(expected));
      EXPECT_TRUE(slope.SameBits(expected_slope));
      LinearGelu(op.x.view(), op.w.view(), bias, {}, y.view());
      EXPECT_TRUE(y.SameBits(expected));
    }
  });
}

TEST(LinearTest, BackwardThroughASlopeIsTheirProduct) {
  ForEach([](Sizes s, Operands op) {
    const auto slope = TestMatrix<float>::Random(s.rows, s.in, 8, {.gap = 1});
    auto expected = op.d_x;
    LinearBackwardInput(op.d_y.view(), op.w.view(), 0, expected.view());
    GeluBackward(slope.view(), expected.view(), expected.view());
    LinearBackwardInput(op.d_y.view(), op.w.view(), slope.view(), op.d_x.view());
    EXPECT_TRUE(op.d_x.SameBits(expected));
  });
}

TEST(LinearTest, AGatedLayerIsALinearOneThenSwiGlu) {
  for (const Placement placement : {Placement{}, Placement{.gap = 3, .offset = 1}}) {
    for (const Sizes s :
         {Sizes{0, 3, 4}, Sizes{1, 17, 6}, Sizes{70, 40, 30}, Sizes{1100, 20, 302}}) {
      SCOPED_TRACE(testing::Message() << s.rows << " rows, " << s.in << " -> " << s.out);
      Operands op(s, placement);
      const int64_t inner = s.out / 2;
      for (const bool with_bias : {false, true}) {
        const std::span<const float> bias = with_bias ? op.bias.row() : std::span<float>();
        TestMatrix<float> y(s.rows, inner, placement), y_ref(s.rows, inner),
            slopes_ref(s.rows, s.out);
        Linear(op.x.view(), op.w.view(), bias, slopes_ref.view());
        SwiGluTraining(slopes_ref.view().Cols(0, inner), slopes_ref.view().Cols(inner, s.out),
                       y_ref.view());
        LinearSwiGlu(op.x.view(), op.w.view(), bias, op.y.view(), y.view());
        // The products may be cut differently, so their sums may round differently; slopes multiply
        // that.
        ExpectNear(y, y_ref.As<double>(), 10 * Error(s.in));
        ExpectNear(op.y, slopes_ref.As<double>(), 10 * Error(s.in));
      }
      const auto down = TestMatrix<float>::Random(9, inner, 8, placement);
      const auto d_y = TestMatrix<float>::Random(s.rows, 9, 9, placement);
      TestMatrix<float> d_inner(s.rows, inner, placement), d_inner_ref(s.rows, inner);
      auto expected = op.y;
      LinearBackwardInput(d_y.view(), down.view(), 0, d_inner_ref.view());
      const Matrix<float> gate = expected.view().Cols(0, inner),
                          up = expected.view().Cols(inner, s.out);
      SwiGluBackward(gate, up, d_inner_ref.view(), gate, up);
      LinearBackwardInputSwiGlu(d_y.view(), down.view(), d_inner.view(), op.y.view());
      EXPECT_TRUE(op.y.SameBits(expected));
      ExpectNear(d_inner, d_inner_ref.As<double>(), 0);
    }
  }
}

TEST(LinearTest, TheTwinsGradientIsTheDerivative) {
  auto x = TestMatrix<double>::Random(3, 4, 1), w = TestMatrix<double>::Random(5, 4, 2);
  auto bias = TestMatrix<double>::Random(1, 5, 3);
  const auto d_y = TestMatrix<double>::Random(3, 5, 4);
  TestMatrix<double> d_x(3, 4), d_w(5, 4), d_bias(1, 5), y(3, 5);
  LinearBackwardInputRef(d_y.view(), w.view(), 0, d_x.view());
  LinearBackwardWeightRef(d_y.view(), x.view(), d_w.view(), d_bias.row());
  const auto loss = [&] {
    LinearRef(x.view(), w.view(), bias.row(), y.view());
    return WeightedSum(y.view(), d_y.view());
  };
  ExpectGradient(x, d_x, loss);
  ExpectGradient(w, d_w, loss);
  ExpectGradient(bias, d_bias, loss);
}

TEST(LinearTest, SameBitsForAnyThreads) {
  ExpectSameBitsForAnyThreads([](int threads) {
    Operands op({1300, 70, 200}, {});
    TestMatrix<float> slope(1300, 200);
    LinearGelu(op.x.view(), op.w.view(), op.bias.row(), slope.view(), op.y.view(), threads);
    LinearBackwardInput(op.y.view(), op.w.view(), op.x.view(), op.d_x.view(), threads);
    LinearBackwardWeight(slope.view(), op.d_x.view(), op.d_w.view(), op.d_bias.row(), threads);
    LinearSwiGlu(op.d_x.view(), op.d_w.view(), op.d_bias.row(), slope.view(),
                 op.y.view().Cols(0, 100), threads);
    LinearBackwardInputSwiGlu(op.x.view(), TestMatrix<float>::Random(70, 100, 1).view(),
                              op.y.view().Cols(100, 200), slope.view(), threads);
    Linear(op.d_x.view(), op.d_w.view(), op.d_bias.row(), op.y.view(), threads);
    GeluBackward(slope.view(), op.y.view(), op.y.view(), threads);
    return op.y;
  });
}

TEST(LinearTest, RefusesBadShapes) {
  Operands op({2, 3, 5}, {});
  TestMatrix<float> bad(3, 2), wide(1, 9);
  const auto sentence = [](auto&& body) { return Thrown<std::invalid_argument>(body); };
  EXPECT_EQ(sentence([&] { Linear(op.x.view(), op.w.view(), wide.row(), op.y.view()); }),
            "Linear: bias must have 5 elements, got 9");
  EXPECT_EQ(sentence([&] { LinearGelu(op.x.view(), op.w.view(), wide.row(), {}, op.y.view()); }),
            "LinearGelu: bias must have 5 elements, got 9");
  EXPECT_EQ(sentence([&] { LinearGelu(op.x.view(), op.w.view(), {}, bad.view(), op.y.view()); }),
            "LinearGelu: slope must be [2, 5], got [3, 2]");
  EXPECT_EQ(sentence([&] { Linear(bad.view(), op.w.view(), {}, op.y.view()); }),
            "Linear: w must be [5, 2], got [5, 3]");
  EXPECT_EQ(sentence([&] { Linear(op.x.view(), op.w.view(), {}, bad.view()); }),
            "Linear: y must be [2, 5], got [3, 2]");
  const auto d_y = op.d_y.view();
  EXPECT_EQ(sentence([&] { LinearBackwardInput(d_y, bad.view(), 0, op.d_x.view()); }),
            "LinearBackwardInput: w must be [5, 2], got [3, 2]");
  EXPECT_EQ(sentence([&] { LinearBackwardInput(d_y, op.w.view(), 0, bad.view()); }),
            "LinearBackwardInput: d_x must be [2, 3], got [3, 2]");
  EXPECT_EQ(sentence([&] { LinearBackwardInput(d_y, op.w.view(), bad.view(), op.d_x.view()); }),
            "LinearBackwardInput: slope must be [2, 3], got [3, 2]");
  TestMatrix<float> w(6, 3), slopes(2, 6), y(2, 3);
  const auto swiglu = [&](Matrix<float> weight, Matrix<float> slopes_of, Matrix<float> out) {
    return sentence([&] { LinearSwiGlu(op.x.view(), weight, {}, slopes_of, out); });
  };
  EXPECT_EQ(swiglu(slopes.view(), slopes.view(), y.view()),
            "LinearSwiGlu: w must be [2, 3], got [2, 6]");
  EXPECT_EQ(swiglu(w.view(), bad.view(), y.view()),
            "LinearSwiGlu: slopes must be [2, 6], got [3, 2]");
  EXPECT_EQ(swiglu(w.view(), slopes.view(), bad.view()),
            "LinearSwiGlu: y must be [2, 3], got [3, 2]");
  EXPECT_EQ(swiglu(op.w.view(), op.y.view(), slopes.view().Cols(0, 2)),
            "LinearSwiGlu: w must have an even number of rows, got 5");
  const auto backward = [&](Matrix<float> weight, Matrix<float> d_inner, Matrix<float> slopes_of) {
    return sentence([&] { LinearBackwardInputSwiGlu(d_y, weight, d_inner, slopes_of); });
  };
  EXPECT_EQ(backward(bad.view(), y.view(), slopes.view()),
            "LinearBackwardInputSwiGlu: w must be [5, 2], got [3, 2]");
  EXPECT_EQ(backward(op.w.view(), bad.view(), slopes.view()),
            "LinearBackwardInputSwiGlu: d_inner must be [2, 3], got [3, 2]");
  EXPECT_EQ(backward(op.w.view(), y.view(), bad.view()),
            "LinearBackwardInputSwiGlu: slopes must be [2, 6], got [3, 2]");
  EXPECT_EQ(sentence([&] { LinearBackwardWeight(d_y, bad.view(), op.d_w.view(), {}); }),
            "LinearBackwardWeight: x must be [2, 2], got [3, 2]");
  EXPECT_EQ(sentence([&] { LinearBackwardWeight(d_y, op.x.view(), bad.view(), {}); }),
            "LinearBackwardWeight: d_w must be [5, 3], got [3, 2]");
  EXPECT_EQ(sentence([&] { LinearBackwardWeight(d_y, op.x.view(), op.d_w.view(), wide.row()); }),
            "LinearBackwardWeight: d_bias must have 5 elements, got 9");
}

}  // namespace
}  // namespace rotary
