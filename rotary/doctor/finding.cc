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

Json FindingsJson(const std::vector<Finding>& findings) {
  Json all = Json::array();
  for (const Finding& finding : findings) {
    all.push_back({{"code", finding.code},
                   {"severity", Name(finding.severity)},
                   {"sentence", finding.sentence},
                   {"evidence", finding.evidence}});
  }
  return all;
}

}  // namespace rotary
