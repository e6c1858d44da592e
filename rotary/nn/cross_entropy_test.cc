// Properties: the loss and its gradient agree with double on every SIMD target, for sizes around
// the vector width, unaligned and strided, for logits far from zero, far apart and minus infinity;
// ignored rows cost nothing and get no gradient; the twin's gradient agrees with finite
// differences; the same bits for any number of threads; NaN reaches the loss; targets outside the
// words are refused by number and row, with the logits untouched.
#include "rotary/nn/cross_entropy.h"

#include "rotary/nn/cross_entropy_ref.h"
#include "rotary/nn/test_matrix.h"

namespace rotary {
namespace {

// Every third row is ignored.
std::vector<int32_t> SomeTargets(int64_t rows, int64_t words) {
  std::vector<int32_t> targets(static_cast<size_t>(rows));
  for (size_t i = 0; i < targets.size(); ++i) {
    targets[i] =
        i % 3 == 1 ? kIgnoredTarget : static_cast<int32_t>(i * 7 % static_cast<size_t>(words));
  }
  return targets;
}

void CheckAgainstTwin(const TestMatrix<float>& logits, std::span<const int32_t> targets) {
  const int64_t rows = logits.view().rows, words = logits.view().cols;
  constexpr double kScale = 0.37;
  TestMatrix<double> d_expected(rows, words);
  CrossEntropyGradientRef(logits.As<double>().view(), targets, kScale, d_expected.view());
  const CrossEntropyLoss expected = CrossEntropyRef(logits.As<double>().view(), targets);
  std::vector<float> losses(targets.size());
  const CrossEntropyLoss loss = CrossEntropy(logits.view(), targets, losses);
  auto d_logits = logits;
  const CrossEntropyLoss same = CrossEntropyGradient(d_logits.view(), targets, kScale);
  const double error = 1e-6 * static_cast<double>(1 + rows);
  EXPECT_TRUE(std::abs(loss.sum - expected.sum) <= error) << loss.sum << " for " << expected.sum;
  EXPECT_EQ(loss.sum, same.sum);
  EXPECT_EQ(loss.count, expected.count);
  EXPECT_EQ(same.count, expected.count);
  EXPECT_EQ(CountTargets(targets), expected.count);
  ExpectNear(d_logits, d_expected, 1e-6);
  for (size_t i = 0; i < targets.size(); ++i) {
    const auto row = static_cast<int64_t>(i);
    const double of_row =
        CrossEntropyRef(logits.As<double>().view().Rows(row, row + 1), targets.subspan(i, 1)).sum;
    EXPECT_TRUE(std::abs(static_cast<double>(losses[i]) - of_row) <= 1e-6 * (1 + of_row))
        << "row " << i;
  }
}

TEST(CrossEntropyTest, AgreesWithDouble) {
  OnEverySimdTarget([] {
    for (const Placement placement : {Placement{}, Placement{.gap = 3, .offset = 1}}) {
      for (const int64_t words : {1, 2, 3, 15, 16, 17, 63, 64, 65, 257}) {
        for (const int64_t rows : {0, 1, 5}) {
          SCOPED_TRACE(testing::Message() << rows << " x " << words);
          CheckAgainstTwin(TestMatrix<float>::Random(rows, words, 1, placement),
                           SomeTargets(rows, words));
        }
      }
    }
  });
}

TEST(CrossEntropyTest, AgreesFarFromZeroAndFarApart) {
  OnEverySimdTarget([] {
    auto logits = TestMatrix<float>::Random(5, 40, 1);
    for (int64_t j = 0; j < 40; ++j) {
      logits.view().Row(0)[j] += 1e4f;
      logits.view().Row(2)[j] *= 100;
      logits.view().Row(3)[j] -= 1e4f;
      if (j > 0) logits.view().Row(4)[j] = -std::numeric_limits<float>::infinity();
    }
    CheckAgainstTwin(logits, std::vector<int32_t>{3, kIgnoredTarget, 9, 39, 0});
  });
}

TEST(CrossEntropyTest, AllRowsIgnored) {
  auto logits = TestMatrix<float>::Random(2, 3, 1);
  const std::vector<int32_t> targets(2, kIgnoredTarget);
  const CrossEntropyLoss loss = CrossEntropyGradient(logits.view(), targets, 1);
  EXPECT_EQ(loss.sum, 0);
  EXPECT_EQ(loss.count, 0);
  EXPECT_TRUE(std::isnan(loss.Mean()));
  EXPECT_TRUE(logits.SameBits(TestMatrix<float>(2, 3)));
}

TEST(CrossEntropyTest, TheTwinsGradientIsTheDerivative) {
  auto logits = TestMatrix<double>::Random(4, 6, 1);
  const auto targets = SomeTargets(4, 6);
  TestMatrix<double> d_logits(4, 6);
  CrossEntropyGradientRef(logits.view(), targets, 0.7, d_logits.view());
  ExpectGradient(logits, d_logits,
                 [&] { return 0.7 * CrossEntropyRef(logits.view(), targets).sum; });
}

TEST(CrossEntropyTest, SameBitsForAnyThreads) {
  const auto targets = SomeTargets(700, 101);
  double sum = 0;
  ExpectSameBitsForAnyThreads([&](int threads) {
    auto logits = TestMatrix<float>::Random(700, 101, 1);
    const double forward = CrossEntropy(logits.view(), targets, {}, threads).sum;
    const double backward = CrossEntropyGradient(logits.view(), targets, 0.1, threads).sum;
    if (threads == 1) sum = forward;
    EXPECT_EQ(forward, sum);
    EXPECT_EQ(backward, sum);
    return logits;
  });
}

TEST(CrossEntropyTest, NanReachesTheLoss) {
  OnEverySimdTarget([] {
    for (const int64_t at : {0, 5, 34}) {
      auto logits = TestMatrix<float>::Random(2, 35, 1);
      logits.view().Row(1)[at] = std::numeric_limits<float>::quiet_NaN();
      EXPECT_TRUE(std::isnan(CrossEntropy(logits.view(), std::vector<int32_t>{0, 7}).sum));
      EXPECT_TRUE(
          std::isnan(CrossEntropyGradient(logits.view(), std::vector<int32_t>{0, 7}, 1).sum));
      for (int64_t j = 0; j < 35; ++j) {
        EXPECT_FALSE(std::isnan(logits.view().Row(0)[j]));
        EXPECT_TRUE(std::isnan(logits.view().Row(1)[j]));
      }
    }
  });
}

TEST(CrossEntropyTest, RefusesBadInput) {
  auto logits = TestMatrix<float>::Random(2, 3, 1);
  const auto before = logits;
  const std::vector<int32_t> many = {0, 1, 2}, high = {0, 3}, low = {-2, 0}, good = {0, 1};
  std::vector<float> losses(3);
  EXPECT_EQ(Thrown<std::invalid_argument>([&] { CrossEntropy(logits.view(), many); }),
            "CrossEntropy: there must be 2 targets, got 3");
  EXPECT_EQ(Thrown<std::invalid_argument>([&] { CrossEntropy(logits.view(), good, losses); }),
            "CrossEntropy: losses must have 2 elements, got 3");
  EXPECT_EQ(Thrown<std::out_of_range>([&] { CrossEntropy(logits.view(), high); }),
            "CrossEntropy: target 3 of row 1 is not in [0, 3)");
  EXPECT_EQ(Thrown<std::out_of_range>([&] { CrossEntropyGradient(logits.view(), low, 1); }),
            "CrossEntropyGradient: target -2 of row 0 is not in [0, 3)");
  EXPECT_TRUE(logits.SameBits(before));
}

}  // namespace
}  // namespace rotary
