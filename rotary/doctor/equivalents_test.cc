// Properties: every story that is told is true: what it names makes the same numbers from the same
// inputs. Nothing is told where nothing is equivalent, and nothing twice.
#include "rotary/doctor/equivalents.h"

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "rotary/doctor/output_fit.h"
#include "rotary/doctor/regression.h"
#include "rotary/rope/spectra.h"

namespace rotary {
namespace {

constexpr int kDim = 16;

// 40 tokens of 2 heads at positions 0, 1, ... on every axis.
Samples Inputs(int axes = 1) {
  Samples samples{.tokens = 40, .heads = 2, .head_dim = kDim, .axes = axes, .unit = 0x1p-53};
  for (int i = 0; i < 40 * 2 * kDim; ++i) samples.before.push_back(1 + std::sin(1.7 * i * i));
  for (size_t t = 0; t < 40; ++t) {
    samples.positions.insert(samples.positions.end(), static_cast<size_t>(axes),
                             static_cast<double>(t));
    samples.row.push_back(0);
    samples.token.push_back(static_cast<int64_t>(t));
  }
  return samples;
}

Rotation Turning(const ChannelLayout& layout, std::vector<double> frequency) {
  Rotation rotation{.head_dim = kDim};
  rotation.first.assign(layout.first.begin(), layout.first.end());
  rotation.second.assign(layout.second.begin(), layout.second.end());
  rotation.frequency = std::move(frequency);
  return rotation;
}

std::vector<double> Outputs(const Samples& samples, const Rotation& rotation, double of_position) {
  std::vector<double> positions = samples.positions;
  for (double& p : positions) p *= of_position;
  return Predicted(samples, {.rotation = rotation}, positions);
}

void ExpectSame(const std::vector<double>& a, const std::vector<double>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) ASSERT_LE(std::abs(a[i] - b[i]), 1e-12) << i;
}

// The stories of a spectrum in the half layout over `dim` channels, whose outputs are left in
// `samples`.
std::vector<std::string> Told(Samples& samples, const SpectrumGuess& spectrum, int dim = kDim) {
  Explanation found{.layout = HalfLayout(dim, 0), .spectrum = spectrum};
  found.positions = {.kind = "as given", .positions = samples.positions};
  samples.after = Outputs(samples, Turning(found.layout, spectrum.frequency), 1);
  return EquivalentStories(found, samples, std::nullopt);
}

SpectrumGuess Guess(double theta, const Rule& rule, int dim = kDim) {
  return {.frequency = MakeSpectrum(dim, theta, rule).frequency,
          .theta = theta,
          .rule = std::string(Name(rule)),
          .made_by = rule};
}

using Stories = std::vector<std::string>;

TEST(EquivalentsTest, APlainRotationHasNoOtherWords) {
  Samples samples = Inputs();
  EXPECT_EQ(Told(samples, Guess(1e4, PlainRule{})), Stories{});
}

TEST(EquivalentsTest, LinearScalingDividesPositions) {
  Samples samples = Inputs();
  EXPECT_EQ(Told(samples, Guess(1e4, LinearRule{.factor = 4})),
            Stories{"Positions divided by 4 at plain theta 10,000: that is what linear scaling "
                    "does."});
  ExpectSame(samples.after,
             Outputs(samples, Turning(HalfLayout(kDim, 0), PlainFrequencies(kDim, 1e4)), 0.25));
}

TEST(EquivalentsTest, NtkIsAnotherTheta) {
  Samples samples = Inputs();
  const double theta = 1e4 * std::pow(8.0, 16.0 / 14);
  EXPECT_EQ(Told(samples, Guess(1e4, NtkRule{.alpha = 8})).at(0),
            "Plain theta 107,672: that is what NTK-aware scaling by 8 does.");
  EXPECT_NEAR(theta, 107672, 0.5);
  ExpectSame(samples.after,
             Outputs(samples, Turning(HalfLayout(kDim, 0), PlainFrequencies(kDim, theta)), 1));
}

TEST(EquivalentsTest, RotatedTwiceIsFrequenciesOrPositionsDoubled) {
  Samples samples = Inputs();
  SpectrumGuess twice = Guess(1e4, PlainRule{});
  const Rotation once = Turning(HalfLayout(kDim, 0), twice.frequency);
  for (double& w : twice.frequency) w *= 2;
  twice.scale = 2;
  EXPECT_EQ(Told(samples, twice),
            Stories{"Rotated twice, every frequency doubled, or every position doubled: the same "
                    "angles."});
  ExpectSame(samples.after, Outputs(samples, once, 2));
  Samples again = samples;
  again.before = Outputs(samples, once, 1);
  ExpectSame(samples.after, Outputs(again, once, 1));
}

TEST(EquivalentsTest, AnotherDenominatorIsAnotherTheta) {
  Samples samples = Inputs();
  const Stories told = Told(samples, Guess(100, PlainRule{}, 8), 8);
  EXPECT_EQ(told, Stories{"The same frequencies: theta 10000 with exponents over 16 channels "
                          "(head_dim) instead of 8."});
  for (int j = 0; j < 4; ++j) {
    EXPECT_NEAR(std::pow(100, -2.0 * j / 8), std::pow(1e4, -2.0 * j / 16), 1e-15);
  }
}

TEST(EquivalentsTest, BackwardsIsChannelsExchanged) {
  Samples samples = Inputs();
  Explanation found{.layout = HalfLayout(kDim, 0), .spectrum = Guess(1e4, PlainRule{})};
  found.positions = {.kind = "as given", .positions = samples.positions};
  found.fit.inverse = true;
  const Rotation forward = Turning(found.layout, found.spectrum.frequency);
  samples.after = Outputs(samples, forward, -1);
  EXPECT_EQ(EquivalentStories(found, samples, std::nullopt),
            Stories{"The two channels of each pair exchanged, or every position negative: the same "
                    "as turning backwards."});
  Rotation exchanged = forward;
  std::swap(exchanged.first, exchanged.second);
  ExpectSame(samples.after, Outputs(samples, exchanged, 1));
}

TEST(EquivalentsTest, AFactorOnEverythingThatTurns) {
  Samples samples = Inputs();
  Explanation found{.layout = HalfLayout(kDim, 0), .spectrum = Guess(1e4, PlainRule{})};
  found.positions = {.kind = "as given", .positions = samples.positions};
  found.fit.factor = 1.25;
  Rotation rotation = Turning(found.layout, found.spectrum.frequency);
  rotation.attention_factor = 1.25;
  samples.after = Outputs(samples, rotation, 1);
  EXPECT_EQ(
      EquivalentStories(found, samples, std::nullopt),
      Stories{"What goes in, or comes out, multiplied by 1.25, with cosines and sines as they "
              "are."});
  rotation.attention_factor = 1;
  Samples scaled = samples;
  for (double& x : scaled.before) x *= 1.25;
  ExpectSame(samples.after, Outputs(scaled, rotation, 1));
  // Channels that are copied would be multiplied too.
  found.layout = HalfLayout(8, 0);
  found.spectrum = {};
  EXPECT_EQ(EquivalentStories(found, samples, std::nullopt), Stories{});
}

TEST(EquivalentsTest, PermutedOutputsArePermutedInputs) {
  Samples samples = Inputs();
  Explanation found{.layout = InterleavedLayout(kDim, 0), .spectrum = Guess(1e4, PlainRule{})};
  found.positions = {.kind = "as given", .positions = samples.positions};
  // Channel c comes out at places[c]: neighbours as halves.
  for (int c = 0; c < kDim; ++c) found.places.push_back(c / 2 + c % 2 * (kDim / 2));
  const auto moved = [&](const std::vector<double>& x) {
    std::vector<double> y(x.size());
    for (size_t i = 0; i < x.size(); ++i) {
      y[i - i % kDim + static_cast<size_t>(found.places[i % kDim])] = x[i];
    }
    return y;
  };
  samples.after = moved(Outputs(samples, Turning(found.layout, found.spectrum.frequency), 1));
  EXPECT_EQ(EquivalentStories(found, samples, std::nullopt),
            Stories{"What goes in brought to that order of channels, and then turned in the pairs "
                    "as they lie there."});
  Samples ordered = samples;
  ordered.before = moved(samples.before);
  ExpectSame(samples.after,
             Outputs(ordered, Turning(HalfLayout(kDim, 0), found.spectrum.frequency), 1));
}

TEST(EquivalentsTest, AxesThatAgreeDoNotShow) {
  Samples samples = Inputs(2);
  Explanation found{.layout = HalfLayout(4, 0), .spectrum = {.frequency = {1, 0, 0, 0.1}}};
  found.positions = {.kind = "as given", .positions = samples.positions};
  const Stories told = EquivalentStories(found, samples, std::nullopt);
  EXPECT_EQ(told, Stories{"Positions are the same on every axis: which pair reads which axis does "
                          "not show, and one axis would do the same."});
  found.positions.positions[7] += 1;
  EXPECT_EQ(EquivalentStories(found, samples, std::nullopt), Stories{});
}

}  // namespace
}  // namespace rotary
