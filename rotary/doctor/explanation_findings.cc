#include "rotary/doctor/explanation_findings.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <span>
#include <utility>

#include "rotary/doctor/structures.h"
#include "rotary/doctor/words.h"

namespace rotary {
namespace {

std::set<std::pair<int, int>> PairSet(const ChannelLayout& layout) {
  std::set<std::pair<int, int>> pairs;
  for (size_t j = 0; j < layout.first.size(); ++j) {
    pairs.insert(std::minmax(layout.first[j], layout.second[j]));
  }
  return pairs;
}

void AddLayout(const ChannelLayout& found, const Expectation& expected,
               std::vector<Finding>& findings) {
  const ChannelLayout& wanted = expected.layout;
  const int head_dim = expected.rotation.head_dim;
  if (PairSet(found) == PairSet(wanted)) return;
  const Json evidence = {{"found", DescribeLayout(found, head_dim)},
                         {"expected", DescribeLayout(wanted, head_dim)}};
  const std::string of_family = OfAsker(expected) + (expected.by_config ? " family" : "");
  const size_t before = findings.size();
  if (found.name != wanted.name) {
    findings.push_back({"layout-differs", Severity::kFault,
                        fmt::format("Channels pair up in {} layout, {} in {}.", found.name,
                                    of_family, wanted.name),
                        evidence});
  }
  if (found.rotary_dim != wanted.rotary_dim) {
    findings.push_back({"rotary-dim-differs", Severity::kFault,
                        fmt::format("{} channels turn, {} asks for {}.", found.rotary_dim,
                                    Asker(expected), wanted.rotary_dim),
                        evidence});
  }
  if (found.offset != wanted.offset) {
    findings.push_back({"offset-differs", Severity::kFault,
                        fmt::format("The channels that turn begin at {}, {} at {}.", found.offset,
                                    OfAsker(expected), wanted.offset),
                        evidence});
  }
  if (findings.size() == before) {
    findings.push_back({"layout-differs", Severity::kFault,
                        fmt::format("Channels pair up in another order than {}.", of_family),
                        evidence});
  }
}

void AddSpectrum(const Explanation& found, const std::optional<Expectation>& expected,
                 std::vector<Finding>& findings) {
  const Json evidence = {{"found", DescribeSpectrum(found.spectrum)},
                         {"expected", DescribeAsked(*expected)}};
  for (const std::string& code : found.spectrum.codes) {
    if (code == "frequencies-rounded") continue;  // said with its format
    std::string sentence;
    const std::string own = DescribeSpectrum(found.spectrum);
    if (code == "theta-differs") {
      sentence = fmt::format("Theta is {}, the config's is {}.", Number(found.spectrum.theta),
                             Number(expected->theta));
    } else if (code == "scaling-missing") {
      sentence = fmt::format("Frequencies are those of plain theta {}: the config's {} is missing.",
                             Number(found.spectrum.theta), Name(expected->rule));
    } else if (code == "scaling-differs") {
      sentence = fmt::format("Frequencies are {}, {} asks for {}.", own, Asker(*expected),
                             expected->by_rule ? Describe(expected->rule) : "a list of its own");
    } else if (code == "denominator-differs") {
      sentence = fmt::format(
          "The exponents of theta count over another number of channels: as if "
          "theta were {}.",
          Number(found.spectrum.theta));
    } else if (code == "rotated-twice") {
      sentence = "Every pair turns by twice its angle: the rotation was applied twice.";
    } else if (code == "axis-order-differs") {
      sentence = fmt::format("Pairs read other axes of the positions than {}.", OfAsker(*expected));
    } else {
      sentence = fmt::format("Frequencies are {}.", own);
    }
    findings.push_back({code, Severity::kFault, sentence, evidence});
  }
}

// Tokens in the order of their rows, with the positions that were given and those that were used.
struct UsedPosition {
  int64_t row, place;                   // its token's
  std::span<const double> given, used;  // [axes]

