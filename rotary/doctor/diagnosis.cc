#include "rotary/doctor/diagnosis.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <set>
#include <utility>

#include "rotary/base/error.h"
#include "rotary/doctor/equivalents.h"
#include "rotary/doctor/explanation_findings.h"
#include "rotary/doctor/odd_tokens.h"
#include "rotary/doctor/parts.h"
#include "rotary/doctor/residue.h"
#include "rotary/doctor/rounding.h"
#include "rotary/doctor/structures.h"
#include "rotary/doctor/verdict.h"
#include "rotary/doctor/words.h"

namespace rotary {
namespace {

// Tokens that estimates look at.
constexpr int64_t kMostTokens = 128;

// Where not even the length that turns have together is known to this, no turn is.
constexpr double kNothingTells = 0.1;

// Root mean squares over all numbers, relative to y: of y - x, and of rounding.
double NoiseOf(const Samples& samples) {
  double energy = 0, rounding = 0;
  for (const double y : samples.after) {
    energy += y * y;
    rounding += RoundingVariance(y * y, samples.unit);
  }
  return energy > 0 ? std::sqrt(rounding / energy) : 0;
}

bool IsZero(const Samples& samples) {
  return std::all_of(samples.after.begin(), samples.after.end(), [](double y) { return y == 0; });
}

Finding CannotTell(std::string sentence) {
  return {"cannot-tell", Severity::kNote, std::move(sentence), Json::object()};
}

Finding PartsDiffer(const char* code, const char* what, const Split& split) {
  const bool is_one = split.odd.size() == 1;
  return {code,
          Severity::kFault,
          fmt::format("{} {}.", Listed(what, split.odd),
                      !split.odd_untouched ? "turned otherwise than the others"
                      : is_one             ? "came out as it went in, the others turned"
                                           : "came out as they went in, the others turned"),
          {{"odd", split.odd}, {"untouched", split.odd_untouched}}};
}

void Describe(const Explanation& found, const Samples& samples,
              const std::optional<Expectation>& expected, Diagnosis& diagnosis) {
  diagnosis.rotation = AppliedRotation(found, samples);
  diagnosis.layout = found.layout.name;
  diagnosis.rotary_dim = found.layout.rotary_dim;
  diagnosis.offset = found.layout.offset;
  diagnosis.spectrum = DescribeFound(found, expected);
  if (found.spectrum.theta > 0) diagnosis.theta = found.spectrum.theta;
  diagnosis.rule = found.spectrum.rule;
  if (found.spectrum.made_by) diagnosis.factor = FactorOf(*found.spectrum.made_by);
  diagnosis.attention_factor = found.fit.factor;
  diagnosis.is_inverse = found.fit.inverse;
  diagnosis.positions = DescribePositions(found.positions, !samples.positions.empty());
  if (found.positions.kind == "shifted") diagnosis.position_shift = found.positions.shift;
  if (found.positions.kind == "as given") diagnosis.position_shift = 0;
  diagnosis.arithmetic = DescribeArithmetic(found);
  diagnosis.residual = diagnosis.noise * std::sqrt(found.Left());
  diagnosis.certainty = Certainty::kCertain;
  diagnosis.findings = FindingsOf(found, samples, expected);
  diagnosis.stories = EquivalentStories(found, samples, expected);
}

// Half of the samples, and as many of the odd tokens: the first ones, because neighbours tell most,
// and others evenly from the rest.
Samples WithOddTokens(const Observation& observation, const Samples& samples,
                      const std::vector<int64_t>& odd) {
  const int64_t all = observation.before.shape(1);
  std::set<int64_t> places;
  for (size_t t = 0; t < samples.row.size(); t += 2) {
    places.insert(samples.row[t] * all + samples.token[t]);
  }
  const size_t most = kMostTokens / 2, first = std::min(odd.size(), most / 2);
  places.insert(odd.begin(), odd.begin() + static_cast<std::ptrdiff_t>(first));
  for (size_t i = 0; i < most - first && first < odd.size(); ++i) {
    places.insert(odd[first + i * (odd.size() - first) / (most - first)]);
  }
  Samples both = TakeTokens(observation, {places.begin(), places.end()});
  both.unit = samples.unit;
  return both;
}

// What is said where other tokens than the samples' came out otherwise.
//   first  the first of them
Finding TokensDiffer(const Observation& observation, const std::vector<int64_t>& odd,
                     const Samples& first) {
  const int64_t all = observation.before.shape(1);
  const char* how = IsZero(first)        ? " as zeros"
                    : IsUntouched(first) ? " as they went in"
                                         : " otherwise than the rotation of the others makes them";
  std::set<int64_t> rows;
  for (const int64_t place : odd) rows.insert(place / all);
  const bool whole_rows = std::ssize(odd) == std::ssize(rows) * all;
  return {
      whole_rows ? "rows-differ" : "not-a-rotation",
      Severity::kFault,
      fmt::format("{} of {} tokens came out{}, the first of them token {} of row {}.", odd.size(),
                  observation.before.shape(0) * all, how, odd[0] % all, odd[0] / all),
      {{"tokens", odd.size()}, {"first_row", odd[0] / all}, {"first_token", odd[0] % all}}};
}

// What was asked for, as an explanation: nothing of it is fitted.
std::optional<Explanation> AsAsked(const Samples& samples,
                                   const std::optional<Expectation>& expected) {
  if (!expected) return std::nullopt;
  const Rotation& rotation = expected->rotation;
  const bool as_wide = rotation.head_dim == samples.head_dim && rotation.axes == samples.axes;
  if (!as_wide || (rotation.heads > 1 && rotation.heads != samples.heads)) return std::nullopt;
  Explanation asked{.layout = expected->layout, .fit = {.factor = rotation.attention_factor}};
  asked.spectrum = {.frequency = rotation.frequency, .theta = expected->theta};
  for (SpectrumGuess& guess : UsualSpectra(expected, expected->layout, samples.head_dim)) {
    if (guess.codes.empty()) asked.spectrum = std::move(guess);
  }
  asked.positions = UsualPositions(GivenPositions(samples)).front();
  asked.numbers = static_cast<double>(samples.after.size());
  asked.whole = {rotation, expected->of_keys ? Side::kKey : Side::kQuery, expected->centre};
  return asked;
}

// What is said where nothing explains what came out: the rotation that most of it is, and what is
// left of it.
void DescribeUnexplained(const std::optional<Explanation>& best, const Samples& samples,
                         const std::optional<Expectation>& expected, Diagnosis& diagnosis) {
  Residue residue{.relative = 1, .sentence = "What came out is no rotation of what went in."};
  const Explanation* nearest = nullptr;
  const auto look_at = [&](const Explanation& one, double share) {
    const WholeRotation whole =
        one.whole.value_or(WholeRotation{.rotation = AppliedRotation(one, samples)});
    Residue own = ResidueOf(samples, Predicted(samples, whole, one.positions.positions));
    if (!(own.relative <= share * residue.relative)) return;
    residue = std::move(own);
    nearest = &one;
  };
  const std::optional<Explanation> asked = AsAsked(samples, expected);
  if (best && best->places.empty()) look_at(*best, 2);
  // What was asked for is the likeliest where others come hardly nearer.
  if (asked) look_at(*asked, 1.25);
  // A rotation that explains most of it is worth saying; its factor as far as the rest lets it be
  // known.
  if (nearest && residue.relative < 0.3) {
    Describe(*nearest, samples, expected, diagnosis);
    const double wanted = expected ? expected->rotation.attention_factor : 1;
    const bool is_open = residue.kind == "norms" || residue.kind == "added" ||
                         std::abs(nearest->fit.factor / wanted - 1) <= residue.relative;
    std::erase_if(diagnosis.findings, [&](const Finding& finding) {
      return is_open && finding.code.starts_with("attention-factor");
    });
  }
  diagnosis.certainty = diagnosis.rotation ? Certainty::kLikely : Certainty::kCannotTell;
  diagnosis.residual = residue.relative;
  diagnosis.findings.insert(diagnosis.findings.begin(),
                            {"not-a-rotation",
                             Severity::kFault,
                             residue.sentence,
                             {{"kind", residue.kind}, {"size", residue.size}}});
}

Diagnosis DiagnoseSamples(const Samples& samples, const std::optional<Expectation>& expected,
                          const std::optional<Explanation>& best) {
  Diagnosis diagnosis;
  diagnosis.head_dim = samples.head_dim;
  diagnosis.noise = NoiseOf(samples);
  if (IsZero(samples)) {
    diagnosis.findings = {CannotTell("Everything is zero, before and after.")};
    diagnosis.verdict = VerdictOf(diagnosis, expected);
    return diagnosis;
  }
  if (IsUntouched(samples)) {
    const bool as_expected = best && best->Left() <= kExplained && best->faults == 0;
    if (!best || as_expected) {
      diagnosis.findings = {
          CannotTell("Everything came out as it went in, and at these positions "
                     "the expected rotation would turn nothing far enough to be "
                     "seen.")};
    } else {
      diagnosis.certainty = Certainty::kCertain;
      diagnosis.findings = {{"identity", Severity::kFault,
                             "Nothing turned: everything came out as it went in.", Json::object()}};
    }
    diagnosis.verdict = VerdictOf(diagnosis, expected);
    return diagnosis;
  }
  if (best && best->fit.factor_deviation > kNothingTells) {
    diagnosis.findings = {
        CannotTell("Positions are so large that angles are lost in float32, in which most engines "
                   "compute them: every rotation explains what came out.")};
    diagnosis.verdict = VerdictOf(diagnosis, expected);
    return diagnosis;
  }
  const bool is_explained = best && best->Left() <= kExplained;
  // An explanation of all with as many departures as this may stand for parts that differ.
  constexpr double kCostly = 4;
  std::optional<Split> heads, rows = SplitUntouchedRows(samples, expected);
  if (!rows && (!is_explained || best->faults > kCostly)) {
    const double most = is_explained ? best->faults : std::numeric_limits<double>::infinity();
    const auto is_simpler = [&](const std::optional<Split>& split) {
      return split && split->Faults() < most;
    };
    heads = SplitIntoHeads(samples, expected);
    if (!is_simpler(heads)) {
      heads.reset();
      rows = SplitIntoRows(samples, expected);
      if (!is_simpler(rows)) rows.reset();
    }
  }
  if (is_explained && !heads && !rows) {
    Describe(*best, samples, expected, diagnosis);
    if (!HasFault(diagnosis.findings)) {
      diagnosis.findings.insert(
          diagnosis.findings.begin(),
          {"none-found", Severity::kNote, AppliedSentence(diagnosis, expected), Json::object()});
    }
    diagnosis.verdict = VerdictOf(diagnosis, expected);
    return diagnosis;
  }
  if (heads) {
    Describe(heads->common, heads->explained, expected, diagnosis);
    diagnosis.findings.insert(diagnosis.findings.begin(),
                              PartsDiffer("heads-differ", "Head", *heads));
  } else if (rows) {
    Describe(rows->common, rows->explained, expected, diagnosis);
    diagnosis.findings.insert(diagnosis.findings.begin(), PartsDiffer("rows-differ", "Row", *rows));
  } else {
    DescribeUnexplained(best, samples, expected, diagnosis);
  }
  diagnosis.verdict = VerdictOf(diagnosis, expected);
  return diagnosis;
}

// What is known of an observation: the samples that one explanation serves, and the tokens beside.
struct Known {
  Samples samples;
  std::optional<Explanation> best;
  std::vector<int64_t> odd;  // places in [rows, tokens], ascending

