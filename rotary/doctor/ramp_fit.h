// Stories of frequencies that leave the straight line: fast pairs as in a plain spectrum, slow ones
// divided by a factor, a ramp between (YaRN, Llama 3, NTK-by-parts).
//
// The place of the ramp makes chi2 a landscape with many valleys, so it is searched on a grid
// (ramp_grid.h), and least squares in all numbers (rule_fit.h) start from its best points. Ramps in
// whole pairs (YaRN with truncate, NTK-by-parts) move in steps with the trained length; a step
// is a range of lengths that give the same frequencies.
#ifndef ROTARY_DOCTOR_RAMP_FIT_H_
#define ROTARY_DOCTOR_RAMP_FIT_H_

#include <vector>

#include "rotary/doctor/rule_fit.h"

namespace rotary {

// All stories of the kind that are worth comparing, those that do not explain the data too.
//   config  null: none
std::vector<RuleFit> RampStories(const Evidence& evidence, const Hypothesis* config);

}  // namespace rotary

#endif  // ROTARY_DOCTOR_RAMP_FIT_H_