  bool AsGiven() const { return std::equal(used.begin(), used.end(), given.begin()); }
};

// Rows that use what was given; all others.
std::pair<std::vector<int64_t>, std::vector<int64_t>> RowsAsGiven(
    const std::vector<UsedPosition>& tokens) {
  std::map<int64_t, bool> as_given;
  for (const UsedPosition& token : tokens) {
    const auto row = as_given.emplace(token.row, true).first;
    row->second = row->second && token.AsGiven();
  }
  std::pair<std::vector<int64_t>, std::vector<int64_t>> rows;
  for (const auto& [row, is] : as_given) (is ? rows.first : rows.second).push_back(row);
  return rows;
}

// Whether positions fall back within a row where those that were given go on, and else keep step
// with them: on the first axis, that of time.
bool BeginAgain(const std::vector<UsedPosition>& tokens) {
  int falls = 0, steps = 0, others = 0;
  for (size_t i = 1; i < tokens.size(); ++i) {
    if (tokens[i].row != tokens[i - 1].row) continue;
    const double lag = tokens[i].given[0] - tokens[i - 1].given[0];
    const double used = tokens[i].used[0] - tokens[i - 1].used[0];
    // Positions that fell nowhere go on by one at least for each token.
    const auto apart = static_cast<double>(tokens[i].place - tokens[i - 1].place);
    (used == lag ? steps : used < std::min(lag, apart) ? falls : others) += 1;
  }
  // Between tokens that are not neighbours positions may begin again and count on.
  return falls > 0 && others <= falls && steps + falls >= 3 * others;
}

// Rows all of whose tokens stand at one position, where other rows' do not.
std::vector<int64_t> RowsThatStay(const std::vector<UsedPosition>& tokens) {
  std::map<int64_t, std::vector<double>> rows;
  for (const UsedPosition& token : tokens) rows[token.row].push_back(token.used[0]);
  std::vector<int64_t> still;
  for (const auto& [row, used] : rows) {
    if (used.size() > 1 && std::count(used.begin(), used.end(), used[0]) == std::ssize(used)) {
      still.push_back(row);
    }
  }
  if (still.size() == rows.size()) still.clear();
  return still;
}

// The format all of whose numbers positions are, where that is no accident: ten of them at least
// are not what tokens that count would have been.
std::optional<Precision> FormatOf(const std::vector<double>& used,
                                  const std::vector<double>& given) {
  std::vector<double> differences;
  for (size_t i = 0; i < used.size(); ++i) differences.push_back(used[i] - given[i]);
  const auto middle = differences.begin() + static_cast<std::ptrdiff_t>(differences.size() / 2);
  std::nth_element(differences.begin(), middle, differences.end());
  const double shift = std::round(*middle);
  for (const Precision format : {Precision::kBF16, Precision::kF16, Precision::kTF32}) {
    int changed = 0;
    bool all = true;
    for (size_t i = 0; i < used.size(); ++i) {
      all = all && RoundedTo(format, used[i]) == used[i];
      if (RoundedTo(format, given[i] + shift) != given[i] + shift) ++changed;
    }
    if (all && changed >= 10) return format;
  }
  return std::nullopt;
}

std::vector<UsedPosition> UsedPositions(const PositionGuess& positions, const Samples& samples,
                                        const std::vector<double>& given) {
  std::vector<UsedPosition> tokens;
  const auto axes = static_cast<size_t>(samples.axes);
  for (size_t t = 0; t < samples.row.size(); ++t) {
    tokens.push_back({samples.row[t],
                      samples.token[t],
                      {&given[t * axes], axes},
                      {&positions.positions[t * axes], axes}});
  }
  return tokens;
}

// Where nothing says where tokens were to stand, but that they follow each other.
void AddUnknownPositions(const PositionGuess& positions, const std::vector<double>& given,
                         const std::vector<UsedPosition>& tokens, const Json& evidence,
                         std::vector<Finding>& findings) {
  if (const std::vector<int64_t> still = RowsThatStay(tokens); !still.empty()) {
    findings.push_back({"rows-differ", Severity::kFault,
                        fmt::format("{} of the batch turned at one position throughout, the "
                                    "others did not.",
                                    Listed("Row", still)),
                        evidence});
    return;
  }
  const std::optional<Precision> format =
      positions.kind == "rounded" ? positions.precision : FormatOf(positions.positions, given);
  if (format) {
    findings.push_back({"positions-rounded",
                        Severity::kFault,
                        fmt::format("Positions are rounded to {}.", Name(*format)),
                        {{"format", Name(*format)}, {"used", evidence["used"]}}});
    return;
  }
  const auto [least, most] =
      std::minmax_element(positions.positions.begin(), positions.positions.end());
  findings.push_back({"position-shifted", Severity::kNote,
                      fmt::format("Positions were not given: tokens were turned at {} to {}.",
                                  Number(*least), Number(*most)),
                      evidence});
}

// Whether every token stands at its place in its row, counted from one number.
bool CountOn(const std::vector<UsedPosition>& tokens) {
  if (tokens.size() < 2 || tokens[0].used.size() > 1) return false;
  const double start = tokens[0].used[0] - static_cast<double>(tokens[0].place);
  for (size_t t = 0; t < tokens.size(); ++t) {
    if (tokens[t].used[0] != start + static_cast<double>(tokens[t].place)) return false;
  }
  return true;
}

void AddPositions(const Explanation& found, const Samples& samples,
                  std::vector<Finding>& findings) {
  const PositionGuess& positions = found.positions;
  if (positions.kind == "as given") return;
  const std::vector<double> given = GivenPositions(samples);
  const std::vector<UsedPosition> tokens = UsedPositions(positions, samples, given);
  constexpr size_t kShown = 16;
  Json used = Json::array(), wanted = Json::array();
  for (size_t t = 0; t < std::min(kShown, tokens.size()) && samples.axes == 1; ++t) {
    wanted.push_back(tokens[t].given[0]);
    used.push_back(tokens[t].used[0]);
  }
  if (samples.positions.empty()) {
    return AddUnknownPositions(positions, given, tokens, {{"used", used}}, findings);
  }
  Json evidence = {{"given", wanted}, {"used", used}};
  const auto fault = [&](const char* code, std::string sentence) {
    findings.push_back({code, Severity::kFault, std::move(sentence), evidence});
  };
  if (positions.kind == "shifted") {
    return fault("position-shifted",
                 fmt::format("Every position is {} {}.", Number(std::abs(positions.shift)),
                             positions.shift > 0 ? "too high" : "too low"));
  }
  if (positions.kind == "rounded") {
    evidence["format"] = Name(positions.precision);
    return fault("positions-rounded",
                 fmt::format("Positions are rounded to {}.", Name(positions.precision)));
  }
  const auto [good, odd] = RowsAsGiven(tokens);
  if (!good.empty()) {
    return fault(
        "rows-differ",
        fmt::format("{} of the batch turned at other positions than were given, the others "
                    "did not.",
                    Listed("Row", odd)));
  }
  if (positions.kind == "by row") {
    return fault("rows-differ", "Each row of the batch is shifted by a number of its own.");
  }
  if (BeginAgain(tokens)) {
    return fault("positions-restart", "Positions begin again within a row.");
  }
  const bool is_one = std::all_of(tokens.begin(), tokens.end(), [&](const UsedPosition& token) {
    return std::equal(token.used.begin(), token.used.end(), tokens[0].used.begin());
  });
  if (is_one && tokens.size() > 1) {
    return fault("position-shifted", samples.axes > 1
                                         ? "Every token was turned at the same position."
                                         : fmt::format("Every token was turned at position {}.",
                                                       Number(tokens[0].used[0])));
  }
  if (CountOn(tokens)) {
    return fault("position-shifted",
                 fmt::format("The positions that were given were not used: every row counts its "
                             "tokens from {}.",
                             Number(tokens[0].used[0] - static_cast<double>(samples.token[0]))));
  }
  fault("position-shifted", "Tokens were turned at other positions than were given.");
}

void AddFactor(const Explanation& found, const Expectation& expected, const Samples& samples,
               std::vector<Finding>& findings) {
  const double wanted = expected.rotation.attention_factor;
  const double g = found.fit.factor;
  // Rounded tables are shorter or longer than 1 by about their unit.
  const double tables = found.arithmetic.tables == Precision::kDouble
                            ? 0x1p-22
                            : std::ldexp(1.0, -DigitsOf(found.arithmetic.tables));
  const double open = 6 * found.fit.factor_deviation * std::sqrt(std::max(1.0, found.Left())) +
                      tables + samples.unit;
  const auto is = [&](double value) { return std::abs(g / value - 1) <= open; };
  const bool twice =
      std::count(found.spectrum.codes.begin(), found.spectrum.codes.end(), "rotated-twice") > 0;
  if (is(wanted) || (twice && is(wanted * wanted))) return;
  const Json evidence = {{"found", g}, {"expected", wanted}, {"deviation", open / 6}};
  if (wanted != 1 && is(1)) {
    findings.push_back({"attention-factor-missing", Severity::kFault,
                        fmt::format("The attention factor {} is missing.", Number(wanted)),
                        evidence});
  } else if (wanted != 1 && is(wanted * wanted)) {
    findings.push_back({"attention-factor-squared", Severity::kFault,
                        fmt::format("The attention factor is applied twice: {} for {}.", Number(g),
                                    Number(wanted)),
                        evidence});
  } else {
    findings.push_back({"attention-factor-differs", Severity::kFault,
                        fmt::format("Everything is multiplied by {}, {} asks for {}.", Number(g),
                                    Asker(expected), Number(wanted)),
                        evidence});
  }
}

}  // namespace

std::vector<Finding> FindingsOf(const Explanation& explanation, const Samples& samples,
                                const std::optional<Expectation>& expected) {
  std::vector<Finding> findings;
  for (const std::string& code : explanation.codes) {
    findings.push_back(
        {code, Severity::kFault,
         code == "channels-permuted"
             ? "Outputs stand in other places than their inputs: the rotation is right, the order "
               "of channels is another afterwards."
             : "Tables and pairs disagree: the two channels of a pair turn by different angles.",
         explanation.places.empty() ? Json::object() : Json{{"places", explanation.places}}});
  }
  if (expected) {
    AddLayout(explanation.layout, *expected, findings);
    AddSpectrum(explanation, expected, findings);
    AddFactor(explanation, *expected, samples, findings);
  }
  if (explanation.fit.inverse) {
    findings.push_back({"direction-reversed", expected ? Severity::kFault : Severity::kNote,
                        "Pairs turn backwards: the sign of the sine, or the order of the two "
                        "channels of a pair, is reversed.",
                        Json::object()});
  }
  AddPositions(explanation, samples, findings);
  const auto rounded = [&](const char* code, Severity severity, const char* what,
                           Precision precision) {
    if (precision == Precision::kDouble) return;
    findings.push_back({code,
                        severity,
                        fmt::format("{} rounded to {}.", what, Name(precision)),
                        {{"format", Name(precision)}}});
  };
  rounded("frequencies-rounded", Severity::kFault, "Frequencies are",
          RoundingOfFrequencies(explanation));
  rounded("angles-rounded", Severity::kFault, "Angles are", explanation.arithmetic.angles);
  if (explanation.arithmetic.tables != Precision::kF32) {
    rounded("tables-rounded", Severity::kNote, "Cosines and sines are",
            explanation.arithmetic.tables);
  }
  return findings;
}

}  // namespace rotary
