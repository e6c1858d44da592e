// From an explanation to findings: each way in which it is not what was expected.
#ifndef ROTARY_DOCTOR_EXPLANATION_FINDINGS_H_
#define ROTARY_DOCTOR_EXPLANATION_FINDINGS_H_

#include <optional>
#include <string>
#include <vector>

#include "rotary/doctor/explanation.h"
#include "rotary/doctor/finding.h"

namespace rotary {

// Without an expectation: what is odd in itself.
std::vector<Finding> FindingsOf(const Explanation& explanation, const Samples& samples,
                                const std::optional<Expectation>& expected);

}  // namespace rotary

#endif  // ROTARY_DOCTOR_EXPLANATION_FINDINGS_H_
