#include "rotary/lab/doctor_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <utility>
#include <vector>

#include "rotary/doctor/report.h"
#include "rotary/doctor/turn_pictures.h"
#include "rotary/doctor/words.h"
#include "rotary/lab/angle_map.h"
#include "rotary/lab/page.h"

namespace rotary {
namespace {

// Of a map: with an angle of 16 bits each, two maps take 350 KB.
constexpr int64_t kMostCells = 65536;
// Angles that a reader may call right: a hundredth of a turn.
constexpr double kSeen = 2 * std::numbers::pi / 100;

// At most `most` of `count` places, evenly, the last one too.
std::vector<size_t> Evenly(size_t count, size_t most) {
  std::vector<size_t> places;
  const size_t steps = std::min(count, most);
  for (size_t i = 0; i < steps; ++i) {
    places.push_back(steps == 1 ? 0 : i * (count - 1) / (steps - 1));
  }
  return places;
}

// Two digits: "6.3", "54,000", "17 M".
std::string Short(double length) {
  const double unit = std::pow(10, std::floor(std::log10(length)) - 1);
  const double rounded = std::round(length / unit) * unit;
  return rounded < 1e6 ? Number(rounded) : Number(rounded / 1e6) + " M";
}

// "1 row", "4,096 tokens"
std::string Counted(int64_t count, const std::string& what) {
  return fmt::format("{} {}{}", Thousands(static_cast<double>(count)), what, count == 1 ? "" : "s");
}

double FrequencyOf(const Rotation& rotation, size_t pair) {
  const auto axes = static_cast<size_t>(rotation.axes);
  for (size_t axis = 0; axis < axes; ++axis) {
    const double w = rotation.frequency[pair * axes + axis];
    if (w != 0) return std::abs(w);
  }
  return 0;
}

std::string PositionOf(const TurnPictures& pictures, size_t column) {
  std::vector<std::string> numbers;
  const auto axes = static_cast<size_t>(pictures.axes);
  for (size_t axis = 0; axis < axes; ++axis) {
    numbers.push_back(Number(pictures.position[column * axes + axis]));
  }
  return fmt::format("{}", fmt::join(numbers, ", "));
}

// What both maps share: tokens from left to right.
AngleMap Columns(const TurnPictures& pictures, bool given) {
  AngleMap map{
      .x_label = given ? "position" : "position, as counted",
      .y_label = pictures.axes > 1 ? "pair of channels" : "pair of channels, fast to slow"};
  const size_t count = pictures.token.size();
  const bool has_rows = count > 0 && pictures.row.back() > 0;
  for (size_t i = 0; i < count; ++i) {
    std::string name =
        fmt::format("token {} at position {}", pictures.token[i], PositionOf(pictures, i));
    if (has_rows) name += fmt::format(" of row {}", pictures.row[i]);
    map.columns.push_back(std::move(name));
    if (i > 0 && pictures.row[i] != pictures.row[i - 1]) map.breaks.push_back(i);
  }
  const bool is_of_rows = has_rows && map.breaks.size() + 1 == count;  // a token each
  if (is_of_rows) {
    map.x_label = "row of the batch";
    map.breaks.clear();
  } else {
    if (pictures.axes > 1) map.x_label = "token";
    if (has_rows) map.x_label += ", row after row";
  }
  for (const size_t i : Evenly(count, 9)) {
    map.x_ticks.emplace_back(i, is_of_rows          ? std::to_string(pictures.row[i])
                                : pictures.axes > 1 ? std::to_string(pictures.token[i])
                                                    : PositionOf(pictures, i));
  }
  return map;
}

void SetRows(const TurnPicture& picture, const Rotation* rotation, AngleMap& map) {
  const size_t pairs = picture.first.size();
  for (size_t j = 0; j < pairs; ++j) {
    map.rows.push_back(
        fmt::format("pair {} (channels {} and {})", j, picture.first[j], picture.second[j]));
  }
  for (const size_t j : Evenly(pairs, 9)) {
    map.y_ticks.emplace_back(j, std::to_string(j));
    if (rotation == nullptr) continue;
    const double w = FrequencyOf(*rotation, j);
    map.right_ticks.emplace_back(j, w == 0 ? "never" : Short(2 * std::numbers::pi / w));
  }
  if (rotation != nullptr) map.right_label = "tokens for a turn";
  map.angle = picture.angle;
}

// How many cells are off, and from where on.
std::string OffWords(const TurnPictures& pictures, const std::optional<Expectation>& expected) {
  const std::vector<double>& angle = pictures.off.angle;
  const size_t columns = pictures.token.size();
  size_t off = 0, known = 0, first = columns;
  double most = 0;
  for (size_t i = 0; i < angle.size(); ++i) {
    if (std::isnan(angle[i])) continue;
    ++known;
    most = std::max(most, std::abs(angle[i]));
    if (std::abs(angle[i]) <= kSeen) continue;
    ++off;
    first = std::min(first, i % columns);
  }
  std::string words = "Blank is right. ";
  if (off == 0) {
    words += fmt::format("No pair is off by more than {:.1g} radians. ", std::max(most, 1e-4));
  } else {
    words += fmt::format(
        "{:.0f}% of the cells are off by more than a hundredth of a turn, the first at position "
        "{}. ",
        std::ceil(100.0 * static_cast<double>(off) / static_cast<double>(known)),
        PositionOf(pictures, first));
  }
  if (expected && (pictures.off.first != pictures.measured.first ||
                   pictures.off.second != pictures.measured.second)) {
    words += fmt::format(
        "The pairs are {}; others turn here, so that these angles are only the nearest to what "
        "came out. ",
        OfAsker(*expected));
  }
  if (known < angle.size()) words += "Hatched: what came out, or went in, is zero. ";
  return words;
}

void AddMaps(const Observation& observation, const std::optional<Expectation>& expected,
             const Diagnosis& diagnosis, Page& page) {
  const auto pictures = DrawTurns(observation, expected, diagnosis, kMostCells);
  if (!pictures || pictures->off.first.empty()) {
    page.Paragraph("No rotation was found and none was asked for: there is nothing to draw.");
    return;
  }
  const bool given = !observation.positions.empty();
  const auto one_head = [](const std::optional<Rotation>& rotation) {
    return rotation && rotation->heads == 1 ? &*rotation : nullptr;
  };
  const Rotation* found = one_head(diagnosis.rotation);
  AngleMap measured = Columns(*pictures, given);
  measured.title = "By how much each pair turned";
  measured.note =
      "A row is a pair of channels, a column a token. Fast pairs go round and round, slow ones "
      "hardly move.";
  measured.quantity = "turned by";
  measured.zero = "not turned";
  SetRows(pictures->measured, found, measured);
  AngleMap off = Columns(*pictures, given);
  off.title = "Measured less " +
              (expected ? "what " + Asker(*expected) + " asks for" : "the rotation found");
  off.note = OffWords(*pictures, expected);
  off.quantity = "off by";
  off.zero = "right";
  SetRows(pictures->off, expected ? one_head(expected->rotation) : found, off);
  if (pictures->head >= 0) {
    for (AngleMap* map : {&off, &measured}) {
      map->title += fmt::format(", of head {}", pictures->head);
    }
  }
  page.Markup(AngleMaps({off, measured}));
  if (pictures->all_tokens > std::ssize(pictures->token)) {
    page.Note(fmt::format("Drawn: {} of {} tokens, evenly.", pictures->token.size(),
                          Thousands(static_cast<double>(pictures->all_tokens))));
  }
}

// A fault or note with its cause, its fix, and links.
std::string FindingMarkup(const Finding& finding) {
  std::string html =
      "<div><dt>" + EscapeHtml(finding.code) + "</dt><dd>" + EscapeHtml(finding.sentence);
  const Cause* cause = LikelyCause(finding);
  if (cause != nullptr) {
    html += "<br><b>Likely cause:</b> " + EscapeHtml(cause->cause) + "<br><b>What to do:</b> " +
            EscapeHtml(cause->fix);
    for (const std::string_view source : cause->sources) {
      const std::string address = EscapeHtml(source);
      html += source == cause->sources.front() ? "<br><span class=\"note\">Seen in " : ", ";
      html += "<a href=\"" + address + "\">" +
              address.substr(std::string_view("https://github.com/").size()) + "</a>";
    }
    if (!cause->sources.empty()) html += "</span>";
  }
  return html + "</dd></div>\n";
}

void AddFindings(const Diagnosis& diagnosis, Page& page) {
  for (const Severity severity : {Severity::kFault, Severity::kNote}) {
    std::string rows;
    for (const Finding& finding : diagnosis.findings) {
      if (finding.severity == severity && finding.code != "none-found")
        rows += FindingMarkup(finding);
    }
    if (rows.empty()) continue;
    page.Section(severity == Severity::kFault ? "Faults" : "Notes");
    page.Markup("<dl class=\"findings\">\n" + rows + "</dl>\n");
  }
}

Series TurnSeries(const std::string& name, const Rotation& rotation, int style) {
  Series series{.name = name, .style = style};
  for (size_t j = 0; j < rotation.first.size(); ++j) {
    const double w = FrequencyOf(rotation, j);
    if (w == 0) continue;
    series.x.push_back(static_cast<double>(j));
    series.y.push_back(2 * std::numbers::pi / w);
  }
  return series;
}

void AddTurns(const std::optional<Expectation>& expected, const Diagnosis& diagnosis, Page& page) {
  if (!diagnosis.rotation || diagnosis.rotation->heads > 1) return;
  Chart chart{.title = "How far apart a full turn is",
              .x_label = "pair",
              .y_label = "tokens for a turn",
              .log_y = true,
              .series = {TurnSeries("found", *diagnosis.rotation, 0)}};
  chart.x_min = 0;
  chart.x_max = std::max(1, diagnosis.rotation->pairs() - 1);
  if (chart.series[0].x.empty()) return;
  if (expected && expected->rotation.heads == 1) {
    Series asked = TurnSeries(expected->by_config ? "config" : "asked for", expected->rotation, 1);
    // Nearer lines would lie on each other.
    const bool differs = !std::equal(
        asked.y.begin(), asked.y.end(), chart.series[0].y.begin(), chart.series[0].y.end(),
        [](double a, double b) { return std::abs(a - b) <= 0.02 * b; });
    if (differs && !asked.x.empty()) chart.series.push_back(std::move(asked));
  }
  page.Add(chart);
}

}  // namespace

std::string DoctorHtml(const Observation& observation, const std::optional<Expectation>& expected,
                       const Diagnosis& diagnosis, const std::string& source) {
  const Dims& shape = observation.before.shape();
  Page page(diagnosis.verdict,
            fmt::format("{}: {}{}, {} of {} channels.", source,
                        shape[0] == 1 ? "" : Counted(shape[0], "row") + " of ",
                        Counted(shape[1], "token"), Counted(shape[2], "head"), shape[3]),
            "rotary doctor");
  AddMaps(observation, expected, diagnosis, page);
  AddFindings(diagnosis, page);
  page.Section("Measured");
  Table facts;
  for (const auto& [name, value] : MeasuredFacts(diagnosis)) facts.rows.push_back({name, value});
  page.Add(facts);
  if (!diagnosis.stories.empty()) {
    page.Subsection("In other words, and what these tokens leave open");
    for (const std::string& story : diagnosis.stories) page.Paragraph(story);
  }
  AddTurns(expected, diagnosis, page);
  return page.Html();
}

}  // namespace rotary
