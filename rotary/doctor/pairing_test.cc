// Properties: the pairs of a rotation come back from what went in and what came out, in every
// layout, with one head as with many, in every dtype, with a factor; what a pair leaves is the
// least that any angles and factor leave; noise hides slow pairs and makes no wrong one; channels
// that are copied, silent or of no pair are said to be so; nothing is paired where nothing turned.
#include "rotary/doctor/pairing.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "rotary/base/error.h"
#include "rotary/doctor/test_observation.h"
#include "rotary/doctor/test_samples.h"

namespace rotary {
namespace {

Pairing PairsOf(const Rotation& rotation, const ObservationShape& shape, double first = 0) {
  TestObservation test(rotation, shape, CountedFrom(first, shape, 1000));
  return FindPairs(TakeSamples(test.observation(), 256));
}

// The pairs that were found are those of the rotation; returns how many.
int ExpectOnlyTrue(const Pairing& found, const Rotation& rotation, const std::string& what) {
  for (const FoundPair& pair : found.pairs) {
    bool is_there = false;
    for (int j = 0; j < rotation.pairs(); ++j) {
      const auto i = static_cast<size_t>(j);
      is_there = is_there || (std::min(rotation.first[i], rotation.second[i]) == pair.first &&
                              std::max(rotation.first[i], rotation.second[i]) == pair.second);
    }
    EXPECT_TRUE(is_there) << what << ": " << pair.first << " and " << pair.second;
  }
  return static_cast<int>(found.pairs.size());
}

TEST(FindPairsTest, EveryLayoutSpanAndDType) {
  for (const Layout layout : {Layout::kHalf, Layout::kInterleaved}) {
    for (const auto& [rotary_dim, offset] : {std::pair{64, 0}, {32, 0}, {32, 32}, {20, 7}}) {
      for (const DType dtype : {DType::kF64, DType::kF32}) {
        for (const int64_t heads : {1, 2, 8}) {
          Rotation rotation = MakeRotation({.head_dim = 64,
                                            .rotary_dim = rotary_dim,
                                            .offset = offset,
                                            .theta = 500,
                                            .layout = layout});
          rotation.attention_factor = heads == 2 ? 1.25 : 1;
          const std::string what = Sentence("layout ", static_cast<int>(layout), ", ", rotary_dim,
                                            " from ", offset, ", ", Name(dtype), ", heads ", heads);
          const Pairing found =
              PairsOf(rotation, {.rows = 2, .tokens = 40, .heads = heads, .dtype = dtype});
          EXPECT_EQ(ExpectOnlyTrue(found, rotation, what), rotary_dim / 2) << what;
          EXPECT_EQ(found.still.size(), static_cast<size_t>(64 - rotary_dim)) << what;
          EXPECT_TRUE(found.unexplained.empty()) << what;
        }
      }
    }
  }
}

TEST(FindPairsTest, SixteenBits) {
  // Slow pairs are not seen in few bits: what is found is right, and fast pairs are found.
  for (const DType dtype : {DType::kBF16, DType::kF16}) {
    const Rotation rotation = MakeRotation({.head_dim = 128, .theta = 10000});
    const Pairing found = PairsOf(rotation, {.tokens = 256, .heads = 4, .dtype = dtype});
    EXPECT_GE(ExpectOnlyTrue(found, rotation, std::string(Name(dtype))), 32);
  }
}

TEST(FindPairsTest, OneTokenOfOneHead) {
  const Rotation rotation = MakeRotation({.head_dim = 64, .theta = 100});
  const Pairing found = PairsOf(rotation, {.tokens = 1, .heads = 1}, 1000);
  EXPECT_EQ(ExpectOnlyTrue(found, rotation, "one token"), 32);
}

// Channels 0 and 1 change a little, by their large partners 2 and 3, which are as good as still.
TEST(FindPairsTest, TwoThatHardlyTurnedAreNoPair) {
  Samples samples = Simulate({.tokens = 64, .heads = 2, .head_dim = 4, .frequency = {0, 0}});
  for (size_t i = 0; i < samples.before.size(); i += 4) {
    double *x = &samples.before[i], *y = &samples.after[i];
    for (const size_t c : {0, 1}) {
      x[c] = RoundedTo(Precision::kBF16, x[c]);
      y[c + 2] = x[c + 2] = RoundedTo(Precision::kBF16, 30 * x[c + 2]);
      y[c] = RoundedTo(Precision::kBF16, x[c] - 4e-4 * x[c + 2]);
    }
  }
  samples.unit = 0x1p-8;
  const Pairing found = FindPairs(samples);
  EXPECT_TRUE(found.pairs.empty());
  EXPECT_EQ(found.unexplained, std::vector<int>({0, 1}));
}

TEST(FindPairsTest, NothingTurned) {
  const Pairing found = PairsOf(MakeRotation({.head_dim = 32}), {.tokens = 1, .heads = 4});
  EXPECT_TRUE(found.pairs.empty());
  EXPECT_EQ(found.still.size(), 32u);
}

TEST(FindPairsTest, NoRotationIsNotExplained) {
  const Rotation rotation = MakeRotation({.head_dim = 32, .theta = 100});
  const ObservationShape shape{.tokens = 32, .heads = 4};
  TestObservation test(rotation, shape, CountedFrom(0, shape)),
      other(rotation, {.tokens = 32, .heads = 4, .seed = 2}, CountedFrom(0, shape));
  test.observation().after = other.observation().after;
  const Pairing found = FindPairs(TakeSamples(test.observation(), 256));
  EXPECT_TRUE(found.pairs.empty());
  EXPECT_EQ(found.unexplained.size(), 32u);
}

// The least of a function that falls, then rises.
template <class Function>
double Least(double low, double high, const Function& function) {
  for (int i = 0; i < 80; ++i) {
    const double a = low + (high - low) / 3, b = high - (high - low) / 3;
    (function(a) < function(b) ? high : low) = function(a) < function(b) ? b : a;
  }
  return function(low);
}

TEST(FindPairsTest, RestIsTheLeastOfAllAnglesAndFactors) {
  constexpr int64_t kTokens = 5, kHeads = 4;
  const Samples samples = Simulate({.tokens = kTokens,
                                    .heads = kHeads,
                                    .head_dim = 2,
                                    .frequency = {0.4},
                                    .factor = 1.3,
                                    .noise = 0.05});
  double energy = 0;
  for (const double y : samples.after) energy += y * y;
  const auto left = [&](int64_t t, double factor, double angle) {
    double sum = 0;
    for (int64_t h = 0; h < kHeads; ++h) {
      const double* x = samples.Before(t) + 2 * h;
      const double* y = samples.After(t) + 2 * h;
      const double c = factor * std::cos(angle), s = factor * std::sin(angle);
      sum += std::pow(y[0] - c * x[0] + s * x[1], 2) + std::pow(y[1] - c * x[1] - s * x[0], 2);
    }
    return sum;
  };
  const double least = Least(0.5, 2, [&](double factor) {
    double sum = 0;
    for (int64_t t = 0; t < kTokens; ++t) {
      const double near = 0.4 * static_cast<double>(t);
      sum += Least(near - 1, near + 1, [&](double angle) { return left(t, factor, angle); });
    }
    return sum;
  });
  const Pairing found = FindPairs(samples);
  ASSERT_EQ(found.pairs.size(), 1u);
  EXPECT_NEAR(found.pairs[0].residual, least / energy, 1e-9);
  EXPECT_GT(least / energy, 1e-4);
}

TEST(FindPairsTest, AnyTwoChannelsMayBeAPair) {
  // A matching drawn at random, and two copies.
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    std::vector<int> order(64);
    for (size_t i = 0; i < 64; ++i) order[i] = static_cast<int>(i);
    const Random random(seed, 3);
    for (size_t i = 63; i > 0; --i) std::swap(order[i], order[random.Below(i + 1, i)]);
    Simulation simulation{.tokens = 32, .heads = 2, .head_dim = 64, .kept = Precision::kF32};
    for (size_t j = 0; j < 31; ++j) {
      simulation.first.push_back(order[2 * j]);
      simulation.second.push_back(order[2 * j + 1]);
      simulation.frequency.push_back(std::pow(0.8, j));
    }
    const Pairing found = FindPairs(Simulate(simulation));
    EXPECT_EQ(found.pairs.size(), 31u);
    for (const FoundPair& pair : found.pairs) {
      size_t j = 0;
      while (j < 31 && std::minmax(order[2 * j], order[2 * j + 1]) !=
                           std::pair<const int&, const int&>(pair.first, pair.second)) {
        ++j;
      }
      EXPECT_LT(j, 31u) << pair.first << ' ' << pair.second;
    }
    std::vector<int> copies = {order[62], order[63]};
    std::sort(copies.begin(), copies.end());
    EXPECT_EQ(found.still, copies);
  }
}

TEST(FindPairsTest, NoiseHidesSlowPairsAndMakesNoWrongOnes) {
  std::vector<double> frequency;
  for (int j = 0; j < 32; ++j) frequency.push_back(std::pow(10000, -j / 32.0));
  // A pair that turns by a over all tokens differs from a copy by a^2 / 3 of its energy.
  for (const auto& [noise, least] :
       {std::pair{1e-6, 32}, {1e-3, 31}, {1e-2, 24}, {0.1, 16}, {0.2, 8}}) {
    for (const int64_t heads : {1, 4}) {
      for (uint64_t seed = 1; seed <= 3; ++seed) {
        const Pairing found = FindPairs(Simulate({.tokens = 128,
                                                  .heads = heads,
                                                  .head_dim = 64,
                                                  .frequency = frequency,
                                                  .noise = noise,
                                                  .kept = Precision::kF32,
                                                  .seed = seed}));
        EXPECT_GE(static_cast<int>(found.pairs.size()), least) << noise << ' ' << heads;
        for (const FoundPair& pair : found.pairs) EXPECT_EQ(pair.second, pair.first + 32);
      }
    }
  }
}

TEST(FindPairsTest, CopiesBesideNoiseAreStillAndTooMuchOfItIsSaid) {
  Simulation simulation{.tokens = 64,
                        .heads = 4,
                        .head_dim = 8,
                        .first = {0, 1},
                        .second = {2, 3},
                        .frequency = {0.7, 0.3},
                        .noise = 0.01};
  Pairing found = FindPairs(Simulate(simulation));
  EXPECT_EQ(found.pairs.size(), 2u);
  EXPECT_EQ(found.still, std::vector<int>({4, 5, 6, 7}));
  simulation.noise = 0.4;  // 0.14 of the energy
  found = FindPairs(Simulate(simulation));
  EXPECT_TRUE(found.pairs.empty());
  EXPECT_EQ(found.unexplained.size(), 8u);
}

TEST(FindPairsTest, ChannelsThatRepeatOthersAreNotTold) {
  // (0, 2) and (1, 3) turn alike and hold the same: (0, 3) and (1, 2) would do as well.
  Samples samples = Simulate({.head_dim = 4, .frequency = {0.7, 0.7}});
  for (auto* list : {&samples.before, &samples.after}) {
    for (size_t i = 0; i < list->size(); i += 4) {
      for (const size_t c : {size_t{1}, size_t{3}}) (*list)[i + c] = (*list)[i + c - 1];
    }
  }
  const Pairing found = FindPairs(samples);
  EXPECT_TRUE(found.pairs.empty());
  EXPECT_EQ(found.unexplained, std::vector<int>({0, 1, 2, 3}));
}

TEST(FindPairsTest, SilentChannels) {
  Samples samples = Simulate({.head_dim = 6, .first = {0}, .second = {1}, .frequency = {0.7}});
  for (size_t i = 0; i < samples.before.size(); i += 6) {
    for (const size_t c : {size_t{2}, size_t{3}}) samples.before[i + c] = samples.after[i + c] = 0;
    samples.before[i + 4] = 0;  // something comes of nothing
  }
  const Pairing found = FindPairs(samples);
  ASSERT_EQ(found.pairs.size(), 1u);
  EXPECT_EQ(found.silent, std::vector<int>({2, 3}));
  EXPECT_EQ(found.unexplained, std::vector<int>({4}));
  EXPECT_EQ(found.still, std::vector<int>({5}));
}

TEST(FindPairsTest, UnrelatedNumbersAreNoPairs) {
  for (const int64_t heads : {1, 2, 4}) {
    for (uint64_t seed = 1; seed <= 4; ++seed) {
      const Simulation simulation{.tokens = 16 / heads,
                                  .heads = heads,
                                  .head_dim = 64,
                                  .frequency = std::vector<double>(32, 1.0),
                                  .seed = seed};
      Simulation other = simulation;
      other.seed += 100;
      Samples samples = Simulate(simulation);
      samples.after = Simulate(other).after;
      EXPECT_TRUE(FindPairs(samples).pairs.empty()) << heads << ' ' << seed;
    }
  }
}

}  // namespace
}  // namespace rotary
