// The structures that an observation may have: a layout with one turn for each pair; tables in
// another order than the pairs; outputs in other places than their inputs.
#ifndef ROTARY_DOCTOR_STRUCTURES_H_
#define ROTARY_DOCTOR_STRUCTURES_H_

#include <optional>

#include "rotary/doctor/explanation.h"

namespace rotary {

// Positions of the samples, or where none were given, tokens counted from 0: [tokens, axes].
std::vector<double> GivenPositions(const Samples& samples);

// The best explanation. Plain structures are looked at first, the others where they leave more than
// rounding. Nothing where no structure has a pair.
std::optional<Explanation> ExplainStructure(const Samples& samples,
                                            const std::optional<Expectation>& expected);

// What of the samples the explanation leaves, over rounding: 1 where it explains them. For parts of
// an observation: one head, one row.
double LeftOf(const Explanation& explanation, const Samples& part);

}  // namespace rotary

#endif  // ROTARY_DOCTOR_STRUCTURES_H_
