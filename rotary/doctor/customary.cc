#include "rotary/doctor/customary.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <span>
#include <variant>

#include "rotary/doctor/config_difference.h"

namespace rotary {
namespace {

struct Usual {
  double value, cost;
};

// Of published configs (docs/variants.md).
constexpr Usual kThetas[] = {{1e4, 1}, {5e5, 2},   {1e6, 2},   {100, 3},      {50, 4},
                             {256, 4}, {1200, 4},  {2000, 4},  {25000, 3},    {5e4, 3},
                             {1e5, 3}, {1.5e5, 3}, {1.6e5, 3}, {2.5e5, 3},    {2e6, 3},
                             {5e6, 3}, {8e6, 3},   {1e7, 3},   {11158840, 3}, {1e8, 4}};
constexpr Usual kFactors[] = {{1, 0},  {2, 2},  {4, 2},   {8, 2},    {16, 2},  {32, 2},
                              {40, 2}, {64, 2}, {128, 3}, {1000, 3}, {1.5, 4}, {2.5, 4}};
// 2: rotated twice. 2 pi: turns instead of radians.
constexpr Usual kScales[] = {{1, 0}, {2, 0}, {2 * std::numbers::pi, 4}, {0.5, 4}, {4, 4}};
constexpr Usual kFastTurns[] = {{32, 0}, {4, 0}, {8, 3}, {16, 3}, {64, 3}, {128, 3}, {1, 3}};
constexpr Usual kSlowTurns[] = {{1, 0}, {2, 3}, {4, 3}, {8, 3}, {0.5, 4}};

std::span<const Usual> Table(Knob knob) {
  switch (knob) {
    case Knob::kTheta:
      return kThetas;
    case Knob::kFactor:
      return kFactors;
    case Knob::kScale:
      return kScales;
    case Knob::kFastTurns:
      return kFastTurns;
    case Knob::kSlowTurns:
      return kSlowTurns;
    case Knob::kTrainedLength:
    case Knob::kLength:
      return {};  // powers of two
  }
  return {};
}

// Of a number that is given and in no table, such as the middle of a range.
constexpr double kUnusualCost = 18;

bool IsLength(Knob knob) { return knob == Knob::kTrainedLength || knob == Knob::kLength; }

bool Same(double a, double b) { return std::abs(a - b) <= 1e-12 * std::abs(b); }

double RoundedToDigits(double value, int digits) {
  const double unit = std::pow(10.0, std::floor(std::log10(value)) + 1 - digits);
  return std::round(value / unit) * unit;
}

// Lengths are powers of two far more often than numbers with two digits, and factors with three
// digits are as rare as any.
int MostDigits(Knob knob) { return IsLength(knob) ? 1 : knob == Knob::kFactor ? 2 : 3; }

double NearestPowerOfTwo(double value) { return std::exp2(std::round(std::log2(value))); }

// Of the rule itself: what it takes to say it.
double RuleCost(const Rule& rule) {
  if (std::holds_alternative<PlainRule>(rule)) return 0;
  if (std::holds_alternative<LinearRule>(rule)) return 1;
  if (std::holds_alternative<NtkByPartsRule>(rule)) return 4;
  // Another theta by other words, from several bases: one of them hits a round alpha soon.
  if (std::holds_alternative<NtkRule>(rule)) return 6;
  if (const auto* yarn = std::get_if<YarnRule>(&rule)) {
    return 2.0 + !yarn->truncate + 2.0 * yarn->logarithmic;
  }
  return 2;
}

}  // namespace

double FittedCost(double deviation) {
  constexpr double kLeast = 9, kMost = 36;
  return std::clamp(4 - 2 * std::log(deviation), kLeast, kMost);
}

double CustomaryCost(Knob knob, double value, const double* config) {
  if (config != nullptr && Same(value, *config)) return 0;
  double cost = kUnusualCost;
  for (const Usual& usual : Table(knob)) {
    if (Same(value, usual.value)) cost = std::min(cost, usual.cost);
  }
  if (!(value > 0)) return cost;
  if (IsLength(knob)) {
    if (Same(value, NearestPowerOfTwo(value))) cost = std::min(cost, 2.0);
    if (std::fmod(value, 1024) == 0) cost = std::min(cost, 8.0);
    if (value == std::round(value)) cost = std::min(cost, 18.0);
  }
  for (int digits = 1; digits <= MostDigits(knob); ++digits) {
    // One of 9, 90, 900 numbers.
    const double digits_cost = 2 * std::log(0.9 * std::pow(10, digits));
    if (Same(value, RoundedToDigits(value, digits))) cost = std::min(cost, digits_cost);
  }
  return cost;
}

double CostOf(const Hypothesis& h, const std::vector<FittedKnob>& fitted, const Hypothesis* config,
              int rotary_dim) {
  // A fault must lower chi2 by half of what 6 deviations do before the config is doubted: noise
  // does so once in 1e5 times at worst (a story 4.2 deviations away).
  constexpr double kDoubtCost = 15;
  constexpr double kDifferenceCost = 3, kDenominatorCost = 1, kScaleCost = 3, kRoundingCost = 4;
  // Six codes that are all but alike are tried, and nearly every theta has one that fits better.
  constexpr double kRunningCost = 12;
  double cost = 0;
  for (const Knob knob : kKnobs) {
    const double* slot = Slot(h, knob);
    if (slot == nullptr) continue;
    const double* own = config != nullptr ? Slot(*config, knob) : nullptr;
    const auto found = std::find_if(fitted.begin(), fitted.end(), [&](const FittedKnob& f) {
      return f.knob == knob && !f.customary;
    });
    cost += found != fitted.end() ? FittedCost(found->deviation) : CustomaryCost(knob, *slot, own);
  }
  const bool named = config != nullptr && h.rule.index() == config->rule.index();
  if (!named) cost += RuleCost(h.rule);
  if (h.denominator != 0) cost += kDenominatorCost;
  if (h.scale != 1) cost += kScaleCost;
  if (h.arithmetic == FrequencyArithmetic::kRunningProduct) {
    cost += kRunningCost + 2 * std::abs(h.ulps);
  } else if (h.arithmetic != FrequencyArithmetic::kExact) {
    cost += kRoundingCost;
  }
  if (config != nullptr) {
    const auto differences = static_cast<double>(DifferencesFrom(*config, h, rotary_dim).size());
    if (differences > 0) cost += kDoubtCost + kDifferenceCost * differences;
  }
  return cost;
}

std::vector<double> CustomaryValues(Knob knob, double most_cost) {
  std::vector<double> values;
  for (const Usual& usual : Table(knob)) {
    if (usual.cost <= most_cost) values.push_back(usual.value);
  }
  return values;
}

std::vector<double> CustomaryNear(Knob knob, double value, double reach, const double* config) {
  std::vector<double> values;
  if (!(value > 0) || !std::isfinite(value)) return values;
  const auto offer = [&](double candidate) {
    if (candidate > 0 && std::abs(std::log(candidate / value)) <= reach) {
      values.push_back(candidate);
    }
  };
  if (config != nullptr) offer(*config);
  for (const Usual& usual : Table(knob)) offer(usual.value);
  if (IsLength(knob)) {
    const double power = NearestPowerOfTwo(value);
    for (const double p : {power / 2, power, 2 * power}) offer(p);
    for (const double step : {1024.0, 1.0}) {
      if (reach * value < step / 4) offer(std::round(value / step) * step);
    }
  }
  for (int digits = 1; digits <= MostDigits(knob); ++digits) {
    const double spacing = std::pow(10.0, std::floor(std::log10(value)) + 1 - digits);
    if (reach * value < spacing / 4) offer(RoundedToDigits(value, digits));
  }
  return values;
}

}  // namespace rotary
