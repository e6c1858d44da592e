// Properties proved here, all against numbers worked out by hand or known in closed form:
//  - means, standard errors, paired differences, Student's t, and what one seed may not claim
//  - a recorded curve loses no step, whatever the length; two runs of one length share their points
//  - smoothing leaves a line in log(step) as it is, up to its ends, and takes noise away
//  - steps to a loss: between points, at the first point, on a plateau, never; NaN never reaches
//  anything
//  - ratios over paired seeds, with all, some and no seeds that reach the target
#include "rotary/lab/statistics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <stdexcept>

#include "rotary/base/random.h"

namespace rotary {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

TEST(Estimate, MeanAndErrorByHand) {
  const Estimate e = Summarise(std::vector<double>{1, 2, 3, 6});
  EXPECT_DOUBLE_EQ(e.mean, 3);
  // Squares 4 + 1 + 0 + 9 = 14; variance 14 / 3; error sqrt(14 / 12).
  EXPECT_DOUBLE_EQ(e.error, std::sqrt(14.0 / 12));
  EXPECT_EQ(e.count, 4);
  EXPECT_DOUBLE_EQ(e.Interval(), 3.1824 * std::sqrt(14.0 / 12));
}

TEST(Estimate, OneSeedDistinguishesNothing) {
  const Estimate e = Summarise(std::vector<double>{5});
  EXPECT_DOUBLE_EQ(e.mean, 5);
  EXPECT_TRUE(std::isinf(e.error));
  EXPECT_FALSE(e.DiffersFrom(-1e300));
}

TEST(Estimate, NeverCallsFewerThanTwoErrorsADifference) {
  for (int count = 2; count < 100; ++count) {
    EXPECT_FALSE((Estimate{.mean = 1.99, .error = 1, .count = count}).DiffersFrom(0)) << count;
  }
  EXPECT_TRUE((Estimate{.mean = -4.4, .error = 1, .count = 3}).DiffersFrom(0));
  EXPECT_FALSE((Estimate{.mean = -4.2, .error = 1, .count = 3}).DiffersFrom(0));
  EXPECT_FALSE((Estimate{.mean = kNan, .error = 1, .count = 3}).DiffersFrom(0));
  EXPECT_FALSE((Estimate{.mean = 1, .error = kNan, .count = 3}).DiffersFrom(0));
}

TEST(Estimate, StudentT) {
  // Two cases have closed forms: tan(0.475 pi) with one degree, and 0.95 sqrt(2 / (1 - 0.95^2))
  // with two.
  EXPECT_NEAR(StudentT95(1), std::tan(0.475 * std::acos(-1)), 1e-4);
  EXPECT_NEAR(StudentT95(2), 0.95 * std::sqrt(2 / (1 - 0.95 * 0.95)), 1e-4);
  EXPECT_TRUE(std::isinf(StudentT95(0)));
  for (int degrees = 2; degrees <= 30; ++degrees) {
    EXPECT_LT(StudentT95(degrees), StudentT95(degrees - 1));
  }
  EXPECT_EQ(StudentT95(1000), StudentT95(30));
}

TEST(Estimate, PairingTakesTheSharedNoiseAway) {
  const std::vector<double> a = {1.1, 2.2, 3.0}, b = {1.0, 2.0, 2.9};
  const Estimate d = PairedDifference(a, b);
  EXPECT_NEAR(d.mean, 0.4 / 3, 1e-12);
  EXPECT_NEAR(d.error, std::sqrt((2 * std::pow(0.1 / 3, 2) + std::pow(0.2 / 3, 2)) / 2 / 3), 1e-12);
  EXPECT_THROW(PairedDifference(a, std::vector<double>{1}), std::invalid_argument);
  EXPECT_THROW(Summarise({}), std::invalid_argument);
}

TEST(CurveRecorder, LosesNoStep) {
  for (const int steps : {0, 1, 7, 50, 51, 1000, 1003}) {
    CurveRecorder recorder;
    for (int step = 1; step <= steps; ++step) recorder.Add(0.5 * step, 100.0 - step);
    const LossCurve curve = recorder.curve();
    int counted = 0;
    for (size_t i = 0; i < curve.size(); ++i) {
      // The loss and time are linear in the step, so their means must be those at the mean step.
      EXPECT_NEAR(curve.loss[i], 100 - curve.step[i], 1e-9);
      EXPECT_NEAR(curve.seconds[i], 0.5 * curve.step[i], 1e-9);
      EXPECT_DOUBLE_EQ(curve.step[i], counted + (curve.count[i] + 1) / 2.0);
      counted += curve.count[i];
    }
    EXPECT_EQ(counted, steps);
    EXPECT_LE(curve.size(), 250u);
  }
}

LossCurve CurveOf(std::vector<double> step, std::vector<double> loss) {
  LossCurve curve;
  curve.seconds = step;
  curve.count.assign(step.size(), 1);
  curve.step = std::move(step);
  curve.loss = std::move(loss);
  return curve;
}

TEST(SmoothedLoss, LeavesALineInLogStepAndTakesNoiseAway) {
  CurveRecorder clean, noisy;
  const Random random(1, 2);
  for (int step = 1; step <= 2000; ++step) {
    const double loss = 5 - 0.4 * std::log(step);
    clean.Add(step, loss);
    noisy.Add(step, loss + 0.1 * random.Normal(static_cast<uint64_t>(step)));
  }
  // A recorded point lies off a curved line by up to a millionth: the log of a mean is not the mean
  // of logs.
  const LossCurve line = clean.curve();
  const auto same = SmoothedLoss(line);
  const auto smooth = SmoothedLoss(noisy.curve());
  ASSERT_EQ(same.size(), line.size());
  double error_before = 0, error_after = 0;
  for (size_t i = 0; i < line.size(); ++i) {
    EXPECT_NEAR(same[i], line.loss[i], 2e-5) << i;
    error_before += std::pow(noisy.curve().loss[i] - line.loss[i], 2);
    error_after += std::pow(smooth[i] - line.loss[i], 2);
  }
  EXPECT_LT(error_after, error_before / 2);
  EXPECT_NEAR(smooth.back(), line.loss.back(), 0.03);
}

TEST(SmoothedLoss, ShortCurves) {
  EXPECT_TRUE(SmoothedLoss(LossCurve{}).empty());
  EXPECT_EQ(SmoothedLoss(CurveOf({1}, {3})), std::vector<double>{3});
}

TEST(StepsToReach, InterpolatesInLogStep) {
  const std::vector<double> step = {1, 10, 100, 1000}, loss = {5, 4, 3, 3};
  EXPECT_DOUBLE_EQ(*StepsToReach(step, loss, 3.5), std::pow(10, 1.5));
  EXPECT_DOUBLE_EQ(*StepsToReach(step, loss, 4), 10);
  EXPECT_DOUBLE_EQ(*StepsToReach(step, loss, 3), 100);  // the first time, not the plateau's end
  EXPECT_DOUBLE_EQ(*StepsToReach(step, loss, 9), 1);
  EXPECT_FALSE(StepsToReach(step, loss, 2.9));
  EXPECT_FALSE(StepsToReach(step, std::vector<double>{kNan, kNan, kNan, kNan}, 9));
  EXPECT_FALSE(StepsToReach({}, {}, 1));
}

TEST(CompareSteps, RatiosOfPairedSeeds) {
  const std::vector<LossCurve> reference = {CurveOf({1, 100}, {4, 2}), CurveOf({1, 100}, {4, 2})};
  // Slower by 2 and by 4: a target of 2 is reached at steps 200 and 400 against 100.
  const std::vector<LossCurve> arm = {CurveOf({2, 200}, {4, 2}), CurveOf({4, 400}, {4, 2})};
  const auto both = CompareSteps(arm, reference, 2);
  ASSERT_TRUE(both && both->ratio);
  EXPECT_DOUBLE_EQ(both->reference_steps, 100);
  EXPECT_DOUBLE_EQ(both->ratio->mean, 3);
  EXPECT_DOUBLE_EQ(both->ratio->error, 1);  // deviations 1 and 1: sqrt(2 / 1 / 2)
  EXPECT_EQ(both->reached, 2);

  const std::vector<LossCurve> stuck = {CurveOf({1, 300}, {4, 3}), CurveOf({1, 500}, {4, 3})};
  const auto none = CompareSteps(stuck, reference, 2);
  ASSERT_TRUE(none);
  EXPECT_FALSE(none->ratio);
  EXPECT_EQ(none->reached, 0);
  EXPECT_DOUBLE_EQ(none->at_least, 3);

  const auto some = CompareSteps(std::vector<LossCurve>{arm[0], stuck[1]}, reference, 2);
  ASSERT_TRUE(some);
  EXPECT_FALSE(some->ratio);
  EXPECT_EQ(some->reached, 1);
  EXPECT_EQ(some->seeds, 2);

  EXPECT_FALSE(CompareSteps(arm, reference, 1.9));  // the reference does not get there
  EXPECT_THROW(CompareSteps(arm, std::vector<LossCurve>{reference[0]}, 2), std::invalid_argument);
}

TEST(TargetLosses, AreRoundAndReachedByEverySeed) {
  // Losses at a twentieth of the steps: 3.31 and 3.27; at the end: 2.13 and 2.18.
  const std::vector<LossCurve> reference = {CurveOf({1, 5, 100}, {5, 3.31, 2.13}),
                                            CurveOf({1, 5, 100}, {5, 3.27, 2.18})};
  const auto targets = TargetLosses(reference, 6);
  ASSERT_EQ(targets.size(), 6u);  // every 0.2 from 3.2 to 2.2
  EXPECT_DOUBLE_EQ(targets.front(), 3.2);
  EXPECT_DOUBLE_EQ(targets.back(), 2.2);
  EXPECT_TRUE(TargetLosses(std::vector<LossCurve>{LossCurve{}}, 5).empty());
  EXPECT_TRUE(TargetLosses(std::vector<LossCurve>{CurveOf({1, 2}, {kNan, kNan})}, 5).empty());
}

}  // namespace
}  // namespace rotary
