// Properties: a config's group of layers becomes the layout, theta and rule that its tensors are
// judged by; the spectra that may stand behind them are the expected one, without a fault, and
// those of known mistakes, each once, under the code of the finding and with the frequencies that
// the mistake makes.
#include "rotary/doctor/expectation.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "gtest/gtest.h"
#include "rotary/config/test_config.h"
#include "rotary/doctor/test_spectrum.h"

namespace rotary {
namespace {

Expectation Asked(const std::string& type, const std::string& keys = "", bool of_keys = false) {
  const RopeConfig config = ReadText("config.json", ModelText(type, keys));
  return ExpectationOf(config.layers[0], of_keys, config.length);
}

std::vector<SpectrumGuess> Usual(const Expectation& expected) {
  return UsualSpectra(expected, expected.layout, expected.rotation.head_dim);
}

bool Near(const std::vector<double>& a, const std::vector<double>& b, double relative = 1e-12) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [&](double x, double y) {
           return std::abs(x - y) <= relative * std::abs(y);
         });
}

// The codes of the guess that has these frequencies; "none" where there is none.
std::vector<std::string> CodesOf(const std::vector<SpectrumGuess>& guesses,
                                 const std::vector<double>& frequency) {
  for (const SpectrumGuess& guess : guesses) {
    if (Near(guess.frequency, frequency)) return guess.codes;
  }
  return {"none"};
}

using Codes = std::vector<std::string>;

void ExpectSound(const std::vector<SpectrumGuess>& guesses, const Expectation& expected) {
  int as_expected = 0;
  std::set<std::vector<double>> seen;
  for (const SpectrumGuess& guess : guesses) {
    EXPECT_TRUE(seen.insert(guess.frequency).second);
    EXPECT_EQ(guess.frequency.size(), expected.rotation.frequency.size());
    EXPECT_EQ(guess.codes.empty(), guess.faults == 0);
    EXPECT_TRUE(guess.codes.empty() || guess.faults >= 1);
    if (!guess.float32_frequency.empty()) {
      EXPECT_TRUE(Near(guess.float32_frequency, guess.frequency, 1e-5));
    }
    if (!guess.codes.empty()) continue;
    ++as_expected;
    EXPECT_TRUE(Near(guess.frequency, expected.rotation.frequency, 1e-15));
  }
  EXPECT_EQ(as_expected, 1);
}

TEST(ExpectationOfTest, OfAConfig) {
  const Expectation llama = Asked("llama", R"("rope_theta": 500000)");
  EXPECT_EQ(llama.layout, HalfLayout(128, 0));
  EXPECT_EQ(llama.theta, 500000);
  EXPECT_TRUE(llama.by_rule && llama.IsPlain() && !llama.of_keys);
  EXPECT_TRUE(Near(llama.rotation.frequency, PlainSpectrum(128, 500000)));
  const Expectation gptj = Asked("gptj", R"("rotary_dim": 64)");
  EXPECT_EQ(gptj.layout, InterleavedLayout(64, 0));
  EXPECT_TRUE(Asked("llama", "", true).of_keys);
}

TEST(ExpectationOfTest, RefusesLayersThatDoNotRotate) {
  LayerRope group;
  EXPECT_EQ(Thrown<std::invalid_argument>([&] { ExpectationOf(group, false, 0); }),
            "doctor: layers of this group do not rotate queries");
  EXPECT_EQ(Thrown<std::invalid_argument>([&] { ExpectationOf(group, true, 0); }),
            "doctor: layers of this group do not rotate keys");
}

TEST(UsualSpectraTest, OfAPlainConfig) {
  const Expectation expected = Asked("llama", R"("rope_theta": 10000)");
  const auto guesses = Usual(expected);
  ExpectSound(guesses, expected);
  EXPECT_EQ(CodesOf(guesses, PlainSpectrum(128, 500000)), Codes({"theta-differs"}));
  EXPECT_EQ(CodesOf(guesses, PlainSpectrum(128, 1e6)), Codes({"theta-differs"}));
  EXPECT_EQ(CodesOf(guesses, PlainSpectrum(128, 10000, 0.5)), Codes({"rotated-twice"}));
}

