#include "rotary/lab/figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numbers>
#include <string_view>
#include <utility>
#include <vector>

#include "rotary/lab/decay.h"
#include "rotary/lab/sentences.h"
#include "rotary/lab/summary.h"

namespace rotary {
namespace {

constexpr double kCurvesFrom =
    0.02;  // of the steps: before that all models learn the same first things

std::string LossLabel(const Experiment& experiment) {
  return experiment.objective == "mlm" ? "loss, nats a masked byte" : "loss, nats a byte";
}

bool Several(const Experiment& experiment) { return experiment.seeds.size() > 1; }

// "1.832 ± 0.004"; without the standard error where there is one seed.
std::string WithError(const Estimate& estimate, int digits) {
  std::string mean = Decimals(estimate.mean, digits);
  if (estimate.count < 2) return mean;
  return fmt::format("{} ± {:.{}f}", mean, estimate.error, digits);
}

std::vector<int> Styles(const Experiment& experiment) {
  std::vector<int> styles;
  for (const std::string& encoding : experiment.encodings) styles.push_back(StyleOf(encoding));
  return styles;
}

Series SeriesOf(const std::string& encoding) {
  return {.name = DisplayName(encoding), .style = StyleOf(encoding)};
}

// The part of a band from the first shown step on.
Series Line(const std::string& encoding, const CurveBand& band, const std::vector<double>& x) {
  ptrdiff_t begin = 0;
  while (band.step[static_cast<size_t>(begin)] < kCurvesFrom * band.step.back()) ++begin;
  const auto shown = [&](const std::vector<double>& values) {
    return values.empty() ? values : std::vector<double>(values.begin() + begin, values.end());
  };
  Series series = SeriesOf(encoding);
  series.x = shown(x);
  series.y = shown(band.mean);
  series.low = shown(band.low);
  series.high = shown(band.high);
  return series;
}

CurveBand LossBand(const Experiment& experiment, size_t encoding) {
  CurveBand band = BandOf(SmoothedCurves(experiment, encoding));
  if (!Several(experiment)) band.low = band.high = {};
  return band;
}

Chart ByStep(const Experiment& experiment, const std::string& title) {
  return {.title = title,
          .x_label = "step",
          .y_label = LossLabel(experiment),
          .log_x = true,
          .x_max = static_cast<double>(experiment.steps)};
}

}  // namespace

int StyleOf(const std::string& encoding) {
  static constexpr std::array<std::string_view, 5> kOrder = {"rotary", "sinusoidal", "learned",
                                                             "alibi", "none"};
  const auto found = std::find(kOrder.begin(), kOrder.end(), encoding);
  return found == kOrder.end() ? kSeriesStyles - 1 : static_cast<int>(found - kOrder.begin());
}

Chart LossByStep(const Experiment& experiment) {
  Chart chart = ByStep(experiment, "Loss by step");
  chart.note = "Training loss, smoothed: ";
  chart.note += Several(experiment) ? fmt::format("mean of {} seeds, and the range that they span.",
                                                  experiment.seeds.size())
                                    : "one seed.";
  for (size_t i = 0; i < experiment.encodings.size(); ++i) {
    const CurveBand band = LossBand(experiment, i);
    chart.series.push_back(Line(experiment.encodings[i], band, band.step));
  }
  return chart;
}

Chart LossByTime(const Experiment& experiment) {
  Chart chart{.title = "Loss by time",
              .note = "The same curves against the time spent on training steps.",
              .x_label = "seconds",
              .y_label = LossLabel(experiment),
              .log_x = true};
  for (size_t i = 0; i < experiment.encodings.size(); ++i) {
    const CurveBand band = LossBand(experiment, i);
    chart.series.push_back(Line(experiment.encodings[i], band, band.seconds));
  }
  return chart;
}

Chart GapByStep(const Experiment& experiment) {
  Chart chart = ByStep(experiment, "Gap to " + DisplayName(experiment.encodings[0]) + " by step");
  chart.note =
      "Difference of the smoothed training losses; above zero is worse. Band: 95% interval over "
      "paired seeds.";
  chart.y_label = "difference, nats";
  chart.line = 0;
  if (!Several(experiment)) return chart;
  const auto reference = SmoothedCurves(experiment, 0);
  for (size_t i = 1; i < experiment.encodings.size(); ++i) {
    const CurveBand gap = GapOf(SmoothedCurves(experiment, i), reference);
    chart.series.push_back(Line(experiment.encodings[i], gap, gap.step));
  }
  return chart;
}

Chart HeldOutByStep(const Experiment& experiment) {
  Chart chart = ByStep(experiment, "Held-out loss by step");
  chart.note = "Fixed windows of text that no step saw";
  chart.note += Several(experiment) ? "; mean of the seeds." : ".";
  const double first_shown = kCurvesFrom * static_cast<double>(experiment.steps);
  for (size_t i = 0; i < experiment.encodings.size(); ++i) {
    Series series = SeriesOf(experiment.encodings[i]);
    series.markers = true;
    const auto& points = experiment.Run(i, 0).held_out;
    for (size_t point = 0; point < points.size(); ++point) {
      const auto step = static_cast<double>(points[point].step);
      if (step < first_shown) continue;
      const auto losses = OverSeeds(
          experiment, i, [&](const RunResult& run) { return run.held_out.at(point).loss; });
      series.x.push_back(step);
      series.y.push_back(Summarise(losses).mean);
    }
    chart.series.push_back(std::move(series));
  }
  return chart;
}

Chart LossByLength(const Experiment& experiment) {
  Chart chart{.title = "Loss beyond the training length",
              .note = fmt::format(
                  "Windows slide by half their length; every length scores the same {}{} bytes.",
                  experiment.objective == "mlm" ? "hidden bytes among " : "",
                  Thousands(static_cast<double>(experiment.length_targets))),
              .x_label = "window, bytes",
              .y_label = LossLabel(experiment),
              .log_x = true};
  if (Several(experiment)) chart.note += " Mean of the seeds, and the range that they span.";
  const auto& lengths = experiment.Run(0, 0).lengths;
  if (lengths.empty()) return chart;
  for (const LengthLoss& length : lengths) {
    chart.x_ticks.emplace_back(length.tokens, std::to_string(length.tokens));
  }
  for (size_t i = 0; i < experiment.encodings.size(); ++i) {
    Series series = SeriesOf(experiment.encodings[i]);
    series.markers = true;
    for (size_t length = 0; length < lengths.size(); ++length) {
      const auto losses = LossesAtLength(experiment, i, length);
      if (!losses) continue;
      series.x.push_back(static_cast<double>(lengths[length].tokens));
      series.y.push_back(Summarise(*losses).mean);
      if (!Several(experiment)) continue;
      series.low.push_back(*std::min_element(losses->begin(), losses->end()));
      series.high.push_back(*std::max_element(losses->begin(), losses->end()));
    }
    if (!series.x.empty() && series.x.size() < lengths.size()) {
      series.label = fmt::format("{}: to {:.0f}", series.name, series.x.back());
    }
    chart.series.push_back(std::move(series));
  }
  return chart;
}

Chart BoundByDistance(const Experiment& experiment) {
  const auto& rotation = experiment.rotation;
  if (!rotation || rotation->heads > 1 || rotation->pairs() == 0 || !rotation->IsGroup()) return {};
  const auto& lengths = experiment.Run(0, 0).lengths;
  const int64_t last = lengths.empty() ? experiment.context : lengths.back().tokens;
  std::vector<int64_t> distances;
  for (int64_t distance = 0; distance <= last; ++distance) distances.push_back(distance);
  const std::vector<DecayCurve> curves = {
      MakeDecayCurve("rotary", *rotation, std::move(distances))};
  return DecayChart(curves, last);
}

Table FinalTable(const Experiment& experiment, const std::string& prefix) {
  const bool several = Several(experiment);
  Table table{.id = prefix + "-final",
              .caption = several ? "Held-out loss, speed and memory (± one standard error)"
                                 : "Held-out loss, speed and memory",
              .header = {"encoding", "nats", "bits"},
              .styles = Styles(experiment)};
  if (several) table.header.push_back("nats above " + DisplayName(experiment.encodings[0]));
  for (const char* name : {"bytes a second", "peak memory", "parameters"}) {
    table.header.emplace_back(name);
  }
  const auto loss = [](const RunResult& run) { return run.final_loss; };
  const auto speed = [](const RunResult& run) { return run.tokens_per_second; };
  const auto memory = [](const RunResult& run) {
    return static_cast<double>(run.peak_memory.value_or(0));
  };
  for (size_t i = 0; i < experiment.encodings.size(); ++i) {
    const auto losses = OverSeeds(experiment, i, loss);
    const Estimate nats = Summarise(losses);
    std::vector<std::string> row = {DisplayName(experiment.encodings[i]), WithError(nats, 3),
                                    Decimals(nats.mean / std::numbers::ln2, 3)};
    if (several) {
      const auto first = OverSeeds(experiment, 0, loss);
      row.push_back(i == 0 ? "–" : WithError(PairedDifference(losses, first), 3));
    }
    row.push_back(Thousands(Summarise(OverSeeds(experiment, i, speed)).mean));
    const auto peaks = OverSeeds(experiment, i, memory);
    const double peak = *std::max_element(peaks.begin(), peaks.end());
    row.push_back(peak == 0 ? "not measured" : fmt::format("{:.0f} MB", peak / 1e6));
    row.push_back(Thousands(static_cast<double>(experiment.Run(i, 0).parameters)));
    table.rows.push_back(std::move(row));
  }
  return table;
}

Table StepsTable(const Experiment& experiment, const std::string& prefix) {
  const auto reference = SmoothedCurves(experiment, 0);
  const auto targets = TargetLosses(reference, kTargetLosses);
  const std::string first = DisplayName(experiment.encodings[0]);
  Table table{.id = prefix + "-steps",
              .caption = "Steps to a training loss, as multiples of those of " + first,
              .header = {"encoding"},
              .styles = Styles(experiment)};
  if (targets.empty()) return {};
  if (Several(experiment)) table.caption += " with the same seed (± one standard error)";
  for (const double target : targets) table.header.push_back(fmt::format("{:.2f}", target));
  for (size_t i = 0; i < experiment.encodings.size(); ++i) {
    std::vector<std::string> row = {DisplayName(experiment.encodings[i])};
    const auto curves = SmoothedCurves(experiment, i);
    for (const double target : targets) {
      const auto steps = CompareSteps(curves, reference, target);
      if (!steps) {
        row.emplace_back("–");
      } else if (i == 0) {
        row.push_back(Thousands(steps->reference_steps) + " steps");
      } else if (steps->ratio) {
        row.push_back(WithError(*steps->ratio, 2));
      } else if (steps->reached == 0) {
        row.push_back(fmt::format("not within {:.1f}", steps->at_least));
      } else {
        row.push_back(fmt::format("{} of {} seeds", steps->reached, steps->seeds));
      }
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

Table LengthTable(const Experiment& experiment, const std::string& prefix) {
  const auto& lengths = experiment.Run(0, 0).lengths;
  if (lengths.empty()) return {};
  Table table{.id = prefix + "-lengths",
              .caption = Several(experiment) ? "Loss by window length (± one standard error)"
                                             : "Loss by window length",
              .header = {"encoding"},
              .styles = Styles(experiment)};
  for (const LengthLoss& length : lengths) {
    const auto times = static_cast<double>(length.tokens) / static_cast<double>(experiment.context);
    table.header.push_back(fmt::format("{} ({:g}×)", length.tokens, times));
  }
  for (size_t i = 0; i < experiment.encodings.size(); ++i) {
    std::vector<std::string> row = {DisplayName(experiment.encodings[i])};
    for (size_t length = 0; length < lengths.size(); ++length) {
      const auto losses = LossesAtLength(experiment, i, length);
      row.push_back(losses ? WithError(Summarise(*losses), 3) : "cannot");
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

}  // namespace rotary
