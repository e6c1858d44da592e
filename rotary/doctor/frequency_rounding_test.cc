// Proves of grids: rounded frequencies lie on theirs, exact ones, and ones too badly known, on
// none; powers of two are no sign of rounding.
#include "rotary/doctor/frequency_rounding.h"

#include <gtest/gtest.h>

#include "rotary/doctor/test_spectrum.h"

namespace rotary {
namespace {

using Grids = std::vector<FrequencyArithmetic>;

std::vector<double> RoundedSpectrum(Precision precision, int dim, double theta) {
  std::vector<double> w = PlainSpectrum(dim, theta);
  for (double& f : w) f = RoundedTo(precision, f);
  return w;
}

TEST(FrequencyRoundingTest, GridsUnderFrequencies) {
  const Grids bf16 = {FrequencyArithmetic::kBF16, FrequencyArithmetic::kTF32};
  const Grids f16 = {FrequencyArithmetic::kF16};
  for (const double noise : {1e-13, 1e-7}) {
    // Below 6e-5 f16 has fewer digits than bf16: a finer grid that lacks its numbers.
    const auto of_bf16 = Measure(RoundedSpectrum(Precision::kBF16, 64, 1e9), noise, 1);
    EXPECT_EQ(GridsUnder(of_bf16, 1e-6), bf16) << noise;
    const auto of_f16 = Measure(RoundedSpectrum(Precision::kF16, 64, 1e6), noise, 2);
    EXPECT_EQ(GridsUnder(of_f16, 1e-6)[0], f16[0]) << noise;
    EXPECT_EQ(GridsUnder(Measure(PlainSpectrum(64, 1e6), noise, 3), 1e-6), Grids{}) << noise;
    const auto single = Measure(RoundedSpectrum(Precision::kF32, 64, 1e6), noise, 4);
    EXPECT_EQ(GridsUnder(single, 1e-6), Grids{}) << noise;
  }
  // As bad as the rounding.
  EXPECT_EQ(GridsUnder(Measure(RoundedSpectrum(Precision::kBF16, 64, 1e6), 4e-3, 5), 1e-6),
            Grids{});
  // 2^-j, and pairs that stand still.
  std::vector<double> powers = PlainSpectrum(32, 65536);
  powers.resize(32);
  EXPECT_EQ(GridsUnder(Measure(powers, 1e-13, 6), 1e-6), Grids{});
}

TEST(FrequencyRoundingTest, RoundedFitsFallToEitherSide) {
  // A frequency halfway between two numbers of the format, as far as float32 can tell.
  const double halfway = 0.5 + 1.5 * 0x1p-8;
  for (const double side : {-0x1p-8, 0x1p-8}) {
    MeasuredSpectrum measured{.head_dim = 4, .rotary_dim = 4};
    measured.frequency = {1, halfway + side / 2};
    measured.deviation = {1e-12, 1e-12};
    const Evidence evidence = EvidenceOf(measured);
    const Hypothesis plain{.rule = PlainRule{}, .theta = 1 / (halfway * halfway)};
    const RuleFit fit =
        Rounded(evidence, RuleFitOf(evidence, plain, nullptr), FrequencyArithmetic::kBF16, nullptr);
    EXPECT_TRUE(fit.agreement.Explains()) << side << ' ' << fit.predicted[1] - halfway;
  }
}

}  // namespace
}  // namespace rotary
