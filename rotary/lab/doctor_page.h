// A diagnosis as a page: the verdict, every pair's angle at every token beside what it is off by,
// findings with their likely causes, and what was measured.
#ifndef ROTARY_LAB_DOCTOR_PAGE_H_
#define ROTARY_LAB_DOCTOR_PAGE_H_

#include <optional>
#include <string>

#include "rotary/doctor/diagnosis.h"

namespace rotary {

//   source  of the observation, as a reader knows it: the file
// At most 256 tokens are drawn, evenly from all; the page stays below 1 MB.
// Throws as DrawTurns does.
std::string DoctorHtml(const Observation& observation, const std::optional<Expectation>& expected,
                       const Diagnosis& diagnosis, const std::string& source);

}  // namespace rotary

#endif  // ROTARY_LAB_DOCTOR_PAGE_H_
