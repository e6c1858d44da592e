// The structures that an observation may have: a layout with one turn for each pair; tables in
// another order than the pairs; outputs in other places than their inputs.
#ifndef ROTARY_DOCTOR_STRUCTURES_H_
#define ROTARY_DOCTOR_STRUCTURES_H_

#include <optional>

#include "rotary/doctor/explanation.h"

namespace rotary {

// The best explanation. Plain structures are looked at first, the others where they leave more than
// rounding. Nothing where no structure has a pair.
std::optional<Explanation> ExplainStructure(const Samples& samples,
                                            const std::optional<Expectation>& expected);

// What an explanation leaves of a part of an observation (one head, one row), over rounding: 1
// where it explains it. Where positions were not given, another row may stand anywhere.
//   explained  what the explanation was made of, which need not hold the part
double LeftOf(const Explanation& explanation, const Samples& explained, const Samples& part);

}  // namespace rotary

#endif  // ROTARY_DOCTOR_STRUCTURES_H_
