// Proves of fitted numbers: they lie within their deviations of the true ones, as often as a normal
// distribution says; customary numbers are taken where the data allow them, and only there.
#include "rotary/doctor/rule_fit.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "rotary/doctor/test_spectrum.h"

namespace rotary {
namespace {

TEST(RuleFitTest, DeviationsOfNumbersAreTrue) {
  // 200 noises, 4 numbers: sums of squares over their deviations are chi2 of 200 degrees.
  const double theta = 723456, factor = 5.37, length = 23456, noise = 1e-4;
  const std::vector<Knob> knobs = {Knob::kTheta, Knob::kFactor, Knob::kTrainedLength,
                                   Knob::kFastTurns};
  const std::vector<double> truth = {theta, factor, length, 7.7};
  const std::vector<double> w = Llama3Spectrum(128, theta, factor, length, 1, 7.7);
  std::vector<double> squares(knobs.size());
  double chi2 = 0;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    const Evidence evidence = EvidenceOf(Measure(w, noise, 100 + seed));
    const Hypothesis start{
        .rule =
            Llama3Rule{
                .factor = 4, .trained_length = 20000, .low_freq_factor = 1, .high_freq_factor = 6},
        .theta = 7e5};
    const RuleFit fit = FitKnobs(evidence, start, knobs, nullptr);
    chi2 += fit.agreement.chi2;
    for (size_t k = 0; k < knobs.size(); ++k) {
      const double off = std::log(*Slot(fit.hypothesis, knobs[k]) / truth[k]);
      squares[k] += std::pow(off / fit.knobs[k].deviation, 2);
    }
  }
  // 5 deviations of chi2: sqrt(2 degrees) each.
  for (const double square : squares) EXPECT_LE(std::abs(square - 200), 5 * std::sqrt(400.0));
  const double degrees = 200.0 * (64 - 4);
  EXPECT_LE(std::abs(chi2 - degrees), 5 * std::sqrt(2 * degrees));
}

TEST(RuleFitTest, NumbersThatNothingTells) {
  // Factor and scale are one number: their deviations are not finite, and the fit still ends.
  const Evidence evidence = EvidenceOf(Measure(PlainSpectrum(32, 1e4, 3), 1e-6, 1));
  const RuleFit fit = FitKnobs(evidence, {.rule = LinearRule{.factor = 2}},
                               {Knob::kTheta, Knob::kFactor, Knob::kScale}, nullptr);
  EXPECT_TRUE(fit.agreement.Explains());
  EXPECT_GT(fit.knobs[1].deviation, 1e-3);
  // The trained length of a ramp behind the last pair that moves.
  const RuleFit still =
      FitKnobs(EvidenceOf(Measure(PlainSpectrum(16, 100), 1e-6, 2)),
               {.rule = YarnRule{.factor = 4, .trained_length = 1e6}, .theta = 99},
               {Knob::kTheta, Knob::kTrainedLength}, nullptr);
  EXPECT_TRUE(std::isinf(still.knobs[1].deviation));
  EXPECT_NEAR(still.hypothesis.theta, 100, 1e-3);
}

TEST(RuleFitTest, CustomaryNumbers) {
  for (const double theta : {1e4, 10007.0}) {
    for (const double noise : {1e-9, 1e-3}) {
      const RuleFit fit =
          FitCustomary(EvidenceOf(Measure(PlainSpectrum(64, theta), noise, 3)),
                       {.rule = PlainRule{}, .theta = 9e3}, {Knob::kTheta}, nullptr);
      // At 1e-3 nothing tells 10007 from 10000.
      const bool customary = theta == 1e4 || noise == 1e-3;
      EXPECT_EQ(fit.knobs[0].customary, customary) << theta << ' ' << noise;
      EXPECT_EQ(fit.FreeKnobs(), !customary);
      if (customary) {
        EXPECT_EQ(fit.hypothesis.theta, 1e4);
      }
    }
  }
}

TEST(CustomaryTest, CostsGrowWithRarity) {
  const double config = 12345;
  EXPECT_EQ(CustomaryCost(Knob::kTheta, config, &config), 0);
  EXPECT_LT(CustomaryCost(Knob::kTheta, 1e4, nullptr), CustomaryCost(Knob::kTheta, 3e4, nullptr));
  EXPECT_LT(CustomaryCost(Knob::kTheta, 3e4, nullptr), CustomaryCost(Knob::kTheta, 3.7e4, nullptr));
  EXPECT_LT(CustomaryCost(Knob::kTrainedLength, 8192, nullptr),
            CustomaryCost(Knob::kTrainedLength, 10240, nullptr));
  EXPECT_LT(CustomaryCost(Knob::kTrainedLength, 10240, nullptr),
            CustomaryCost(Knob::kTrainedLength, 10007, nullptr));
  EXPECT_EQ(FittedCost(1), 9);
  EXPECT_EQ(FittedCost(1e-13), 36);
}

TEST(CustomaryTest, RoundNumbersOnlyWhereTheyAreNoChance) {
  const auto offers = [](double reach, double number) {
    const std::vector<double> near = CustomaryNear(Knob::kTheta, 370123, reach, nullptr);
    return std::any_of(near.begin(), near.end(),
                       [&](double value) { return std::abs(value - number) < 1; });
  };
  EXPECT_TRUE(offers(1e-3, 370000));
  EXPECT_FALSE(offers(1e-5, 370000));  // too far
  EXPECT_FALSE(offers(0.1, 370000));   // within reach, as are 360000 and 380000
  EXPECT_TRUE(offers(0.5, 5e5));
}

}  // namespace
}  // namespace rotary
