#include "rotary/doctor/finding.h"

#include <algorithm>

namespace rotary {

std::string Name(Severity severity) { return severity == Severity::kFault ? "fault" : "note"; }

std::string Name(Certainty certainty) {
  switch (certainty) {
    case Certainty::kCertain:
      return "certain";
    case Certainty::kLikely:
      return "likely";
    case Certainty::kCannotTell:
      return "cannot tell";
  }
  return "";
}

bool HasFault(const std::vector<Finding>& findings) {
  return std::any_of(findings.begin(), findings.end(),
                     [](const Finding& finding) { return finding.severity == Severity::kFault; });
}

const Cause* LikelyCause(const Finding& finding) {
  const bool is_fault = finding.severity == Severity::kFault;
  const Cause* cause = CauseOf(finding.code);
  const bool is_known = cause != nullptr && !cause->cause.empty();
  return is_known && (is_fault || finding.code != "position-shifted") ? cause : nullptr;
}

Json FindingsJson(const std::vector<Finding>& findings) {
  Json all = Json::array();
  for (const Finding& finding : findings) {
    const Cause* cause = LikelyCause(finding);
    all.push_back({{"code", finding.code},
                   {"severity", Name(finding.severity)},
                   {"sentence", finding.sentence},
                   {"evidence", finding.evidence},
                   {"cause", cause != nullptr ? Json(cause->cause) : Json(nullptr)},
                   {"fix", cause != nullptr ? Json(cause->fix) : Json(nullptr)},
                   {"source", cause != nullptr ? Json(cause->sources) : Json::array()}});
  }
  return all;
}

}  // namespace rotary
