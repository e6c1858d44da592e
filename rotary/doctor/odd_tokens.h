// Tokens that an explanation of some does not serve: a look at all of them.
#ifndef ROTARY_DOCTOR_ODD_TOKENS_H_
#define ROTARY_DOCTOR_ODD_TOKENS_H_

#include <cstdint>
#include <vector>

#include "rotary/doctor/explanation.h"
#include "rotary/doctor/samples.h"

namespace rotary {

// Places in [rows, tokens], ascending, of tokens that are further from what the explanation
// predicts than four times the worst of those that it was made of. Where positions of other tokens
// do not follow from those of the samples, or outputs stand in other places: those alone that were
// not written. Throws
// std::invalid_argument where a number is not finite, with its place.
//
// Work: tokens heads head_dim products and, for each token, a cosine and a sine a pair.
std::vector<int64_t> FindOddTokens(const Observation& observation, const Samples& samples,
                                   const Explanation& explanation);

}  // namespace rotary

#endif  // ROTARY_DOCTOR_ODD_TOKENS_H_