  bool IsExplained() const { return best && best->Left() <= kExplained; }
};

// A few tokens that are far off hide what explains the others: without them.
Known ExplainMost(const Observation& observation, const Samples& samples,
                  const std::optional<Expectation>& expected) {
  Known known{.samples = samples, .best = ExplainStructure(samples, expected)};
  if (known.best && !known.IsExplained() && known.best->places.empty()) {
    const std::vector<char> far = FarOff(samples, *known.best);
    const int64_t row = observation.before.shape(1);
    std::vector<int64_t> near, removed;
    for (size_t t = 0; t < far.size(); ++t) {
      (far[t] ? removed : near).push_back(samples.row[t] * row + samples.token[t]);
    }
    if (!removed.empty() && 4 * removed.size() <= far.size()) {
      Known most{.samples = TakeTokens(observation, near), .odd = std::move(removed)};
      most.samples.unit = samples.unit;
      most.best = ExplainStructure(most.samples, expected);
      if (most.IsExplained()) known = std::move(most);
    }
  }
  const std::vector<int64_t> found = known.IsExplained()
                                         ? FindOddTokens(observation, known.samples, *known.best)
                                         : UnwrittenTokens(observation);
  std::vector<int64_t> both;
  std::set_union(known.odd.begin(), known.odd.end(), found.begin(), found.end(),
                 std::back_inserter(both));
  known.odd = std::move(both);
  return known;
}

// What is said of `tokens` zeros.
Diagnosis NothingCameOut(int head_dim, int64_t tokens, const std::optional<Expectation>& expected) {
  Diagnosis diagnosis;
  diagnosis.head_dim = head_dim;
  diagnosis.findings = {{"not-a-rotation",
                         Severity::kFault,
                         fmt::format("All {} tokens came out as zeros.", tokens),
                         {{"tokens", tokens}}}};
  diagnosis.verdict = VerdictOf(diagnosis, expected);
  return diagnosis;
}

}  // namespace

Diagnosis Diagnose(const Observation& observation, const std::optional<Expectation>& expected) {
  const int axes = expected ? expected->rotation.axes : 1;
  Require(observation.axes == axes, "doctor: positions have ", observation.axes,
          " axes, and what was asked for has ", axes);
  const Samples samples = TakeSamples(observation, kMostTokens);
  if (IsZero(samples) && !IsUntouched(samples)) {
    return NothingCameOut(samples.head_dim,
                          observation.before.shape(0) * observation.before.shape(1), expected);
  }
  const Known known = ExplainMost(observation, samples, expected);
  const std::vector<int64_t>& odd = known.odd;
  if (odd.empty()) return DiagnoseSamples(known.samples, expected, known.best);
  // Where they turned at all, one explanation may serve all.
  Samples first = TakeTokens(observation, {odd.begin(), odd.begin() + 1});
  first.unit = samples.unit;
  if (known.IsExplained() && !IsUntouched(first) && !IsZero(first)) {
    const Samples others = WithOddTokens(observation, known.samples, odd);
    const std::optional<Explanation> wider = ExplainStructure(others, expected);
    const bool is_wider = wider && wider->Left() <= kExplained;
    if (is_wider && FindOddTokens(observation, others, *wider).empty()) {
      return DiagnoseSamples(others, expected, wider);
    }
  }
  Diagnosis diagnosis = DiagnoseSamples(known.samples, expected, known.best);
  std::erase_if(diagnosis.findings,
                [](const Finding& finding) { return finding.code == "none-found"; });
  diagnosis.findings.insert(diagnosis.findings.begin(), TokensDiffer(observation, odd, first));
  diagnosis.verdict = VerdictOf(diagnosis, expected);
  return diagnosis;
}

}  // namespace rotary
