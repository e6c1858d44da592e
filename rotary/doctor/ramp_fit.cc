#include "rotary/doctor/ramp_fit.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "rotary/doctor/ramp_grid.h"

namespace rotary {
namespace {

// Whether the frequencies stay the same with the number times e^move.
bool IsSameStep(const Evidence& evidence, const RuleFit& fit, Knob knob, double move) {
  Hypothesis moved = fit.hypothesis;
  *Slot(moved, knob) *= std::exp(move);
  const std::vector<double> predicted = FrequenciesOf(moved, evidence.rotary_dim);
  if (predicted.size() != fit.predicted.size()) return false;
  for (size_t j = 0; j < predicted.size(); ++j) {
    if (!(std::abs(predicted[j] - fit.predicted[j]) <= 1e-12 * fit.predicted[j])) return false;
  }
  return true;
}

// How far the logarithm of the number can move in the direction of `sign` without a change.
double WidthOfStep(const Evidence& evidence, const RuleFit& fit, Knob knob, int sign) {
  double inside = 0, outside = 2;
  for (int i = 0; i < 20; ++i) {
    const double middle = (inside + outside) / 2;
    (IsSameStep(evidence, fit, knob, sign * middle) ? inside : outside) = middle;
  }
  return inside;
}

// Moves a number that changes frequencies in steps to the likeliest value of its step.
void SettleStep(const Evidence& evidence, const Hypothesis* config, Knob knob, RuleFit& fit) {
  const double up = WidthOfStep(evidence, fit, knob, 1);
  const double down = WidthOfStep(evidence, fit, knob, -1);
  double& value = *Slot(fit.hypothesis, knob);
  const double middle = value * std::exp((up - down) / 2), reach = (up + down) / 2;
  const double* own = config != nullptr ? Slot(*config, knob) : nullptr;
  FittedKnob settled{knob, std::max(reach, 1e-6) / std::sqrt(3.0)};  // of an even distribution
  double least = FittedCost(settled.deviation);
  value = middle;
  for (const double customary : CustomaryNear(knob, middle, reach, own)) {
    const double cost = CustomaryCost(knob, customary, own);
    if (cost >= least) continue;
    least = cost;
    value = customary;
    settled.customary = true;
  }
  fit.knobs.push_back(settled);
  fit.cost = CostOf(fit.hypothesis, fit.knobs, config, evidence.rotary_dim);
}

class Fitter {
 public:
  Fitter(const Evidence& evidence, const Hypothesis* config)
      : evidence_(evidence), config_(config) {}

  // Adds fits of `knobs`; those of `steps` are settled afterwards.
  void Add(const std::vector<RampStart>& starts, const std::vector<Knob>& knobs,
           const std::vector<Knob>& steps = {}) {
    for (const RampStart& start : starts) Add(start.hypothesis, knobs, steps);
  }
  void Add(const Hypothesis& start, const std::vector<Knob>& knobs,
           const std::vector<Knob>& steps) {
    RuleFit fit = FitCustomary(evidence_, start, knobs, config_);
    if (fit.agreement.Explains()) {
      for (const Knob knob : steps) SettleStep(evidence_, config_, knob, fit);
      explained_ = true;
    }
    fits_.push_back(std::move(fit));
  }

  bool explained() const { return explained_; }
  const RuleFit& last() const { return fits_.back(); }
  std::vector<RuleFit> Take() { return std::move(fits_); }

