#include "rotary/lab/decay.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <limits>
#include <numbers>
#include <numeric>
#include <utility>

#include "rotary/base/error.h"
#include "rotary/io/json.h"
#include "rotary/io/rotation_json.h"

namespace rotary {
namespace {

constexpr int64_t kFar = 65536;  // the end of the page's second chart
constexpr int kFarBins = 60;

void CheckCurve(const Rotation& rotation) {
  CheckRotation(rotation);
  Require(rotation.pairs() > 0, "decay: the rotation turns no pairs");
  Require(rotation.axes == 1, "decay: the rotation must have one axis, got ", rotation.axes);
  Require(rotation.heads == 1,
          "decay: the rotation must be the same for all heads, got frequencies for ",
          rotation.heads);
  Require(rotation.IsGroup(),
          "decay: scores of a rotation with second frequencies depend on more than distance");
}

double Bound(const Rotation& rotation, double distance) {
  std::complex<double> partial = 0;
  double sum = 0;
  for (size_t j = 0; j < rotation.first.size(); ++j) {
    const double decay = rotation.log_decay.empty() ? 0 : rotation.log_decay[j] * distance;
    partial += std::polar(std::exp(decay), distance * rotation.frequency[j]);
    sum += std::abs(partial);
  }
  return rotation.attention_factor * rotation.attention_factor * sum /
         static_cast<double>(rotation.pairs());
}

Series Line(const DecayCurve& curve, size_t index, const std::vector<int64_t>& distances) {
  Series series{.name = curve.name, .style = static_cast<int>(index % kSeriesStyles)};
  for (const int64_t distance : distances) {
    series.x.push_back(static_cast<double>(distance));
    series.y.push_back(Bound(curve.rotation, static_cast<double>(distance)));
  }
  return series;
}

// Bounds at all distances 0 .. kFar.
std::vector<double> FarBounds(const Rotation& rotation) {
  std::vector<double> bounds;
  for (int64_t distance = 0; distance <= kFar; ++distance) {
    bounds.push_back(Bound(rotation, static_cast<double>(distance)));
  }
  return bounds;
}

// Mean and range of bounds in ranges of distance that are even on a logarithmic axis: a line
// through single distances would show whichever ones it happens to hit.
Series FarLine(const DecayCurve& curve, size_t index, const std::vector<double>& bounds) {
  Series series{.name = curve.name, .style = static_cast<int>(index % kSeriesStyles)};
  int64_t begin = 1;
  for (int bin = 1; bin <= kFarBins; ++bin) {
    const double end = std::pow(static_cast<double>(kFar), static_cast<double>(bin) / kFarBins);
    const int64_t last = std::llround(end);
    if (last < begin) continue;
    const auto from = bounds.begin() + begin, to = bounds.begin() + last + 1;
    series.x.push_back(std::sqrt(static_cast<double>(begin) * static_cast<double>(last)));
    series.y.push_back(std::accumulate(from, to, 0.0) / static_cast<double>(last + 1 - begin));
    series.low.push_back(*std::min_element(from, to));
    series.high.push_back(*std::max_element(from, to));
    begin = last + 1;
  }
  return series;
}

// Where the bound is least up to kFar, and the largest value after that.
std::string FarSentence(const std::vector<double>& bounds) {
  const auto least = std::min_element(bounds.begin(), bounds.end());
  const auto again = std::max_element(least, bounds.end());
  const auto at = [&](auto value) {
    return Thousands(static_cast<double>(value - bounds.begin()));
  };
  std::string text = fmt::format("Up to {} it is least at {} ({:.2f})",
                                 Thousands(static_cast<double>(kFar)), at(least), *least);
  if (again != least) text += fmt::format(" and reaches {:.2f} again at {}", *again, at(again));
  return text + ".";
}

std::string Wavelength(const Rotation& rotation) {
  const double longest = LongestWavelength(rotation);
  return std::isfinite(longest) ? Thousands(longest) : "no end (a pair stands still)";
}

}  // namespace

double DecayBound(const Rotation& rotation, double distance) {
  CheckCurve(rotation);
  return Bound(rotation, distance);
}

DecayCurve MakeDecayCurve(std::string name, const Rotation& rotation,
                          std::vector<int64_t> distances) {
  CheckCurve(rotation);
  DecayCurve curve{
      .name = std::move(name), .rotation = rotation, .distances = std::move(distances)};
  for (const int64_t distance : curve.distances) {
    curve.bounds.push_back(Bound(rotation, static_cast<double>(distance)));
  }
  double before = Bound(rotation, 0);
  for (int64_t distance = 1; distance <= DecayCurve::kSteps; ++distance) {
    const double bound = Bound(rotation, static_cast<double>(distance));
    curve.falls += bound < before;
    curve.rises += bound > before;
    before = bound;
  }
  return curve;
}

double LongestWavelength(const Rotation& rotation) {
  double slowest = std::numeric_limits<double>::infinity();
  for (const double frequency : rotation.frequency)
    slowest = std::min(slowest, std::abs(frequency));
  return 2 * std::numbers::pi / slowest;
}

std::string DecayToText(std::span<const DecayCurve> curves) {
  std::string text =
      "Mean of |S_j|: a bound on scores by distance, whatever was learned (RoFormer, section "
      "3.4.3)\n";
  std::vector<size_t> widths;
  text += fmt::format("{:>10}", "distance");
  for (const DecayCurve& curve : curves) {
    widths.push_back(std::max<size_t>(curve.name.size() + 2, 12));
    text += fmt::format("{:>{}}", curve.name, widths.back());
  }
  text += '\n';
  for (size_t i = 0; i < curves.front().distances.size(); ++i) {
    text += fmt::format("{:>10}", curves.front().distances[i]);
    for (size_t c = 0; c < curves.size(); ++c) {
      text += fmt::format("{:>{}.2f}", curves[c].bounds[i], widths[c]);
    }
    text += '\n';
  }
  for (const DecayCurve& curve : curves) {
    text += fmt::format(
        "{}: of the {} steps from 0 to {}, {} go down and {} up; the slowest pair turns once in "
        "{}\n",
        curve.name, DecayCurve::kSteps, DecayCurve::kSteps, curve.falls, curve.rises,
        Wavelength(curve.rotation));
  }
  return text;
}

std::string DecayToJson(std::span<const DecayCurve> curves) {
  Json list = Json::array();
  for (const DecayCurve& curve : curves) {
    const double longest = LongestWavelength(curve.rotation);
    list.push_back(
        {{"name", curve.name},
         {"rotation", Json::parse(RotationToJson(curve.rotation))},
         {"distances", curve.distances},
         {"bounds", curve.bounds},
         {"steps", DecayCurve::kSteps},
         {"falls", curve.falls},
         {"rises", curve.rises},
         {"longest_wavelength", std::isfinite(longest) ? Json(longest) : Json(nullptr)}});
  }
  return Json{{"curves", std::move(list)}}.dump() + "\n";
}

Chart DecayChart(std::span<const DecayCurve> curves, int64_t last) {
  Chart chart{.title = "Bound by distance",
              .note = "The mean of the partial sums |S_j|, as in Figure 2 of the RoFormer paper.",
              .x_label = "distance, tokens",
              .y_label = "bound",
              .x_max = static_cast<double>(last),
              .y_min = 0};
  std::vector<int64_t> distances;
  for (int64_t distance = 0; distance <= last; ++distance) distances.push_back(distance);
  for (size_t i = 0; i < curves.size(); ++i) chart.series.push_back(Line(curves[i], i, distances));
  return chart;
}

std::string DecayHtml(std::span<const DecayCurve> curves) {
  Page page("How far a rotary score can reach",
            "The upper bound on attention scores by distance that the RoFormer paper draws in its "
            "Figure 2, computed for "
            "the rotation at hand.",
            "rotary decay");
  Chart far{.title = "Far out",
            .note = "Mean and range of the bound over neighbouring distances.",
            .x_label = "distance, tokens",
            .y_label = "bound",
            .log_x = true,
            .y_min = 0};
  std::vector<std::pair<std::string, std::string>> findings;
  for (size_t i = 0; i < curves.size(); ++i) {
    const DecayCurve& curve = curves[i];
    const std::vector<double> bounds = FarBounds(curve.rotation);
    far.series.push_back(FarLine(curve, i, bounds));
    findings.emplace_back(
        curve.name,
        fmt::format(
            "The bound goes from {:.2f} at distance 0 to {:.2f} at {}, but not step by step: "
            "{} steps go down and {} up. {}",
            bounds[0], bounds[DecayCurve::kSteps], DecayCurve::kSteps, curve.falls, curve.rises,
            FarSentence(bounds)));
  }
  page.Findings(findings);
  page.Section("The curve");
  page.Add(std::vector<Chart>{DecayChart(curves, DecayCurve::kSteps), far});

  page.Section("Numbers");
  Table table{.id = "bounds", .caption = "Bound by distance", .header = {"distance"}};
  for (const DecayCurve& curve : curves) table.header.push_back(curve.name);
  for (size_t i = 0; i < curves.front().distances.size(); ++i) {
    table.rows.push_back({Thousands(static_cast<double>(curves.front().distances[i]))});
    for (const DecayCurve& curve : curves)
      table.rows.back().push_back(Decimals(curve.bounds[i], 2));
  }
  Table facts{.id = "rotations",
              .caption = "The rotations",
              .header = {"", "pairs", "longest wavelength", "attention factor"}};
  for (size_t i = 0; i < curves.size(); ++i) {
    const Rotation& rotation = curves[i].rotation;
    facts.rows.push_back({curves[i].name, std::to_string(rotation.pairs()), Wavelength(rotation),
                          fmt::format("{:g}", rotation.attention_factor)});
    facts.styles.push_back(static_cast<int>(i % kSeriesStyles));
  }
  page.Add(std::vector<Table>{table, facts});

  page.Section("What it says, and what not");
  page.Markup(
      "<p>A score at distance <i>t</i> is the real part of the sum of <i>h<sub>i</sub></i> "
      "e<sup>i<i>tω<sub>i</sub></i></sup> over the pairs, where <i>h<sub>i</sub></i> is the "
      "product of query "
      "and key in pair <i>i</i> and <i>ω<sub>i</sub></i> its frequency. With <i>S<sub>j</sub></i>, "
      "the sum "
      "of the first <i>j</i> of the e<sup>i<i>tω<sub>i</sub></i></sup>, summing by parts gives "
      "|score| ≤ "
      "max |<i>h</i><sub><i>i</i>+1</sub> − <i>h<sub>i</sub></i>| · Σ |<i>S<sub>j</sub></i>|. The "
      "curves are "
      "the mean of the |<i>S<sub>j</sub></i>|.</p>\n");
  page.Paragraph(
      "It is a bound: the other factor is whatever the model learned, and below the bound scores "
      "may rise with distance as "
      "they like. If all pairs turned alike there would be no decay at all.");
  return page.Html();
}

}  // namespace rotary