TEST(UsualSpectraTest, OfPartOfTheChannels) {
  const Expectation expected = Asked("gpt_neox", R"("rotary_pct": 0.25)");
  const auto guesses = Usual(expected);
  ExpectSound(guesses, expected);
  std::vector<double> over_head = PlainSpectrum(128, 10000);
  over_head.resize(16);
  EXPECT_EQ(CodesOf(guesses, over_head), Codes({"denominator-differs"}));
  // Where all channels turned instead, exponents may count over either.
  const auto whole = UsualSpectra(expected, HalfLayout(128, 0), 128);
  EXPECT_EQ(CodesOf(whole, PlainSpectrum(128, 10000)), Codes());
  std::vector<double> over_part;
  for (int j = 0; j < 64; ++j) over_part.push_back(std::pow(10000, -j / 16.0));
  EXPECT_EQ(CodesOf(whole, over_part), Codes({"denominator-differs"}));
}

TEST(UsualSpectraTest, OfScaling) {
  const Expectation expected =
      Asked("llama", R"("max_position_embeddings": 131072, "rope_scaling": {"rope_type": "llama3",
            "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
            "original_max_position_embeddings": 8192}, "rope_theta": 500000)");
  const auto guesses = Usual(expected);
  ExpectSound(guesses, expected);
  EXPECT_TRUE(Near(guesses[0].frequency, Llama3Spectrum(128, 500000, 8, 8192)) ||
              CodesOf(guesses, Llama3Spectrum(128, 500000, 8, 8192)).empty());
  EXPECT_EQ(CodesOf(guesses, PlainSpectrum(128, 500000)), Codes({"scaling-missing"}));
  EXPECT_EQ(CodesOf(guesses, Llama3Spectrum(128, 10000, 8, 8192)), Codes({"theta-differs"}));
  EXPECT_EQ(CodesOf(guesses, PlainSpectrum(128, 10000)),
            Codes({"theta-differs", "scaling-missing"}));
  EXPECT_EQ(CodesOf(guesses, Llama3Spectrum(128, 500000, 32, 8192)), Codes({"scaling-differs"}));
}

TEST(UsualSpectraTest, OfAxesInOtherOrders) {
  Expectation expected = Asked("llama", R"("rope_theta": 10000)");
  // Three axes one after the other, of 32, 16 and 16 pairs.
  const std::vector<double> plain = expected.rotation.frequency;
  const auto spread = [&](const std::vector<int>& axes) { return OnTheirAxes(plain, axes, 3); };
  std::vector<int> axes(64, 0), swapped, turns;
  for (size_t j = 32; j < 64; ++j) axes[j] = j < 48 ? 1 : 2;
  for (const int axis : axes) swapped.push_back(axis == 0 ? 0 : 3 - axis);
  for (size_t j = 0; j < 64; ++j) turns.push_back(j < 48 ? static_cast<int>(j % 3) : 0);
  expected.rotation.axes = 3;
  expected.rotation.frequency = spread(axes);
  EXPECT_EQ(AxesOfPairs(expected.rotation), axes);
  const auto guesses = Usual(expected);
  ExpectSound(guesses, expected);
  EXPECT_EQ(CodesOf(guesses, spread(swapped)), Codes({"axis-order-differs"}));
  EXPECT_EQ(CodesOf(guesses, spread(turns)), Codes({"axis-order-differs"}));
  expected.rotation.frequency[1] = 1;  // a pair that reads two axes
  EXPECT_TRUE(AxesOfPairs(expected.rotation).empty());
}

TEST(UsualSpectraTest, WithoutAConfigTheThetasInUse) {
  const auto guesses = UsualSpectra(std::nullopt, HalfLayout(64, 0), 64);
  for (const double theta : {10000.0, 500000.0, 1e6}) {
    EXPECT_EQ(CodesOf(guesses, PlainSpectrum(64, theta)), Codes()) << theta;
  }
  for (const SpectrumGuess& guess : guesses) {
    EXPECT_EQ(guess.faults, 1);
    EXPECT_TRUE(Near(guess.frequency, PlainSpectrum(64, guess.theta)));
  }
}

}  // namespace
}  // namespace rotary
