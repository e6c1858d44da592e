// Stories that a config suggests: its rule as it is, without its scaling, with one number changed.
#ifndef ROTARY_DOCTOR_CONFIG_FIT_H_
#define ROTARY_DOCTOR_CONFIG_FIT_H_

#include <vector>

#include "rotary/doctor/rule_fit.h"

namespace rotary {

// All of them, those that do not explain the data too; the config as it is first.
//   denominators  channels that exponents may be over instead of rotary_dim
std::vector<RuleFit> ConfigStories(const Evidence& evidence, const Hypothesis& config,
                                   const std::vector<int>& denominators);

}  // namespace rotary

#endif  // ROTARY_DOCTOR_CONFIG_FIT_H_
