#include "rotary/doctor/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <set>

#include "rotary/doctor/findings_text.h"
#include "rotary/doctor/verdict.h"
#include "rotary/doctor/words.h"
#include "rotary/io/json.h"
#include "rotary/io/rotation_json.h"

namespace rotary {
namespace {

template <class T>
Json OrNull(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json OrNull(const std::string& value) { return value.empty() ? Json(nullptr) : Json(value); }

// "0~32 1~33 .. 31~63"
std::string PairList(const Rotation& rotation) {
  std::string list;
  for (int j = 0; j < rotation.pairs(); ++j) {
    if (j == 2 && rotation.pairs() > 4) {
      list += " ..";
      j = rotation.pairs() - 1;
    }
    const auto at = static_cast<size_t>(j);
    list +=
        fmt::format("{}{}~{}", list.empty() ? "" : " ", rotation.first[at], rotation.second[at]);
  }
  return list;
}

// Three digits of a length, whole from 100 on.
double Rounded(double length) {
  const double unit = std::pow(10, std::floor(std::log10(length)) - 2);
  return std::round(length / unit) * unit;
}

// The axis that turns pair j; the first where none does.
size_t PlaceOf(const Rotation& rotation, int j) {
  const auto begin = rotation.frequency.begin() + std::ptrdiff_t{j} * rotation.axes;
  const auto at = std::find_if(begin, begin + rotation.axes, [](double w) { return w != 0; });
  return static_cast<size_t>((at == begin + rotation.axes ? begin : at) -
                             rotation.frequency.begin());
}

// Some of the pairs, from the fastest to the slowest, beside the config's where they differ.
std::string PairsText(const Diagnosis& diagnosis, const std::optional<Expectation>& expected) {
  constexpr int kSteps = 8;
  if (!diagnosis.rotation || diagnosis.rotation->heads > 1 || !diagnosis.rotation->IsGroup()) {
    return "";
  }
  const Rotation& rotation = *diagnosis.rotation;
  const int last = rotation.pairs() - 1;
  std::set<int> shown;
  for (int i = 0; i <= kSteps; ++i) shown.insert(i * last / kSteps);
  const bool differs = expected && DistanceOfARadian(rotation, expected->rotation);
  const auto off = [&](int j) {
    const size_t at = PlaceOf(rotation, j);
    return std::abs(std::abs(rotation.frequency[at]) - std::abs(expected->rotation.frequency[at]));
  };
  if (differs) {
    int worst = 0;
    for (int j = 1; j <= last; ++j) worst = off(j) > off(worst) ? j : worst;
    shown.insert(worst);
  }
  std::string text = fmt::format("\n{:>5}  {:>9}  {:>15}  {:>14}", "pair", "channels",
                                 "radians a token", "tokens a turn");
  if (differs)
    text += fmt::format("  {:>12}  {:>22}", expected->by_config ? "the config's" : "asked for",
                        "tokens to a radian off");
  for (const int j : shown) {
    const size_t at = PlaceOf(rotation, j), pair = static_cast<size_t>(j);
    const double w = rotation.frequency[at];
    text += fmt::format("\n{:>5}  {:>9}  {:>15.6g}  {:>14}", j,
                        fmt::format("{}~{}", rotation.first[pair], rotation.second[pair]), w,
                        w == 0 ? "never" : Number(Rounded(2 * std::numbers::pi / std::abs(w))));
    if (!differs) continue;
    const bool agrees = off(j) <= 1e-7 * std::abs(w);
    text += fmt::format("  {:>12.6g}  {:>22}", expected->rotation.frequency[at],
                        agrees ? "never" : Number(Rounded(1 / off(j))));
  }
  return text + '\n';
}

}  // namespace

std::vector<std::pair<std::string, std::string>> MeasuredFacts(const Diagnosis& diagnosis) {
  std::vector<std::pair<std::string, std::string>> facts = {
      {"certainty", Name(diagnosis.certainty)}};
  if (!diagnosis.rotation) return facts;
  std::string span = fmt::format("all {} channels turn", diagnosis.head_dim);
  if (diagnosis.rotary_dim != diagnosis.head_dim) {
    span = fmt::format("{} of {} channels turn, from {} on", diagnosis.rotary_dim,
                       diagnosis.head_dim, diagnosis.offset);
  }
  facts.emplace_back(
      "layout", fmt::format("{}, {}: {}", diagnosis.layout, span, PairList(*diagnosis.rotation)));
  facts.emplace_back("frequencies", diagnosis.spectrum);
  facts.emplace_back(
      "factor", fmt::format("{:.6g} on cosines and sines", diagnosis.attention_factor.value_or(1)));
  facts.emplace_back("direction", diagnosis.is_inverse ? "inverse" : "forward");
  facts.emplace_back("positions", diagnosis.positions);
  facts.emplace_back("arithmetic", diagnosis.arithmetic);
  facts.emplace_back("left over",
                     fmt::format("{:.2g} of what came out; its rounding alone leaves {:.2g}",
                                 diagnosis.residual, diagnosis.noise));
  return facts;
}

std::string DiagnosisText(const Diagnosis& diagnosis, const std::optional<Expectation>& expected) {
  std::string text = Paragraph(diagnosis.verdict) + "\n";
  for (const auto& [name, value] : MeasuredFacts(diagnosis)) text += Fact(name, value);
  text += FindingsText(diagnosis.findings);
  if (!diagnosis.stories.empty()) text += "\nIn other words, and what these tokens leave open:\n";
  for (const std::string& story : diagnosis.stories) text += "  - " + Paragraph(story, 4);
  return text + PairsText(diagnosis, expected);
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
