// Properties: of the spectra that may stand behind turns the one that made them is chosen, with the
// positions, the direction and the rounding that were used; of hypotheses that explain as well, the
// one with the fewest departures; the score is that of what was chosen.
#include "rotary/doctor/explanation.h"

#include <cmath>

#include "gtest/gtest.h"
#include "rotary/doctor/test_samples.h"
#include "rotary/doctor/test_spectrum.h"

namespace rotary {
namespace {

constexpr int kPairs = 16;

Simulation Plain(double theta = 10000) {
  return {.tokens = 64,
          .heads = 2,
          .head_dim = 2 * kPairs,
          .frequency = PlainSpectrum(2 * kPairs, theta),
          .positions = Counted(64, 3),
          .kept = Precision::kF32};
}

// The expected spectrum, theta 10,000; then what may have gone wrong.
std::vector<SpectrumGuess> Spectra() {
  std::vector<SpectrumGuess> spectra = {{.frequency = PlainSpectrum(2 * kPairs, 10000)}};
  for (const double theta : {500.0, 500000.0, 1e6}) {
    spectra.push_back({.codes = {"theta-differs"},
                       .frequency = PlainSpectrum(2 * kPairs, theta),
                       .faults = 1.1,
                       .theta = theta});
  }
  spectra.push_back({.codes = {"rotated-twice"},
                     .frequency = PlainSpectrum(2 * kPairs, 10000, 0.5),
                     .faults = 1});
  return spectra;
}

Explanation Explained(const Samples& samples) {
  const ChannelLayout layout = HalfLayout(2 * kPairs, 0);
  const TurnTable table = TurnTableOf(samples, layout.first, layout.second);
  Explanation found = Explain(samples, table, layout, Spectra(), samples.positions);
  EXPECT_EQ(found.numbers, table.numbers);
  EXPECT_NEAR(found.score, ScoreOf(table.numbers, found.fit.chi, found.faults), 1e-9);
  return found;
}

using Codes = std::vector<std::string>;

TEST(ExplainTest, WhatWasExpected) {
  const Explanation found = Explained(Simulate(Plain()));
  EXPECT_EQ(found.spectrum.codes, Codes());
  EXPECT_EQ(found.positions.kind, "as given");
  EXPECT_EQ(found.frequencies, Precision::kDouble);
  EXPECT_EQ(found.arithmetic, TurnArithmetic());
  EXPECT_FALSE(found.fit.inverse);
  EXPECT_EQ(found.faults, 0);
  EXPECT_LT(found.Left(), 1);
}

TEST(ExplainTest, TheSpectrumThatMadeIt) {
  for (const double theta : {500.0, 500000.0, 1e6}) {
    const Explanation found = Explained(Simulate(Plain(theta)));
    EXPECT_EQ(found.spectrum.codes, Codes({"theta-differs"}));
    EXPECT_EQ(found.spectrum.theta, theta);
    EXPECT_EQ(found.positions.kind, "as given");
    EXPECT_NEAR(found.faults, 1.1, 1e-12);
  }
}

TEST(ExplainTest, DirectionAndFactor) {
  Simulation simulation = Plain();
  simulation.factor = 1.3;
  for (double& w : simulation.frequency) w = -w;
  const Samples samples = Simulate(simulation);
  const Explanation found = Explained(samples);
  EXPECT_TRUE(found.fit.inverse);
  EXPECT_EQ(found.spectrum.codes, Codes());
  EXPECT_EQ(found.faults, 1.05);
  EXPECT_NEAR(found.fit.factor, 1.3, 6 * found.fit.factor_deviation);
  const Rotation applied = AppliedRotation(found, samples);
  EXPECT_EQ(applied.frequency, simulation.frequency);
  EXPECT_EQ(applied.attention_factor, found.fit.factor);
  EXPECT_EQ(applied.head_dim, 2 * kPairs);
  EXPECT_EQ(applied.second[1], kPairs + 1);
}

TEST(ExplainTest, Positions) {
  Simulation simulation = Plain();
  simulation.positions = Counted(64, 1003);
  Samples samples = Simulate(simulation);
  samples.positions = Counted(64, 3);  // as they were given
  Explanation found = Explained(samples);
  EXPECT_EQ(found.positions.kind, "shifted");
  EXPECT_EQ(found.positions.shift, 1000);
  EXPECT_EQ(found.faults, 1);
  // Beginning again in the middle.
  simulation.positions = Counted(64, 3);
  for (size_t t = 20; t < 64; ++t) simulation.positions[t] -= 23;
  samples = Simulate(simulation);
  samples.positions = Counted(64, 3);
  found = Explained(samples);
  EXPECT_EQ(found.positions.kind, "other");
  EXPECT_EQ(found.positions.positions, simulation.positions);
  EXPECT_EQ(found.spectrum.codes, Codes());
}

TEST(ExplainTest, Rounding) {
  Simulation simulation = Plain();
  simulation.positions = Counted(64, 1000);
  const Samples exact = Simulate(simulation);
  for (double& w : simulation.frequency) w = RoundedTo(Precision::kBF16, w);
  Explanation found = Explained(Simulate(simulation));
  EXPECT_EQ(found.frequencies, Precision::kBF16);
  EXPECT_EQ(found.spectrum.codes, Codes());
  EXPECT_EQ(found.positions.kind, "as given");
  EXPECT_EQ(AppliedRotation(found, exact).frequency, simulation.frequency);

  simulation = Plain();
  simulation.positions = Counted(64, 1000);
  for (double& p : simulation.positions) p = RoundedTo(Precision::kBF16, p);
  Samples samples = Simulate(simulation);
  samples.positions = exact.positions;
  found = Explained(samples);
  EXPECT_EQ(found.positions.kind, "rounded");
  EXPECT_EQ(found.positions.precision, Precision::kBF16);
  EXPECT_EQ(found.spectrum.codes, Codes());
}

TEST(ExplainTest, TheFewestDeparturesOfThoseThatExplain) {
  // At position 0 every spectrum, direction and rounding is the same.
  Simulation simulation = Plain(1e6);
  simulation.positions = std::vector<double>(64, 0);
  const Explanation found = Explained(Simulate(simulation));
  EXPECT_EQ(found.faults, 0);
  EXPECT_EQ(found.spectrum.codes, Codes());
  EXPECT_EQ(found.positions.kind, "as given");
}

}  // namespace
}  // namespace rotary
