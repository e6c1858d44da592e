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

// As std::remainder by a whole turn, which takes as many steps as the angle has binary digits; off
// by 2^-53 of the angle.
double Wrapped(double angle) { return angle - kTwoPi * std::nearbyint(angle * (1 / kTwoPi)); }

// What one token says about its position, from slow pairs to fast ones.
struct Reading {
  double frequency, angle, deviation;
};

struct Estimate {
  double position = 0, variance = 0, chi = 0;
};

// The readings of one token, and how far angles may be off beside their deviation, relative.
struct Chain {
  const std::vector<Reading>& readings;
  double tolerance;

  // Of an angle at a position, the arithmetic of the engine included.
  double Variance(const Reading& r, double position) const {
    const double off = tolerance * r.frequency * position;
    return r.deviation * r.deviation + off * off;
  }
  double FirstVariance(size_t first, double position) const {
    const Reading& r = readings[first];
    return Variance(r, position) / (r.frequency * r.frequency);
  }
  // Whether a reading tells more of a position than is known: whole turns must be certain.
  static bool IsCertain(double expected) {
    return 9 * expected <= std::numbers::pi * std::numbers::pi / 4;
  }
};

// The slowest pair from which on the others lead to a position without doubt about whole turns;
// slower ones that hardly turned say too little.
size_t FirstOf(const Chain& chain, double near) {
  constexpr double kEnough = 0.3 * 0.3;
  for (size_t first = 0; first < chain.readings.size(); ++first) {
    double known = chain.FirstVariance(first, near);
    for (size_t i = first + 1; i < chain.readings.size() && known > kEnough; ++i) {
      const Reading& r = chain.readings[i];
      const double expected = r.frequency * r.frequency * known;
      if (!Chain::IsCertain(expected)) continue;
      const double variance = chain.Variance(r, near);
      known *= variance / (expected + variance);
    }
    if (known <= kEnough) return first;
  }
  return 0;
}

// Starting from a position that the reading `first` allows. Stops where chi is above `most`.
Estimate Refine(const Chain& chain, size_t first, double start, double most) {
  Estimate estimate{.position = start, .variance = chain.FirstVariance(first, start)};
  for (size_t i = first + 1; i < chain.readings.size() && estimate.chi <= most; ++i) {
    const Reading& r = chain.readings[i];
    const double off = Wrapped(r.angle - r.frequency * estimate.position);
    const double expected = r.frequency * r.frequency * estimate.variance;
    const double variance = chain.Variance(r, estimate.position);
    estimate.chi += std::min(off * off / (expected + variance), 100.0);
    if (!Chain::IsCertain(expected)) continue;
    const double gain = estimate.variance * r.frequency / (expected + variance);
    estimate.position += gain * off;
    estimate.variance *= variance / (expected + variance);
  }
  for (size_t i = 0; i < first && estimate.chi <= most; ++i) {
    const Reading& r = chain.readings[i];
    const double off = Wrapped(r.angle - r.frequency * estimate.position);
    const double variance =
        chain.Variance(r, estimate.position) + r.frequency * r.frequency * estimate.variance;
    estimate.chi += std::min(off * off / variance, 100.0);
  }
  return estimate;
}

// The position nearest to `near`, within `span` of it, that readings allow; slow pairs first.
Estimate PositionFrom(const Chain& chain, double near, double span) {
  const size_t slow = FirstOf(chain, near);
  const Reading& slowest = chain.readings[slow];
  const double turn = kTwoPi / std::abs(slowest.frequency);
  const double first = slowest.angle / slowest.frequency;
  const double nearest = first + turn * std::round((near - first) / turn);
  // Two turns around the nearest at least. Others than the nearest must fit clearly better.
  constexpr double kMostTurns = 4096;
  const double far = std::clamp(std::ceil(span / turn), 2.0, kMostTurns);
  Estimate best;
  best.chi = kInfinity;
  for (double k = 0; k <= far; ++k) {
    const double further = k > 0 ? 20 + 2 * std::log(k) : 0;
    for (const double side : {1.0, -1.0}) {
      Estimate estimate = Refine(chain, slow, nearest + side * k * turn, best.chi - further);
      estimate.chi += further;
      if (estimate.chi < best.chi) best = estimate;
      if (k == 0) break;
    }
  }
  return best;
}

