// Other words for the rotation that was found: what makes the same numbers, and what the data do
// not tell from it.
#ifndef ROTARY_DOCTOR_EQUIVALENTS_H_
#define ROTARY_DOCTOR_EQUIVALENTS_H_

#include <optional>
#include <string>
#include <vector>

#include "rotary/doctor/explanation.h"

namespace rotary {

// Sentences, each true of these data: first those that hold for any data (frequencies doubled are
// positions doubled), then rules with the same frequencies, then rules that these tokens do not
// tell apart, then what no token turned far enough to tell.
std::vector<std::string> EquivalentStories(const Explanation& found, const Samples& samples,
                                           const std::optional<Expectation>& expected);

}  // namespace rotary

#endif  // ROTARY_DOCTOR_EQUIVALENTS_H_
