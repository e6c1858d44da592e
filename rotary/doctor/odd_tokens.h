// Tokens that an explanation of some does not serve: a look at all of them.
#ifndef ROTARY_DOCTOR_ODD_TOKENS_H_
#define ROTARY_DOCTOR_ODD_TOKENS_H_

#include <cstdint>
#include <vector>

#include "rotary/doctor/explanation.h"
#include "rotary/doctor/samples.h"

namespace rotary {

// [tokens]: whether a token of those that were explained is far worse than the others: 5 deviations
// in the mean of its pairs, where the middle one of all tokens is within 1. None of a rotation that
// is no list of turns.
std::vector<char> FarOff(const Samples& samples, const Explanation& explanation);

// Places in [rows, tokens], ascending, of tokens that are further from what the explanation
// predicts than the others: of those that it was made of, those far off; of all, four times the
// worst of the other ones. Where positions of other tokens do not follow from
// those of the samples: the former, and those that were not written; where outputs stand in other
// places, the latter alone. Throws std::invalid_argument where a number is not finite, with its
// place.
//
// Work: tokens heads head_dim products and, for each token, a cosine and a sine a pair.
std::vector<int64_t> FindOddTokens(const Observation& observation, const Samples& samples,
                                   const Explanation& explanation);

}  // namespace rotary

#endif  // ROTARY_DOCTOR_ODD_TOKENS_H_
