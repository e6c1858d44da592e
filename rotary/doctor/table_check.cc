#include "rotary/doctor/table_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "rotary/base/error.h"
#include "rotary/doctor/explanation.h"
#include "rotary/doctor/explanation_findings.h"
#include "rotary/doctor/table_explainer.h"
#include "rotary/doctor/words.h"

namespace rotary {
namespace {

int BitsOf(DType dtype) {
  switch (dtype) {
    case DType::kBF16:
      return 8;
    case DType::kF16:
      return 11;
    case DType::kF32:
      return 24;
    default:
      return 53;
  }
}

// The bits that the numbers have, which may be fewer than those of their tensor.
int BitsOf(const CosSinTable& table, DType stored) {
  return table.bits == 0 ? BitsOf(stored) : std::min(table.bits, BitsOf(stored));
}

std::string FormatOf(int bits, DType stored) {
  if (bits <= 8) return "bf16";
  return stored == DType::kF16 ? "f16" : "f16 or TF32";
}

void Add(TableDiagnosis& diagnosis, const char* code, Severity severity, std::string sentence,
         Json evidence = Json::object()) {
  diagnosis.findings.push_back({code, severity, std::move(sentence), std::move(evidence)});
}

// The verdict says what is wrong, or that nothing is.
void Conclude(TableDiagnosis& diagnosis) {
  const bool has_fault = HasFault(diagnosis.findings);
  for (const Finding& finding : diagnosis.findings) {
    if (has_fault && finding.severity != Severity::kFault) continue;
    diagnosis.verdict += (diagnosis.verdict.empty() ? "" : " ") + finding.sentence;
  }
}

// What is wrong with single numbers, or with all of them: nothing more can be said then.
bool IsBroken(const CosSinTable& table, DType stored, TableDiagnosis& diagnosis) {
  const TableFlaws& flaws = table.flaws;
  diagnosis.certainty = Certainty::kCertain;
  if (flaws.not_finite > 0) {
    Add(diagnosis, "not-a-rotation", Severity::kFault,
        fmt::format("{} {} not finite, the first at row {}, column {}.", flaws.not_finite,
                    flaws.not_finite == 1 ? "number is" : "numbers are", flaws.bad_row,
                    flaws.bad_column),
        {{"not_finite", flaws.not_finite}, {"row", flaws.bad_row}, {"column", flaws.bad_column}});
    return true;
  }
  if (flaws.zero_rows > 0) {
    Add(diagnosis, "not-a-rotation", Severity::kFault,
        flaws.zero_rows == table.all_rows
            ? "All numbers are zero: the table was never filled."
            : fmt::format("{} of {} rows {} zero, the first of them row {}: the table was not "
                          "filled there.",
                          flaws.zero_rows, table.all_rows, flaws.zero_rows == 1 ? "is" : "are",
                          flaws.zero_row),
        {{"zero_rows", flaws.zero_rows}, {"row", flaws.zero_row}});
    return true;
  }
  const double unit = std::ldexp(1.0, -BitsOf(table, stored));
  if (table.unevenness > std::max(2 * unit, 1e-4)) {
    Add(diagnosis, "not-a-rotation", Severity::kFault,
        fmt::format("These are no cosines and sines: the lengths sqrt(cos^2 + sin^2) differ by "
                    "{:.2g} of their median.",
                    table.unevenness),
        {{"unevenness", table.unevenness}});
    return true;
  }
  return false;
}

// Whether theta and the rule make the frequencies.
bool IsByRule(const Expectation& expected) {
  if (!(expected.theta > 0)) return false;
  const std::vector<double>& own = expected.rotation.frequency;
  const std::vector<double> made =
      MakeSpectrum(2 * expected.rotation.pairs(), expected.theta, expected.rule, expected.length)
          .frequency;
  return std::equal(own.begin(), own.end(), made.begin(), made.end(),
                    [](double a, double b) { return std::abs(a - b) <= 1e-12 * b; });
}

// One frequency for each pair.
Expectation OnOneAxis(Expectation expected) {
  Rotation& rotation = expected.rotation;
  Require(rotation.heads == 1 && rotation.IsGroup() && rotation.log_decay.empty(),
          "doctor: a table of one angle a pair cannot hold what is expected (angles for each head, "
          "two angles in a pair, or xPos)");
  if (rotation.axes == 1) return expected;
  // At the same position on every axis.
  std::vector<double> sums;
  for (size_t i = 0; i < rotation.frequency.size(); ++i) {
    if (i % static_cast<size_t>(rotation.axes) == 0) sums.push_back(0);
    sums.back() += rotation.frequency[i];
  }
  rotation.frequency = std::move(sums);
  rotation.axes = 1;
  expected.by_rule = IsByRule(expected);
  return expected;
}

std::optional<AngleError> WorstAngle(const CosSinTable& table, const std::vector<double>& positions,
                                     const std::vector<double>& frequency) {
  if (frequency.size() != static_cast<size_t>(table.pairs)) return std::nullopt;
  AngleError worst;
  for (size_t row = 0; row < table.rows.size(); ++row) {
    for (int64_t j = 0; j < table.pairs; ++j) {
      const double angle = positions[row] * frequency[static_cast<size_t>(j)];
      const double off = std::abs(std::arg(table.At(row, j) * std::polar(1.0, -angle)));
      if (off > worst.radians) worst = {off, positions[row], j};
    }
  }
  return worst;
}

Finding* Find(TableDiagnosis& diagnosis, const std::string& code) {
  for (Finding& finding : diagnosis.findings) {
    if (finding.code == code) return &finding;
  }
  return nullptr;
}

// Findings of rotations in the words of tables.
void Reword(const Explanation& best, TableDiagnosis& diagnosis) {
  if (Finding* shifted = Find(diagnosis, "position-shifted");
      shifted != nullptr && best.positions.kind == "shifted") {
    shifted->sentence = fmt::format("Row 0 is that of position {:.6g}, and so on.",
                                    best.positions.positions.front());
  }
}

void AddForm(const CosSinTable& table, int bits, DType stored,
             const std::optional<Expectation>& expected, TableDiagnosis& diagnosis) {
  if (bits <= 11) {
    const std::string sentence = fmt::format(
        "Cosines and sines are rounded to {}: angles are off by up to {:.1g} radians, "
        "the same at all positions.",
        FormatOf(bits, stored), std::ldexp(1.0, -bits - 1));
    if (Finding* rounded = Find(diagnosis, "tables-rounded")) {
      rounded->sentence = sentence;
    } else {
      Add(diagnosis, "tables-rounded", Severity::kNote, sentence);
    }
  }
  if (table.is_swapped) {
    Add(diagnosis, "tables-mismatch", Severity::kFault,
        "The table of cosines holds sines, and the other way round.");
  }
  if (!expected || table.width == TableWidth::kHalf || !table.form_shows) return;
  const bool for_neighbours = table.width == TableWidth::kEach;
  const std::string& layout = expected->layout.name;
  if (for_neighbours ? layout == "half" : layout == "interleaved") {
    Add(diagnosis, "tables-mismatch", Severity::kNote,
        fmt::format("Columns repeat as pairs of {} need them, and {} layout is {}: right "
                    "only where the code that uses the table pairs channels so.",
                    for_neighbours ? "neighbours" : "halves",
                    expected->by_config ? "the config's" : "the given rotation's", layout),
        {{"width", Name(table.width)}, {"layout", layout}});
  }
}

// Whether no row turns anything; then that is all there is to say.
bool TurnsNothing(const CosSinTable& table, const Samples& samples, TableDiagnosis& diagnosis) {
  const double factor = MeanLength(table);
  const bool turns =
      std::any_of(table.turn.begin(), table.turn.end(), [&](std::complex<double> turn) {
        return std::abs(turn - factor) > 16 * samples.unit * factor;
      });
  if (turns) return false;
  const bool moves = std::any_of(samples.positions.begin(), samples.positions.end(),
                                 [](double p) { return std::abs(p) >= 1; });
  if (moves) {
    Add(diagnosis, "identity", Severity::kFault, "All angles are zero: nothing turns.");
  } else {
    diagnosis.certainty = Certainty::kCannotTell;
    Add(diagnosis, "cannot-tell", Severity::kNote,
        "There is only position 0, at which every table is the same.");
  }
  return true;
}

void Describe(const CosSinTable& table, const TableExplainer& explainer, const Explanation& best,
              const std::optional<Expectation>& expected, TableDiagnosis& diagnosis) {
  const Story* story = explainer.StoryOf(best.spectrum);
  diagnosis.story = story != nullptr ? story->sentence : DescribeFound(best, expected);
  if (best.spectrum.theta > 0) diagnosis.theta = best.spectrum.theta;
  diagnosis.rule = best.spectrum.rule;
  diagnosis.frequency = best.spectrum.frequency;
  diagnosis.attention_factor = best.fit.factor;
  diagnosis.arithmetic = DescribeArithmetic(best);
  if (best.positions.kind == "as given") diagnosis.position_shift = 0;
  if (best.positions.kind == "shifted") diagnosis.position_shift = best.positions.shift;
  diagnosis.certainty = best.spectrum.theta > 0 || explainer.wanted() != nullptr
                            ? Certainty::kCertain
                            : Certainty::kLikely;
  diagnosis.worst =
      WorstAngle(table, explainer.positions(),
                 explainer.wanted() != nullptr ? *explainer.wanted() : best.spectrum.frequency);
}

}  // namespace

TableDiagnosis CheckTable(const CosSinTable& table, DType stored,
                          const std::vector<double>& positions,
                          const std::optional<Expectation>& wanted) {
  Require(positions.empty() || positions.size() == static_cast<size_t>(table.all_rows),
          "doctor: there are ", positions.size(), " positions for ", table.all_rows, " rows");
  std::optional<Expectation> expected;
  if (wanted) expected = OnOneAxis(*wanted);
  TableDiagnosis diagnosis{.certainty = Certainty::kCertain,
                           .kind = "cos and sin",
                           .dtype = std::string(Name(stored)),
                           .rows = table.all_rows,
                           .pairs = table.pairs};
  const auto concluded = [&] {
    Conclude(diagnosis);
    return diagnosis;
  };
  if (IsBroken(table, stored, diagnosis)) return concluded();
  if (table.form_shows) {
    diagnosis.order = Name(table.order);
    diagnosis.width = Name(table.width);
  }
  diagnosis.attention_factor = MeanLength(table);
  const int bits = BitsOf(table, stored);
  // Sums over a table of doubles are no better than this.
  constexpr int kMostBits = 42;
  const double unit = std::ldexp(1.0, -std::min(bits, kMostBits));
  TableExplainer explainer(table, positions, unit, expected);
  if (TurnsNothing(table, explainer.samples(), diagnosis)) return concluded();
  const std::optional<Explanation> best = explainer.Best();
  if (!best) {
    diagnosis.certainty = Certainty::kCannotTell;
    Add(diagnosis, "cannot-tell", Severity::kNote,
        "One row tells angles but no frequencies, and there is no config to compare with.");
    return concluded();
  }
  if (best->Left() > kExplained) {
    diagnosis.frequency = explainer.measured().frequency;
    diagnosis.worst = WorstAngle(table, explainer.positions(), diagnosis.frequency);
    Add(diagnosis, "not-a-rotation", Severity::kFault,
        fmt::format("Angles do not grow evenly with the rows: the best even ones are off by up to "
                    "{:.2g} radians.",
                    diagnosis.worst->radians),
        {{"left", best->Left()}});
    return concluded();
  }
  Describe(table, explainer, *best, expected, diagnosis);
  diagnosis.findings = FindingsOf(*best, explainer.samples(), expected);
  Reword(*best, diagnosis);
  AddForm(table, bits, stored, expected, diagnosis);
  if (!HasFault(diagnosis.findings)) {
    const double g = best->fit.factor;
    const std::string factor =
        std::abs(g - 1) > std::ldexp(8.0, -bits) ? fmt::format(", times {:.7g}", g) : "";
    diagnosis.findings.insert(
        diagnosis.findings.begin(),
        {"none-found", Severity::kNote,
         fmt::format("Cosines and sines of {} pairs at positions {:.12g} to {:.12g}: {}{}.",
                     table.pairs, explainer.positions().front(), explainer.positions().back(),
                     diagnosis.story, factor),
         Json::object()});
  }
  return concluded();
}

}  // namespace rotary
