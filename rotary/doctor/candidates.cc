#include "rotary/doctor/candidates.h"

#include <algorithm>
#include <utility>

#include "rotary/base/error.h"
#include "rotary/doctor/config_difference.h"
#include "rotary/doctor/config_fit.h"
#include "rotary/doctor/frequency_rounding.h"
#include "rotary/doctor/ramp_fit.h"
#include "rotary/doctor/theta_fit.h"

namespace rotary {
namespace {

void Append(std::vector<RuleFit>& fits, std::vector<RuleFit>&& more) {
  for (RuleFit& fit : more) fits.push_back(std::move(fit));
}

bool Explains(const RuleFit& fit) { return fit.agreement.Explains(); }

// Straight lines, and what the config suggests.
std::vector<RuleFit> SimpleCandidates(const Evidence& evidence, const AskedRule& asked) {
  const Hypothesis* config = asked.hypothesis();
  std::vector<RuleFit> fits;
  if (config != nullptr) Append(fits, ConfigStories(evidence, *config, asked.denominators));
  Append(fits, GeometricStories(evidence, config, asked.denominators));
  return fits;
}

std::vector<RuleFit> Candidates(const Evidence& evidence, const AskedRule& asked) {
  std::vector<RuleFit> fits = SimpleCandidates(evidence, asked);
  // A ramp has more numbers than a line: it is looked for where no line is good beyond doubt.
  constexpr double kBeyondDoubt = 4;
  const bool good = std::any_of(fits.begin(), fits.end(), [&](const RuleFit& fit) {
    return Explains(fit) && fit.agreement.worst < kBeyondDoubt;
  });
  if (!good) Append(fits, RampStories(evidence, asked.hypothesis()));
  return fits;
}

// Candidates for frequencies that were rounded.
std::vector<RuleFit> RoundedCandidates(const Evidence& evidence, FrequencyArithmetic grid,
                                       const AskedRule& asked) {
  const Hypothesis* config = asked.hypothesis();
  std::vector<RuleFit> fits;
  const Evidence wide = Widened(evidence, grid);
  for (const RuleFit& fit : Candidates(wide, asked)) {
    if (!Explains(fit)) continue;
    fits.push_back(Rounded(evidence, fit, grid, config));
    if (Explains(fits.back()) || fit.knobs.empty()) continue;
    // Customary numbers were near enough for the wider deviations only.
    std::vector<Knob> knobs;
    for (const FittedKnob& fitted : fit.knobs) knobs.push_back(fitted.knob);
    const RuleFit anew = FitKnobs(wide, fit.hypothesis, knobs, config);
    fits.push_back(Rounded(evidence, anew, grid, config));
  }
  return fits;
}

// Candidates for the formats on whose numbers the frequencies lie, the coarsest first.
std::vector<RuleFit> RoundedCandidates(const Evidence& evidence,
                                       const std::vector<FrequencyArithmetic>& grids,
                                       const AskedRule& asked) {
  std::vector<RuleFit> fits;
  for (const FrequencyArithmetic grid : grids) {
    if (std::none_of(fits.begin(), fits.end(), Explains)) {
      Append(fits, RoundedCandidates(evidence, grid, asked));
    } else {  // a finer format, which holds the numbers of the coarser one
      for (const RuleFit& fit : std::vector<RuleFit>(fits)) {
        if (Explains(fit)) fits.push_back(Rounded(evidence, fit, grid, asked.hypothesis()));
      }
    }
  }
  return fits;
}

}  // namespace

AskedRule AskedRuleOf(const MeasuredSpectrum& measured, const ExpectedRule* expected) {
  AskedRule asked;
  std::vector<int> denominators = {measured.head_dim, measured.rotary_dim - 2};
  if (expected != nullptr) {
    asked.rule = HypothesisOf(*expected);
    denominators.push_back(expected->rotary_dim);
    if (expected->frequency.empty()) {
      MakeSpectrum(measured.rotary_dim, expected->theta, expected->rule, expected->length);
    } else {
      Require(expected->frequency.size() == measured.frequency.size(), "stories: expected ",
              measured.frequency.size(), " frequencies of the config, got ",
              expected->frequency.size());
    }
  }
  for (const int denominator : denominators) {
    const bool known = std::find(asked.denominators.begin(), asked.denominators.end(),
                                 denominator) != asked.denominators.end();
    if (denominator > 0 && denominator != measured.rotary_dim && !known) {
      asked.denominators.push_back(denominator);
    }
  }
  return asked;
}

std::vector<RuleFit> AllCandidates(const MeasuredSpectrum& measured, const Evidence& evidence,
                                   const AskedRule& asked) {
  constexpr double kBeyondDoubt = 1e-9, kNotByChance = 0.3, kPerhaps = 2;
  std::vector<FrequencyArithmetic> grids = GridsUnder(measured, kBeyondDoubt);
  if (!grids.empty()) {
    // A finer format would not give numbers of this one only.
    const int digits = DigitsOf(PrecisionOf(grids[0]));
    std::erase_if(grids,
                  [&](FrequencyArithmetic grid) { return DigitsOf(PrecisionOf(grid)) != digits; });
    std::vector<RuleFit> fits = RoundedCandidates(evidence, grids, asked);
    const bool explained = std::any_of(fits.begin(), fits.end(), Explains);
    Append(fits, explained ? SimpleCandidates(evidence, asked) : Candidates(evidence, asked));
    return fits;
  }
  std::vector<RuleFit> fits = Candidates(evidence, asked);
  const bool explained = std::any_of(fits.begin(), fits.end(), Explains);
  Append(fits, RoundedCandidates(evidence,
                                 GridsUnder(measured, explained ? kNotByChance : kPerhaps), asked));
  return fits;
}

}  // namespace rotary
