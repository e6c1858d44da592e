#include "rotary/doctor/token_positions.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numbers>
#include <numeric>

namespace rotary {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kTwoPi = 2 * std::numbers::pi;

// What one token says about its position, from slow pairs to fast ones.
struct Reading {
  double frequency, angle, deviation;
};

struct Estimate {
  double position = 0, variance = 0, chi = 0;
};

// Starting from `start`, which the first reading allows.
Estimate Refine(const std::vector<Reading>& readings, double start) {
  Estimate estimate;
  const double w0 = readings[0].frequency;
  estimate.position = start;
  estimate.variance = readings[0].deviation * readings[0].deviation / (w0 * w0);
  for (size_t i = 1; i < readings.size(); ++i) {
    const Reading& r = readings[i];
    const double off = std::remainder(r.angle - r.frequency * estimate.position, kTwoPi);
    const double expected = r.frequency * r.frequency * estimate.variance;
    const double variance = r.deviation * r.deviation;
    estimate.chi += std::min(off * off / (expected + variance), 100.0);
    // Whole turns must be certain.
    if (3 * std::sqrt(expected) > std::numbers::pi / 2) continue;
    const double gain = estimate.variance * r.frequency / (expected + variance);
    estimate.position += gain * off;
    estimate.variance *= variance / (expected + variance);
  }
  return estimate;
}

TokenPosition PositionFrom(std::vector<Reading>& readings, double near) {
  std::sort(readings.begin(), readings.end(), [](const Reading& a, const Reading& b) {
    return std::abs(a.frequency) < std::abs(b.frequency);
  });
  if (readings.empty()) return {near, kInfinity};
  const Reading& slowest = readings[0];
  const double turn = kTwoPi / std::abs(slowest.frequency);
  const double first = slowest.angle / slowest.frequency;
  const double nearest = first + turn * std::round((near - first) / turn);
  // Two turns around the nearest, and as far as from 0 to it, where that is more: positions that
  // begin again. Others than the nearest must fit clearly better.
  constexpr double kMostTurns = 2048;
  const double far = std::clamp(std::ceil(std::abs(near) / turn), 2.0, kMostTurns);
  Estimate best;
  best.chi = kInfinity;
  for (double k = 0; k <= far; ++k) {
    for (const double side : {1.0, -1.0}) {
      Estimate estimate = Refine(readings, nearest + side * k * turn);
      if (k > 0) estimate.chi += 20 + 2 * std::log(k);
      if (estimate.chi < best.chi) best = estimate;
      if (k == 0) break;
    }
  }
  return {best.position, std::sqrt(best.variance)};
}

double MedianOf(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// A whole number where it is as good as one.
double Snapped(double value) {
  const double whole = std::round(value);
  return std::abs(value - whole) < 0.25 ? whole : value;
}

}  // namespace

std::vector<TokenPosition> PositionsOf(const TurnTable& table, const std::vector<double>& frequency,
                                       int axes, bool inverse, const std::vector<double>& near,
                                       double tolerance) {
  const auto n = static_cast<size_t>(axes);
  // The axis that each pair reads; none where it stands still or reads several.
  std::vector<int> axis_of(table.pairs.size(), -1);
  for (size_t j = 0; j < axis_of.size(); ++j) {
    int count = 0;
    for (size_t a = 0; a < n; ++a) {
      if (frequency[j * n + a] == 0) continue;
      axis_of[j] = static_cast<int>(a);
      ++count;
    }
    if (count > 1) axis_of[j] = -1;
  }
  std::vector<TokenPosition> found;
  std::vector<Reading> readings;
  for (size_t t = 0; t < table.tokens; ++t) {
    for (size_t a = 0; a < n; ++a) {
      readings.clear();
      const double around = near[t * n + a];
      for (size_t j = 0; j < table.pairs.size(); ++j) {
        const PairTurns& pair = table.pairs[j];
        if (axis_of[j] != static_cast<int>(a) || !std::isfinite(pair.deviation[t])) continue;
        if (pair.turn[t] == 0.0) continue;
        const double w = frequency[j * n + a];
        const double deviation = std::hypot(pair.AngleDeviation(t), tolerance * w * around);
        if (deviation > 1) continue;
        readings.push_back({inverse ? -w : w, std::arg(pair.turn[t]), std::max(deviation, 1e-12)});
      }
      found.push_back(PositionFrom(readings, around));
    }
  }
  return found;
}

std::vector<PositionGuess> UsualPositions(const std::vector<double>& given) {
  std::vector<PositionGuess> guesses = {{.kind = "as given", .positions = given}};
  for (const Precision precision : {Precision::kBF16, Precision::kF16, Precision::kTF32}) {
    PositionGuess guess{.kind = "rounded", .precision = precision, .faults = 1};
    bool changes = false;
    for (const double p : given) {
      guess.positions.push_back(RoundedTo(precision, p));
      changes = changes || guess.positions.back() != p;
    }
    const bool is_finite = std::all_of(guess.positions.begin(), guess.positions.end(),
                                       [](double p) { return std::isfinite(p); });
    if (changes && is_finite) guesses.push_back(std::move(guess));
  }
  return guesses;
}

std::vector<PositionGuess> PositionsFound(const Samples& samples, const std::vector<double>& given,
                                          const std::vector<TokenPosition>& found) {
  std::vector<double> differences;
  std::map<int64_t, std::vector<double>> by_row;
  const auto row_of = [&](size_t i) { return samples.row[i / static_cast<size_t>(samples.axes)]; };
  for (size_t i = 0; i < found.size(); ++i) {
    if (!(found[i].deviation < 0.3)) continue;
    differences.push_back(found[i].position - given[i]);
    by_row[row_of(i)].push_back(differences.back());
  }
  std::vector<PositionGuess> guesses;
  if (differences.empty()) return guesses;
  const double one = samples.positions.empty() ? 0.5 : 1;  // where any shift is as good as none
  PositionGuess shifted{.kind = "shifted",
                        .shift = Snapped(MedianOf(differences)),
                        .positions = given,
                        .faults = one};
  for (double& p : shifted.positions) p += shifted.shift;
  // Positions doubled are a rotation applied twice: the simpler story.
  const bool is_double =
      std::all_of(given.begin(), given.end(), [&](double p) { return p == shifted.shift; });
  if (is_double) shifted.faults += 0.5;
  if (shifted.shift != 0) guesses.push_back(std::move(shifted));
  if (by_row.size() > 1) {
    PositionGuess rows{.kind = "by row", .positions = given};
    rows.faults = one + 0.25 * static_cast<double>(by_row.size());
    for (size_t i = 0; i < given.size(); ++i) {
      const auto row = by_row.find(row_of(i));
      if (row != by_row.end()) rows.positions[i] += Snapped(MedianOf(row->second));
    }
    guesses.push_back(std::move(rows));
  }
  PositionGuess tokens{.kind = "other", .positions = given};
  tokens.faults = one + 0.5 + 0.25 * static_cast<double>(differences.size());
  const bool are_whole = std::all_of(given.begin(), given.end(),
                                     [](double p) { return p == std::round(p); });
  for (size_t i = 0; i < given.size(); ++i) {
    if (!(found[i].deviation < 0.3)) continue;
    tokens.positions[i] = are_whole ? std::round(found[i].position) : Snapped(found[i].position);
  }
  guesses.push_back(std::move(tokens));
  return guesses;
}

}  // namespace rotary
