// What is usually behind a finding in real engines, what to do about it, and where somebody met it.
// docs/doctor.md, "Findings", is this list as a table.
#ifndef ROTARY_DOCTOR_CAUSES_H_
#define ROTARY_DOCTOR_CAUSES_H_

#include <span>
#include <string_view>
#include <vector>

namespace rotary {

struct Cause {
  std::string_view code;   // of the finding
  std::string_view means;  // in a few words
  std::string_view cause;  // empty: none, as of none-found
  std::string_view fix;
  std::vector<std::string_view> sources;  // public threads
};

// Every code of a finding, each once.
std::span<const Cause> Causes();

// Null where no finding has this code.
const Cause* CauseOf(std::string_view code);

}  // namespace rotary

#endif  // ROTARY_DOCTOR_CAUSES_H_
