#include "rotary/doctor/story_findings.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <variant>

#include "rotary/doctor/hypothesis.h"
#include "rotary/rope/spectra.h"

namespace rotary {
namespace {

std::string CodeOf(ConfigDifference difference) {
  switch (difference) {
    case ConfigDifference::kTheta:
      return "theta-differs";
    case ConfigDifference::kScalingMissing:
      return "scaling-missing";
    case ConfigDifference::kDenominator:
      return "denominator-differs";
    case ConfigDifference::kTwice:
      return "rotated-twice";
    case ConfigDifference::kRounding:
      return "frequencies-rounded";
    case ConfigDifference::kScalingDiffers:
    case ConfigDifference::kLength:
    case ConfigDifference::kScale:
    case ConfigDifference::kOther:
      break;
  }
  return "scaling-differs";
}

bool IsRounded(FrequencyArithmetic arithmetic) {
  return arithmetic == FrequencyArithmetic::kBF16 || arithmetic == FrequencyArithmetic::kF16 ||
         arithmetic == FrequencyArithmetic::kTF32;
}

// By how much the story stretches positions, over what the config does.
double StretchOf(const Story& story, const ExpectedRule* expected) {
  const auto factor_of = [](const Rule& rule) {
    const auto* linear = std::get_if<LinearRule>(&rule);
    return linear != nullptr ? linear->factor : 1;
  };
  return factor_of(story.rule) / story.scale / (expected ? factor_of(expected->rule) : 1);
}

}  // namespace

std::optional<ExpectedRule> ExpectedRuleOf(const std::optional<Expectation>& expected, int pairs) {
  if (!expected) return std::nullopt;
  const bool as_many = expected->rotation.pairs() == pairs;
  ExpectedRule rule{.theta = expected->theta, .rule = expected->rule, .length = expected->length};
  if (expected->by_rule) {
    // Lists of LongRoPE are of one length.
    if (!as_many && std::holds_alternative<LongRopeRule>(expected->rule)) return std::nullopt;
    if (as_many) return rule;
    rule.rotary_dim = expected->layout.rotary_dim;
    try {
      MakeSpectrum(2 * pairs, rule.theta, rule.rule, rule.length);
    } catch (const std::invalid_argument&) {
      return std::nullopt;  // a rule for as many pairs as the config has
    }
    return rule;
  }
  if (!as_many || expected->rotation.heads > 1) return std::nullopt;
  const std::vector<int> axes = AxesOfPairs(expected->rotation);
  if (axes.empty()) return std::nullopt;
  rule.frequency = FrequenciesOfPairs(expected->rotation, axes);
  return rule;
}

std::vector<std::string> CodesOf(const Story& story) {
  std::vector<std::string> codes;
  const auto add = [&](const std::string& code) {
    if (std::find(codes.begin(), codes.end(), code) == codes.end()) codes.push_back(code);
  };
  for (const ConfigDifference difference : story.differences) add(CodeOf(difference));
  if (IsRounded(story.arithmetic)) add("frequencies-rounded");
  return codes;
}

std::vector<SpectrumGuess> GuessesOf(const Stories& stories, const ExpectedRule* expected) {
  std::vector<SpectrumGuess> guesses;
  for (const Story& story : stories.stories) {
    // Other words for the first one's frequencies would only compete with it.
    const bool is_first = &story == &stories.stories.front();
    if (story.name == "own" || (story.same_rotation && !is_first)) continue;
    SpectrumGuess guess{.codes = CodesOf(story), .frequency = story.frequency};
    guess.faults = static_cast<double>(guess.codes.size()) + 0.3 * story.free_parameters;
    // Thetas that nobody uses: a fit of few pairs finds them where something else is true.
    if (story.theta != 0 && !(story.theta >= 2 && story.theta <= 1e9)) guess.faults += 2;
    // A stretch by less than a hundredth: nobody means it, but a shift far from 0 looks alike.
    const double stretch = StretchOf(story, expected);
    const bool is_odd = stretch != 1 && std::abs(stretch - 1) < 0.01;
    guess.faults += is_odd ? 1 : 0;
    // Another number is one of many, a rule that is missing is not.
    const bool has_other =
        std::find(guess.codes.begin(), guess.codes.end(), "scaling-differs") != guess.codes.end();
    guess.faults += has_other ? 0.1 : 0;
    // Float products as some code computes them: one of six, and nearly the exact ones.
    constexpr double kRunningWeight = 0.35;
    const bool is_running = story.arithmetic == FrequencyArithmetic::kRunningProduct;
    guess.faults += is_running ? kRunningWeight : 0;
    guess.free_numbers = story.free_parameters + (is_odd ? 1 : 0);
    guess.theta = story.theta;
    guess.rule = story.name;
    guess.made_by = story.rule;
    guess.scale = story.scale;
    guess.arithmetic = story.arithmetic;
    if (story.denominator != 2 * static_cast<int>(story.frequency.size())) {
      guess.denominator = story.denominator;
    }
    guesses.push_back(std::move(guess));
  }
  return guesses;
}

}  // namespace rotary
