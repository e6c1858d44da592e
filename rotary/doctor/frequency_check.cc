#include "rotary/doctor/frequency_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "rotary/doctor/story_findings.h"
#include "rotary/doctor/words.h"

namespace rotary {
namespace {

// A turn by more than this a token is nobody's: the fastest pair turns by 1, rotated twice by 2.
constexpr double kMostRadians = 100;

// What makes a list no frequencies at all; empty: nothing.
std::string Flaw(const std::vector<double>& frequency) {
  const auto count = [&](auto&& is) {
    return std::count_if(frequency.begin(), frequency.end(), is);
  };
  const auto not_finite = count([](double w) { return !std::isfinite(w); });
  if (not_finite > 0) return fmt::format("{} of {} are not finite", not_finite, frequency.size());
  const auto negative = count([](double w) { return w < 0; });
  if (negative > 0) return fmt::format("{} of {} are negative", negative, frequency.size());
  const double most = *std::max_element(frequency.begin(), frequency.end());
  if (most > kMostRadians) return fmt::format("the largest is {:.3g} radians a token", most);
  return "";
}

std::string SentenceOf(const std::string& code, const Story& story) {
  if (code == "frequencies-rounded") {
    return fmt::format("Frequencies are rounded to {}.", Name(story.arithmetic));
  }
  return fmt::format("The frequencies are {}.", story.sentence);
}

std::optional<AngleError> WorstAngle(const std::vector<double>& frequency,
                                     const std::vector<double>& wanted, double length) {
  if (wanted.size() != frequency.size() || length < 1) return std::nullopt;
  AngleError worst;
  for (size_t i = 0; i < frequency.size(); ++i) {
    const double off = std::abs(frequency[i] - wanted[i]) * (length - 1);
    if (off > worst.radians) worst = {off, length - 1, static_cast<int64_t>(i)};
  }
  return worst;
}

}  // namespace

TableDiagnosis CheckFrequencies(const std::vector<double>& frequency, DType stored, double length,
                                const std::optional<Expectation>& expected) {
  const auto pairs = static_cast<int>(frequency.size());
  TableDiagnosis diagnosis{.certainty = Certainty::kCertain,
                           .kind = "frequencies",
                           .dtype = std::string(Name(stored)),
                           .pairs = pairs,
                           .frequency = frequency};
  const auto conclude = [&](std::string code, Severity severity, std::string sentence,
                            Json evidence = Json::object()) {
    diagnosis.verdict += (diagnosis.verdict.empty() ? "" : " ") + sentence;
    diagnosis.findings.push_back(
        {std::move(code), severity, std::move(sentence), std::move(evidence)});
  };
  if (std::all_of(frequency.begin(), frequency.end(), [](double w) { return w == 0; })) {
    conclude("identity", Severity::kFault, "All frequencies are zero: nothing turns.");
    return diagnosis;
  }
  if (const std::string flaw = Flaw(frequency); !flaw.empty()) {
    diagnosis.frequency.clear();
    conclude("not-a-rotation", Severity::kFault, "These are no frequencies: " + flaw + ".");
    return diagnosis;
  }
  const int head_dim = expected ? std::max(expected->rotation.head_dim, 2 * pairs) : 2 * pairs;
  if (expected && expected->rotation.pairs() != pairs) {
    conclude("rotary-dim-differs", Severity::kFault,
             fmt::format("There are {} frequencies, {} asks for {}.", pairs, Asker(*expected),
                         expected->rotation.pairs()));
  }
  const std::optional<ExpectedRule> rule = ExpectedRuleOf(expected, pairs);
  const Stories found = FindStories({.head_dim = head_dim,
                                     .rotary_dim = 2 * pairs,
                                     .frequency = frequency,
                                     .deviation = std::vector<double>(frequency.size(), 0)},
                                    rule ? &*rule : nullptr);
  const Story& story = found.stories[0];
  const bool is_own = story.name == "own";
  diagnosis.story = story.sentence;
  if (!is_own && story.name != "list") diagnosis.theta = story.theta;
  if (!is_own) diagnosis.rule = story.name;
  if (is_own && !expected) {
    diagnosis.certainty = Certainty::kLikely;
    // What rules make falls from pair to pair; what memory held before does not.
    if (!std::is_sorted(frequency.rbegin(), frequency.rend())) {
      conclude("not-a-rotation", Severity::kFault,
               "These frequencies follow no known rule, and do not fall from pair to pair.");
    }
  }
  diagnosis.arithmetic = Name(story.arithmetic);
  for (const std::string& code : CodesOf(story)) {
    conclude(code, Severity::kFault, SentenceOf(code, story));
  }
  if (rule) diagnosis.worst = WorstAngle(frequency, expected->rotation.frequency, length);
  if (diagnosis.findings.empty()) {
    conclude("none-found", Severity::kNote,
             fmt::format("{} frequencies: {}.", pairs, story.sentence));
  }
  return diagnosis;
}

}  // namespace rotary
