#include "rotary/doctor/config_difference.h"

#include <algorithm>
#include <cmath>
#include <variant>

namespace rotary {
namespace {

// Numbers that were fitted are the same within what a double keeps of their logarithms.
bool Same(double a, double b) { return std::abs(a - b) <= 1e-12 * std::abs(b); }

bool IsRounding(FrequencyArithmetic arithmetic) {
  return arithmetic == FrequencyArithmetic::kTF32 || arithmetic == FrequencyArithmetic::kF16 ||
         arithmetic == FrequencyArithmetic::kBF16;
}

bool IsPlain(const Rule& rule) { return std::holds_alternative<PlainRule>(rule); }

// Numbers of the same rule, or switches of it, that differ.
bool ScalingDiffers(const Hypothesis& config, const Hypothesis& story) {
  if (config.rule.index() != story.rule.index()) return true;
  for (const Knob knob :
       {Knob::kFactor, Knob::kTrainedLength, Knob::kFastTurns, Knob::kSlowTurns}) {
    const double* theirs = Slot(config, knob);
    if (theirs != nullptr && !Same(*Slot(story, knob), *theirs)) return true;
  }
  if (const auto* yarn = std::get_if<YarnRule>(&story.rule)) {
    const auto& own = std::get<YarnRule>(config.rule);
    return yarn->truncate != own.truncate || yarn->logarithmic != own.logarithmic;
  }
  if (const auto* proportional = std::get_if<ProportionalRule>(&story.rule)) {
    return proportional->moving != std::get<ProportionalRule>(config.rule).moving;
  }
  return false;
}

// What the length of the text does to the rule: the length where it is beyond the trained one.
double EffectiveLength(const Hypothesis& h) {
  if (const auto* dynamic = std::get_if<DynamicNtkRule>(&h.rule)) {
    return std::max(h.length, dynamic->max_length);
  }
  if (const auto* steps = std::get_if<QwenNtkRule>(&h.rule)) {
    return std::max(h.length, steps->trained_length);
  }
  if (const auto* lists = std::get_if<LongRopeRule>(&h.rule)) {
    return h.length > lists->trained_length ? 2 : 1;
  }
  return 0;
}

}  // namespace

Hypothesis HypothesisOf(const ExpectedRule& expected) {
  if (!expected.frequency.empty()) return {.rule = PlainRule{}, .list = expected.frequency};
  return {.rule = expected.rule, .theta = expected.theta, .length = expected.length};
}

std::vector<ConfigDifference> DifferencesFrom(const Hypothesis& config, const Hypothesis& story,
                                              int rotary_dim) {
  std::vector<ConfigDifference> differences;
  if (config.list.empty() != story.list.empty()) {
    differences.push_back(ConfigDifference::kOther);
  } else if (config.list.empty()) {
    const bool theta = !Same(story.theta, config.theta);
    if (theta) differences.push_back(ConfigDifference::kTheta);
    if (story.denominator != 0 && story.denominator != rotary_dim) {
      differences.push_back(ConfigDifference::kDenominator);
    }
    if (ScalingDiffers(config, story)) {
      differences.push_back(IsPlain(story.rule) ? ConfigDifference::kScalingMissing
                                                : ConfigDifference::kScalingDiffers);
    } else if (!Same(EffectiveLength(story), EffectiveLength(config))) {
      differences.push_back(ConfigDifference::kLength);
    }
  }
  if (Same(story.scale, 2)) {
    differences.push_back(ConfigDifference::kTwice);
  } else if (!Same(story.scale, 1)) {
    differences.push_back(ConfigDifference::kScale);
  }
  if (IsRounding(story.arithmetic)) differences.push_back(ConfigDifference::kRounding);
  return differences;
}

}  // namespace rotary
