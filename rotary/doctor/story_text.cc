#include "rotary/doctor/story_text.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numbers>
#include <variant>

#include "rotary/base/error.h"
#include "rotary/doctor/config_difference.h"

namespace rotary {
namespace {

std::string Number(double value, int digits = 12) {
  char text[40];
  std::snprintf(text, sizeof(text), "%.*g", digits, value);
  return text;
}

bool Same(double a, double b) { return std::abs(a - b) <= 1e-12 * std::abs(b); }

// The rule with its numbers: "theta 10000 with yarn: factor 4 from 32768 tokens".
std::string Words(const Evidence& evidence, const Hypothesis& h, const std::string& theta) {
  if (!h.list.empty()) return "the list of frequencies asked for";
  std::string words = "theta " + theta;
  if (evidence.rotary_dim == 2) words = "one pair of frequency 1";
  if (h.denominator != 0 && h.denominator != evidence.rotary_dim) {
    words += Sentence(" with exponents over ", h.denominator, " channels (",
                      h.denominator == evidence.head_dim         ? "head_dim"
                      : h.denominator == evidence.rotary_dim - 2 ? "both ends included"
                                                                 : "the config's rotary_dim",
                      ") instead of ", evidence.rotary_dim);
  }
  if (!std::holds_alternative<PlainRule>(h.rule)) words += " with " + Describe(h.rule);
  if (std::holds_alternative<DynamicNtkRule>(h.rule) ||
      std::holds_alternative<QwenNtkRule>(h.rule)) {
    words += ", for a text of " + Number(h.length, 7) + " tokens";
  }
  if (const auto* lists = std::get_if<LongRopeRule>(&h.rule)) {
    words += h.length > lists->trained_length ? ", its long list" : ", its short list";
  }
  if (Same(h.scale, 2)) {
    words += ", every frequency doubled (rotated twice)";
  } else if (Same(h.scale, 2 * std::numbers::pi)) {
    words += ", every frequency times 2 pi (turns taken for radians)";
  } else if (!Same(h.scale, 1)) {
    words +=
        ", every frequency times " + Number(h.scale, 7) + " (positions counted in other units)";
  }
  return words;
}

// Frequencies are seen to move where they are this many deviations from zero.
bool Seen(const Evidence& evidence, const Story& story, size_t j) {
  return story.frequency[j] >= kApart * evidence.deviation[j];
}

}  // namespace

std::string WithDeviation(double value, double deviation) {
  if (!(deviation > 0) || !std::isfinite(deviation) || value == 0) return Number(value);
  const double digits = std::ceil(std::log10(std::abs(value) / deviation)) + 1;
  return Number(value, static_cast<int>(std::clamp(digits, 1.0, 15.0)));
}

std::vector<StoryParameter> ParametersOf(const RuleFit& fit) {
  std::vector<StoryParameter> parameters;
  for (const Knob knob : kKnobs) {
    const double* slot = Slot(fit.hypothesis, knob);
    if (slot == nullptr || (knob == Knob::kScale && *slot == 1)) continue;
    StoryParameter parameter{KnobName(fit.hypothesis, knob), *slot, 0, true};
    for (const FittedKnob& fitted : fit.knobs) {
      if (fitted.knob != knob) continue;
      parameter.deviation = *slot * fitted.deviation;
      parameter.customary = fitted.customary;
    }
    parameters.push_back(std::move(parameter));
  }
  return parameters;
}

std::string SentenceOf(const Evidence& evidence, const RuleFit& fit, const Hypothesis* config) {
  const Hypothesis& h = fit.hypothesis;
  std::string theta = Number(h.theta);
  for (const FittedKnob& knob : fit.knobs) {
    if (knob.knob != Knob::kTheta || knob.customary) continue;
    theta = WithDeviation(h.theta, h.theta * knob.deviation);
  }
  std::string sentence = Words(evidence, h, theta);
  if (h.arithmetic == FrequencyArithmetic::kRunningProduct) {
    sentence += ", each frequency a float32 product of the one before";
  } else if (h.arithmetic != FrequencyArithmetic::kExact) {
    sentence += ", frequencies rounded to " + std::string(Name(h.arithmetic));
  }
  if (config == nullptr) return sentence;
  if (DifferencesFrom(*config, h, evidence.rotary_dim).empty()) {
    return config->list.empty() ? "as the config says: " + sentence : sentence;
  }
  if (!config->list.empty()) return sentence + "; not the list of frequencies asked for";
  return sentence + "; the config says " + Words(evidence, *config, Number(config->theta));
}

std::vector<std::string> LimitsOf(const Evidence& evidence, const Story& story) {
  std::vector<std::string> limits;
  const size_t pairs = evidence.frequency.size();
  size_t seen = 0, last = 0;
  for (size_t j = 0; j < pairs; ++j) {
    if (!Seen(evidence, story, j)) continue;
    ++seen;
    last = j + 1;
  }
  const auto still =
      static_cast<size_t>(std::count(story.frequency.begin(), story.frequency.end(), 0.0));
  if (seen + still < pairs) {
    limits.push_back(Sentence(pairs - seen - still, " of ", pairs,
                              " pairs turned too little to be measured",
                              last > 0 && last == seen ? Sentence(", from pair ", last, " on") : "",
                              ": a rule that changes only these would not show"));
  }
  for (const StoryParameter& parameter : story.parameters) {
    const double relative = parameter.deviation / parameter.value;
    if (!(relative > 0.02)) continue;
    if (!std::isfinite(relative) || relative > 1) {
      limits.push_back(parameter.name + " cannot be told from these frequencies");
      continue;
    }
    limits.push_back(Sentence(parameter.name, " is only known to lie between ",
                              Number(parameter.value * std::exp(-2 * relative), 3), " and ",
                              Number(parameter.value * std::exp(2 * relative), 3)));
  }
  if (evidence.rotary_dim == 2) {
    limits.push_back("one pair turns by 1 whatever theta is");
  }
  return limits;
}

}  // namespace rotary
