// Properties: steps agree with double on every SIMD target over many steps, with decay and gradient
// scale, for sizes around the vector width and unaligned; gradients are cleared only when asked;
// the first step moves by the learning rate; the norm agrees with double; the same bits for any
// number of threads; NaN reaches weight and norm; bad input is refused with nothing touched.
#include "rotary/nn/adamw.h"

#include "rotary/nn/adamw_ref.h"
#include "rotary/nn/test_matrix.h"

namespace rotary {
namespace {

constexpr AdamWOptions kOptions = {.learning_rate = 0.01,
                                   .beta1 = 0.9,
                                   .beta2 = 0.95,
                                   .epsilon = 1e-6,
                                   .weight_decay = 0.1,
                                   .gradient_scale = 0.5};

TEST(AdamWTest, AgreesWithDouble) {
  OnEverySimdTarget([] {
    for (const int64_t offset : {0, 1}) {
      for (const int64_t count : {0, 1, 3, 15, 16, 17, 33, 100}) {
        SCOPED_TRACE(testing::Message() << count << " elements");
        const Placement placement = {.offset = offset};
        auto weight = TestMatrix<float>::Random(1, count, 1, placement);
        TestMatrix<float> m(1, count, placement), v(1, count, placement);
        auto weight_ref = weight.As<double>(), m_ref = m.As<double>(), v_ref = v.As<double>();
        for (int64_t step = 1; step <= 20; ++step) {
          auto gradient =
              TestMatrix<float>::Random(1, count, 10 + static_cast<uint64_t>(step), placement);
          const auto before = gradient;
          AdamWOptions options = kOptions;
          options.step = step;
          for (size_t i = 0; i < static_cast<size_t>(count); ++i) {
            AdamWRef(options, static_cast<double>(gradient.row()[i]), weight_ref.row()[i],
                     m_ref.row()[i], v_ref.row()[i]);
          }
          AdamW(weight.row(), gradient.row(), m.row(), v.row(), options);
          EXPECT_TRUE(gradient.SameBits(before));
          // Weights of about 4 gather half an ulp a step.
          ExpectNear(weight, weight_ref, 3e-7 * static_cast<double>(step) + 1e-7);
          ExpectNear(m, m_ref, 1e-6);
          ExpectNear(v, v_ref, 1e-6);
        }
      }
    }
  });
}

TEST(AdamWTest, TheFirstStepMovesByTheLearningRate) {
  TestMatrix<float> weight(1, 5), gradient(1, 5), m(1, 5), v(1, 5);
  gradient.row()[0] = 1e-4f;
  gradient.row()[1] = -1e4f;
  AdamW(weight.row(), gradient.row(), m.row(), v.row(),
        {.learning_rate = 0.1, .clear_gradient = true});
  EXPECT_NEAR(weight.row()[0], -0.1, 1e-4);
  EXPECT_NEAR(weight.row()[1], 0.1, 1e-6);
  EXPECT_EQ(weight.row()[2], 0);
  EXPECT_TRUE(gradient.SameBits(TestMatrix<float>(1, 5)));
}

TEST(AdamWTest, NormAgreesWithDouble) {
  OnEverySimdTarget([] {
    for (const int64_t count : {0, 1, 3, 7, 8, 31, 32, 33, 16384, 16385, 50000}) {
      const auto x = TestMatrix<float>::Random(1, count, 1, {.offset = 1});
      double expected = 0;
      for (const float value : x.row())
        expected += static_cast<double>(value) * static_cast<double>(value);
      EXPECT_TRUE(std::abs(SquaredNorm(x.row()) - expected) <= 1e-12 * expected) << count;
    }
  });
}

TEST(AdamWTest, SameBitsForAnyThreads) {
  constexpr int64_t kCount = 100003;
  const auto start = TestMatrix<float>::Random(1, kCount, 1);
  double norm = 0;
  ExpectSameBitsForAnyThreads([&](int threads) {
    auto weight = start;
    auto gradient = TestMatrix<float>::Random(1, kCount, 2);
    TestMatrix<float> m(1, kCount), v(1, kCount);
    AdamWOptions options = kOptions;
    options.threads = threads;
    AdamW(weight.row(), gradient.row(), m.row(), v.row(), options);
    if (threads == 1) norm = SquaredNorm(weight.row(), 1);
    EXPECT_EQ(SquaredNorm(weight.row(), threads), norm);
    return weight;
  });
}

TEST(AdamWTest, NanReachesWeightAndNorm) {
  OnEverySimdTarget([] {
    TestMatrix<float> weight(1, 35), gradient(1, 35), m(1, 35), v(1, 35);
    for (const size_t at : {2, 34}) gradient.row()[at] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_TRUE(std::isnan(SquaredNorm(gradient.row())));
    AdamW(weight.row(), gradient.row(), m.row(), v.row(), kOptions);
    for (size_t i = 0; i < 35; ++i) EXPECT_EQ(std::isnan(weight.row()[i]), i == 2 || i == 34);
  });
}

TEST(AdamWTest, RefusesBadInput) {
  auto a = TestMatrix<float>::Random(1, 3, 1), b = TestMatrix<float>::Random(1, 4, 2);
  const auto before = a;
  EXPECT_EQ(Thrown<std::invalid_argument>([&] { AdamW(a.row(), b.row(), a.row(), a.row(), {}); }),
            "AdamW: weight, gradient, m and v must be of one size, got 3, 4, 3, 3");
  EXPECT_EQ(Thrown<std::invalid_argument>(
                [&] { AdamW(a.row(), a.row(), a.row(), a.row(), {.step = 0}); }),
            "AdamW: steps are counted from 1, got 0");
  EXPECT_TRUE(a.SameBits(before));
}

}  // namespace
}  // namespace rotary
