// Properties: from what tokens show come one shift, one for each row, and positions that begin
// again; of angles in a short format the shift of most tokens, rounded too.
#include "rotary/doctor/token_positions.h"

#include <cmath>

#include "gtest/gtest.h"
#include "rotary/doctor/test_samples.h"

namespace rotary {
namespace {

constexpr int kPairs = 32;

std::vector<double> Frequencies() {
  std::vector<double> frequency;
  for (int j = 0; j < kPairs; ++j) frequency.push_back(std::pow(10000, -j / double{kPairs}));
  return frequency;
}

// Tokens of equal rows that were turned at `used`, where they stand at 0, 1 ..; `known`: as given.
Samples Turned(int64_t rows, const std::vector<double>& used, bool known = true) {
  const int64_t tokens = std::ssize(used);
  Samples samples = Simulate({.tokens = tokens,
                              .heads = 2,
                              .head_dim = 2 * kPairs,
                              .frequency = Frequencies(),
                              .positions = used,
                              .kept = Precision::kF32});
  samples.positions.clear();
  samples.row.clear();
  samples.token.clear();
  for (int64_t i = 0; i < tokens; ++i) {
    samples.row.push_back(i / (tokens / rows));
    samples.token.push_back(i % (tokens / rows));
    if (known) samples.positions.push_back(static_cast<double>(samples.token.back()));
  }
  return samples;
}

TurnTable TableOf(const Samples& samples) {
  std::vector<int> first, second;
  for (int j = 0; j < kPairs; ++j) {
    first.push_back(j);
    second.push_back(j + kPairs);
  }
  return TurnTableOf(samples, first, second);
}

std::vector<PositionGuess> Guesses(const Samples& samples) {
  std::vector<double> given;
  for (const int64_t token : samples.token) given.push_back(static_cast<double>(token));
  return PositionsFound(TableOf(samples), samples, Frequencies(), false, given, 0);
}

TEST(UsualPositionsTest, AsGivenAndRoundedWhereThatChangesThem) {
  std::vector<PositionGuess> guesses = UsualPositions({0, 1, 256});
  ASSERT_EQ(guesses.size(), 1u);
  EXPECT_EQ(guesses[0].kind, "as given");
  guesses = UsualPositions({0, 257, 2049});
  ASSERT_EQ(guesses.size(), 4u);
  const Precision formats[] = {Precision::kBF16, Precision::kF16, Precision::kTF32};
  const std::vector<double> rounded[] = {{0, 256, 2048}, {0, 257, 2048}, {0, 257, 2048}};
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(guesses[i + 1].kind, "rounded");
    EXPECT_EQ(guesses[i + 1].precision, formats[i]);
    EXPECT_EQ(guesses[i + 1].positions, rounded[i]);
  }
  // Beyond the largest of float16.
  for (const PositionGuess& guess : UsualPositions({70001})) {
    EXPECT_NE(guess.precision, Precision::kF16);
  }
}

TEST(PositionsFoundTest, OneShift) {
  for (const double shift : {1.0, -3.0, 1000.0}) {
    const auto guesses = Guesses(Turned(1, Counted(9, shift)));
    ASSERT_FALSE(guesses.empty());
    EXPECT_EQ(guesses[0].kind, "shifted");
    EXPECT_EQ(guesses[0].shift, shift);
    EXPECT_EQ(guesses[0].positions, Counted(9, shift));
    EXPECT_EQ(guesses[0].faults, 1);
    EXPECT_EQ(guesses.back().kind, "other");
    EXPECT_GT(guesses.back().faults, 1);
  }
  // Positions that nobody gave are half a surprise.
  EXPECT_EQ(Guesses(Turned(1, Counted(9, 5), false))[0].faults, 0.5);
}

TEST(PositionsFoundTest, OneShiftForEachRow) {
  const std::vector<double> used = {2, 3, 4, -5, -4, -3};
  const auto guesses = Guesses(Turned(2, used));
  ASSERT_EQ(guesses.size(), 3u);
  EXPECT_EQ(guesses[1].kind, "by row");
  EXPECT_EQ(guesses[1].positions, used);
}

TEST(PositionsFoundTest, PositionsThatBeginAgain) {
  const std::vector<double> used = {0, 1, 2, 3, 4, 0, 1, 2};
  const auto guesses = Guesses(Turned(1, used));
  ASSERT_EQ(guesses.size(), 1u);  // the shift of most is none
  EXPECT_EQ(guesses[0].kind, "other");
  EXPECT_EQ(guesses[0].positions, used);
  EXPECT_LT(guesses[0].faults, 3);  // one change, not one for each token
}

TEST(PositionsFoundTest, TokensThatTellNothingStay) {
  Samples samples = Turned(1, Counted(3, 5));
  for (int64_t i = 0; i < 2 * 2 * kPairs; ++i) {  // the first token
    samples.before[static_cast<size_t>(i)] = samples.after[static_cast<size_t>(i)] = 0;
  }
  const auto guesses = Guesses(samples);
  ASSERT_FALSE(guesses.empty());
  EXPECT_EQ(guesses.back().positions, std::vector<double>({0, 6, 7}));
}

TEST(PositionsFoundTest, NoneThatRunBackwardsOrBeyondAllTexts) {
  // Turned back: 9 - p for p.
  for (const PositionGuess& guess : Guesses(Turned(1, {9, 8, 7, 6, 5, 4}))) {
    EXPECT_EQ(guess.kind, "shifted");
  }
  for (const double shift : {1e6, 1e11}) {
    std::vector<double> slow(kPairs), given = Counted(4);
    for (int j = 0; j < kPairs; ++j) slow[static_cast<size_t>(j)] = 1e-12 * (j + 1);
    const Samples samples = Simulate({.tokens = 4,
                                      .heads = 2,
                                      .head_dim = 2 * kPairs,
                                      .frequency = slow,
                                      .positions = Counted(4, shift)});
    const auto guesses = PositionsFound(TableOf(samples), samples, slow, false, given, 0);
    EXPECT_EQ(guesses.empty(), shift > 1e10) << shift;
  }
}

TEST(PositionsOfTest, AsTheGuessSaysOfOtherTokens) {
  Samples explained{.tokens = 2, .positions = {3, 4}, .row = {0, 0}, .token = {0, 1}};
  const Samples same{.tokens = 1, .positions = {4}, .row = {0}, .token = {1}};
  const Samples later{.tokens = 1, .positions = {300}, .row = {0}, .token = {7}};
  const Samples other{.tokens = 1, .positions = {300}, .row = {1}, .token = {1}};
  const auto of = [&](const PositionGuess& guess, const Samples& some) {
    return PositionsOf(guess, explained, some).value_or(std::vector<double>{-1})[0];
  };
  const PositionGuess given{.kind = "as given", .positions = {3, 4}};
  const PositionGuess shifted{.kind = "shifted", .shift = 2, .positions = {5, 6}};
  const PositionGuess rounded{
      .kind = "rounded", .precision = Precision::kBF16, .positions = {3, 4}};
  const PositionGuess by_row{.kind = "by row", .positions = {8, 9}};
  const PositionGuess single{.kind = "other", .positions = {8, 40}};
  EXPECT_EQ(of(given, other), 300);
  EXPECT_EQ(of(shifted, other), 302);
  EXPECT_EQ(of(rounded, {.tokens = 1, .positions = {303}, .row = {1}, .token = {1}}), 304);
  EXPECT_EQ(of(by_row, later), 305);
  EXPECT_EQ(of(by_row, other), -1);
  EXPECT_EQ(of(single, same), 40);
  EXPECT_EQ(of(single, later), -1);
  EXPECT_EQ(of(single, other), -1);
}

TEST(PositionsRoundedTest, TheShiftOfMostAndBesideIt) {
  // Angles in bfloat16, of tokens that begin at 700.
  Samples samples = Turned(1, Counted(64, 700), false);
  for (int64_t t = 0; t < 64; ++t) {
    for (int64_t h = 0; h < 2; ++h) {
      for (int j = 0; j < kPairs; ++j) {
        const auto f = static_cast<size_t>((t * 2 + h) * 2 * kPairs + j), g = f + kPairs;
        const double angle = RoundedTo(
            Precision::kBF16, Frequencies()[static_cast<size_t>(j)] * static_cast<double>(700 + t));
        const double c = std::cos(angle), s = std::sin(angle);
        samples.after[f] = static_cast<float>(c * samples.before[f] - s * samples.before[g]);
        samples.after[g] = static_cast<float>(c * samples.before[g] + s * samples.before[f]);
      }
    }
  }
  const TurnTable table = TableOf(samples);
  const std::map<int64_t, double> shifts =
      ShiftsOfRows(table, samples, Frequencies(), Counted(64), Precision::kBF16);
  ASSERT_EQ(shifts.size(), 1u);
  EXPECT_NEAR(shifts.at(0), 700, 1);
  const auto left = [&](const std::vector<double>& positions, double) {
    return FitOf(table, Frequencies(), positions, 1, {.angles = Precision::kBF16}).chi;
  };
  for (const double off : {-2.0, 0.0, 1.0}) {
    const PositionGuess guess =
        PositionsRounded({{0, 700 + off}}, samples, Counted(64), Precision::kBF16, false, left);
    EXPECT_EQ(guess.kind, "shifted");
    EXPECT_EQ(guess.shift, 700);
    EXPECT_EQ(guess.positions, Counted(64, 700));
  }
}

TEST(PositionsRoundedTest, EachRowByItself) {
  Samples samples = Turned(2, Counted(8), false);
  const auto left = [](const std::vector<double>& positions, double) {
    return std::abs(positions[0] - 300) + std::abs(positions[4] - 901);
  };
  const PositionGuess guess = PositionsRounded(
      {{0, 302}, {1, 900}}, samples, {0, 1, 2, 3, 0, 1, 2, 3}, Precision::kBF16, false, left);
  EXPECT_EQ(guess.kind, "by row");
  EXPECT_EQ(guess.positions, std::vector<double>({300, 301, 302, 303, 901, 902, 903, 904}));
  EXPECT_EQ(guess.faults, 1);
  const PositionGuess rounded = PositionsRounded(
      {{0, 300}, {1, 900}}, samples, {0, 1, 2, 3, 0, 1, 2, 3}, Precision::kBF16, true, left);
  EXPECT_EQ(rounded.kind, "rounded");
  EXPECT_EQ(rounded.positions, std::vector<double>({300, 300, 302, 304, 900, 900, 904, 904}));
}

}  // namespace
}  // namespace rotary
