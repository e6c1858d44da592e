// Properties: of several axes, the one that each pair reads is seen in its turns, in any sections
// and order, with a config or without; pairs that turn too little to show theirs keep the config's;
// the rule is found on the axes that were seen, under the code of the finding where they are not
// the config's.
#include "rotary/doctor/measurements.h"

#include <algorithm>
#include <cmath>

#include "gtest/gtest.h"
#include "rotary/config/test_config.h"
#include "rotary/doctor/diagnosis.h"
#include "rotary/doctor/test_observation.h"

namespace rotary {
namespace {

constexpr int kAxes = 3;
constexpr ObservationShape kShape{.tokens = 60};

// Ten tokens of text, then an image of 5 columns.
std::vector<double> TextAndImage() {
  std::vector<double> positions;
  for (int64_t t = 0; t < kShape.tokens; ++t) {
    const auto p = static_cast<double>(std::min<int64_t>(t, 10));
    const auto place = static_cast<double>(std::max<int64_t>(t - 10, 0));
    positions.insert(positions.end(), {p, p + std::floor(place / 5), p + std::fmod(place, 5.0)});
  }
  return positions;
}

// Of 32 pairs: the first, the next and the last sections, one after the other.
std::vector<int> Sections(int first, int next) {
  std::vector<int> axes;
  for (int j = 0; j < 32; ++j) axes.push_back(j < first ? 0 : j < first + next ? 1 : 2);
  return axes;
}

std::vector<int> TakingTurns() {
  std::vector<int> axes;
  for (int j = 0; j < 32; ++j) axes.push_back(j % kAxes);
  return axes;
}

Expectation Asked(double theta, const std::vector<int>& axes) {
  const RopeConfig config =
      ReadText("config.json",
               ModelText("llama", R"("head_dim": 64, "rope_theta": )" + std::to_string(theta)));
  Expectation expected = ExpectationOf(config.layers[0], false, config.length);
  expected.rotation.frequency = OnTheirAxes(expected.rotation.frequency, axes, kAxes);
  expected.rotation.axes = kAxes;
  return expected;
}

// What turns under `applied` show where `asked` was asked for.
struct Seen {
  std::vector<std::vector<int>> axis_of;
  std::vector<SpectrumGuess> rules;
};

Seen Look(const Expectation& applied, const std::optional<Expectation>& asked) {
  TestObservation test(applied.rotation, kShape, TextAndImage());
  const Samples samples = TakeSamples(test.observation(), kShape.tokens);
  const TurnTable table = TurnTableOf(samples, applied.layout.first, applied.layout.second);
  const Measurements measured = MeasurementsOf(table, samples, samples.positions, asked);
  return {measured.axis_of, RuleSpectra(measured, table, samples, samples.positions, asked)};
}

// The codes of the guess with the rotation's frequencies; "none" where there is none.
std::vector<std::string> CodesOf(const std::vector<SpectrumGuess>& guesses,
                                 const Rotation& rotation) {
  for (const SpectrumGuess& guess : guesses) {
    if (std::equal(guess.frequency.begin(), guess.frequency.end(), rotation.frequency.begin(),
                   rotation.frequency.end(),
                   [](double a, double b) { return std::abs(a - b) <= 1e-9 * std::abs(b); })) {
      return guess.codes;
    }
  }
  return {"none"};
}

using Codes = std::vector<std::string>;

TEST(MeasurementsOfTest, AxesAreSeenInAnySectionsAndOrder) {
  const std::vector<std::vector<int>> all = {Sections(8, 12), Sections(12, 8), Sections(16, 8),
                                             TakingTurns()};
  for (const auto& of_config : all) {
    const Expectation asked = Asked(10000, of_config);
    for (const auto& used : all) {
      const Expectation applied = Asked(10000, used);
      const Seen seen = Look(applied, asked);
      ASSERT_FALSE(seen.axis_of.empty());
      EXPECT_EQ(seen.axis_of.front(), used);
      EXPECT_EQ(seen.axis_of.back(), of_config);
      EXPECT_EQ(CodesOf(seen.rules, applied.rotation),
                used == of_config ? Codes() : Codes({"axis-order-differs"}));
    }
  }
}

TEST(MeasurementsOfTest, AxesAndThetaAtOnce) {
  const Expectation applied = Asked(20000, Sections(8, 12));
  const Seen seen = Look(applied, Asked(10000, TakingTurns()));
  EXPECT_EQ(CodesOf(seen.rules, applied.rotation), Codes({"theta-differs", "axis-order-differs"}));
}

TEST(MeasurementsOfTest, AxesWithoutAConfig) {
  const Expectation applied = Asked(10000, TakingTurns());
  const Seen seen = Look(applied, std::nullopt);
  ASSERT_FALSE(seen.axis_of.empty());
  EXPECT_EQ(seen.axis_of[0], TakingTurns());
  EXPECT_EQ(CodesOf(seen.rules, applied.rotation), Codes());
}

TEST(MeasurementsOfTest, PairsThatTurnTooLittleKeepTheConfigsAxis) {
  // The slowest turns by 1e-12 of a radian at most.
  const Expectation applied = Asked(1e15, Sections(8, 12)), asked = Asked(1e15, TakingTurns());
  const Seen seen = Look(applied, asked);
  ASSERT_FALSE(seen.axis_of.empty());
  for (size_t j = 0; j < 12; ++j) EXPECT_EQ(seen.axis_of[0][j], Sections(8, 12)[j]) << j;
  for (size_t j = 28; j < 32; ++j) EXPECT_EQ(seen.axis_of[0][j], TakingTurns()[j]) << j;
}

TEST(MeasurementsOfTest, AxesAreAsManyAsWereAskedFor) {
  TestObservation test(Asked(10000, TakingTurns()).rotation, kShape, TextAndImage());
  EXPECT_EQ(Thrown<std::invalid_argument>([&] { Diagnose(test.observation(), std::nullopt); }),
            "doctor: positions have 3 axes, and what was asked for has 1");
}

}  // namespace
}  // namespace rotary
