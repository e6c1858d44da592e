// What the doctor says: a verdict, how sure it is, and what it rests on.
#ifndef ROTARY_DOCTOR_FINDING_H_
#define ROTARY_DOCTOR_FINDING_H_

#include <string>
#include <vector>

#include "rotary/doctor/causes.h"
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

// What is usually behind it (causes.h); null where that is not known. That positions were not given
// needs no cause.
const Cause* LikelyCause(const Finding& finding);

// [{"code", "severity", "sentence", "evidence", "cause", "fix", "source"}]; source is a list of
// addresses; cause and fix are null where there is no likely cause.
Json FindingsJson(const std::vector<Finding>& findings);

}  // namespace rotary

#endif  // ROTARY_DOCTOR_FINDING_H_
