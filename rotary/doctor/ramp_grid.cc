#include "rotary/doctor/ramp_grid.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <numbers>
#include <utility>

#include "rotary/doctor/theta_fit.h"

namespace rotary {
namespace {

constexpr double kTurn = 2 * std::numbers::pi;
constexpr double kMostLength = 0x1p22;  // no model was trained on longer texts
constexpr double kMostFactor = 1e4;

// One of those that are within 0.1% of each other: a start needs no more digits.
std::vector<double> Distinct(const std::vector<double>& thetas) {
  std::vector<double> distinct;
  for (const double theta : thetas) {
    const bool known = std::any_of(distinct.begin(), distinct.end(), [&](double other) {
      return std::abs(std::log(theta / other)) < 1e-3;
    });
    if (theta > 1.5 && !known) distinct.push_back(theta);
  }
  return distinct;
}

double PlainFrequency(const Evidence& evidence, double theta, size_t j) {
  return std::pow(theta, -2.0 * static_cast<double>(j) / evidence.rotary_dim);
}

// Between neighbours of the lengths at which an end of the ramp moves to the next pair.
std::vector<double> LengthsOfEveryRamp(int rotary_dim, double theta,
                                       std::initializer_list<double> ends) {
  std::vector<double> borders;
  for (int pair = 0; pair <= rotary_dim; ++pair) {
    const double period = kTurn * std::pow(theta, 2.0 * pair / rotary_dim);
    for (const double turns : ends) borders.push_back(period * turns);
  }
  std::sort(borders.begin(), borders.end());
  std::vector<double> lengths;
  for (size_t i = 0; i + 1 < borders.size() && borders[i] < kMostLength; ++i) {
    lengths.push_back(std::sqrt(borders[i] * borders[i + 1]));
  }
  return lengths;
}

// Sets the best factor of a rule whose frequencies are a line in 1 / factor; false where the ramp
// does not show in the data, or makes slow pairs faster.
//   plain  the frequencies without the rule
bool TakeBestFactor(const Evidence& evidence, const std::vector<double>& plain, RampStart& start) {
  // w(u) = plain - (1 - u) slope, through u = 1 / 2.
  *Slot(start.hypothesis, Knob::kFactor) = 2;
  const std::vector<double> halved = FrequenciesOf(start.hypothesis, evidence.rotary_dim);
  if (halved.empty()) return false;
  double product = 0, square = 0;
  for (size_t j = 0; j < plain.size(); ++j) {
    const double slope = 2 * (plain[j] - halved[j]) / evidence.deviation[j];
    product += slope * (plain[j] - evidence.frequency[j]) / evidence.deviation[j];
    square += slope * slope;
  }
  if (!(square > 0)) return false;
  const double u = std::max(1 - product / square, 1 / kMostFactor);
  if (!(u < 1)) return false;
  *Slot(start.hypothesis, Knob::kFactor) = 1 / u;
  start.chi2 = 0;
  for (size_t j = 0; j < plain.size(); ++j) {
    const double predicted = plain[j] - 2 * (1 - u) * (plain[j] - halved[j]);
    const double off = (evidence.frequency[j] - predicted) / evidence.deviation[j];
    start.chi2 += off * off;
  }
  return true;
}

// The turns from which on pairs stay as they are.
double FastTurns(const Hypothesis& hypothesis) {
  const double* fast = Slot(hypothesis, Knob::kFastTurns);
  return fast != nullptr ? *fast : NtkByPartsRule{}.gamma[0];
}

}  // namespace

std::vector<RampStart> Best(std::vector<RampStart> starts, size_t count) {
  std::stable_sort(starts.begin(), starts.end(),
                   [](const RampStart& a, const RampStart& b) { return a.chi2 < b.chi2; });
  starts.resize(std::min(starts.size(), count));
  return starts;
}

bool MayBeRamp(const Evidence& evidence) {
  if (evidence.rotary_dim < 4) return false;  // one pair has no ramp
  for (size_t j = 1; j < evidence.frequency.size(); ++j) {
    const double least = evidence.frequency[j - 1] / kMostFactor;
    if (evidence.frequency[j] + kApart * evidence.deviation[j] < least) return false;
  }
  return true;
}

RampGrid::RampGrid(const Evidence& evidence, const Hypothesis* config,
                   const std::vector<double>& thetas, bool early_ramps_only)
    : evidence_(evidence), thetas_(Distinct(thetas)), early_ramps_only_(early_ramps_only) {
  for (int power = 7; power <= 22; ++power) lengths_.push_back(std::exp2(power));
  const double* own = config != nullptr ? Slot(*config, Knob::kTrainedLength) : nullptr;
  if (own != nullptr) lengths_.push_back(*own);
}

RampGrid RampGrid::OfFastPairs(const Evidence& evidence, const Hypothesis* config) {
  std::vector<double> thetas;
  for (size_t pairs = 2; pairs <= evidence.frequency.size(); pairs += 1 + pairs / 4) {
    const GeometricLine line = LineThrough(evidence, pairs, false);
    if (line.pairs < 2) continue;
    double worst = 0;
    for (size_t j = 0; j < pairs; ++j) {
      worst = std::max(worst,
                       std::abs(evidence.frequency[j] - PlainFrequency(evidence, line.theta, j)) /
                           evidence.deviation[j]);
    }
    if (!(worst < kApart)) break;
    // The first, in case that later ones are in the ramp, and the last, which is the most exact.
    if (thetas.size() == 2) thetas.pop_back();
    thetas.push_back(line.theta);
  }
  if (config != nullptr && config->list.empty()) thetas.push_back(config->theta);
  return RampGrid(evidence, config, thetas, false);
}

RampGrid RampGrid::OfUsualThetas(const Evidence& evidence, const Hypothesis* config) {
  return RampGrid(evidence, config, {1e4, 5e5, 1e6, 1.5e5, 100}, true);
}

bool RampGrid::IsLate(double fast_turns, double length, const std::vector<double>& plain) const {
  return early_ramps_only_ && plain.size() > 2 && length * plain[2] > kTurn * fast_turns;
}

std::vector<RampStart> RampGrid::Starts(const Rule& rule) const {
  std::vector<RampStart> starts;
  for (const double theta : thetas_) {
    const std::vector<double> plain = FrequenciesOf({.theta = theta}, evidence_.rotary_dim);
    for (const double length : lengths_) {
      RampStart start{{.rule = rule, .theta = theta}};
      *Slot(start.hypothesis, Knob::kTrainedLength) = length;
      if (IsLate(FastTurns(start.hypothesis), length, plain)) continue;
      if (TakeBestFactor(evidence_, plain, start)) starts.push_back(std::move(start));
    }
  }
  return Best(std::move(starts), 2);
}

std::vector<RampStart> RampGrid::NtkByPartsStarts() const {
  const NtkByPartsRule usual;
  std::vector<RampStart> starts;
  for (const double theta : thetas_) {
    const std::vector<double> plain = FrequenciesOf({.theta = theta}, evidence_.rotary_dim);
    double slowest = 1;
    for (size_t j = 0; j < plain.size(); ++j) {
      const double w = evidence_.frequency[j];
      if (w > 3 * evidence_.deviation[j]) slowest = std::clamp(plain[j] / w, 1.01, kMostFactor);
    }
    const auto add = [&](double length, double factor) {
      RampStart start{
          {.rule = NtkByPartsRule{.factor = factor, .trained_length = length}, .theta = theta}};
      if (IsLate(FastTurns(start.hypothesis), length, plain)) return;
      const std::vector<double> predicted = FrequenciesOf(start.hypothesis, evidence_.rotary_dim);
      if (predicted.empty()) return;
      start.chi2 = Judge(evidence_, predicted).chi2;
      starts.push_back(std::move(start));
    };
    for (const double length :
         LengthsOfEveryRamp(evidence_.rotary_dim, theta,
                            {usual.beta[0], usual.beta[1], usual.gamma[0], usual.gamma[1]})) {
      add(length, slowest);
    }
    // Ramps that end behind the slowest pair leave it faster than the factor says.
    for (const double length : lengths_) {
      for (const double more : {1.0, 2.0, 4.0, 16.0}) add(length, slowest * more);
    }
  }
  return Best(std::move(starts), 3);
}

}  // namespace rotary
