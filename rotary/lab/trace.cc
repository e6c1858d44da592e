#include "rotary/lab/trace.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <numbers>
#include <system_error>
#include <utility>

#include "rotary/base/error.h"
#include "rotary/io/json.h"
#include "rotary/io/rotation_json.h"
#include "rotary/lab/page.h"
#include "rotary/rope/rotate.h"

namespace rotary {
namespace {

constexpr int kDrawnPairs = 12;       // more would be a wallpaper
constexpr size_t kDrawnChannels = 6;  // lines that a chart keeps apart
constexpr size_t kLabelled = 40;      // positions that have room for their numbers
constexpr size_t kDrawnRows = 500;    // positions on a page

// Three decimals without a minus sign before zeros alone.
std::string Short(double value) {
  return fmt::format("{:.3f}", std::abs(value) < 0.0005 ? 0.0 : value);
}

double PairLength(const Trace& trace, size_t row, size_t pair) {
  return std::hypot(trace.rows[row][static_cast<size_t>(trace.rotation.first[pair])],
                    trace.rows[row][static_cast<size_t>(trace.rotation.second[pair])]);
}

// One pair as arrows in the plane of its two channels, y upwards; the longest pair fills the
// picture.
std::string PairPicture(const Trace& trace, size_t pair, double longest) {
  constexpr double kRadius = 100, kLabelAt = 114;
  const size_t first = static_cast<size_t>(trace.rotation.first[pair]);
  const size_t second = static_cast<size_t>(trace.rotation.second[pair]);
  const double unit = longest > 0 ? kRadius / longest : 1;
  std::string svg = fmt::format(
      "<svg viewBox=\"-140 -125 280 250\" role=\"img\" aria-label=\"Channels {} and {} at each "
      "position\" style=\"display:block;width:100%;max-width:22rem;margin:0 auto\">\n"
      "<g stroke=\"var(--hair)\" fill=\"none\"><path d=\"M-108 0H108M0 -108V108\"/>\n"
      "<circle r=\"{:.2f}\" stroke-dasharray=\"3 4\" stroke=\"var(--soft)\"/></g>\n",
      first, second, PairLength(trace, 0, pair) * unit);
  // Positions that come to the same place share a label: "0, 12".
  std::map<std::pair<long, long>, std::string> labels;
  svg += "<g class=\"s0\" stroke=\"currentColor\" fill=\"currentColor\" stroke-width=\"2\">\n";
  const size_t count = trace.rows.size();
  for (size_t row = 0; row < count; ++row) {
    const double x = trace.rows[row][first] * unit, y = -trace.rows[row][second] * unit;
    const double age = count == 1 ? 1 : static_cast<double>(row) / static_cast<double>(count - 1);
    const double strength = 1 - 0.75 * age;  // the first position is the strongest
    svg += fmt::format(
        "<g opacity=\"{:.2f}\"><path d=\"M0 0L{:.2f} {:.2f}\"/><circle cx=\"{:.2f}\" cy=\"{:.2f}\" "
        "r=\"3.5\" stroke=\"none\"/></g>\n",
        strength, x, y, x, y);
    std::string& label = labels[{std::lround(x), std::lround(y)}];
    label += (label.empty() ? "" : ", ") + std::to_string(trace.positions[row]);
  }
  svg +=
      "</g>\n<g fill=\"var(--ink)\" font-size=\"12\" text-anchor=\"middle\" "
      "dominant-baseline=\"central\">\n";
  if (count <= kLabelled) {
    for (const auto& [at, label] : labels) {
      const double x = static_cast<double>(at.first), y = static_cast<double>(at.second);
      const double length = std::hypot(x, y);
      const double stretch = length > 0 ? (length + kLabelAt - kRadius) / length : 0;
      const char* anchor = x > 0.3 * length ? "start" : x < -0.3 * length ? "end" : "middle";
      svg += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\">{}</text>\n",
                         x * stretch, y * stretch, anchor, label);
    }
  }
  return svg + "</g>\n</svg>\n";
}

std::string PairPictures(const Trace& trace) {
  const size_t pairs = trace.rotation.first.size();
  double longest = 0;
  for (size_t row = 0; row < trace.rows.size(); ++row) {
    for (size_t pair = 0; pair < pairs; ++pair) {
      longest = std::max(longest, PairLength(trace, row, pair));
    }
  }
  std::string html = "<div class=\"row three\">\n";
  for (size_t pair = 0; pair < std::min<size_t>(pairs, kDrawnPairs); ++pair) {
    const double degrees = trace.rotation.frequency[pair] * 180 / std::numbers::pi;
    html += fmt::format(
        "<figure>\n<h3>Channels {} and {}</h3>\n<p class=\"note\">{:.4g}\u00B0 a position{}</p>\n{}"
        "</figure>\n",
        trace.rotation.first[pair], trace.rotation.second[pair], degrees,
        PairLength(trace, 0, pair) == 0 ? "; both are 0 and stay so" : "",
        PairPicture(trace, pair, longest));
  }
  return html + "</div>\n";
}

Chart ChannelChart(const Trace& trace) {
  Chart chart{
      .title = "Channels by position", .note = "", .x_label = "position", .y_label = "value"};
  // In the order of pairs, so that the two of a pair stand together.
  std::vector<size_t> channels;
  for (size_t pair = 0; pair < trace.rotation.first.size(); ++pair) {
    channels.push_back(static_cast<size_t>(trace.rotation.first[pair]));
    channels.push_back(static_cast<size_t>(trace.rotation.second[pair]));
  }
  if (channels.size() > kDrawnChannels) {
    channels.resize(kDrawnChannels);
    chart.note = "The channels of the first pairs.";
  }
  for (size_t i = 0; i < channels.size(); ++i) {
    Series series{.name = fmt::format("channel {}", channels[i]),
                  .style = static_cast<int>(i),
                  .markers = trace.rows.size() <= kLabelled};
    for (size_t row = 0; row < trace.rows.size(); ++row) {
      series.x.push_back(static_cast<double>(trace.positions[row]));
      series.y.push_back(trace.rows[row][channels[i]]);
    }
    chart.series.push_back(std::move(series));
  }
  return chart;
}

}  // namespace

