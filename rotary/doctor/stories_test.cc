// Proves of rules from frequencies without a config: each rule is recovered with its numbers from
// frequencies of every quality, head size and partial rotation; rounding is told from noise and
// named; what data cannot tell is said; frequencies of no rule are their own; bad input is refused
// in a sentence.
#include "rotary/doctor/stories.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "rotary/doctor/precision.h"
#include "rotary/doctor/test_spectrum.h"
#include "rotary/rope/float32_arithmetic.h"

namespace rotary {
namespace {

constexpr double kNoises[] = {1e-13, 1e-9, 1e-6, 1e-4, 1e-3};
constexpr double kUnknown = std::numeric_limits<double>::infinity();

Story First(const MeasuredSpectrum& measured) {
  const Stories found = FindStories(measured);
  EXPECT_FALSE(found.stories.empty());
  return found.stories.empty() ? Story{} : found.stories[0];
}

bool HasRule(const Stories& found, std::string_view name) {
  return std::any_of(found.stories.begin(), found.stories.end(),
                     [&](const Story& story) { return story.name == name; });
}

TEST(StoriesTest, ThetaOfPlainFrequencies) {
  for (const double theta : {1e4, 5e5, 1e6, 1371900.0}) {
    for (const int dim : {4, 8, 16, 64, 96, 128, 256}) {
      for (const double noise : kNoises) {
        const Story story = First(Measure(PlainSpectrum(dim, theta), noise, 1));
        EXPECT_EQ(story.name, "default") << theta << ' ' << dim << ' ' << noise << story.sentence;
        // Customary thetas exactly, others as well as the noise allows.
        const double tolerance = theta == 1371900.0 ? 20 * std::max(noise, 1e-6) : 1e-12;
        EXPECT_LE(std::abs(story.theta / theta - 1), tolerance)
            << theta << ' ' << dim << ' ' << noise;
        EXPECT_EQ(story.denominator, dim);
        EXPECT_EQ(story.freedom, dim / 2 - story.free_parameters);
      }
    }
  }
}

TEST(StoriesTest, OtherWordsForTheta) {
  for (const int dim : {16, 128}) {
    for (const double noise : kNoises) {
      // Positions divided by 4.
      Story story = First(Measure(PlainSpectrum(dim, 1e4, 4), noise, 2));
      EXPECT_EQ(story.name, "linear") << dim << ' ' << noise;
      EXPECT_EQ(story.theta, 1e4);
      EXPECT_EQ(Parameter(story, "factor"), 4);
      // Rotated twice.
      story = First(Measure(PlainSpectrum(dim, 1e6, 0.5), noise, 3));
      EXPECT_EQ(story.name, "default");
      EXPECT_EQ(story.scale, 2) << dim << ' ' << noise;
      EXPECT_EQ(story.theta, 1e6);
      // Turns taken for radians.
      story = First(Measure(PlainSpectrum(dim, 1200, 1 / (2 * std::numbers::pi)), noise, 3));
      EXPECT_NE(story.sentence.find("2 pi"), std::string::npos) << story.sentence;
      // Exponents over the head, of which half rotates: w = 500000^(-2j / (2 dim)).
      story = First(Measure(PlainSpectrum(dim, std::sqrt(5e5)), noise, 4, 2 * dim));
      EXPECT_EQ(story.denominator, 2 * dim) << story.sentence;
      EXPECT_EQ(story.theta, 5e5);
      // Both ends included, as RetNet has it.
      story = First(Measure(PlainSpectrum(dim, std::pow(1e4, dim / (dim - 2.0))), noise, 5));
      EXPECT_EQ(story.denominator, dim - 2) << story.sentence;
      const double ntk = 1e4 * std::pow(8, dim / (dim - 2.0));
      story = First(Measure(PlainSpectrum(dim, ntk), std::min(noise, 1e-6), 6));
      EXPECT_EQ(story.name, "ntk-alpha") << story.sentence;
      EXPECT_EQ(Parameter(story, "alpha"), 8);
    }
  }
}

TEST(StoriesTest, Yarn) {
  for (const double noise : kNoises) {
    for (const bool whole : {true, false}) {
      Story story = First(Measure(YarnSpectrum(128, 1e6, 4, 32768, 32, 1, whole), noise, 5));
      ASSERT_EQ(story.name, "yarn") << noise << ' ' << whole << story.sentence;
      EXPECT_EQ(std::get<YarnRule>(story.rule).truncate, whole);
      EXPECT_EQ(story.theta, 1e6);
      EXPECT_EQ(Parameter(story, "factor"), 4);
      EXPECT_EQ(Parameter(story, "original_max_position_embeddings"), 32768) << noise << whole;
      // Numbers that nobody uses, found within what the data leave open.
      story = First(Measure(YarnSpectrum(256, 7e5, 5.37, 23456, 32, 1, whole), noise, 6));
      ASSERT_EQ(story.name, "yarn") << noise << ' ' << whole << story.sentence;
      for (const StoryParameter& parameter : story.parameters) {
        const double truth = parameter.name == "factor"                             ? 5.37
                             : parameter.name == "original_max_position_embeddings" ? 23456
                                                                                    : 0;
        if (truth == 0) continue;
        EXPECT_LE(std::abs(parameter.value - truth), 5 * parameter.deviation + 1e-5 * truth)
            << parameter.name << ' ' << noise << ' ' << whole;
      }
    }
  }
}

TEST(StoriesTest, YarnWithOtherTurns) {
  for (const bool whole : {true, false}) {
    const Story story = First(Measure(YarnSpectrum(256, 1e6, 8, 16384, 64, 1, whole), 1e-9, 7));
    ASSERT_EQ(story.name, "yarn") << story.sentence;
    EXPECT_EQ(Parameter(story, "beta_fast"), 64) << whole;
    EXPECT_EQ(Parameter(story, "beta_slow"), 1) << whole;
    EXPECT_EQ(Parameter(story, "original_max_position_embeddings"), 16384) << whole;
  }
}

TEST(StoriesTest, Llama3) {
  for (const double noise : kNoises) {
    Story story = First(Measure(Llama3Spectrum(128, 5e5, 8, 8192), noise, 6));
    ASSERT_EQ(story.name, "llama3") << noise << story.sentence;
    EXPECT_EQ(story.theta, 5e5);
    EXPECT_EQ(Parameter(story, "factor"), 8);
    EXPECT_EQ(Parameter(story, "original_max_position_embeddings"), 8192);
    EXPECT_EQ(Parameter(story, "high_freq_factor"), 4);
    // A step.
    story = First(Measure(Llama3Spectrum(128, 5e5, 16, 8192, 1, 1), noise, 7));
    ASSERT_EQ(story.name, "llama3") << noise << story.sentence;
    EXPECT_EQ(Parameter(story, "factor"), 16);
    EXPECT_EQ(Parameter(story, "high_freq_factor"), 1);
  }
}

TEST(StoriesTest, NtkByPartsAndProportional) {
  for (const double noise : kNoises) {
    const NtkByPartsRule parts{.factor = 8, .trained_length = 4096};
    Story story = First(Measure(MakeSpectrum(128, 1e4, parts).frequency, noise, 8));
    ASSERT_EQ(story.name, "ntk-by-parts") << noise << story.sentence;
    EXPECT_EQ(Parameter(story, "factor"), 8);
    EXPECT_EQ(Parameter(story, "original_max_position_embeddings"), 4096);
    for (const double factor : {1.0, 2.0}) {
      std::vector<double> w = PlainSpectrum(256, 1e6, factor);
      std::fill(w.begin() + 32, w.end(), 0.0);
      story = First(Measure(w, noise, 9));
      ASSERT_EQ(story.name, "proportional") << noise << story.sentence;
      EXPECT_EQ(std::get<ProportionalRule>(story.rule).moving, 32);
      EXPECT_EQ(Parameter(story, "factor"), factor);
      EXPECT_EQ(story.theta, 1e6);
    }
  }
}

TEST(StoriesTest, RoundedFrequencies) {
  const std::pair<Precision, FrequencyArithmetic> formats[] = {
      {Precision::kBF16, FrequencyArithmetic::kBF16},
      {Precision::kF16, FrequencyArithmetic::kF16},
      {Precision::kTF32, FrequencyArithmetic::kTF32}};
  for (const auto& [precision, arithmetic] : formats) {
    for (const double noise : {1e-13, 1e-9, 1e-6}) {
      for (const bool scaled : {false, true}) {
        std::vector<double> w = scaled ? YarnSpectrum(128, 1e6, 4, 32768) : PlainSpectrum(128, 5e5);
        for (double& f : w) f = RoundedTo(precision, f);
        const Story story = First(Measure(w, noise, 10));
        EXPECT_EQ(story.name, scaled ? "yarn" : "default") << story.sentence;
        EXPECT_EQ(story.theta, scaled ? 1e6 : 5e5);
        EXPECT_EQ(story.arithmetic, arithmetic) << story.sentence << noise;
        EXPECT_EQ(story.frequency, w);
      }
    }
  }
  // Noise of the size of the rounding hides it, and is not taken for it.
  const Story story = First(Measure(PlainSpectrum(128, 5e5), 2e-3, 11));
  EXPECT_EQ(story.arithmetic, FrequencyArithmetic::kUnknown);
}

TEST(StoriesTest, Float32IsNoOtherRule) {
  for (const Rule& rule : {Rule(PlainRule{}), Rule(LinearRule{.factor = 3}),
                           Rule(YarnRule{.factor = 4, .trained_length = 32768}),
                           Rule(Llama3Rule{.factor = 8, .trained_length = 8192})}) {
    for (const int dim : {64, 80, 128}) {
      const std::vector<double> w = MakeFloat32Spectrum(dim, 1e6, rule).frequency;
      const Story story = First(Measure(w, 1e-12, 12));
      EXPECT_EQ(story.name, Name(rule)) << story.sentence;
      EXPECT_EQ(story.theta, 1e6) << story.sentence;
      EXPECT_EQ(story.free_parameters, 0) << story.sentence;
      EXPECT_EQ(story.arithmetic, FrequencyArithmetic::kFloat32) << story.sentence;
      EXPECT_EQ(story.frequency, w);
      EXPECT_EQ(First(Measure(w, 1e-5, 12)).arithmetic, FrequencyArithmetic::kUnknown);
    }
  }
  EXPECT_EQ(First(Measure(PlainSpectrum(128, 1e6), 1e-12, 13)).arithmetic,
            FrequencyArithmetic::kExact);
}

TEST(StoriesTest, RunningProduct) {
  for (const double theta : {1e4, 5e5, 1e6}) {
    for (const int dim : {64, 128, 256}) {
      const auto ratio = static_cast<float>(std::pow(theta, -2.0 / dim));
      std::vector<double> w;
      float product = 1;
      for (int j = 0; j < dim / 2; ++j, product *= ratio) w.push_back(product);
      const Story story = First(Measure(w, 1e-12, 14));
      EXPECT_EQ(story.name, "default");
      EXPECT_EQ(story.theta, theta) << story.sentence;
      EXPECT_EQ(story.arithmetic, FrequencyArithmetic::kRunningProduct) << theta << ' ' << dim;
    }
  }
}

TEST(StoriesTest, FrequenciesOfTheirOwn) {
  std::vector<double> w = PlainSpectrum(128, 1e4);
  for (size_t j = 0; j < w.size(); ++j) w[j] /= 1 + 0.05 * static_cast<double>(j * (j % 3));
  for (const double noise : kNoises) {
    const Stories found = FindStories(Measure(w, noise, 15));
    ASSERT_EQ(found.stories.size(), 1u);
    EXPECT_EQ(found.stories[0].name, "own");
    EXPECT_NE(found.stories[0].sentence.find("the nearest"), std::string::npos);
    EXPECT_EQ(found.stories[0].freedom, 0);
  }
}

TEST(StoriesTest, WhatCannotBeTold) {
  // Too few pairs in the ramp: both rules have a number for every pair.
  MeasuredSpectrum few = Measure(YarnSpectrum(8, 1e6, 4, 32768), 1e-4, 16);
  Stories found = FindStories(few);
  EXPECT_TRUE(HasRule(found, "yarn"));
  EXPECT_TRUE(HasRule(found, "llama3"));
  for (const Story& story : found.stories) EXPECT_LT(story.distance, 6) << story.sentence;

  // Slow pairs not seen: a rule for these does not show.
  const MeasuredSpectrum fast = Measure(YarnSpectrum(128, 1e6, 4, 32768), 0, 17, 0, 2e-3);
  found = FindStories(fast);
  EXPECT_EQ(found.stories[0].name, "default");
  ASSERT_FALSE(found.limits.empty());
  EXPECT_EQ(found.limits[0],
            "43 of 64 pairs turned too little to be measured, from pair 21 on: a rule that changes "
            "only these would not show");

  // One pair turns by 1 whatever theta is.
  found = FindStories(Measure({1}, 1e-9, 18));
  EXPECT_EQ(found.stories[0].name, "default");
  EXPECT_EQ(found.limits.back(), "one pair turns by 1 whatever theta is");

  // Nothing known.
  MeasuredSpectrum nothing = few;
  std::fill(nothing.deviation.begin(), nothing.deviation.end(), kUnknown);
  EXPECT_TRUE(FindStories(nothing).stories.empty());
  EXPECT_TRUE(FindStories({}).stories.empty());
}

TEST(StoriesTest, UnknownAndExactPairs) {
  MeasuredSpectrum measured = Measure(YarnSpectrum(128, 1e6, 4, 32768), 1e-9, 19);
  for (const size_t j : {0u, 7u, 30u, 63u}) {
    measured.frequency[j] = std::numeric_limits<double>::quiet_NaN();
    measured.deviation[j] = kUnknown;
  }
  const Story story = First(measured);
  EXPECT_EQ(story.name, "yarn") << story.sentence;
  EXPECT_EQ(story.freedom, 60);
  EXPECT_EQ(story.off[7], 0);
  MeasuredSpectrum exact = Measure(PlainSpectrum(128, 1e6), 0, 20);
  EXPECT_EQ(First(exact).theta, 1e6);
}

TEST(StoriesTest, BadInputIsASentence) {
  const auto message = [](const MeasuredSpectrum& measured) {
    try {
      FindStories(measured);
    } catch (const std::invalid_argument& error) {
      return std::string(error.what());
    }
    return std::string("none");
  };
  EXPECT_EQ(message({.head_dim = 4, .rotary_dim = 6}),
            "stories: rotary_dim must be even and at most head_dim (4), got 6");
  EXPECT_EQ(message({.head_dim = 4, .rotary_dim = 4, .frequency = {1}, .deviation = {1, 1}}),
            "stories: expected 2 frequencies and deviations, got 1 and 2");
  EXPECT_EQ(message({.head_dim = 2, .rotary_dim = 2, .frequency = {1}, .deviation = {NAN}}),
            "stories: the deviation of pair 0 must not be negative, got nan");
  EXPECT_EQ(message({.head_dim = 2, .rotary_dim = 2, .frequency = {NAN}, .deviation = {1}}),
            "stories: the frequency of pair 0 must be finite, got nan");
}

}  // namespace
}  // namespace rotary
