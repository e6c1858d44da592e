// In which ways a rule with its numbers is not the one a config asks for.
#ifndef ROTARY_DOCTOR_CONFIG_DIFFERENCE_H_
#define ROTARY_DOCTOR_CONFIG_DIFFERENCE_H_

#include <vector>

#include "rotary/doctor/hypothesis.h"

namespace rotary {

// The config's rule as a hypothesis.
Hypothesis HypothesisOf(const ExpectedRule& expected);

// What differs, by the numbers of the two and not by their frequencies; empty: nothing.
std::vector<ConfigDifference> DifferencesFrom(const Hypothesis& config, const Hypothesis& story,
                                              int rotary_dim);

}  // namespace rotary

#endif  // ROTARY_DOCTOR_CONFIG_DIFFERENCE_H_