// What the pairs of one axis say of the tokens.
class Readings {
 public:
  Readings(const TurnTable& table, const std::vector<double>& frequency, int axes, bool inverse)
      : table_(table),
        frequency_(frequency),
        axes_(static_cast<size_t>(axes)),
        sign_(inverse ? -1 : 1) {
    // Pairs that stand still or read several axes say nothing.
    for (size_t j = 0; j < table.pairs.size(); ++j) {
      int count = 0, axis = -1;
      for (size_t a = 0; a < axes_; ++a) {
        if (frequency[j * axes_ + a] == 0) continue;
        axis = static_cast<int>(a);
        ++count;
      }
      axis_of_.push_back(count == 1 ? axis : -1);
    }
  }

  // Of a token, from slow pairs to fast ones.
  const std::vector<Reading>& Of(size_t token, size_t axis) {
    own_.clear();
    for (size_t j = 0; j < table_.pairs.size(); ++j) {
      const PairTurns& pair = table_.pairs[j];
      if (axis_of_[j] != static_cast<int>(axis) || !std::isfinite(pair.deviation[token])) continue;
      if (pair.turn[token] == 0.0) continue;
      const double w = sign_ * frequency_[j * axes_ + axis];
      const double deviation = pair.AngleDeviation(token);
      if (deviation > 1) continue;
      own_.push_back({w, std::arg(pair.turn[token]), std::max(deviation, 1e-12)});
    }
    std::sort(own_.begin(), own_.end(), [](const Reading& a, const Reading& b) {
      return std::abs(a.frequency) < std::abs(b.frequency);
    });
    return own_;
  }

 private:
  const TurnTable& table_;
  const std::vector<double>& frequency_;
  size_t axes_;
  double sign_;
  std::vector<int> axis_of_;
  std::vector<Reading> own_;
};

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
  Readings readings(table, frequency, axes, inverse);
  const auto n = static_cast<size_t>(axes);
  std::vector<TokenPosition> found;
  // Puts the position within `span` of the one that is near into its place; whether it fits.
  const auto look = [&](size_t i, double span) {
    const std::vector<Reading>& own = readings.Of(i / n, i % n);
    if (own.empty()) return true;
    const Estimate estimate = PositionFrom({own, tolerance}, near[i], span);
    constexpr double kFits = 4;
    const bool fits = estimate.chi <= kFits * static_cast<double>(own.size()) + 20;
    if (span == 0 || fits) found[i] = {estimate.position, std::sqrt(estimate.variance)};
    return fits;
  };
  std::vector<size_t> open;
  for (size_t i = 0; i < table.tokens * n; ++i) {
    found.push_back({near[i], kInfinity});
    if (!look(i, 0)) open.push_back(i);
  }
  // Positions may begin again, or not: as far as texts of today and twice the largest position. A
  // few tokens tell whether to look there.
  double span = 0x1p18;
  for (const double p : near) span = std::max(span, 2 * std::abs(p));
  constexpr size_t kFew = 16;
  const size_t step = std::max<size_t>(1, open.size() / kFew);
  size_t looked = 0, fitted = 0;
  for (size_t i = 0; i < open.size(); i += step, ++looked) fitted += look(open[i], span) ? 1 : 0;
  if (step > 1 && 2 * fitted >= looked) {
    for (const size_t i : open) look(i, span);
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
  const bool are_whole =
      std::all_of(given.begin(), given.end(), [](double p) { return p == std::round(p); });
  for (size_t i = 0; i < given.size(); ++i) {
    if (!(found[i].deviation < 0.3)) continue;
    tokens.positions[i] = are_whole ? std::round(found[i].position) : Snapped(found[i].position);
  }
  guesses.push_back(std::move(tokens));
  return guesses;
}

}  // namespace rotary
