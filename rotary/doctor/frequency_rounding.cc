#include "rotary/doctor/frequency_rounding.h"

#include <algorithm>
#include <cmath>

#include "rotary/rope/float32_arithmetic.h"

namespace rotary {
namespace {

// The distance of neighbours among the numbers of a format.
double Spacing(Precision precision, double value) {
  if (value == 0 || precision == Precision::kDouble) return 0;
  int exponent = std::ilogb(value);
  if (precision == Precision::kF16) exponent = std::max(exponent, -14);
  return std::ldexp(1, exponent - DigitsOf(precision) + 1);
}

bool IsPowerOfTwo(double value) {
  int exponent = 0;
  return std::abs(std::frexp(value, &exponent)) == 0.5;
}

// The evidence without what float32 excuses.
Evidence Narrow(const MeasuredSpectrum& measured, const Evidence& evidence) {
  Evidence narrow = evidence;
  for (size_t j = 0; j < narrow.deviation.size(); ++j) {
    if (!std::isfinite(narrow.deviation[j])) continue;
    // 1e-14: what rules.h promises of its frequencies.
    const double own = std::hypot(measured.deviation[j], 1e-14 * measured.frequency[j]);
    narrow.deviation[j] = std::max(own, 1e-30);
  }
  return narrow;
}

}  // namespace

std::vector<FrequencyArithmetic> GridsUnder(const MeasuredSpectrum& measured, double most_chance) {
  std::vector<FrequencyArithmetic> grids;
  for (const FrequencyArithmetic grid :
       {FrequencyArithmetic::kBF16, FrequencyArithmetic::kF16, FrequencyArithmetic::kTF32}) {
    double chance = 1;
    bool on_grid = true;
    for (size_t j = 0; j < measured.frequency.size(); ++j) {
      if (!std::isfinite(measured.deviation[j])) continue;
      const double w = measured.frequency[j];
      // Numbers are good to 1e-14 at best.
      const double reach = kApart * std::hypot(measured.deviation[j], 1e-14 * w);
      const double nearest = RoundedTo(PrecisionOf(grid), w);
      const double spacing = Spacing(PrecisionOf(grid), w);
      if (!(2 * reach < spacing)) continue;
      on_grid = on_grid && std::abs(w - nearest) <= reach;
      // Zero and powers of two, which lie on every grid, are no sign of it.
      if (nearest != 0 && !IsPowerOfTwo(nearest)) chance *= 2 * reach / spacing;
    }
    if (on_grid && chance < most_chance) grids.push_back(grid);
  }
  return grids;
}

Evidence Widened(const Evidence& evidence, FrequencyArithmetic arithmetic) {
  Evidence wide = evidence;
  for (size_t j = 0; j < wide.deviation.size(); ++j) {
    const double half = Spacing(PrecisionOf(arithmetic), wide.frequency[j]) / 2;
    // What f16 rounds to zero lies below half of its least number.
    const double least = arithmetic == FrequencyArithmetic::kF16 ? 0x1p-25 : 0;
    wide.deviation[j] = std::hypot(wide.deviation[j], std::max(half, least) / std::sqrt(3.0));
  }
  return wide;
}

RuleFit Rounded(const Evidence& evidence, const RuleFit& fit, FrequencyArithmetic arithmetic,
                const Hypothesis* config) {
  RuleFit rounded = fit;
  rounded.hypothesis.arithmetic = arithmetic;
  rounded.predicted = FrequenciesOf(rounded.hypothesis, evidence.rotary_dim, false);
  double open = 0;  // relative: 3 deviations of the fitted numbers, theta's being doubled by 2j / d
  for (const FittedKnob& knob : fit.knobs) {
    if (!knob.customary && std::isfinite(knob.deviation)) open += 3 * 2 * knob.deviation;
  }
  for (size_t j = 0; j < rounded.predicted.size(); ++j) {
    double& predicted = rounded.predicted[j];
    const double reach = kApart * Float32Deviation(predicted) + open * predicted;
    if (std::isfinite(evidence.deviation[j])) {
      predicted = std::clamp(evidence.frequency[j], predicted - reach, predicted + reach);
    }
    predicted = RoundedTo(PrecisionOf(arithmetic), predicted);
  }
  rounded.agreement = Judge(evidence, rounded.predicted);
  rounded.cost = CostOf(rounded.hypothesis, rounded.knobs, config, evidence.rotary_dim);
  return rounded;
}

FoundArithmetic ArithmeticOf(const MeasuredSpectrum& measured, const Evidence& evidence,
                             const RuleFit& fit) {
  const Hypothesis& h = fit.hypothesis;
  if (h.arithmetic != FrequencyArithmetic::kExact &&
      h.arithmetic != FrequencyArithmetic::kFloat32 &&
      h.arithmetic != FrequencyArithmetic::kRunningProduct) {
    return {h.arithmetic, fit.predicted};
  }
  const Evidence narrow = Narrow(measured, evidence);
  std::vector<Knob> open;
  for (const FittedKnob& knob : fit.knobs) {
    if (!knob.customary) open.push_back(knob.knob);
  }
  const RuleFit exact = FitKnobs(narrow, h, open, nullptr);
  std::vector<double> single;
  if (h.list.empty() && h.denominator == 0) {
    single = MakeFloat32Spectrum(evidence.rotary_dim, h.theta, h.rule, h.length).frequency;
    for (double& w : single) w = static_cast<float>(w * h.scale);
  } else {
    for (const double w : fit.predicted) single.push_back(static_cast<float>(w));
  }
  if (h.arithmetic == FrequencyArithmetic::kExact) {
    if (exact.agreement.Explains()) {
      const bool told = Distance(narrow, exact.predicted, single) >= kApart;
      return {told ? FrequencyArithmetic::kExact : FrequencyArithmetic::kUnknown, exact.predicted};
    }
    if (Judge(narrow, single).Explains()) return {FrequencyArithmetic::kFloat32, single};
  }
  if (h.list.empty()) {
    Hypothesis running = h;
    running.arithmetic = FrequencyArithmetic::kRunningProduct;
    for (const int ulps : {0, -1, 1}) {
      running.ulps = ulps;
      const std::vector<double> products = FrequenciesOf(running, evidence.rotary_dim);
      if (Judge(narrow, products).Explains()) return {running.arithmetic, products};
    }
  }
  return {
      h.arithmetic == FrequencyArithmetic::kExact ? FrequencyArithmetic::kFloat32 : h.arithmetic,
      fit.predicted};
}

}  // namespace rotary
