// A diagnosis for people and for machines.
#ifndef ROTARY_DOCTOR_REPORT_H_
#define ROTARY_DOCTOR_REPORT_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "rotary/doctor/diagnosis.h"

namespace rotary {

// What was measured, as names and values: of a rotation only where one was found.
std::vector<std::pair<std::string, std::string>> MeasuredFacts(const Diagnosis& diagnosis);

// The verdict, what was measured, the findings with their likely causes, other words for the same
// rotation, and the numbers of some pairs; in 100 columns.
std::string DiagnosisText(const Diagnosis& diagnosis, const std::optional<Expectation>& expected);

// {"verdict", "certainty", "layout", "head_dim", "rotary_dim", "offset", "theta", "rule", "factor",
// "attention_factor", "direction", "position_shift", "arithmetic", "rotation", "findings",
// "stories", "residual", "noise"}; what is unknown is null.
std::string DiagnosisJson(const Diagnosis& diagnosis);

}  // namespace rotary

#endif  // ROTARY_DOCTOR_REPORT_H_
