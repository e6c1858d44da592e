// What a diagnosis comes to, in a few sentences: the rotation that was found, what the config says
// otherwise, and what that does to scores.
//
//   Half layout, theta 10,000, positions as given. Your config says theta 500,000: scores go wrong
//   from about 8 tokens apart on.
#ifndef ROTARY_DOCTOR_VERDICT_H_
#define ROTARY_DOCTOR_VERDICT_H_

#include <optional>
#include <string>

#include "rotary/doctor/diagnosis.h"

namespace rotary {

// The rotation of a diagnosis that has one, and that it is the config's where there is no fault.
std::string AppliedSentence(const Diagnosis& diagnosis, const std::optional<Expectation>& expected);

// From the findings and the rotation of the diagnosis, which it must have already.
std::string VerdictOf(const Diagnosis& diagnosis, const std::optional<Expectation>& expected);

// Tokens apart from which on one pair is a radian off or more: 1 / max |w - v|. Nothing where the
// two have other pairs or axes, or the same frequencies.
std::optional<double> DistanceOfARadian(const Rotation& found, const Rotation& wanted);

}  // namespace rotary

#endif  // ROTARY_DOCTOR_VERDICT_H_