Trace MakeTrace(const Rotation& rotation, std::vector<double> vector,
                std::vector<int64_t> positions) {
  CheckRotation(rotation);
  Require(rotation.axes == 1, "trace: the rotation must have one axis, got ", rotation.axes);
  Require(rotation.heads == 1,
          "trace: the rotation must be the same for all heads, got frequencies for ",
          rotation.heads);
  Require(std::ssize(vector) == rotation.head_dim, "trace: the rotation takes ", rotation.head_dim,
          " channels, got ", vector.size());
  for (const double value : vector) {
    Require(std::isfinite(value), "trace: the vector must be finite, got ", value);
  }
  const int64_t count = std::ssize(positions);
  Tensor x(DType::kF64, {count, 1, rotation.head_dim}), at(DType::kI64, {count});
  for (int64_t i = 0; i < count; ++i) {
    at.data<int64_t>()[i] = positions[static_cast<size_t>(i)];
    std::copy(vector.begin(), vector.end(), x.data<double>() + i * rotation.head_dim);
  }
  Rotate(PhaseTable(rotation), at.view(), x.view(), x.view());
  Trace trace{rotation, std::move(vector), std::move(positions), {}};
  for (int64_t i = 0; i < count; ++i) {
    const double* row = x.data<double>() + i * rotation.head_dim;
    trace.rows.emplace_back(row, row + rotation.head_dim);
  }
  return trace;
}

