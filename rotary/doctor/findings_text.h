// Findings in a terminal of 100 columns: the sentence, the likely cause, the fix, where it was met.
#ifndef ROTARY_DOCTOR_FINDINGS_TEXT_H_
#define ROTARY_DOCTOR_FINDINGS_TEXT_H_

#include <string>
#include <string_view>
#include <vector>

#include "rotary/doctor/finding.h"

namespace rotary {

// Words in lines of at most 100 columns, each ended; a longer word has a line of its own. Lines
// after the first begin with `indent` blanks, as the first is taken to.
std::string Paragraph(std::string_view text, size_t indent = 0);

// "layout       half, ...": a name and what belongs to it.
std::string Fact(std::string_view name, std::string_view text);

// Each finding after an empty line, faults first. Empty where all that is said is that no fault was
// found.
std::string FindingsText(const std::vector<Finding>& findings);

}  // namespace rotary

#endif  // ROTARY_DOCTOR_FINDINGS_TEXT_H_
