#include "rotary/doctor/config_fit.h"

#include <cmath>
#include <utility>
#include <variant>

#include "rotary/doctor/theta_fit.h"

namespace rotary {
namespace {

class Collector {
 public:
  Collector(const Evidence& evidence, const Hypothesis& config)
      : evidence_(evidence), config_(config) {}

  void Add(const Hypothesis& hypothesis) {
    fits_.push_back(RuleFitOf(evidence_, hypothesis, &config_));
  }
  void Add(const Hypothesis& start, const std::vector<Knob>& knobs) {
    for (const Knob knob : knobs) {
      if (Slot(start, knob) == nullptr) return;
    }
    fits_.push_back(FitCustomary(evidence_, start, knobs, &config_));
  }
  // Numbers that change frequencies in steps, or have far more than one valley: each of a list.
  void AddEach(const Hypothesis& start, Knob knob, const std::vector<double>& values,
               const std::vector<Knob>& knobs = {}) {
    for (const double value : values) {
      Hypothesis moved = start;
      double* slot = Slot(moved, knob);
      if (slot == nullptr || *slot == value) continue;
      *slot = value;
      if (knobs.empty()) {
        Add(moved);
      } else {
        Add(moved, knobs);
      }
    }
  }

  std::vector<RuleFit> Take() { return std::move(fits_); }

 private:
  const Evidence& evidence_;
  const Hypothesis& config_;
  std::vector<RuleFit> fits_;
};

std::vector<double> Lengths() {
  std::vector<double> lengths;
  for (int power = 9; power <= 21; ++power) lengths.push_back(std::exp2(power));
  return lengths;
}

// The config's rule for texts of other lengths.
void AddOtherLengths(const Hypothesis& config, Collector& collector) {
  if (const auto* rule = std::get_if<DynamicNtkRule>(&config.rule)) {
    for (const double stretch : {1.0, 2.0, 8.0, 64.0}) {
      Hypothesis longer = config;
      longer.length = rule->max_length * stretch;
      if (stretch == 1) {
        collector.Add(longer);
      } else {
        collector.Add(longer, {Knob::kLength});
      }
    }
  } else if (const auto* steps = std::get_if<QwenNtkRule>(&config.rule)) {
    for (const double stretch : {1.0, 2.0, 4.0, 8.0, 16.0}) {
      Hypothesis longer = config;
      longer.length = steps->trained_length * stretch;
      collector.Add(longer);
    }
  } else if (const auto* lists = std::get_if<LongRopeRule>(&config.rule)) {
    for (const double stretch : {1.0, 2.0}) {  // the short list, the long one
      Hypothesis other = config;
      other.length = lists->trained_length * stretch;
      const bool as_config =
          (other.length > lists->trained_length) == (config.length > lists->trained_length);
      if (!as_config) collector.Add(other);
    }
  }
}

// One number of the config's rule at a time, then all.
void AddOtherNumbers(const Hypothesis& config, Collector& collector) {
  collector.Add(config, {Knob::kTheta});
  collector.Add(config, {Knob::kFactor});
  const auto* yarn = std::get_if<YarnRule>(&config.rule);
  if (yarn != nullptr) {
    Hypothesis other = config;
    std::get<YarnRule>(other.rule).truncate = !yarn->truncate;
    collector.Add(other);
  }
  collector.AddEach(config, Knob::kTrainedLength, Lengths());
  collector.AddEach(config, Knob::kTrainedLength, Lengths(), {Knob::kFactor});
  const bool in_steps = yarn != nullptr && yarn->truncate;
  if (in_steps || std::holds_alternative<Llama3Rule>(config.rule)) {
    collector.AddEach(config, Knob::kFastTurns, {2, 4, 8, 16, 32, 64, 128});
    collector.AddEach(config, Knob::kSlowTurns, {0.5, 1, 2, 4, 8});
  }
  if (!in_steps) {
    collector.Add(config, {Knob::kTrainedLength});
    collector.Add(config, {Knob::kFastTurns});
    collector.Add(config, {Knob::kSlowTurns});
    collector.Add(config, {Knob::kTheta, Knob::kFactor, Knob::kTrainedLength});
  }
  // The factor of the NTK-aware rules is another theta.
  const bool one_number = std::holds_alternative<NtkRule>(config.rule) ||
                          std::holds_alternative<DynamicNtkRule>(config.rule);
  if (!one_number) collector.Add(config, {Knob::kTheta, Knob::kFactor});
}

// Twice, or as much as the first pair says, which no rule but linear moves.
void AddScales(const Evidence& evidence, const Hypothesis& base, Collector& collector) {
  Hypothesis scaled = base;
  scaled.scale = 2;
  collector.Add(scaled);
  const std::vector<double> own = FrequenciesOf(base, evidence.rotary_dim);
  if (own.empty() || !(own[0] > 0)) return;
  scaled.scale = evidence.frequency[0] / own[0];
  // Slower lines are the linear rule's.
  const bool is_line = base.list.empty() && (std::holds_alternative<PlainRule>(base.rule) ||
                                             std::holds_alternative<LinearRule>(base.rule));
  if (scaled.scale > (is_line ? 1 : 0)) collector.Add(scaled, {Knob::kScale});
}

}  // namespace

std::vector<RuleFit> ConfigStories(const Evidence& evidence, const Hypothesis& config,
                                   const std::vector<int>& denominators) {
  Collector collector(evidence, config);
  collector.Add(config);
  Hypothesis plain = config;
  plain.rule = PlainRule{};
  std::vector<const Hypothesis*> bases = {&config};
  if (config.list.empty() && !std::holds_alternative<PlainRule>(config.rule)) {
    collector.Add(plain);
    bases.push_back(&plain);
  }
  if (config.list.empty()) {
    AddOtherLengths(config, collector);
    AddOtherNumbers(config, collector);
  }
  for (const Hypothesis* base : bases) {
    if (config.list.empty()) {
      for (const int denominator : denominators) {
        Hypothesis other = *base;
        other.denominator = denominator;
        collector.Add(other);
      }
    }
    AddScales(evidence, *base, collector);
  }
  return collector.Take();
}

}  // namespace rotary