std::vector<double> ParseVector(std::string_view text) {
  std::vector<double> vector;
  const char* at = text.data();
  const char* end = at + text.size();
  for (;;) {
    double value = 0;
    const auto parsed = std::from_chars(at, end, value);
    const bool stops = parsed.ptr == end || *parsed.ptr == ',';
    Require(parsed.ec == std::errc() && stops && std::isfinite(value), "trace: \"", text,
            "\" is no vector such as 1,0,-0.5,1");
    vector.push_back(value);
    if (parsed.ptr == end) return vector;
    at = parsed.ptr + 1;
  }
}

Rotation RotationByDegrees(int head_dim, double degrees, Layout layout) {
  Require(std::isfinite(degrees), "trace: degrees must be a number, got ", degrees);
  Rotation rotation = MakeRotation({.head_dim = head_dim, .layout = layout});
  rotation.frequency.assign(rotation.first.size(), degrees * std::numbers::pi / 180);
  return rotation;
}

std::string TraceToText(const Trace& trace) {
  std::vector<std::vector<std::string>> rows{{"position"}};
  for (int channel = 0; channel < trace.rotation.head_dim; ++channel) {
    rows[0].push_back(fmt::format("[{}]", channel));
  }
  for (size_t row = 0; row < trace.rows.size(); ++row) {
    rows.push_back({std::to_string(trace.positions[row])});
    for (const double value : trace.rows[row]) rows.back().push_back(Short(value));
  }
  size_t width = 0;
  for (const auto& row : rows) {
    for (size_t i = 1; i < row.size(); ++i) width = std::max(width, row[i].size() + 2);
  }
  std::string text;
  for (const auto& row : rows) {
    text += fmt::format("{:>8}", row[0]);
    for (size_t i = 1; i < row.size(); ++i) text += fmt::format("{:>{}}", row[i], width);
    text += '\n';
  }
  return text;
}

std::string TraceToJson(const Trace& trace) {
  Json rows = Json::array();
  for (size_t row = 0; row < trace.rows.size(); ++row) {
    rows.push_back({{"position", trace.positions[row]}, {"vector", trace.rows[row]}});
  }
  const Json json = {{"rotation", Json::parse(RotationToJson(trace.rotation))},
                     {"vector", trace.vector},
                     {"rows", std::move(rows)}};
  return json.dump() + "\n";
}

std::string TraceHtml(const Trace& whole) {
  Trace trace = whole;
  if (trace.rows.size() > kDrawnRows) {
    trace.positions.resize(kDrawnRows);
    trace.rows.resize(kDrawnRows);
  }
  Page page("A vector as it turns",
            "Each pair of channels is an arrow in a plane. A rotary embedding turns it, "
            "counter-clockwise, by the position "
            "times the frequency of the pair; its length stays.",
            "rotary trace");
  page.Section(
      "The pairs",
      "First channel to the right, second channel up; the numbers are positions, and arrows "
      "fade from the first to the last.");
  page.Markup(PairPictures(trace));
  if (trace.rotation.first.size() > kDrawnPairs) {
    page.Note(fmt::format("The first {} of {} pairs are drawn.", kDrawnPairs,
                          trace.rotation.first.size()));
  }
  if (trace.rows.size() < whole.rows.size()) {
    page.Note(
        fmt::format("The page shows the first {} of {} positions.", kDrawnRows, whole.rows.size()));
  }
  page.Section("The channels");
  page.Add(ChannelChart(trace));
  Table table{.id = "trace", .caption = "The vector at each position", .header = {"position"}};
  for (int channel = 0; channel < trace.rotation.head_dim; ++channel) {
    table.header.push_back(fmt::format("[{}]", channel));
  }
  for (size_t row = 0; row < trace.rows.size(); ++row) {
    table.rows.push_back({std::to_string(trace.positions[row])});
    for (const double value : trace.rows[row]) table.rows.back().push_back(Decimals(value, 3));
  }
  page.Add(table);
  return page.Html();
}

}  // namespace rotary
