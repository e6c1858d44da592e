#include "rotary/doctor/verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "rotary/doctor/words.h"

namespace rotary {
namespace {

std::string Capital(std::string text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] += 'A' - 'a';
  return text;
}

// What other frequencies do to scores, from how far they drift apart.
std::string EffectOfFrequencies(const Rotation& found, const Rotation& wanted) {
  const auto distance = DistanceOfARadian(found, wanted);
  if (!distance || *distance < 2) return "every score between different positions is wrong";
  // Two digits, rounded up: no more is meant.
  const double unit = std::pow(10, std::max(0.0, std::floor(std::log10(*distance)) - 1));
  return fmt::format("scores go wrong from about {} tokens apart on",
                     Number(std::ceil(*distance / unit) * unit));
}

// What a fault does to scores, where it does not go without saying.
std::string_view EffectOf(std::string_view code, const Diagnosis& diagnosis) {
  if (code == "identity") return "Scores do not know where tokens stand.";
  if (code == "direction-reversed") return "Scores take what comes before for what comes after.";
  if (code == "rotated-twice") return "Scores count every distance twice.";
  if (code == "tables-mismatch") {
    return "Scores depend on where two tokens stand, not only on how far apart.";
  }
  if (code == "channels-permuted") {
    return "Harmless only where queries, keys and all that reads them share the order.";
  }
  if (code == "position-shifted") {
    return diagnosis.position_shift ? "Harmless only where queries and keys are shifted alike."
                                    : "Scores see other distances between tokens.";
  }
  return "";
}

// What the rotation of a diagnosis is; what a fault says of it is left to the fault.
std::string Applied(const Diagnosis& diagnosis) {
  const auto is_fault = [&](std::string_view code) {
    return std::any_of(diagnosis.findings.begin(), diagnosis.findings.end(),
                       [&](const Finding& finding) {
                         return finding.code == code && finding.severity == Severity::kFault;
                       });
  };
  const ChannelLayout layout{
      .name = diagnosis.layout, .rotary_dim = diagnosis.rotary_dim, .offset = diagnosis.offset};
  const Rotation& rotation = *diagnosis.rotation;
  std::string spectrum = diagnosis.spectrum;
  if (rotation.axes > 1) spectrum += fmt::format(" on {} axes", rotation.axes);
  if (rotation.heads > 1) spectrum += ", each head with its own";
  if (!rotation.log_decay.empty()) spectrum += ", with the decay of xPos";
  std::vector<std::string> parts = {DescribeLayout(layout, diagnosis.head_dim), spectrum};
  const double g = diagnosis.attention_factor.value_or(1);
  if (std::abs(g - 1) > 0.005) parts.push_back(fmt::format("attention factor {:.4g}", g));
  if (diagnosis.is_inverse && !is_fault("direction-reversed")) {
    parts.emplace_back("turning backwards");
  }
  if (!is_fault("position-shifted") && !is_fault("positions-restart") &&
      !is_fault("positions-rounded") && !is_fault("rows-differ")) {
    parts.push_back("positions " + diagnosis.positions);
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

// Says each fault once: those of the config together, those of rounding together, the others one
// by one.
class Teller {
 public:
  Teller(const Diagnosis& diagnosis, const std::optional<Expectation>& expected)
      : diagnosis_(diagnosis), expected_(expected) {}

  std::string Verdict() {
    std::vector<std::string> sentences;
    if (diagnosis_.rotation) {
      sentences.push_back(Find("not-a-rotation")
                              ? "The nearest rotation: " + Applied(diagnosis_) + "."
                              : AppliedSentence(diagnosis_, expected_));
      if (expected_) sentences.push_back(OfConfig());
      sentences.push_back(OfRounding());
    }
    for (const Finding& finding : diagnosis_.findings) {
      const bool is_news = finding.severity == Severity::kFault || !diagnosis_.rotation;
      if (!is_news || told_.contains(finding.code)) continue;
      sentences.push_back(finding.sentence);
      sentences.emplace_back(EffectOf(finding.code, diagnosis_));
    }
    std::erase(sentences, "");
    return fmt::format("{}", fmt::join(sentences, " "));
  }

 private:
  const Finding* Find(std::string_view code) const {
    for (const Finding& finding : diagnosis_.findings) {
      if (finding.code == code && finding.severity == Severity::kFault) return &finding;
    }
    return nullptr;
  }

  // Whether there is such a fault; it counts as told then.
  bool Takes(std::string_view code) {
    if (Find(code) == nullptr) return false;
    told_.insert(std::string(code));
    return true;
  }
  bool TakesAny(std::initializer_list<std::string_view> codes) {
    bool any = false;
    for (const std::string_view code : codes) any = Takes(code) || any;
    return any;
  }

  // What the config says where it is not what was found, and what comes of the difference.
  std::string OfConfig() {
    std::vector<std::string> wanted;
    std::string effect;
    const auto add = [&](std::string words, std::string own_effect) {
      wanted.push_back(std::move(words));
      if (effect.empty()) effect = std::move(own_effect);
    };
    const Rotation& rotation = expected_->rotation;
    if (TakesAny({"layout-differs", "rotary-dim-differs", "offset-differs"})) {
      add(DescribeLayout(expected_->layout, rotation.head_dim),
          "other channels turn together, every score between different positions is wrong");
    }
    if (TakesAny({"theta-differs", "scaling-missing", "scaling-differs", "denominator-differs"})) {
      add(DescribeAsked(*expected_), EffectOfFrequencies(*diagnosis_.rotation, rotation));
    }
    if (Takes("axis-order-differs")) {
      add("another order of axes", "scores take one axis for another, which plain text hides");
    }
    if (TakesAny(
            {"attention-factor-missing", "attention-factor-squared", "attention-factor-differs"})) {
      const double asked = rotation.attention_factor;
      const double times = diagnosis_.attention_factor.value_or(asked) / asked;
      add(fmt::format("attention factor {:.4g}", asked),
          fmt::format("with queries and keys alike, scores are {:.3g} times what they should be",
                      times * times));
    }
    if (wanted.empty()) return "";
    return fmt::format("{} says {}: {}.",
                       expected_->by_config ? "Your config" : "The rotation you gave",
                       Joined(wanted), effect);
  }

  // "Positions and frequencies are rounded to bfloat16: ..."
  std::string OfRounding() {
    std::map<std::string, std::vector<std::string>> by_format;
    for (const auto& [code, words] :
         {std::pair("positions-rounded", "positions"),
          std::pair("frequencies-rounded", "frequencies"), std::pair("angles-rounded", "angles")}) {
      if (!Takes(code)) continue;
      by_format[Find(code)->evidence.value("format", "a short format")].emplace_back(words);
    }
    std::vector<std::string> parts;
    for (const auto& [format, words] : by_format) {
      parts.push_back(fmt::format("{} are rounded to {}", Joined(words), format));
    }
    if (parts.empty()) return "";
    return Capital(Joined(parts)) + ": the further into a text, the more its angles are off.";
  }

  const Diagnosis& diagnosis_;
  const std::optional<Expectation>& expected_;
  std::set<std::string, std::less<>> told_;
};

}  // namespace

std::optional<double> DistanceOfARadian(const Rotation& found, const Rotation& wanted) {
  if (found.first != wanted.first || found.second != wanted.second || found.axes != wanted.axes ||
      found.frequency.size() != wanted.frequency.size()) {
    return std::nullopt;
  }
  double most = 0;
  for (size_t i = 0; i < found.frequency.size(); ++i) {
    most = std::max(most, std::abs(std::abs(found.frequency[i]) - std::abs(wanted.frequency[i])));
  }
  if (!(most > 0)) return std::nullopt;
  return 1 / most;
}

std::string AppliedSentence(const Diagnosis& diagnosis,
                            const std::optional<Expectation>& expected) {
  const bool agrees = expected && !HasFault(diagnosis.findings);
  return Capital(Applied(diagnosis)) +
         (agrees ? fmt::format(": as {} says.", Asker(*expected)) : ".");
}

std::string VerdictOf(const Diagnosis& diagnosis, const std::optional<Expectation>& expected) {
  return Teller(diagnosis, expected).Verdict();
}

}  // namespace rotary
