// Properties: the position of every token comes back from its angles alone, near what was believed
// and far from it, whole or not, on every axis, in every format, and scatters by what is said of
// it; of positions that look the same the nearest is named; tokens with pairs that tell little take
// the shift of their neighbours.
#include "rotary/doctor/token_shifts.h"

#include <cmath>
#include <numbers>

#include "gtest/gtest.h"
#include "rotary/base/error.h"
#include "rotary/doctor/test_samples.h"

namespace rotary {
namespace {

constexpr int kPairs = 32;

std::vector<double> Frequencies(double theta = 10000) {
  std::vector<double> frequency;
  for (int j = 0; j < kPairs; ++j) frequency.push_back(std::pow(theta, -j / double{kPairs}));
  return frequency;
}

Samples At(const std::vector<double>& positions, Precision kept, double noise = 0,
           uint64_t seed = 1) {
  return Simulate({.tokens = static_cast<int64_t>(positions.size()),
                   .heads = 4,
                   .head_dim = 2 * kPairs,
                   .frequency = Frequencies(),
                   .positions = positions,
                   .noise = noise,
                   .kept = kept,
                   .seed = seed});
}

TurnTable TableOf(const Samples& samples) {
  std::vector<int> first, second;
  for (int j = 0; j < kPairs; ++j) {
    first.push_back(j);
    second.push_back(j + kPairs);
  }
  return TurnTableOf(samples, first, second);
}

struct TokenPosition {
  double position = 0, deviation = 0;
};

// [tokens, axes], each axis by itself.
std::vector<TokenPosition> PositionsOf(const TurnTable& table, const std::vector<double>& frequency,
                                       int axes, bool inverse, const std::vector<double>& near,
                                       double tolerance) {
  std::vector<TokenPosition> found(near.size());
  for (int axis = 0; axis < axes; ++axis) {
    const TokenShifts search(table, frequency, axes, inverse, near, tolerance, axis);
    const std::vector<TokenShift> shifts = search.Each();
    for (size_t t = 0; t < shifts.size(); ++t) {
      const size_t i = t * static_cast<size_t>(axes) + static_cast<size_t>(axis);
      found[i] = {near[i] + shifts[t].shift, shifts[t].deviation};
    }
  }
  return found;
}

// The truth, where `near` was believed.
std::vector<TokenPosition> Found(const Samples& samples, const std::vector<double>& near,
                                 bool inverse = false) {
  return PositionsOf(TableOf(samples), Frequencies(), 1, inverse, near, 0);
}

TEST(TokenShiftsTest, AnyPositionInEveryFormat) {
  const std::vector<double> truth = {0, 1, 7, 2049, 131071, -5, 0.5, 33.25};
  for (const Precision kept :
       {Precision::kDouble, Precision::kF32, Precision::kF16, Precision::kBF16}) {
    const Samples samples = At(truth, kept);
    for (const double off : {0.0, 1.0, -3.0, 300.0}) {
      std::vector<double> near = truth;
      for (double& p : near) p += off;
      const std::vector<TokenPosition> found = Found(samples, near);
      ASSERT_EQ(found.size(), truth.size());
      for (size_t t = 0; t < truth.size(); ++t) {
        const double deviation = found[t].deviation;
        const std::string what = Sentence(Name(kept), ", ", truth[t], " near ", near[t]);
        EXPECT_LE(std::abs(found[t].position - truth[t]), 6 * deviation + 1e-9) << what;
        EXPECT_LT(deviation, kept == Precision::kBF16 ? 0.01 : 1e-3) << what;
      }
    }
  }
}

TEST(TokenShiftsTest, FarFromWhatWasBelieved) {
  // All counted from 0; turned where a cache ends, and in a text that began again.
  const std::vector<double> near = Counted(40);
  for (const double first : {-20.0, 4096.0, 131000.0, 200000.0}) {
    const std::vector<double> truth = Counted(40, first);
    const std::vector<TokenPosition> found = Found(At(truth, Precision::kF32), near);
    for (size_t t = 0; t < 40; ++t) EXPECT_NEAR(found[t].position, truth[t], 1e-3) << first;
  }
}

TEST(TokenShiftsTest, DeviationsAreTheScatterOfNoise) {
  for (const double noise : {0.01, 0.1}) {
    double pull = 0;
    constexpr int kDraws = 125;
    for (int draw = 0; draw < kDraws; ++draw) {
      const std::vector<double> truth = Counted(8, 1000);
      const Samples samples = At(truth, Precision::kDouble, noise, static_cast<uint64_t>(draw) + 1);
      const std::vector<TokenPosition> found = Found(samples, truth);
      for (size_t t = 0; t < 8; ++t) {
        pull += std::pow((found[t].position - truth[t]) / found[t].deviation, 2) / 8 / kDraws;
        EXPECT_LT(found[t].deviation, noise);
      }
    }
    EXPECT_NEAR(std::sqrt(pull), 1, 0.2) << noise;
  }
}

TEST(TokenShiftsTest, Backwards) {
  const std::vector<double> truth = Counted(5, 50), mirrored = {-50, -51, -52, -53, -54};
  const Samples samples = At(mirrored, Precision::kF32);
  const std::vector<TokenPosition> found = Found(samples, truth, true);
  for (size_t t = 0; t < 5; ++t) EXPECT_NEAR(found[t].position, truth[t], 1e-4);
}

TEST(TokenShiftsTest, AngleErrorsOfFloat32AreAllowed) {
  // As if every angle had been rounded to float: at 131,071 some are off by 4e-3.
  std::vector<double> rounded = Frequencies();
  Samples samples = At({131071}, Precision::kF32);
  for (int64_t h = 0; h < 4; ++h) {
    for (size_t j = 0; j < kPairs; ++j) {
      const size_t f = static_cast<size_t>(h) * 2 * kPairs + j, g = f + kPairs;
      const double angle = static_cast<float>(rounded[j] * 131071);
      const double c = std::cos(angle), s = std::sin(angle);
      samples.after[f] = c * samples.before[f] - s * samples.before[g];
      samples.after[g] = c * samples.before[g] + s * samples.before[f];
    }
  }
  const TokenPosition found =
      PositionsOf(TableOf(samples), Frequencies(), 1, false, {131070}, 0x1p-23)[0];
  EXPECT_LE(std::abs(found.position - 131071), 3 * found.deviation);
  EXPECT_TRUE(found.deviation > 1e-4 && found.deviation < 0.05) << found.deviation;
}

TEST(TokenShiftsTest, OfPositionsThatLookTheSameTheNearest) {
  // One pair: whole turns of it cannot be told.
  constexpr double kTurn = 2 * std::numbers::pi / 0.5;
  const Samples samples = Simulate(
      {.tokens = 1, .head_dim = 2, .frequency = {0.5}, .positions = {3}, .kept = Precision::kF32});
  for (const double turns : {-2.0, 0.0, 1.0, 40.0}) {
    const double near = 3 + turns * kTurn + 2;
    const TokenPosition found =
        PositionsOf(TurnTableOf(samples, {0}, {1}), {0.5}, 1, false, {near}, 0)[0];
    EXPECT_NEAR(found.position, 3 + turns * kTurn, 1e-5);
  }
}

TEST(TokenShiftsTest, WhatStandsStillTellsNothing) {
  const Samples samples = At({5}, Precision::kF32);
  const std::vector<double> still(kPairs, 0);
  const TokenPosition found = PositionsOf(TableOf(samples), still, 1, false, {5}, 0)[0];
  EXPECT_TRUE(std::isinf(found.deviation));
  EXPECT_EQ(found.position, 5);
}

TEST(TokenShiftsTest, EveryAxisFromItsOwnPairs) {
  // Pairs take turns: even ones read the first axis, odd ones the second.
  const std::vector<std::pair<double, double>> truth = {{3, 40}, {1000, 2}, {7, 7}};
  std::vector<double> frequency, near;
  for (int j = 0; j < kPairs; ++j) {
    const double w = Frequencies()[static_cast<size_t>(j)];
    for (const int axis : {0, 1}) frequency.push_back(j % 2 == axis ? w : 0);
  }
  Samples samples = At({0, 0, 0}, Precision::kF32);
  samples.axes = 2;
  for (size_t t = 0; t < 3; ++t) {
    near.push_back(truth[t].first + 2);
    near.push_back(truth[t].second - 1);
    for (size_t i = t * 4 * 2 * kPairs; i < (t + 1) * 4 * 2 * kPairs; i += 2 * kPairs) {
      for (size_t j = 0; j < kPairs; ++j) {
        const double p = j % 2 == 0 ? truth[t].first : truth[t].second;
        const double c = std::cos(p * Frequencies()[j]), s = std::sin(p * Frequencies()[j]);
        const double x1 = samples.before[i + j], x2 = samples.before[i + j + kPairs];
        samples.after[i + j] = static_cast<float>(c * x1 - s * x2);
        samples.after[i + j + kPairs] = static_cast<float>(c * x2 + s * x1);
      }
    }
  }
  const std::vector<TokenPosition> found =
      PositionsOf(TableOf(samples), frequency, 2, false, near, 0);
  ASSERT_EQ(found.size(), 6u);
  for (size_t t = 0; t < 3; ++t) {
    EXPECT_NEAR(found[2 * t].position, truth[t].first, 1e-3);
    EXPECT_NEAR(found[2 * t + 1].position, truth[t].second, 1e-3);
  }
}

TEST(TokenShiftsTest, TokensShareShifts) {
  // Two pairs alone, in bfloat16: a token by itself takes the least shift that fits.
  std::vector<double> truth = Counted(40, 1000);
  for (size_t t = 20; t < 40; ++t) truth[t] -= 1020;
  const std::vector<double> near = Counted(40, 1000), frequency = {1, 0.137};
  const Samples samples = Simulate({.tokens = 40,
                                    .heads = 4,
                                    .head_dim = 4,
                                    .frequency = frequency,
                                    .positions = truth,
                                    .kept = Precision::kF32});
  const TokenShifts search(TurnTableOf(samples, {0, 1}, {2, 3}), frequency, 1, false, near, 0, {});
  const std::vector<double> shared = search.Shared(search.Each());
  for (size_t t = 0; t < 40; ++t) EXPECT_EQ(shared[t], t < 20 ? 0 : -1020) << t;
}

}  // namespace
}  // namespace rotary
