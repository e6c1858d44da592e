// Properties: numbers have their thousands apart and six digits; each rule, position and layout has
// the words that verdicts are made of.
#include "rotary/doctor/words.h"

#include <numbers>

#include "gtest/gtest.h"

namespace rotary {
namespace {

TEST(WordsTest, Numbers) {
  EXPECT_EQ(Number(500000), "500,000");
  EXPECT_EQ(Number(-1234567), "-1,234,567");
  EXPECT_EQ(Number(-123), "-123");
  EXPECT_EQ(Number(12345.678), "12,345.7");
  EXPECT_EQ(Number(0.25), "0.25");
  EXPECT_EQ(Number(1.5e-5), "1.5e-05");
  EXPECT_EQ(Joined({"a"}), "a");
  EXPECT_EQ(Listed("Head", {2}), "Head 2");
  EXPECT_EQ(Listed("Row", {0, 3, 4}), "Rows 0, 3 and 4");
  EXPECT_EQ(Joined({"a", "b", "c"}), "a, b and c");
}

TEST(WordsTest, LayoutsAndPositions) {
  EXPECT_EQ(DescribeLayout(HalfLayout(64, 0), 64), "half layout");
  EXPECT_EQ(DescribeLayout(InterleavedLayout(32, 8), 64),
            "interleaved layout over 32 of 64 channels from 8 on");
  EXPECT_EQ(DescribePositions({.kind = "as given"}, true), "as given");
  EXPECT_EQ(DescribePositions({.kind = "as given"}, false), "counted from 0");
  EXPECT_EQ(DescribePositions({.kind = "shifted", .shift = -3}, true), "3 lower than given");
  EXPECT_EQ(DescribePositions({.kind = "shifted", .shift = 5}, false), "counted from 5");
  EXPECT_EQ(DescribePositions({.kind = "other", .positions = {7, 3, 1e4}}, false),
            "between 3 and 10,000");
  EXPECT_EQ(DescribePositions({.kind = "rounded", .precision = Precision::kBF16}, true),
            "rounded to bfloat16");
}

TEST(WordsTest, Spectra) {
  SpectrumGuess guess;
  EXPECT_EQ(DescribeSpectrum(guess), "frequencies of their own");
  guess.theta = 1e6;
  guess.rule = "yarn";
  guess.made_by = YarnRule{.factor = 4, .trained_length = 32768};
  EXPECT_EQ(DescribeSpectrum(guess), "theta 1,000,000 with yarn (factor 4)");
  guess.scale = 2 * std::numbers::pi;
  guess.denominator = 64;
  EXPECT_EQ(DescribeSpectrum(guess),
            "theta 1,000,000 in exponents over 64 channels with yarn (factor 4), every angle times "
            "2 pi");
  guess.scale = 2;
  guess.codes = {"rotated-twice"};  // the finding says so
  EXPECT_EQ(DescribeSpectrum(guess),
            "theta 1,000,000 in exponents over 64 channels with yarn (factor 4)");
  EXPECT_EQ(ShortRule(NtkRule{.alpha = 8}), "ntk-alpha (alpha 8)");
  EXPECT_EQ(ShortRule(PlainRule{}), "default");
  EXPECT_EQ(FactorOf(Llama3Rule{.factor = 8}), 8);
  EXPECT_EQ(FactorOf(NtkRule{.alpha = 8}), std::nullopt);
  EXPECT_EQ(DescribeAsked({.theta = 5e5, .rule = Llama3Rule{.factor = 8}, .by_rule = true}),
            "theta 500,000 with llama3 (factor 8)");
  EXPECT_EQ(DescribeAsked({.theta = 5e5}), "frequencies of its own");
  EXPECT_EQ(Asker({}), "the config");
  EXPECT_EQ(OfAsker({}), "the config's");
  EXPECT_EQ(Asker({.by_config = false}), "the rotation you gave");
  EXPECT_EQ(OfAsker({.by_config = false}), "those of the rotation you gave");
  EXPECT_EQ(DescribeFound({}, std::nullopt), "frequencies of their own");
  EXPECT_EQ(DescribeFound({}, Expectation{}), "the frequencies asked for");
  EXPECT_EQ(DescribeFound({.spectrum = guess}, Expectation{}), DescribeSpectrum(guess));
}

}  // namespace
}  // namespace rotary