 private:
  const Evidence& evidence_;
  const Hypothesis* config_;
  std::vector<RuleFit> fits_;
  bool explained_ = false;
};

// The ramp in whole pairs that is nearest to that of `smooth`, with beta_slow 1.
Hypothesis InWholePairs(const Evidence& evidence, const Hypothesis& smooth) {
  Hypothesis whole = smooth;
  auto& rule = std::get<YarnRule>(whole.rule);
  const YarnRange ramp = YarnRamp(evidence.rotary_dim, smooth.theta, rule);
  // The length at which a pair turns once.
  const auto length = [&](double pair) {
    return 2 * std::numbers::pi * std::pow(smooth.theta, 2 * pair / evidence.rotary_dim);
  };
  // Half a pair inside what floor and ceil take for the same.
  rule.beta_slow = 1;
  rule.trained_length = length(std::round(ramp.high) - 0.5);
  rule.beta_fast = rule.trained_length / length(std::round(ramp.low) + 0.5);
  rule.truncate = true;
  return whole;
}

// YaRN with other numbers of turns, or for another length than a power of two. Only their ratios to
// the trained length can be known: beta_slow stays 1, or the length is the config's.
void AddYarnOfOtherTurns(const Evidence& evidence, const Hypothesis* config, const RampGrid& grid,
                         Fitter& fitter) {
  const bool has_length = config != nullptr && std::holds_alternative<YarnRule>(config->rule);
  std::vector<RampStart> starts;
  for (const double fast : {2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 512.0}) {
    const Rule rule = YarnRule{.beta_fast = fast, .truncate = false};
    for (RampStart& start : grid.Starts(rule)) starts.push_back(std::move(start));
  }
  for (RampStart& start : Best(std::move(starts), 3)) {
    if (has_length) {
      auto& yarn = std::get<YarnRule>(start.hypothesis.rule);
      const double ratio = *Slot(*config, Knob::kTrainedLength) / yarn.trained_length;
      yarn.beta_fast *= ratio;
      yarn.beta_slow *= ratio;
      yarn.trained_length *= ratio;
    }
    fitter.Add(start.hypothesis,
               {Knob::kTheta, Knob::kFactor, Knob::kFastTurns,
                has_length ? Knob::kSlowTurns : Knob::kTrainedLength},
               {});
    fitter.Add(InWholePairs(evidence, fitter.last().hypothesis), {Knob::kTheta, Knob::kFactor},
               {Knob::kTrainedLength, Knob::kFastTurns});
  }
}

void AddYarn(const Evidence& evidence, const Hypothesis* config, const RampGrid& grid,
             Fitter& fitter) {
  fitter.Add(grid.Starts(YarnRule{}), {Knob::kTheta, Knob::kFactor}, {Knob::kTrainedLength});
  fitter.Add(grid.Starts(YarnRule{.truncate = false}),
             {Knob::kTheta, Knob::kFactor, Knob::kTrainedLength});
  if (fitter.explained()) return;
  AddYarnOfOtherTurns(evidence, config, grid, fitter);
}

void AddLlama3(const RampGrid& grid, Fitter& fitter) {
  fitter.Add(grid.Starts(Llama3Rule{}), {Knob::kTheta, Knob::kFactor, Knob::kTrainedLength});
  // A step between two pairs, as low_freq_factor = high_freq_factor has it.
  fitter.Add(grid.Starts(Llama3Rule{.low_freq_factor = 1, .high_freq_factor = 1}),
             {Knob::kTheta, Knob::kFactor}, {Knob::kTrainedLength});
  if (fitter.explained()) return;
  for (const double high : {2.0, 8.0, 16.0, 32.0}) {
    fitter.Add(grid.Starts(Llama3Rule{.high_freq_factor = high}),
               {Knob::kTheta, Knob::kFactor, Knob::kTrainedLength, Knob::kFastTurns});
  }
}

}  // namespace

std::vector<RuleFit> RampStories(const Evidence& evidence, const Hypothesis* config) {
  if (!MayBeRamp(evidence)) return {};
  Fitter fitter(evidence, config);
  for (const RampGrid& grid :
       {RampGrid::OfFastPairs(evidence, config), RampGrid::OfUsualThetas(evidence, config)}) {
    AddYarn(evidence, config, grid, fitter);
    AddLlama3(grid, fitter);
    if (fitter.explained()) break;
    fitter.Add(grid.NtkByPartsStarts(), {Knob::kTheta, Knob::kFactor}, {Knob::kTrainedLength});
    if (fitter.explained()) break;
  }
  return fitter.Take();
}

}  // namespace rotary
