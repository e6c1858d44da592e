#include "rotary/doctor/measurements.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "rotary/doctor/frequency.h"
#include "rotary/doctor/stories.h"
#include "rotary/doctor/story_findings.h"
#include "rotary/doctor/theta_of_angles.h"
#include "rotary/rope/spectra.h"

namespace rotary {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// The frequencies of all pairs over the tokens of one row, or of all.
void Measure(const TurnTable& table, const Samples& samples, const std::vector<double>& positions,
             std::optional<int64_t> row, Measurements& found) {
  const auto axes = static_cast<size_t>(samples.axes);
  MeasuredSpectrum line{.head_dim = samples.head_dim,
                        .rotary_dim = static_cast<int>(2 * table.pairs.size())};
  MeasuredSpectrum pinned = line;
  const auto add = [](MeasuredSpectrum& spectrum, double frequency, double deviation) {
    const bool is_known = std::isfinite(deviation);
    spectrum.frequency.push_back(is_known ? frequency : 0);
    spectrum.deviation.push_back(deviation);
  };
  for (size_t j = 0; j < table.pairs.size(); ++j) {
    PairTurns own = table.pairs[j];
    std::vector<double> at;
    for (size_t t = 0; t < table.tokens; ++t) {
      at.push_back(positions[t * axes + static_cast<size_t>(found.axis_of[j])]);
      if (row && samples.row[t] != *row) own.deviation[t] = kInfinity;
    }
    const FoundFrequency one = FrequencyOf(own, at, kFloat32Tolerance);
    add(line, one.frequency, one.deviation);
    add(pinned, one.through_zero, one.through_zero_deviation);
  }
  for (MeasuredSpectrum* spectrum : {&line, &pinned}) {
    double signs = 0;
    bool any = false;
    for (size_t j = 0; j < spectrum->frequency.size(); ++j) {
      if (!std::isfinite(spectrum->deviation[j])) continue;
      signs += spectrum->frequency[j] / spectrum->deviation[j];
      any = true;
    }
    if (!any) continue;
    if (signs < 0) {
      for (double& w : spectrum->frequency) w = -w;
    }
    found.spectra.push_back(std::move(*spectrum));
  }
}

}  // namespace

Measurements MeasurementsOf(const TurnTable& table, const Samples& samples,
                            const std::vector<double>& positions,
                            const std::optional<Expectation>& expected) {
  Measurements found{.axis_of = std::vector<int>(table.pairs.size(), 0)};
  if (samples.axes > 1) {
    if (!expected || expected->rotation.pairs() != std::ssize(table.pairs)) return found;
    found.axis_of = AxesOfPairs(expected->rotation);
    if (found.axis_of.empty()) return found;
  }
  Measure(table, samples, positions, {}, found);
  const int64_t first = samples.row[0];
  if (samples.row.back() != first) Measure(table, samples, positions, first, found);
  return found;
}

std::vector<SpectrumGuess> RuleSpectra(const Measurements& measured, const TurnTable& table,
                                       const Samples& samples, const std::vector<double>& positions,
                                       const std::optional<Expectation>& expected) {
  std::vector<SpectrumGuess> guesses;
  const int rotary_dim = static_cast<int>(2 * table.pairs.size());
  const std::optional<ExpectedRule> rule = ExpectedRuleOf(expected, rotary_dim / 2);
  for (const MeasuredSpectrum& spectrum : measured.spectra) {
    for (SpectrumGuess& guess : GuessesOf(FindStories(spectrum, rule ? &*rule : nullptr))) {
      guesses.push_back(std::move(guess));
    }
  }
  if (table.tokens == 1 && samples.axes == 1 && positions[0] != 0 && std::abs(positions[0]) < 1e8) {
    std::vector<double> angles, deviations;
    for (const PairTurns& pair : table.pairs) {
      angles.push_back(std::arg(pair.turn[0]));
      deviations.push_back(std::hypot(pair.AngleDeviation(0), kFloat32Tolerance * positions[0]));
    }
    for (const double direction : {1.0, -1.0}) {
      const AngleTheta found =
          ThetaOfAngles(rotary_dim, angles, deviations, direction * positions[0]);
      if (found.answer != AngleTheta::Answer::kFound) continue;
      SpectrumGuess guess{.frequency = PlainFrequencies(rotary_dim, found.theta),
                          .faults = 1.3,
                          .theta = found.theta,
                          .rule = "default"};
      if (expected) guess.codes = {"theta-differs"};
      guesses.push_back(std::move(guess));
    }
  }
  for (SpectrumGuess& guess : guesses) {
    guess.frequency = OnTheirAxes(guess.frequency, measured.axis_of, samples.axes);
  }
  return guesses;
}

std::vector<SpectrumGuess> OwnSpectra(const Measurements& measured, int axes,
                                      const std::optional<Expectation>& expected) {
  std::vector<SpectrumGuess> guesses;
  for (const MeasuredSpectrum& spectrum : measured.spectra) {
    const bool all = std::all_of(spectrum.deviation.begin(), spectrum.deviation.end(),
                                 [](double d) { return std::isfinite(d); });
    if (!all) continue;
    SpectrumGuess own{.frequency = OnTheirAxes(spectrum.frequency, measured.axis_of, axes),
                      .faults = 2 + 0.3 * static_cast<double>(spectrum.frequency.size())};
    if (expected) own.codes = {"scaling-differs"};
    guesses.push_back(std::move(own));
  }
  return guesses;
}

}  // namespace rotary
