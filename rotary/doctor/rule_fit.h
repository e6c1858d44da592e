// Numbers of a rule from frequencies: weighted least squares, then the nearest customary numbers.
#ifndef ROTARY_DOCTOR_RULE_FIT_H_
#define ROTARY_DOCTOR_RULE_FIT_H_

#include <vector>

#include "rotary/doctor/customary.h"
#include "rotary/doctor/evidence.h"
#include "rotary/doctor/hypothesis.h"

namespace rotary {

struct RuleFit {
  Hypothesis hypothesis;
  std::vector<FittedKnob> knobs;  // those that were free at first
  std::vector<double> predicted;
  Agreement agreement;
  double cost = 0;  // of all numbers of the rule

  double score() const { return agreement.chi2 + cost; }
  // Numbers that were fitted and are not customary.
  int FreeKnobs() const;
};

// What `hypothesis` as it is says of the evidence.
//   config  whose numbers cost nothing; null: none
RuleFit RuleFitOf(const Evidence& evidence, const Hypothesis& hypothesis, const Hypothesis* config);

// The best numbers for `knobs`, starting from those of `start`; others stay. Levenberg and
// Marquardt in the logarithms of the numbers, with derivatives by differences: a few tens of
// spectra, and as many times pairs * knobs^2 products.
RuleFit FitKnobs(const Evidence& evidence, const Hypothesis& start, const std::vector<Knob>& knobs,
                 const Hypothesis* config);

// FitKnobs, and then each number in turn moved to the customary one that makes chi2 + cost least,
// the others fitted anew, as long as that falls.
RuleFit FitCustomary(const Evidence& evidence, const Hypothesis& start,
                     const std::vector<Knob>& knobs, const Hypothesis* config);

}  // namespace rotary

#endif  // ROTARY_DOCTOR_RULE_FIT_H_
