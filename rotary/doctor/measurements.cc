#include "rotary/doctor/measurements.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <utility>

#include "rotary/doctor/frequency.h"
#include "rotary/doctor/stories.h"
#include "rotary/doctor/story_findings.h"
#include "rotary/doctor/theta_of_angles.h"
#include "rotary/rope/spectra.h"

namespace rotary {
namespace {

// Up to this distance the fastest pair of any rule, 1 radian a position, turns by less than half a
// turn.
constexpr double kMostLag = 3;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Of all tokens, [tokens]: the positions on one axis.
std::vector<double> OnAxis(const std::vector<double>& positions, size_t axes, int axis) {
  std::vector<double> on;
  for (size_t i = static_cast<size_t>(axis); i < positions.size(); i += axes) {
    on.push_back(positions[i]);
  }
  return on;
}

// What one frequency on an axis leaves of the turns of a pair that stands unturned at position 0;
// infinite where the axis tells no frequency.
double LeftOnAxis(const PairTurns& pair, const std::vector<double>& on) {
  const FoundFrequency found = FrequencyOf(pair, on, kFloat32Tolerance);
  if (!std::isfinite(found.through_zero_deviation)) return kInfinity;
  double left = 0;
  for (size_t t = 0; t < on.size(); ++t) {
    if (!std::isfinite(pair.DeviationAt(t))) continue;
    const double angle = found.through_zero * on[t];
    const double deviation = std::hypot(pair.DeviationAt(t), kFloat32Tolerance * angle);
    left += std::norm(pair.turn[t] - std::polar(pair.factor, angle)) / (deviation * deviation);
  }
  return left;
}

// The axis that each pair reads, as its turns show. Pairs that turn too little to show it read
// `usual`'s; where that is empty, the axis of the pair before.
std::vector<int> AxesSeen(const TurnTable& table, const std::vector<double>& positions, int axes,
                          const std::vector<int>& usual) {
  // An axis is taken for another where it leaves much more than rounding, and most of what is left.
  constexpr double kMuch = 36, kMost = 4;
  std::vector<std::vector<double>> on;
  on.reserve(static_cast<size_t>(axes));
  for (int axis = 0; axis < axes; ++axis) {
    on.push_back(OnAxis(positions, static_cast<size_t>(axes), axis));
  }
  std::vector<int> seen;
  for (size_t j = 0; j < table.pairs.size(); ++j) {
    std::vector<double> left;
    left.reserve(on.size());
    for (const std::vector<double>& one : on) left.push_back(LeftOnAxis(table.pairs[j], one));
    const auto least = std::min_element(left.begin(), left.end());
    const int own = !usual.empty() ? usual[j] : seen.empty() ? 0 : seen.back();
    const double left_of_own = left[static_cast<size_t>(own)];
    const bool is_other = left_of_own > kMost * *least + kMuch;
    seen.push_back(is_other ? static_cast<int>(least - left.begin()) : own);
  }
  return seen;
}

// Appends the frequencies of all pairs over the tokens of one row, or of all.
void Measure(const TurnTable& table, const Samples& samples, const std::vector<double>& positions,
             const std::vector<int>& axis_of, std::optional<int64_t> row, Measurements& found) {
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
    for (size_t t = 0; t < table.tokens; ++t) {
      if (row && samples.row[t] != *row) own.deviation[t] = kInfinity;
    }
    const FoundFrequency one =
        FrequencyOf(own, OnAxis(positions, axes, axis_of[j]), kFloat32Tolerance);
    if (one.ambiguity > 0) found.lag = std::max(found.lag, 2 * std::numbers::pi / one.ambiguity);
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
    found.axis_of.push_back(axis_of);
  }
}

// Spreads the guess's frequencies [pairs] over the axes that pairs read, which may not be those
// that were asked for.
void PutOnAxes(const std::vector<int>& axis_of, int axes,
               const std::optional<Expectation>& expected, SpectrumGuess& guess) {
  guess.frequency = OnTheirAxes(guess.frequency, axis_of, axes);
  if (axes == 1 || !expected || AxesOfPairs(expected->rotation) == axis_of) return;
  guess.codes.emplace_back("axis-order-differs");
  guess.faults += 1;
}

}  // namespace

