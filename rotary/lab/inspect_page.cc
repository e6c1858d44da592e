#include "rotary/lab/inspect_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "rotary/config/fingerprint.h"
#include "rotary/config/group_facts.h"
#include "rotary/lab/page.h"
#include "rotary/rope/rules.h"

namespace rotary {
namespace {

// Of Series::style: what is told apart, and what is only compared with.
constexpr std::array<int, 6> kStyles = {0, 1, 2, 3, 4, 6};
constexpr int kLimitStyle = 5;

int StyleAt(size_t index) { return kStyles[index % kStyles.size()]; }

// The tokens that the wavelengths of a group are compared with; 0: none.
double LimitOf(const RopeConfig& config, const LayerRope& group) {
  return group.part == "text" ? config.trained_length : 0;
}

Series LimitSeries(double limit, double last_pair) {
  return {.name = fmt::format("trained on {}", Thousands(limit)),
          .label = "trained",
          .style = kLimitStyle,
          .x = {0, last_pair},
          .y = {limit, limit}};
}

// The wavelengths of one head: a series for each axis.
std::vector<Series> WavelengthSeries(const LayerRope& group) {
  const Rotation& rotation = *group.query;
  std::vector<Series> all;
  for (int axis = 0; axis < rotation.axes; ++axis) {
    Series series{.name = rotation.axes == 1 ? "a turn" : AxisName(group, axis),
                  .style = StyleAt(static_cast<size_t>(axis)),
                  .markers = rotation.axes > 1};
    for (int j = 0; j < rotation.pairs(); ++j) {
      const size_t at =
          static_cast<size_t>(j) * static_cast<size_t>(rotation.axes) + static_cast<size_t>(axis);
      if (rotation.frequency[at] == 0) continue;
      series.x.push_back(j);
      series.y.push_back(2 * std::numbers::pi / std::abs(rotation.frequency[at]));
    }
    if (!series.x.empty()) all.push_back(std::move(series));
  }
  return all;
}

// The same pairs at the same theta without the rule, where there is one.
std::optional<Series> WithoutRule(const LayerRope& group) {
  const Rotation& rotation = *group.query;
  if (group.from_weights || rotation.axes != 1 || 2 * rotation.pairs() != group.rotary_dim ||
      std::holds_alternative<PlainRule>(group.rule)) {
    return std::nullopt;
  }
  const Spectrum spectrum = MakeSpectrum(group.rotary_dim, group.theta, PlainRule());
  Series series{.name = "without the rule", .label = "default", .style = 1};
  for (int j = 0; j < rotation.pairs(); ++j) {
    series.x.push_back(j);
    series.y.push_back(2 * std::numbers::pi / spectrum.frequency[static_cast<size_t>(j)]);
  }
  return series;
}

std::string TurnsNote(const Rotation& rotation, double limit) {
  int whole = 0, still = 0;
  for (int j = 0; j < rotation.pairs(); ++j) {
    still += std::isinf(Wavelength(rotation, j)) ? 1 : 0;
    whole += Wavelength(rotation, j) <= limit ? 1 : 0;
  }
  std::string note;
  if (limit > 0) {
    note = fmt::format("{} of {} pairs turn fully within the {} tokens of training. ", whole,
                       rotation.pairs(), Thousands(limit));
  }
  if (still > 0) note += fmt::format("{} stand still and are not drawn. ", still);
  if (!rotation.IsGroup()) note += "Drawn: the angle of the first channel of each pair. ";
  return note;
}

Chart WavelengthChart(const LayerRope& group, double limit) {
  const Rotation& rotation = *group.query;
  Chart chart{.title = "How far apart a full turn is",
              .note = TurnsNote(rotation, limit),
              .x_label = "pair",
              .y_label = rotation.axes > 1 ? "positions for a turn" : "tokens for a turn",
              .log_y = true,
              .x_min = 0,
              .x_max = std::max(1, rotation.pairs() - 1),
              .series = WavelengthSeries(group)};
  if (auto plain = WithoutRule(group)) {
    chart.series[0].name = "with the rule";
    chart.series[0].label = Name(group.rule);
    chart.series.push_back(std::move(*plain));
  }
  if (limit > 0) chart.series.push_back(LimitSeries(limit, std::max(1, rotation.pairs() - 1)));
  return chart;
}

// "mark" is the dot of a legend.
std::string Legend(int style, double opacity, const std::string& text) {
  return fmt::format(
      "<span style=\"white-space:nowrap;margin-right:1.2rem\"><span class=\"mark s{}\" "
      "style=\"opacity:{:.2f}\"></span>{}</span> ",
      style, opacity, EscapeHtml(text));
}

std::string CopiedLegend(const std::string& text) {
  return "<span style=\"white-space:nowrap;margin-right:1.2rem\"><span class=\"mark\" "
         "style=\"background:var(--hair)\"></span>" +
         EscapeHtml(text) + "</span> ";
}

std::string Figure(const std::string& title, const std::string& note, const std::string& svg,
                   const std::string& legend) {
  return "<div class=\"row\">\n<figure>\n<h3>" + EscapeHtml(title) + "</h3>\n<p class=\"note\">" +
         EscapeHtml(note) + "</p>\n" + svg + "<p class=\"note\">" + legend +
         "</p>\n</figure>\n</div>\n";
}

constexpr double kWidth = 400;  // of a picture, in its own units; a phone shows a little less

std::string SvgHead(double height, const std::string& label) {
  return fmt::format(
      "<svg viewBox=\"0 0 {:g} {:g}\" role=\"img\" aria-label=\"{}\" "
      "style=\"display:block;width:100%;max-width:46rem;margin:.8rem auto .2rem\">\n",
      kWidth, height, EscapeHtml(label));
}

// The layers of one part from left to right, in the colours of their groups.
std::string LayersFigure(const std::vector<const LayerRope*>& groups) {
  int count = 0;
  for (const LayerRope* group : groups) {
    for (const int layer : group->layers) count = std::max(count, layer + 1);
  }
  if (count == 0) return "";
  const double cell = kWidth / count, gap = std::min(2.0, 0.15 * cell);
  std::string svg = SvgHead(30, fmt::format("{} layers in {} groups", count, groups.size()));
  std::string legend;
  for (size_t i = 0; i < groups.size(); ++i) {
    const LayerRope& group = *groups[i];
    const bool rotates = group.query.has_value();
    const int style = StyleAt(i);
    svg += rotates ? fmt::format("<g class=\"s{}\" fill=\"currentColor\">", style)
                   : std::string("<g fill=\"var(--hair)\">");
    for (const int layer : group.layers) {
      svg +=
          fmt::format("<rect x=\"{:.2f}\" y=\"2\" width=\"{:.2f}\" height=\"26\" rx=\"{:.2f}\"/>",
                      layer * cell + gap / 2, cell - gap, std::min(3.0, cell / 5));
    }
    svg += "</g>\n";
    legend += rotates ? Legend(style, 1, group.name) : CopiedLegend(group.name + ": no rotation");
  }
  return Figure("Layers from first to last", "Layers of one colour rotate alike.", svg + "</svg>\n",
                legend);
}

// How a pair stands in a picture of channels.
struct PairLook {
  int style = 0;
  double opacity = 1;
  std::string meaning;
};

PairLook LookOf(const LayerRope& group, int pair, int channel, double limit) {
  constexpr double kSlow = 0.45, kFaint = 0.2;
  const Rotation& rotation = *group.query;
  const int axis = AxisOf(rotation, pair, channel);
  if (axis == kStill) return {0, kFaint, "stands still"};
  if (axis == kSeveralAxes) return {StyleAt(5), 1, "turns with several axes"};
  if (rotation.axes > 1) {
    return {StyleAt(static_cast<size_t>(axis)), 1, "turns with " + AxisName(group, axis)};
  }
  if (limit <= 0) return {0, 1, "turns"};
  return Wavelength(rotation, pair) <= limit
             ? PairLook{0, 1, "turns fully within the trained length"}
             : PairLook{0, kSlow, "turns in part"};
}

// Under the strip: the numbers of the channels where something begins or ends, as far as they have
// room. As text and not in the picture, so that phones do not shrink them.
std::string ChannelNumbers(const Rotation& rotation) {
  constexpr double kRoom = 0.08;  // of the width
  const int last = rotation.head_dim - 1;
  std::string html =
      "<div class=\"note\" style=\"position:relative;height:1.4em;max-width:46rem;margin:0 auto\">";
  std::vector<double> written;
  for (const int channel : {0, last, rotation.first.front(), rotation.second.front(),
                            std::max(rotation.first.back(), rotation.second.back())}) {
    const double place = channel == 0      ? 0
                         : channel == last ? 1
                                           : (channel + 0.5) / rotation.head_dim;
    const bool room = std::all_of(written.begin(), written.end(),
                                  [&](double other) { return std::abs(other - place) >= kRoom; });
    if (!room) continue;
    written.push_back(place);
    html += fmt::format(
        "<span style=\"position:absolute;left:{:.2f}%;transform:translateX(-{:g}%)\">{}</span>",
        100 * place,
        place == 0   ? 0.0
        : place == 1 ? 100.0
                     : 50.0,
        channel);
  }
  return html + "</div>\n";
}

// The channels of a head as a strip of cells; arcs join the two of a pair, all of them or some.
std::string ChannelFigure(const LayerRope& group, double limit) {
  constexpr int kMostChannels = 2048, kMostArcs = 48;
  constexpr double kHighest = 84, kLowest = 7, kStrip = 18;
  const Rotation& rotation = *group.query;
  if (rotation.head_dim > kMostChannels) return "";
  const double cell = kWidth / rotation.head_dim, gap = std::min(1.0, 0.12 * cell);
  const auto middle = [&](int channel) { return (channel + 0.5) * cell; };

  double top = kLowest;
  for (size_t j = 0; j < rotation.first.size(); ++j) {
    const double radius = std::abs(rotation.second[j] - rotation.first[j]) * cell / 2;
    top = std::max(top, std::min(radius, kHighest));
  }
  const double strip = top + 3;
  std::string svg = SvgHead(
      strip + kStrip, fmt::format("{} channels, {} pairs", rotation.head_dim, rotation.pairs()));
  const int step = (rotation.pairs() + kMostArcs - 1) / kMostArcs;
  for (int j = 0; j < rotation.pairs(); j += std::max(1, step)) {
    const int first = rotation.first[static_cast<size_t>(j)];
    const int second = rotation.second[static_cast<size_t>(j)];
    const double radius = std::abs(second - first) * cell / 2;
    svg += fmt::format(
        "<path class=\"s{}\" d=\"M{:.2f} {:.2f}A{:.2f} {:.2f} 0 0 1 {:.2f} {:.2f}\" fill=\"none\" "
        "stroke=\"currentColor\" stroke-width=\".8\" opacity=\".6\"/>",
        LookOf(group, j, first, limit).style, middle(std::min(first, second)), strip - 1, radius,
        std::clamp(radius, kLowest, kHighest), middle(std::max(first, second)), strip - 1);
  }
  svg += "\n";
  std::vector<PairLook> looks;
  bool copied = false;
  const std::vector<int> pairs = PairOfChannels(rotation);
  for (int channel = 0; channel < rotation.head_dim; ++channel) {
    const int pair = pairs[static_cast<size_t>(channel)];
    const std::string place =
        fmt::format("x=\"{:.2f}\" y=\"{:.2f}\" width=\"{:.2f}\" height=\"{:g}\"",
                    channel * cell + gap / 2, strip, cell - gap, kStrip);
    if (pair < 0) {
      copied = true;
      svg += fmt::format("<rect {} fill=\"var(--hair)\"/>", place);
      continue;
    }
    PairLook look = LookOf(group, pair, channel, limit);
    svg += fmt::format("<rect class=\"s{}\" {} fill=\"currentColor\" opacity=\"{:.2f}\"/>",
                       look.style, place, look.opacity);
    const bool known = std::any_of(looks.begin(), looks.end(), [&](const PairLook& other) {
      return other.meaning == look.meaning;
    });
    if (!known) looks.push_back(std::move(look));
  }
  svg += "\n</svg>\n" + ChannelNumbers(rotation);
  std::string legend;
  for (const PairLook& look : looks) legend += Legend(look.style, look.opacity, look.meaning);
  if (copied) legend += CopiedLegend("copied");
  return Figure("Channels of a head",
                step > 1 ? fmt::format("An arc joins the two channels of a pair; one pair in {} "
                                       "has its arc.",
                                       step)
                         : "An arc joins the two channels of a pair.",
                svg, legend);
}

// Every pair with its numbers, behind a click.
void AddPairs(const LayerRope& group, double limit, Page& page) {
  constexpr int kMostPairs = 1024;
  const Rotation& rotation = *group.query;
  const bool several = rotation.axes > 1;
  Table table{.header = {"pair", "channels", "radians", "turn"}};
  if (several) table.header.insert(table.header.begin() + 2, "axis");
  if (limit > 0) table.header.push_back("turns in training");
  for (int j = 0; j < std::min(rotation.pairs(), kMostPairs); ++j) {
    bool still = true;
    for (int axis = 0; axis < rotation.axes; ++axis) {
      const size_t at =
          static_cast<size_t>(j) * static_cast<size_t>(rotation.axes) + static_cast<size_t>(axis);
      const double frequency = rotation.frequency[at];
      const double second = rotation.IsGroup() ? frequency : rotation.second_frequency[at];
      const bool moves = frequency != 0 || second != 0;
      // One that nothing moves has a row too.
      if (!moves && !(still && axis + 1 == rotation.axes)) continue;
      still = false;
      const double wavelength = 2 * std::numbers::pi / std::abs(frequency);
      std::vector<std::string> row = {std::to_string(j),
                                      fmt::format("{}, {}", rotation.first[static_cast<size_t>(j)],
                                                  rotation.second[static_cast<size_t>(j)])};
      if (several) row.push_back(moves ? AxisName(group, axis) : "none");
      row.push_back(second == frequency ? fmt::format("{:.10g}", frequency)
                                        : fmt::format("{:.10g} and {:.10g}", frequency, second));
      row.push_back(frequency == 0 ? "never" : fmt::format("{:.6g}", wavelength));
      if (limit > 0)
        row.push_back(frequency == 0 ? "0" : fmt::format("{:.4g}", limit / wavelength));
      table.rows.push_back(std::move(row));
    }
  }
  page.Markup(fmt::format("<details>\n<summary>{} pairs in numbers</summary>\n",
                          std::min(rotation.pairs(), kMostPairs)));
  page.Add(table);
  page.Markup("</details>\n");
}

void AddGroup(const RopeConfig& config, const LayerRope& group, Page& page) {
  page.Section(GroupTitle(group));
  Table facts;
  for (const auto& [name, value] : GroupFacts(group)) facts.rows.push_back({name, value});
  page.Add(facts);
  if (!group.query || group.query->pairs() == 0) return;
  const double limit = LimitOf(config, group);
  page.Markup(ChannelFigure(group, limit));
  const Chart chart = WavelengthChart(group, limit);
  if (std::any_of(chart.series.begin(), chart.series.end(),
                  [](const Series& series) { return series.style != kLimitStyle; })) {
    page.Add(chart);
  }
  AddPairs(group, limit, page);
}

// "sliding_attention" leaves a phone no room for the chart beside it.
std::string ShortName(const std::string& name) {
  const size_t at = name.find("_attention");
  return at == name.npos || at == 0 ? name : name.substr(0, at);
}

// How the groups of one part differ: their layers, and their wavelengths in one chart.
void AddPart(const RopeConfig& config, const std::vector<const LayerRope*>& groups, Page& page) {
  if (groups.size() < 2) return;
  page.Section(groups[0]->part + ": layers that rotate in " + std::to_string(groups.size()) +
               " ways");
  page.Markup(LayersFigure(groups));
  Chart chart{.title = "How far apart a full turn is, by group of layers",
              .x_label = "pair",
              .y_label = "tokens for a turn",
              .log_y = true};
  double last = 1;
  for (size_t i = 0; i < groups.size() && i < kStyles.size(); ++i) {
    if (!groups[i]->query || groups[i]->query->axes != 1) continue;
    for (Series& series : WavelengthSeries(*groups[i])) {
      series.name = groups[i]->name;
      series.label = ShortName(groups[i]->name);
      series.style = StyleAt(i);
      last = std::max(last, series.x.back());
      chart.series.push_back(std::move(series));
    }
  }
  if (chart.series.size() < 2) return;
  if (groups.size() > kStyles.size()) {
    chart.note = fmt::format("The first {} groups.", kStyles.size());
  }
  chart.x_min = 0;
  chart.x_max = last;
  const double limit = LimitOf(config, *groups[0]);
  if (limit > 0) chart.series.push_back(LimitSeries(limit, last));
  page.Add(chart);
}

}  // namespace

std::string InspectHtml(const RopeConfig& config) {
  std::string lead;
  if (config.trained_length > 0) {
    lead = fmt::format("Trained on {} tokens", Thousands(config.trained_length));
    if (config.length != config.trained_length) {
      lead += fmt::format(", shown for a text of {}", Thousands(config.length));
    }
    lead += ". ";
  }
  lead += "Fingerprint of its rotations: " + Fingerprint(config) + ".";
  Page page(config.model_type, lead, "rotary inspect");
  std::vector<std::pair<std::string, std::string>> findings;
  if (!config.note.empty()) findings.emplace_back("Note", config.note);
  for (const std::string& warning : config.warnings) findings.emplace_back("Warning", warning);
  if (!findings.empty()) page.Findings(findings);

  std::vector<std::pair<std::string, std::vector<const LayerRope*>>> parts;
  for (const LayerRope& group : config.layers) {
    auto part = std::find_if(parts.begin(), parts.end(),
                             [&](const auto& each) { return each.first == group.part; });
    if (part == parts.end()) part = parts.insert(parts.end(), {group.part, {}});
    part->second.push_back(&group);
  }
  for (const auto& [name, groups] : parts) {
    AddPart(config, groups, page);
    for (const LayerRope* group : groups) AddGroup(config, *group, page);
  }
  return page.Html();
}

}  // namespace rotary
