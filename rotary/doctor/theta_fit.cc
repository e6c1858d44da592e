#include "rotary/doctor/theta_fit.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace rotary {
namespace {

// Thetas that scaled models start from.
std::vector<double> Bases(const Hypothesis* config) {
  std::vector<double> bases = {1e4, 5e5, 1e6};
  if (config != nullptr && config->list.empty() &&
      std::find(bases.begin(), bases.end(), config->theta) == bases.end()) {
    bases.push_back(config->theta);
  }
  return bases;
}

// Other words for the same theta. There are so many that one of them hits a number with two digits
// by chance; only the most usual numbers count.
void AddOtherWords(const Evidence& evidence, const Hypothesis* config,
                   const std::vector<int>& denominators, double theta, std::vector<RuleFit>& fits) {
  constexpr double kUsualCost = 5;
  const double d = evidence.rotary_dim;
  const auto add = [&](const Hypothesis& start, Knob knob) {
    RuleFit fit = FitCustomary(evidence, start, {knob}, config);
    const double* own = config != nullptr ? Slot(*config, knob) : nullptr;
    if (fit.FreeKnobs() == 0 &&
        CustomaryCost(knob, *Slot(fit.hypothesis, knob), own) < kUsualCost) {
      fits.push_back(std::move(fit));
    }
  };
  for (const int denominator : denominators) {
    add({.rule = PlainRule{},
         .theta = std::pow(theta, denominator / d),
         .denominator = denominator},
        Knob::kTheta);
  }
  if (evidence.rotary_dim <= 2) return;
  for (const double base : Bases(config)) {
    const double alpha = std::pow(theta / base, (d - 2) / d);
    if (!(std::abs(std::log(alpha)) > 1e-3)) continue;
    add({.rule = NtkRule{.alpha = alpha}, .theta = base}, Knob::kFactor);
  }
}

// The same with the ratio of neighbours rounded to float.
void AddRunningProducts(const Evidence& evidence, const Hypothesis* config, const RuleFit& exact,
                        std::vector<RuleFit>& fits) {
  // A unit in the last place of the ratio, after rotary_dim / 2 pairs.
  const double reach = 0x1p-22 * evidence.rotary_dim;
  const double* own = config != nullptr ? Slot(*config, Knob::kTheta) : nullptr;
  for (const double theta : CustomaryNear(Knob::kTheta, exact.hypothesis.theta, reach, own)) {
    for (const int ulps : {0, -1, 1}) {
      Hypothesis running = exact.hypothesis;
      running.theta = theta;
      running.arithmetic = FrequencyArithmetic::kRunningProduct;
      running.ulps = ulps;
      for (const bool rounds_products : {true, false}) {
        running.rounds_products = rounds_products;
        fits.push_back(RuleFitOf(evidence, running, config));
        // All numbers but theta are as they were fitted.
        fits.back().knobs = exact.knobs;
        for (FittedKnob& fitted : fits.back().knobs) {
          fitted.customary = fitted.customary || fitted.knob == Knob::kTheta;
        }
      }
    }
  }
}

// The first pairs move, the others stand still though they would have been seen to move.
void AddProportional(const Evidence& evidence, const Hypothesis* config,
                     std::vector<RuleFit>& fits) {
  size_t moving = evidence.frequency.size();
  while (moving > 0 &&
         !(evidence.frequency[moving - 1] > kApart * evidence.deviation[moving - 1])) {
    --moving;
  }
  if (moving == 0 || moving == evidence.frequency.size()) return;
  const auto count = static_cast<int>(moving);
  const GeometricLine plain = LineThrough(evidence, moving, false);
  fits.push_back(FitCustomary(evidence,
                              {.rule = ProportionalRule{.moving = count}, .theta = plain.theta},
                              {Knob::kTheta}, config));
  const GeometricLine scaled = LineThrough(evidence, moving, true);
  if (scaled.pairs < 2) return;
  fits.push_back(
      FitCustomary(evidence,
                   {.rule = ProportionalRule{.factor = 1 / scaled.scale, .moving = count},
                    .theta = scaled.theta},
                   {Knob::kTheta, Knob::kFactor}, config));
}

}  // namespace

GeometricLine LineThrough(const Evidence& evidence, size_t pairs, bool with_scale) {
  GeometricLine line;
  double s0 = 0, s1 = 0, s2 = 0, a0 = 0, a1 = 0;
  for (size_t j = 0; j < pairs; ++j) {
    const double w = evidence.frequency[j];
    if (!(w > 3 * evidence.deviation[j])) continue;
    const double weight = std::pow(w / evidence.deviation[j], 2);
    const double exponent = 2.0 * static_cast<double>(j) / evidence.rotary_dim;
    s0 += weight;
    s1 += weight * exponent;
    s2 += weight * exponent * exponent;
    a0 += weight * std::log(w);
    a1 += weight * exponent * std::log(w);
    ++line.pairs;
  }
  if (with_scale) {
    const double determinant = s0 * s2 - s1 * s1;
    if (line.pairs < 2 || !(determinant > 0)) return line;
    line.theta = std::exp((s1 * a0 - s0 * a1) / determinant);
    line.scale = std::exp((s2 * a0 - s1 * a1) / determinant);
  } else if (s2 > 0) {
    line.theta = std::exp(-a1 / s2);
  }
  line.theta = std::clamp(line.theta, 1e-9, 1e15);
  line.scale = std::clamp(line.scale, 1e-9, 1e9);
  return line;
}

std::vector<RuleFit> GeometricStories(const Evidence& evidence, const Hypothesis* config,
                                      const std::vector<int>& denominators) {
  std::vector<RuleFit> fits;
  const size_t pairs = evidence.frequency.size();
  const GeometricLine plain = LineThrough(evidence, pairs, false);
  fits.push_back(
      FitCustomary(evidence, {.rule = PlainRule{}, .theta = plain.theta}, {Knob::kTheta}, config));
  const RuleFit exact = fits.back();
  if (exact.agreement.Explains()) {
    AddOtherWords(evidence, config, denominators, exact.hypothesis.theta, fits);
    AddRunningProducts(evidence, config, exact, fits);
  }
  const GeometricLine scaled = LineThrough(evidence, pairs, true);
  if (scaled.pairs >= 2 && std::abs(std::log(scaled.scale)) > 1e-9) {
    const bool slower = scaled.scale < 1;
    const Rule rule = slower ? Rule(LinearRule{.factor = 1 / scaled.scale}) : Rule(PlainRule{});
    const Hypothesis start{.rule = rule, .theta = scaled.theta, .scale = slower ? 1 : scaled.scale};
    fits.push_back(FitCustomary(evidence, start,
                                {Knob::kTheta, slower ? Knob::kFactor : Knob::kScale}, config));
    if (fits.back().agreement.Explains()) {
      const RuleFit line = fits.back();
      AddRunningProducts(evidence, config, line, fits);
    }
  }
  AddProportional(evidence, config, fits);
  return fits;
}

}  // namespace rotary
