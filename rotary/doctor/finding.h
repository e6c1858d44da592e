// What the doctor says: a verdict, how sure it is, and what it rests on.
#ifndef ROTARY_DOCTOR_FINDING_H_
#define ROTARY_DOCTOR_FINDING_H_

#include <string>
#include <vector>

#include "rotary/io/json.h"

namespace rotary {

enum class Severity {
  kNote,   // what many engines do on purpose, or what does no harm
  kFault,  // scores or outputs are wrong
};

enum class Certainty { kCertain, kLikely, kCannotTell };

struct Finding {
  std::string code;  // such as "theta-differs"; docs/doctor.md lists them
  Severity severity = Severity::kNote;
  std::string sentence;            // for people, complete without the evidence
  Json evidence = Json::object();  // the numbers that it rests on
};

std::string Name(Severity severity);    // "note", "fault"
std::string Name(Certainty certainty);  // "certain", "likely", "cannot tell"

bool HasFault(const std::vector<Finding>& findings);

// [{"code", "severity", "sentence", "evidence"}]
Json FindingsJson(const std::vector<Finding>& findings);

}  // namespace rotary

#endif  // ROTARY_DOCTOR_FINDING_H_