Measurements MeasurementsOf(const TurnTable& table, const Samples& samples,
                            const std::vector<double>& positions,
                            const std::optional<Expectation>& expected) {
  std::vector<std::vector<int>> choices;
  if (samples.axes > 1) {
    const bool is_known = expected && expected->rotation.pairs() == std::ssize(table.pairs);
    std::vector<int> asked = is_known ? AxesOfPairs(expected->rotation) : std::vector<int>();
    choices.push_back(AxesSeen(table, positions, samples.axes, asked));
    if (!asked.empty() && asked != choices[0]) choices.push_back(std::move(asked));
  } else {
    choices.emplace_back(table.pairs.size(), 0);
  }
  Measurements found;
  const int64_t first = samples.row[0];
  for (const std::vector<int>& axis_of : choices) {
    Measure(table, samples, positions, axis_of, {}, found);
    if (samples.row.back() != first) Measure(table, samples, positions, axis_of, first, found);
  }
  return found;
}

std::vector<SpectrumGuess> RuleSpectra(const Measurements& measured, const TurnTable& table,
                                       const Samples& samples, const std::vector<double>& positions,
                                       const std::optional<Expectation>& expected) {
  std::vector<SpectrumGuess> guesses;
  const int rotary_dim = static_cast<int>(2 * table.pairs.size());
  const std::optional<ExpectedRule> rule = ExpectedRuleOf(expected, rotary_dim / 2);
  for (size_t i = 0; i < measured.spectra.size(); ++i) {
    const ExpectedRule* asked = rule ? &*rule : nullptr;
    for (SpectrumGuess& guess : GuessesOf(FindStories(measured.spectra[i], asked), asked)) {
      PutOnAxes(measured.axis_of[i], samples.axes, expected, guess);
      guesses.push_back(std::move(guess));
    }
  }
  if (samples.axes > 1) return guesses;
  // Angles up to whole turns, and the position that made them.
  std::vector<double> angles, deviations;
  double position = 0;
  if (table.tokens == 1) {
    position = positions[0];
    for (const PairTurns& pair : table.pairs) {
      angles.push_back(std::arg(pair.turn[0]));
      deviations.push_back(std::hypot(pair.AngleDeviation(0), kFloat32Tolerance * position));
    }
  } else if (measured.lag > kMostLag && !measured.spectra.empty()) {
    position = measured.lag;
    const MeasuredSpectrum& line = measured.spectra[0];
    for (size_t j = 0; j < line.frequency.size(); ++j) {
      angles.push_back(std::remainder(line.frequency[j] * position, 2 * std::numbers::pi));
      deviations.push_back(line.deviation[j] * position);
    }
  }
  if (position == 0 || !(std::abs(position) < 1e8)) return guesses;
  for (const double direction : {1.0, -1.0}) {
    const AngleTheta found = ThetaOfAngles(rotary_dim, angles, deviations, direction * position);
    if (found.answer != AngleTheta::Answer::kFound) continue;
    SpectrumGuess guess{.frequency = PlainFrequencies(rotary_dim, found.theta),
                        .faults = 1.3,
                        .theta = found.theta,
                        .rule = "default"};
    if (expected) guess.codes = {"theta-differs"};
    guesses.push_back(std::move(guess));
  }
  return guesses;
}

std::vector<SpectrumGuess> OwnSpectra(const Measurements& measured, int axes,
                                      const std::optional<Expectation>& expected) {
  std::vector<SpectrumGuess> guesses;
  for (size_t i = 0; i < measured.spectra.size(); ++i) {
    const MeasuredSpectrum& spectrum = measured.spectra[i];
    const bool all = std::all_of(spectrum.deviation.begin(), spectrum.deviation.end(),
                                 [](double d) { return std::isfinite(d); });
    if (!all) continue;
    SpectrumGuess own{.frequency = spectrum.frequency,
                      .faults = 2 + 0.3 * static_cast<double>(spectrum.frequency.size())};
    if (expected) own.codes = {"scaling-differs"};
    PutOnAxes(measured.axis_of[i], axes, expected, own);
    guesses.push_back(std::move(own));
  }
  return guesses;
}

}  // namespace rotary
