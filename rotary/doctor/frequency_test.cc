// Properties: the frequency of a pair comes back within what is said of its certainty, from
// neighbours and from tokens far apart, in few bits and in many; over 1,000 draws it scatters by
// what is said of it; a shift of positions is the phase at 0; whole turns are counted only as far
// as they are certain; what cannot be told apart is said.
#include "rotary/doctor/frequency.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "gtest/gtest.h"
#include "rotary/base/error.h"
#include "rotary/doctor/test_samples.h"

namespace rotary {
namespace {

constexpr double kPi = std::numbers::pi;

FoundFrequency Found(const Samples& samples, double tolerance = 0) {
  return FrequencyOf(TurnsOf(samples, 0, 1), samples.positions, tolerance);
}

// `near` neighbours from `first` on, then as many up to 100,000 further.
std::vector<double> NearAndFar(int64_t near, double first) {
  std::vector<double> positions = Counted(near, first);
  for (int64_t i = 1; i <= near; ++i) {
    positions.push_back(first +
                        std::floor(1e5 * static_cast<double>(i) / static_cast<double>(near)));
  }
  return positions;
}

TEST(FrequencyTest, ComesBackWithItsCertainty) {
  for (const Precision kept :
       {Precision::kDouble, Precision::kF32, Precision::kF16, Precision::kBF16}) {
    for (const double theta : {10000.0, 500000.0}) {
      Simulation simulation{.tokens = 128,
                            .heads = 4,
                            .head_dim = 128,
                            .positions = NearAndFar(64, 40),
                            .kept = kept};
      for (int j = 0; j < 64; ++j) simulation.frequency.push_back(std::pow(theta, -j / 64.0));
      const Samples samples = Simulate(simulation);
      for (int j = 0; j < 64; ++j) {
        const double frequency = simulation.frequency[static_cast<size_t>(j)];
        const FoundFrequency found = FrequencyOf(TurnsOf(samples, j, j + 64), samples.positions);
        const std::string what = Sentence(Name(kept), ", theta ", theta, ", pair ", j);
        EXPECT_LE(std::abs(found.frequency - frequency), 6 * found.deviation + 1e-14) << what;
        EXPECT_LE(std::abs(found.phase), 6 * found.phase_deviation + 1e-9) << what;
        EXPECT_LE(std::abs(found.through_zero - frequency),
                  6 * found.through_zero_deviation + 1e-14)
            << what;
        // Lines through 100,000 radians are off by some 1e-11 in double.
        EXPECT_LT(found.residual, kept == Precision::kDouble ? 5 : 3) << what;
        // In few bits slow pairs are not followed over the first gap, of 1,500 tokens.
        EXPECT_LT(found.deviation, kept == Precision::kBF16 ? 5e-4 : 1e-7) << what;
        EXPECT_EQ(found.ambiguity, 2 * kPi) << what;
      }
    }
  }
}

TEST(FrequencyTest, DeviationsAreTheScatterOfNoise) {
  Simulation simulation{.tokens = 24, .heads = 4, .head_dim = 2, .frequency = {0.3}, .noise = 0.05};
  simulation.positions = Counted(20, 7);
  for (const double far : {60, 200, 700, 2000}) simulation.positions.push_back(far);
  double frequencies = 0, phases = 0, pinned = 0;
  constexpr int kDraws = 1000;
  for (int draw = 0; draw < kDraws; ++draw) {
    simulation.seed = static_cast<uint64_t>(draw) + 1;
    const FoundFrequency found = Found(Simulate(simulation));
    frequencies += std::pow((found.frequency - 0.3) / found.deviation, 2) / kDraws;
    phases += std::pow(found.phase / found.phase_deviation, 2) / kDraws;
    pinned += std::pow((found.through_zero - 0.3) / found.through_zero_deviation, 2) / kDraws;
    EXPECT_EQ(found.longest, 2000 - 7);
    EXPECT_LT(found.deviation, 4e-5);
    EXPECT_LT(found.through_zero_deviation, found.deviation);
  }
  EXPECT_NEAR(std::sqrt(frequencies), 1, 0.2);
  EXPECT_NEAR(std::sqrt(phases), 1, 0.2);
  EXPECT_NEAR(std::sqrt(pinned), 1, 0.2);
}

TEST(FrequencyTest, AShiftIsThePhase) {
  Samples samples = Simulate({.tokens = 50,
                              .head_dim = 2,
                              .frequency = {0.3},
                              .positions = Counted(50, 1),
                              .kept = Precision::kF32});
  samples.positions = Counted(50);  // what the config believes
  const FoundFrequency found = Found(samples);
  EXPECT_NEAR(found.frequency, 0.3, 6 * found.deviation);
  EXPECT_NEAR(found.phase, 0.3, 6 * found.phase_deviation);
}

TEST(FrequencyTest, TheOrderOfTokensDoesNotMatter) {
  const Simulation simulation{
      .tokens = 40, .head_dim = 2, .frequency = {0.3}, .kept = Precision::kF32};
  Samples samples = Simulate(simulation);
  const FoundFrequency straight = Found(samples);
  Simulation shuffled = simulation;
  shuffled.positions = Counted(40);
  std::reverse(shuffled.positions.begin() + 10, shuffled.positions.end());
  std::swap(shuffled.positions[0], shuffled.positions[25]);
  const FoundFrequency found = Found(Simulate(shuffled));
  EXPECT_NEAR(found.frequency, straight.frequency, 6 * straight.deviation);
  EXPECT_EQ(found.longest, straight.longest);
}

TEST(FrequencyTest, TurnsBetweenNeighboursCannotBeCounted) {
  // Every third position: a third of a turn more looks the same.
  std::vector<double> positions;
  for (int t = 0; t < 30; ++t) positions.push_back(3 * t);
  for (const double frequency : {0.4, 2.0, -3.0}) {
    const FoundFrequency found = Found(Simulate({.tokens = 30,
                                                 .head_dim = 2,
                                                 .frequency = {frequency},
                                                 .positions = positions,
                                                 .kept = Precision::kF32}));
    EXPECT_NEAR(found.ambiguity, 2 * kPi / 3, 1e-15);
    EXPECT_NEAR(std::remainder(found.frequency - frequency, found.ambiguity), 0,
                6 * found.deviation);
    EXPECT_LE(std::abs(found.frequency), found.ambiguity / 2);
  }
}

TEST(FrequencyTest, TurnsAreCountedAsFarAsTheyAreCertain) {
  // Four neighbours know the frequency to some 1e-3 in bf16 and 1e-8 in f32: how many turns lie up
  // to a token 100,000 further only the latter says.
  const auto longest = [](Precision kept, double far) {
    std::vector<double> positions = {0, 1, 2, 3, far};
    const FoundFrequency found = Found(Simulate({.tokens = 5,
                                                 .heads = 4,
                                                 .head_dim = 2,
                                                 .frequency = {0.7},
                                                 .positions = positions,
                                                 .kept = kept}));
    EXPECT_LE(std::abs(found.frequency - 0.7), 6 * found.deviation) << Name(kept) << ' ' << far;
    return found.longest;
  };
  EXPECT_EQ(longest(Precision::kF32, 100000), 100000);
  EXPECT_EQ(longest(Precision::kBF16, 100000), 3);
  EXPECT_EQ(longest(Precision::kBF16, 20), 20);
}

TEST(FrequencyTest, AnglesOfFloat32) {
  // Angles around 80,000 radians are off by up to 4e-3 where their product is rounded to float.
  constexpr double kFrequency = 0.61803398874989;
  Simulation simulation{.tokens = 64,
                        .heads = 2,
                        .head_dim = 2,
                        .frequency = {0},
                        .positions = Counted(64, 131000),
                        .kept = Precision::kF32};
  Samples samples = Simulate(simulation);
  for (size_t i = 0; i < samples.after.size(); i += 2) {
    const double p = samples.positions[i / 4];
    const float angle = static_cast<float>(kFrequency) * static_cast<float>(p);
    const double c = std::cos(angle), s = std::sin(angle);
    samples.after[i] = static_cast<float>(c * samples.before[i] - s * samples.before[i + 1]);
    samples.after[i + 1] = static_cast<float>(c * samples.before[i + 1] + s * samples.before[i]);
  }
  const double used = static_cast<float>(kFrequency);
  const FoundFrequency known = Found(samples, 0x1p-23), unknown = Found(samples);
  EXPECT_LT(known.residual, 1);
  EXPECT_GT(unknown.residual, 1000);  // is said, and widens the deviation
  for (const FoundFrequency& found : {known, unknown}) {
    EXPECT_LE(std::abs(found.frequency - used), 6 * found.deviation);
    EXPECT_LT(found.deviation, 1e-4);
  }
}

TEST(FrequencyTest, WhatIsNoLineIsSaid) {
  Samples samples =
      Simulate({.tokens = 40, .head_dim = 2, .frequency = {0.3}, .kept = Precision::kF32});
  for (size_t t = 20; t < 40; ++t) samples.positions[t] += 5;  // the pair did not
  EXPECT_GT(Found(samples).residual, 1000);
}

TEST(FrequencyTest, OnePositionTellsNothing) {
  for (const int64_t tokens : {1, 5}) {
    const Samples samples =
        Simulate({.tokens = tokens,
                  .head_dim = 2,
                  .frequency = {0.3},
                  .positions = std::vector<double>(static_cast<size_t>(tokens), 5)});
    EXPECT_TRUE(std::isinf(Found(samples).deviation));
  }
}

TEST(FrequencyTest, OutputsThatAreNothingTellNothing) {
  Samples samples = Simulate({.tokens = 9, .head_dim = 2, .frequency = {0.3}});
  std::fill(samples.after.begin(), samples.after.end(), 0.0);
  const FoundFrequency found = Found(samples);
  EXPECT_TRUE(std::isinf(found.deviation));
  EXPECT_TRUE(std::isfinite(found.frequency));
}

}  // namespace
}  // namespace rotary
