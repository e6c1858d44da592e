// All hypotheses that are worth comparing with measured frequencies.
#ifndef ROTARY_DOCTOR_CANDIDATES_H_
#define ROTARY_DOCTOR_CANDIDATES_H_

#include <optional>
#include <vector>

#include "rotary/doctor/rule_fit.h"

namespace rotary {

// What the config asks for, as candidates are compared with it.
struct AskedRule {
  std::optional<Hypothesis> rule;
  std::vector<int> denominators;  // that exponents may be over instead of rotary_dim

  const Hypothesis* hypothesis() const { return rule ? &*rule : nullptr; }
};

// `expected`: null: no config. Throws as FindStories does.
AskedRule AskedRuleOf(const MeasuredSpectrum& measured, const ExpectedRule* expected);

// Exact rules, and rounded ones where the frequencies lie on the numbers of a short format: beyond
// doubt, or not by chance, or, where no exact rule explains them, perhaps. Those that do not
// explain the frequencies too.
std::vector<RuleFit> AllCandidates(const MeasuredSpectrum& measured, const Evidence& evidence,
                                   const AskedRule& asked);

}  // namespace rotary

#endif  // ROTARY_DOCTOR_CANDIDATES_H_
