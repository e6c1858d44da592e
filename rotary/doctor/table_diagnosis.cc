#include "rotary/doctor/table_diagnosis.h"

#include <fmt/format.h>

#include "rotary/doctor/findings_text.h"
#include "rotary/io/json.h"

namespace rotary {
namespace {

template <class T>
Json OrNull(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json OrNull(const std::string& value) { return value.empty() ? Json(nullptr) : Json(value); }

// "each column twice", after the numbers of pairs.
std::string WidthWords(const std::string& width) {
  if (width == "twice") return ", all columns twice in a row (cat)";
  if (width == "each") return ", each column twice (repeat_interleave)";
  return "";
}

}  // namespace

std::string TableText(const TableDiagnosis& diagnosis) {
  std::string text = Paragraph(diagnosis.verdict) + "\n";
  text += fmt::format("certainty   {}\n", Name(diagnosis.certainty));
  if (diagnosis.kind == "frequencies") {
    text += fmt::format("holds       {} frequencies, {}\n", diagnosis.pairs, diagnosis.dtype);
  } else {
    text += fmt::format("holds       {}, rows: {}, ",
                        diagnosis.order.empty() ? diagnosis.kind : diagnosis.order, diagnosis.rows);
    if (diagnosis.pairs > 0) text += fmt::format("pairs: {}, ", diagnosis.pairs);
    text += diagnosis.dtype + WidthWords(diagnosis.width) + "\n";
  }
  if (!diagnosis.story.empty()) text += "frequencies " + diagnosis.story + "\n";
  if (diagnosis.attention_factor) {
    text += fmt::format("factor      {:.7g} in cosines and sines\n", *diagnosis.attention_factor);
  }
  if (!diagnosis.arithmetic.empty()) text += "arithmetic  " + diagnosis.arithmetic + "\n";
  if (diagnosis.worst) {
    text += fmt::format("angles      off by up to {:.2g} radians (position {:.12g}, pair {})\n",
                        diagnosis.worst->radians, diagnosis.worst->position, diagnosis.worst->pair);
  }
  text += FindingsText(diagnosis.findings);
  return text;
}

std::string TableJson(const TableDiagnosis& diagnosis) {
  Json worst;
  if (diagnosis.worst) {
    worst = {{"radians", diagnosis.worst->radians},
             {"position", diagnosis.worst->position},
             {"pair", diagnosis.worst->pair}};
  }
  const Json json = {{"verdict", diagnosis.verdict},
                     {"certainty", Name(diagnosis.certainty)},
                     {"kind", diagnosis.kind},
                     {"dtype", diagnosis.dtype},
                     {"order", OrNull(diagnosis.order)},
                     {"width", OrNull(diagnosis.width)},
                     {"rows", diagnosis.rows},
                     {"pairs", diagnosis.pairs},
                     {"story", OrNull(diagnosis.story)},
                     {"theta", OrNull(diagnosis.theta)},
                     {"rule", OrNull(diagnosis.rule)},
                     {"attention_factor", OrNull(diagnosis.attention_factor)},
                     {"position_shift", OrNull(diagnosis.position_shift)},
                     {"arithmetic", OrNull(diagnosis.arithmetic)},
                     {"frequency", diagnosis.frequency},
                     {"worst_angle_error", worst},
                     {"findings", FindingsJson(diagnosis.findings)}};
  return json.dump();
}

}  // namespace rotary
