// Properties: what was applied leaves rounding alone, with two angles in a pair, frequencies for
// each head and decay, and gives its factor back; anything else leaves more; the measure is that of
// turn_fit.h; copies count; a glance never takes a fit for worse than it is.
#include "rotary/doctor/output_fit.h"

#include <cmath>
#include <limits>

#include "gtest/gtest.h"
#include "rotary/doctor/rounding.h"
#include "rotary/doctor/test_observation.h"
#include "rotary/doctor/test_samples.h"

namespace rotary {
namespace {

Rotation HalfRotation(const std::vector<double>& frequency) {
  Rotation rotation{.head_dim = static_cast<int>(2 * frequency.size()), .frequency = frequency};
  for (size_t j = 0; j < frequency.size(); ++j) {
    rotation.first.push_back(static_cast<int32_t>(j));
    rotation.second.push_back(static_cast<int32_t>(j + frequency.size()));
  }
  return rotation;
}

double LeftOf(const Samples& samples, const WholeRotation& whole) {
  return OutputFitOf(samples, whole, samples.positions, 0).chi /
         static_cast<double>(samples.after.size());
}

TEST(RoundingVarianceTest, HalfAUnitSquaredOverThree) {
  for (const double x : {1.0, 1.999, 2.0, 0.75, 1e-30, 3e30}) {
    const double half = std::ldexp(0x1p-24, std::ilogb(x));
    EXPECT_NEAR(RoundingVariance(x * x, 0x1p-24) / (half * half / 3), 1, 1e-14) << x;
  }
  EXPECT_EQ(RoundingVariance(0, 0x1p-24), 0);
  // Numbers below the smallest normal ones are as far apart as those.
  for (const double x : {0x1p-14, 0x1.8p-15, 0x1p-20, 0x1p-24}) {
    EXPECT_EQ(RoundingVariance(x * x, 0x1p-11), RoundingVariance(0x1p-28, 0x1p-11)) << x;
    EXPECT_LT(RoundingVariance(x * x, 0x1p-24), RoundingVariance(x * x, 0x1p-11)) << x;
  }
  EXPECT_EQ(RoundingVariance(0x1p-280, 0x1p-24), RoundingVariance(0x1p-252, 0x1p-24));
}

TEST(OutputFitTest, TwoAnglesOfAPair) {
  const Simulation simulation{.head_dim = 6,
                              .frequency = {1, 0.3, 0.1},
                              .second_frequency = {0.9, 0.01, 0.1},
                              .factor = 1.2,
                              .kept = Precision::kF32};
  const Samples samples = Simulate(simulation);
  WholeRotation whole{.rotation = HalfRotation(simulation.frequency)};
  whole.rotation.second_frequency = simulation.second_frequency;
  const Fit fit = OutputFitOf(samples, whole, samples.positions, 0);
  EXPECT_LT(LeftOf(samples, whole), 1);
  EXPECT_GT(LeftOf(samples, whole), 0.3);
  EXPECT_LE(std::abs(fit.factor - 1.2), 6 * fit.factor_deviation);
  EXPECT_LT(fit.factor_deviation, 1e-8);
  whole.rotation.second_frequency[1] += 1e-4;
  EXPECT_GT(LeftOf(samples, whole), 100);
  whole.rotation.second_frequency.clear();
  EXPECT_GT(LeftOf(samples, whole), 1e6);
}

TEST(OutputFitTest, HeadsOfTheirOwnAndDecay) {
  Rotation heads = HalfRotation({1, 0.1});
  heads.heads = 3;
  heads.frequency = {1, 0.1, 0.5, 0.2, -0.3, 0};
  Rotation decay = HalfRotation({1, 0.1});
  decay.log_decay = {0.01, 0.002};
  for (const Rotation& rotation : {heads, decay}) {
    const ObservationShape shape{.rows = 2, .tokens = 20, .heads = 3};
    TestObservation test(rotation, shape, CountedFrom(5, shape, 100));
    const Samples samples = TakeSamples(test.observation(), 64);
    EXPECT_LT(LeftOf(samples, {.rotation = rotation}), 1);
    Rotation other = rotation;
    other.frequency[1] += 1e-4;
    EXPECT_GT(LeftOf(samples, {.rotation = other}), 100);
    // Of keys decay is the other way.
    const double keys = LeftOf(samples, {.rotation = rotation, .side = Side::kKey});
    EXPECT_EQ(keys > 100, !rotation.log_decay.empty()) << keys;
  }
}

TEST(OutputFitTest, PredictsWhatComesOut) {
  const Simulation simulation{.head_dim = 4, .frequency = {1, 0.3}, .factor = 1.2};
  const Samples samples = Simulate(simulation);
  WholeRotation whole{.rotation = HalfRotation(simulation.frequency)};
  whole.rotation.attention_factor = 1.2;
  const std::vector<double> y = Predicted(samples, whole, samples.positions);
  ASSERT_EQ(y.size(), samples.after.size());
  for (size_t i = 0; i < y.size(); ++i) EXPECT_NEAR(y[i], samples.after[i], 1e-14);
}

TEST(OutputFitTest, OneMeasureWithTurns) {
  for (const double noise : {0.0, 0.05}) {
    for (const int64_t heads : {1, 4}) {
      const Simulation simulation{.tokens = 64,
                                  .heads = heads,
                                  .head_dim = 8,
                                  .first = {0, 1, 2},
                                  .second = {4, 5, 6},
                                  .frequency = {1, 0.1, 0.01},
                                  .positions = Counted(64, 5),
                                  .factor = 0.8,
                                  .noise = noise,
                                  .kept = Precision::kF32};
      const Samples samples = Simulate(simulation);
      Rotation rotation{.head_dim = 8, .frequency = simulation.frequency};
      rotation.first.assign(simulation.first.begin(), simulation.first.end());
      rotation.second.assign(simulation.second.begin(), simulation.second.end());
      const TurnTable table = TurnTableOf(samples, simulation.first, simulation.second);
      for (const double tolerance : {0.0, 1e-6}) {
        const Fit whole =
            OutputFitOf(samples, {.rotation = rotation}, samples.positions, tolerance);
        const Fit turns = FitOf(table, rotation.frequency, samples.positions, 1, {}, tolerance);
        // With several heads, turns weigh those that are rounded differently alike; a tolerance is
        // for a head's numbers here, and for a token's turn there.
        const double room = heads == 1 ? 1e-6 : tolerance == 0 ? 0.3 : 1.0;
        EXPECT_NEAR(whole.chi / turns.chi, 1, room) << noise << ' ' << heads << ' ' << tolerance;
        EXPECT_NEAR(whole.factor / turns.factor, 1, heads == 1 ? 1e-9 : 0.05);
      }
    }
  }
}

TEST(OutputFitTest, CopiesCount) {
  Samples samples = Simulate({.tokens = 4,
                              .heads = 1,
                              .head_dim = 3,
                              .first = {0},
                              .second = {1},
                              .frequency = {1},
                              .kept = Precision::kF32});
  Rotation rotation{.head_dim = 3, .first = {0}, .second = {1}, .frequency = {1}};
  const auto chi = [&] {
    return OutputFitOf(samples, {.rotation = rotation}, samples.positions, 0).chi;
  };
  const double before = chi();
  samples.before[2] = 1;
  samples.after[2] = 1 + 0x1p-22;  // two units: four halves
  EXPECT_NEAR(chi() - before, 3 * 4 * 4, 1e-6);
  samples.after[2] = 0;
  EXPECT_NEAR(chi() - before, 3 * 0x1p48, 1e-3 * 0x1p48);
}

TEST(OutputFitTest, OutputsThatAreNothingAreOffByWhatTheyOughtToBe) {
  Samples samples = Simulate({.tokens = 4, .heads = 1, .head_dim = 2, .frequency = {1}});
  samples.unit = 0x1p-24;
  samples.after[0] = samples.after[1] = 0;
  const double chi =
      OutputFitOf(samples, {.rotation = HalfRotation({1})}, samples.positions, 0).chi;
  EXPECT_TRUE(chi > 0x1p47 && chi < 0x1p52) << chi;
}

TEST(OutputFitTest, AGlanceIsNeverWrong) {
  const Simulation simulation{
      .tokens = 100, .head_dim = 4, .frequency = {1, 0.3}, .noise = 0.01, .kept = Precision::kF32};
  const Samples samples = Simulate(simulation);
  for (const double off : {0.0, 1e-5, 1e-3, 0.1}) {
    const WholeRotation whole{.rotation = HalfRotation({1 + off, 0.3})};
    const Fit all = OutputFitOf(samples, whole, samples.positions, 0);
    for (const double share : {1.0001, 3.0}) {
      const Fit same = OutputFitOf(samples, whole, samples.positions, 0, all.chi * share);
      EXPECT_EQ(same.chi, all.chi) << off << ' ' << share;
      EXPECT_EQ(same.factor, all.factor);
    }
    for (const double share : {0.001, 0.1, 0.9}) {
      const Fit glance = OutputFitOf(samples, whole, samples.positions, 0, all.chi * share);
      EXPECT_GT(glance.chi, all.chi * share) << off << ' ' << share;
      EXPECT_EQ(glance.chi < all.chi, share == 0.001) << off;  // eight tokens were enough
    }
  }
}

}  // namespace
}  // namespace rotary
