// Proves of rules from frequencies with a config: the config itself is recognised in any quality
// and arithmetic; each single difference from it is named and no other; of several stories for the
// same frequencies the simplest difference comes first and the others are listed; scalings that the
// data do not show are said not to be told.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "rotary/doctor/precision.h"
#include "rotary/doctor/stories.h"
#include "rotary/doctor/test_spectrum.h"

namespace rotary {
namespace {

using Difference = ConfigDifference;
using Differences = std::vector<ConfigDifference>;

constexpr double kNoises[] = {1e-13, 1e-9, 1e-6, 1e-4};

const Rule kYarn = YarnRule{.factor = 4, .trained_length = 32768};
const Rule kLlama3 = Llama3Rule{.factor = 8, .trained_length = 8192};

bool Lists(const Stories& found, const Differences& differences) {
  return std::any_of(found.stories.begin(), found.stories.end(),
                     [&](const Story& story) { return story.differences == differences; });
}

// The first story of `w` at every noise differs from the config in `differences`.
Story ExpectFirst(const std::vector<double>& w, const ExpectedRule& config,
                  const Differences& differences, int head_dim = 0) {
  Story first;
  for (const double noise : kNoises) {
    const Stories found = FindStories(Measure(w, noise, 31, head_dim), &config);
    first = found.stories.at(0);
    EXPECT_EQ(first.differences, differences) << noise << ": " << first.sentence;
  }
  return first;
}

TEST(StoriesConfigTest, TheConfigItself) {
  ExpectFirst(PlainSpectrum(128, 1e6), {.theta = 1e6}, {});
  ExpectFirst(PlainSpectrum(64, 12345, 3), {.theta = 12345, .rule = LinearRule{.factor = 3}}, {});
  ExpectFirst(YarnSpectrum(128, 1e6, 4, 32768), {.theta = 1e6, .rule = kYarn}, {});
  ExpectFirst(Llama3Spectrum(128, 5e5, 8, 8192), {.theta = 5e5, .rule = kLlama3}, {});
  // A list of a checkpoint.
  std::vector<double> list = PlainSpectrum(32, 1e4);
  for (size_t j = 0; j < list.size(); ++j) list[j] *= 1 + 0.1 * std::sin(static_cast<double>(j));
  const Story story = ExpectFirst(list, {.frequency = list}, {});
  EXPECT_EQ(story.name, "list");
  ExpectFirst(PlainSpectrum(32, 1e4), {.frequency = list}, {Difference::kOther});
  // The rule beside a list says nothing.
  ExpectFirst(YarnSpectrum(32, 1e4, 4, 2048), {.theta = 1e4, .rule = kYarn, .frequency = list},
              {Difference::kOther});
}

TEST(StoriesConfigTest, Theta) {
  Story story = ExpectFirst(PlainSpectrum(128, 1e4), {.theta = 5e5}, {Difference::kTheta});
  EXPECT_EQ(story.sentence, "theta 10000; the config says theta 500000");
  story = ExpectFirst(Llama3Spectrum(128, 1e4, 8, 8192), {.theta = 5e5, .rule = kLlama3},
                      {Difference::kTheta});
  EXPECT_EQ(story.theta, 1e4);
}

TEST(StoriesConfigTest, ScalingMissing) {
  for (const Rule& rule : {kYarn, kLlama3, Rule(LinearRule{.factor = 8}),
                           Rule(NtkByPartsRule{.factor = 8, .trained_length = 4096})}) {
    ExpectFirst(PlainSpectrum(128, 1e6), {.theta = 1e6, .rule = rule},
                {Difference::kScalingMissing});
    ExpectFirst(PlainSpectrum(128, 1e4), {.theta = 1e6, .rule = rule},
                {Difference::kTheta, Difference::kScalingMissing});
  }
}

TEST(StoriesConfigTest, ScalingDiffers) {
  const Differences scaling = {Difference::kScalingDiffers};
  const ExpectedRule yarn{.theta = 1e6, .rule = kYarn};
  Story story = ExpectFirst(YarnSpectrum(128, 1e6, 2, 32768), yarn, scaling);
  EXPECT_EQ(Parameter(story, "factor"), 2);
  story = ExpectFirst(YarnSpectrum(128, 1e6, 4, 131072), yarn, scaling);
  EXPECT_EQ(Parameter(story, "original_max_position_embeddings"), 131072);
  // max_position_embeddings taken for the original length.
  story = ExpectFirst(YarnSpectrum(128, 1e6, 4, 40960), yarn, scaling);
  EXPECT_EQ(story.name, "yarn");
  EXPECT_NEAR(Parameter(story, "original_max_position_embeddings"), 40960, 8192);
  story = ExpectFirst(YarnSpectrum(128, 1e6, 4, 32768, 32, 1, false), yarn, scaling);
  EXPECT_FALSE(std::get<YarnRule>(story.rule).truncate);
  story = ExpectFirst(YarnSpectrum(128, 1e6, 4, 32768, 16, 1), yarn, scaling);
  EXPECT_EQ(Parameter(story, "beta_fast"), 16);
  EXPECT_EQ(Parameter(story, "original_max_position_embeddings"), 32768);
  // All pairs slower by the factor: the ramp lost.
  story = ExpectFirst(PlainSpectrum(128, 1e6, 4), yarn, scaling);
  EXPECT_EQ(story.name, "linear");
  // A factor that the config does not have, once and twice.
  story = ExpectFirst(PlainSpectrum(128, 1e6, 4), {.theta = 1e6}, scaling);
  EXPECT_EQ(story.name, "linear");
  story = ExpectFirst(PlainSpectrum(128, 1e6, 16), {.theta = 1e6, .rule = LinearRule{.factor = 4}},
                      scaling);
  EXPECT_EQ(Parameter(story, "factor"), 16);
  story = ExpectFirst(Llama3Spectrum(128, 5e5, 32, 8192), {.theta = 5e5, .rule = kLlama3}, scaling);
  EXPECT_EQ(Parameter(story, "factor"), 32);
  story = ExpectFirst(YarnSpectrum(128, 5e5, 8, 8192), {.theta = 5e5, .rule = kLlama3}, scaling);
  EXPECT_EQ(story.name, "yarn");
}

TEST(StoriesConfigTest, Lengths) {
  const auto dynamic = [](double length) {
    const double alpha = 2 * length / 4096 - 1;
    return PlainSpectrum(128, 1e4 * std::pow(alpha, 128.0 / 126));
  };
  ExpectedRule config{
      .theta = 1e4, .rule = DynamicNtkRule{.factor = 2, .max_length = 4096}, .length = 16384};
  ExpectFirst(dynamic(16384), config, {});
  Story story = ExpectFirst(dynamic(10000), config, {Difference::kLength});
  EXPECT_NEAR(story.length, 10000, 5);
  // Up to the trained length the rule does nothing: not to be told from a scaling that is missing.
  for (const double noise : kNoises) {
    const Stories found = FindStories(Measure(PlainSpectrum(128, 1e4), noise, 32), &config);
    EXPECT_TRUE(Lists(found, {Difference::kLength})) << noise;
    EXPECT_TRUE(Lists(found, {Difference::kScalingMissing})) << noise;
    EXPECT_TRUE(found.stories[1].same_rotation);
  }
  config.length = 4096;
  ExpectFirst(dynamic(4096), config, {});

  LongRopeRule lists{.factor = 32, .trained_length = 4096};
  std::vector<double> longer = PlainSpectrum(64, 1e4);
  for (size_t j = 0; j < longer.size(); ++j) {
    lists.short_factor.push_back(1 + 0.01 * static_cast<double>(j));
    lists.long_factor.push_back(1 + 0.5 * static_cast<double>(j));
    longer[j] /= lists.long_factor[j];
  }
  ExpectFirst(longer, {.theta = 1e4, .rule = lists, .length = 131072}, {});
  story = ExpectFirst(longer, {.theta = 1e4, .rule = lists, .length = 4096}, {Difference::kLength});
  EXPECT_NE(story.sentence.find("its long list"), std::string::npos);

  const QwenNtkRule steps{.trained_length = 8192};
  const std::vector<double> step = PlainSpectrum(128, 1e4 * std::pow(7, 128.0 / 126));
  ExpectFirst(step, {.theta = 1e4, .rule = steps, .length = 32768}, {});
  ExpectFirst(step, {.theta = 1e4, .rule = steps, .length = 8192}, {Difference::kLength});
}

TEST(StoriesConfigTest, DenominatorTwiceAndScale) {
  // theta^(-2j / 128) on 64 channels.
  std::vector<double> over_head = PlainSpectrum(128, 1e6);
  over_head.resize(32);
  Story story = ExpectFirst(over_head, {.theta = 1e6}, {Difference::kDenominator}, 128);
  EXPECT_EQ(story.denominator, 128);
  std::vector<double> with_ramp = YarnSpectrum(128, 1e6, 4, 2048);
  with_ramp.resize(32);
  ExpectFirst(with_ramp, {.theta = 1e6, .rule = YarnRule{.factor = 4, .trained_length = 2048}},
              {Difference::kDenominator}, 128);
  // theta^(-2j / 32) on 64 channels, where the config has 32 rotate.
  std::vector<double> over_config;
  for (int j = 0; j < 32; ++j) over_config.push_back(std::pow(1e6, -2.0 * j / 32));
  ExpectFirst(over_config, {.theta = 1e6, .rotary_dim = 32}, {Difference::kDenominator}, 128);

  std::vector<double> twice = YarnSpectrum(128, 1e6, 4, 32768);
  for (double& w : twice) w *= 2;
  ExpectFirst(twice, {.theta = 1e6, .rule = kYarn}, {Difference::kTwice});
  std::vector<double> seconds = YarnSpectrum(128, 1e6, 4, 32768);
  for (double& w : seconds) w *= 25;
  story = ExpectFirst(seconds, {.theta = 1e6, .rule = kYarn}, {Difference::kScale});
  EXPECT_EQ(story.scale, 25);
}

TEST(StoriesConfigTest, Rounding) {
  for (const double noise : {1e-13, 1e-9, 1e-6}) {
    std::vector<double> w = YarnSpectrum(128, 1e6, 4, 32768);
    for (double& f : w) f = RoundedTo(Precision::kBF16, f);
    const ExpectedRule config{.theta = 1e6, .rule = kYarn};
    const Stories found = FindStories(Measure(w, noise, 33), &config);
    EXPECT_EQ(found.stories[0].differences, Differences{Difference::kRounding})
        << found.stories[0].sentence;
    EXPECT_EQ(found.stories[0].frequency, w);
    std::vector<double> plain = PlainSpectrum(128, 1e6);
    for (double& f : plain) f = RoundedTo(Precision::kF16, f);
    EXPECT_EQ(FindStories(Measure(plain, noise, 34), &config).stories[0].differences,
              (Differences{Difference::kScalingMissing, Difference::kRounding}));
  }
}

TEST(StoriesConfigTest, AScalingThatDoesNotShow) {
  // Only pairs that the data do not resolve are scaled: both stories are told.
  const ExpectedRule config{.theta = 1e6, .rule = kYarn};
  for (const auto& w : {PlainSpectrum(128, 1e6), YarnSpectrum(128, 1e6, 4, 32768)}) {
    const Stories found = FindStories(Measure(w, 0, 35, 0, 2e-3), &config);
    EXPECT_TRUE(found.stories[0].differences.empty()) << found.stories[0].sentence;
    EXPECT_TRUE(Lists(found, {Difference::kScalingMissing}));
    EXPECT_FALSE(found.limits.empty());
  }
}

TEST(StoriesConfigTest, BadConfigIsASentence) {
  const MeasuredSpectrum measured = Measure(PlainSpectrum(8, 1e4), 1e-6, 36);
  ExpectedRule config{.theta = 1e4, .frequency = {1, 2}};
  const auto message = [&] {
    try {
      FindStories(measured, &config);
    } catch (const std::invalid_argument& error) {
      return std::string(error.what());
    }
    return std::string("none");
  };
  EXPECT_EQ(message(), "stories: expected 4 frequencies of the config, got 2");
  config = {.theta = -1};
  EXPECT_EQ(message(), "rope rule default: theta must be positive and finite, got -1");
}

}  // namespace
}  // namespace rotary
