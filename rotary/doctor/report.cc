#include "rotary/doctor/report.h"

#include <fmt/format.h>

#include "rotary/io/json.h"
#include "rotary/io/rotation_json.h"

namespace rotary {
namespace {

template <class T>
Json OrNull(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json OrNull(const std::string& value) { return value.empty() ? Json(nullptr) : Json(value); }

}  // namespace

std::string DiagnosisText(const Diagnosis& diagnosis) {
  std::string text = diagnosis.verdict + "\n";
  text += fmt::format("certainty  {}\n", Name(diagnosis.certainty));
  if (diagnosis.rotation) {
    text += fmt::format("layout     {}, {} of {} channels from {} on\n", diagnosis.layout,
                        diagnosis.rotary_dim, diagnosis.head_dim, diagnosis.offset);
    text += fmt::format("arithmetic {}\n", diagnosis.arithmetic);
    text += fmt::format("left       {:.3g} of what came out; rounding is {:.3g}\n",
                        diagnosis.residual, diagnosis.noise);
  }
  for (const Finding& finding : diagnosis.findings) {
    text += fmt::format("{}: {} {}\n", Name(finding.severity), finding.code, finding.sentence);
  }
  return text;
}

std::string DiagnosisJson(const Diagnosis& diagnosis) {
  const bool is_known = diagnosis.rotation.has_value();
  const Json json = {
      {"verdict", diagnosis.verdict},
      {"certainty", Name(diagnosis.certainty)},
      {"layout", OrNull(diagnosis.layout)},
      {"head_dim", diagnosis.head_dim},
      {"rotary_dim", is_known ? Json(diagnosis.rotary_dim) : Json(nullptr)},
      {"offset", is_known ? Json(diagnosis.offset) : Json(nullptr)},
      {"theta", OrNull(diagnosis.theta)},
      {"rule", OrNull(diagnosis.rule)},
      {"factor", OrNull(diagnosis.factor)},
      {"attention_factor", OrNull(diagnosis.attention_factor)},
      {"direction", is_known ? Json(diagnosis.is_inverse ? "inverse" : "forward") : Json(nullptr)},
      {"position_shift", OrNull(diagnosis.position_shift)},
      {"arithmetic", OrNull(diagnosis.arithmetic)},
      {"rotation", is_known ? Json::parse(RotationToJson(*diagnosis.rotation)) : Json(nullptr)},
      {"findings", FindingsJson(diagnosis.findings)},
      {"stories", diagnosis.stories},
      {"residual", diagnosis.residual},
      {"noise", diagnosis.noise}};
  return json.dump();
}

}  // namespace rotary
