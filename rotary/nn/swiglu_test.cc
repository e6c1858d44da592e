// Properties: y and both slopes agree with double on every SIMD target, for sizes around the vector
// width, unaligned, and as halves of one matrix; the slopes are the derivatives; training and
// inference give the same y; the backward pass multiplies; the same bits for any number of threads;
// NaN stays NaN.
#include "rotary/nn/swiglu.h"

#include "rotary/nn/swiglu_ref.h"
#include "rotary/nn/test_matrix.h"

namespace rotary {
namespace {

TEST(SwiGluTest, AgreesWithDouble) {
  OnEverySimdTarget([] {
    for (const Placement placement : {Placement{}, Placement{.gap = 3, .offset = 1}}) {
      for (const int64_t inner : {1, 3, 8, 15, 16, 17, 33, 100}) {
        for (const int64_t rows : {0, 1, 5}) {
          SCOPED_TRACE(testing::Message() << rows << " x " << inner);
          auto both = TestMatrix<float>::Random(rows, 2 * inner, 1, placement);
          auto expected_both = both.As<double>();
          const Matrix<float> gate = both.view().Cols(0, inner),
                              up = both.view().Cols(inner, 2 * inner);
          TestMatrix<double> expected_y(rows, inner);
          SwiGluTrainingRef(expected_both.view().Cols(0, inner),
                            expected_both.view().Cols(inner, 2 * inner), expected_y.view());
          TestMatrix<float> y(rows, inner, placement), inference(rows, inner, placement);
          SwiGlu(gate, up, inference.view());
          SwiGluTraining(gate, up, y.view());
          // Products of two normal numbers are below about 16; sigmoid is off by 3 ulp at most.
          ExpectNear(y, expected_y, 4e-6);
          ExpectNear(both, expected_both, 4e-6);
          EXPECT_TRUE(y.SameBits(inference));
        }
      }
    }
  });
}

TEST(SwiGluTest, TheSlopesAreTheDerivatives) {
  auto gate = TestMatrix<double>::Random(4, 5, 1), up = TestMatrix<double>::Random(4, 5, 2);
  const auto d_y = TestMatrix<double>::Random(4, 5, 3);
  const auto loss = [&] {
    auto g = gate, u = up;
    TestMatrix<double> y(4, 5);
    SwiGluTrainingRef(g.view(), u.view(), y.view());
    return WeightedSum(y.view(), d_y.view());
  };
  auto d_gate = gate, d_up = up;
  TestMatrix<double> y(4, 5);
  SwiGluTrainingRef(d_gate.view(), d_up.view(), y.view());
  for (int64_t i = 0; i < 4; ++i) {
    for (int64_t j = 0; j < 5; ++j) {
      d_gate.view().Row(i)[j] *= d_y.view().Row(i)[j];
      d_up.view().Row(i)[j] *= d_y.view().Row(i)[j];
    }
  }
  ExpectGradient(gate, d_gate, loss);
  ExpectGradient(up, d_up, loss);
}

TEST(SwiGluTest, BackwardMultipliesInPlace) {
  OnEverySimdTarget([] {
    auto gate = TestMatrix<float>::Random(5, 37, 1, {.gap = 2, .offset = 1}),
         up = TestMatrix<float>::Random(5, 37, 2);
    const auto d_y = TestMatrix<float>::Random(5, 37, 3, {.gap = 1});
    TestMatrix<double> d_gate(5, 37), d_up(5, 37);
    for (int64_t i = 0; i < 5; ++i) {
      for (int64_t j = 0; j < 37; ++j) {
        d_gate.view().Row(i)[j] = static_cast<double>(d_y.view().Row(i)[j] * gate.view().Row(i)[j]);
        d_up.view().Row(i)[j] = static_cast<double>(d_y.view().Row(i)[j] * up.view().Row(i)[j]);
      }
    }
    SwiGluBackward(gate.view(), up.view(), d_y.view(), gate.view(), up.view());
    ExpectNear(gate, d_gate, 0);
    ExpectNear(up, d_up, 0);
  });
}

TEST(SwiGluTest, SameBitsForAnyThreads) {
  ExpectSameBitsForAnyThreads([](int threads) {
    auto both = TestMatrix<float>::Random(700, 202, 1);
    const Matrix<float> gate = both.view().Cols(0, 101), up = both.view().Cols(101, 202);
    TestMatrix<float> y(700, 101);
    SwiGlu(gate, up, y.view(), threads);
    SwiGluTraining(gate, up, y.view(), threads);
    SwiGluBackward(gate, up, y.view(), gate, up, threads);
    return both;
  });
}

TEST(SwiGluTest, NanStaysNan) {
  OnEverySimdTarget([] {
    auto gate = TestMatrix<float>::Random(1, 35, 1), up = TestMatrix<float>::Random(1, 35, 2);
    gate.row()[2] = up.row()[34] = std::numeric_limits<float>::quiet_NaN();
    TestMatrix<float> y(1, 35);
    SwiGluTraining(gate.view(), up.view(), y.view());
    for (size_t j = 0; j < 35; ++j) EXPECT_EQ(std::isnan(y.row()[j]), j == 2 || j == 34);
  });
}

TEST(SwiGluTest, RefusesBadShapes) {
  TestMatrix<float> a(2, 3), b(3, 2);
  const auto sentence = [](auto&& body) { return Thrown<std::invalid_argument>(body); };
  EXPECT_EQ(sentence([&] { SwiGlu(a.view(), b.view(), a.view()); }),
            "SwiGlu: up must be [2, 3], got [3, 2]");
  EXPECT_EQ(sentence([&] { SwiGlu(a.view(), a.view(), b.view()); }),
            "SwiGlu: y must be [2, 3], got [3, 2]");
  EXPECT_EQ(sentence([&] { SwiGluTraining(a.view(), b.view(), a.view()); }),
            "SwiGluTraining: up must be [2, 3], got [3, 2]");
  EXPECT_EQ(sentence([&] { SwiGluTraining(a.view(), a.view(), b.view()); }),
            "SwiGluTraining: y must be [2, 3], got [3, 2]");
  const auto backward = [&](Matrix<float> gate_slope, Matrix<float> up_slope, Matrix<float> d_gate,
                            Matrix<float> d_up) {
    return sentence([&] { SwiGluBackward(gate_slope, up_slope, a.view(), d_gate, d_up); });
  };
  EXPECT_EQ(backward(b.view(), a.view(), a.view(), a.view()),
            "SwiGluBackward: gate_slope must be [2, 3], got [3, 2]");
  EXPECT_EQ(backward(a.view(), b.view(), a.view(), a.view()),
            "SwiGluBackward: up_slope must be [2, 3], got [3, 2]");
  EXPECT_EQ(backward(a.view(), a.view(), b.view(), a.view()),
            "SwiGluBackward: d_gate must be [2, 3], got [3, 2]");
  EXPECT_EQ(backward(a.view(), a.view(), a.view(), b.view()),
            "SwiGluBackward: d_up must be [2, 3], got [3, 2]");
}

}  // namespace
}  // namespace rotary
