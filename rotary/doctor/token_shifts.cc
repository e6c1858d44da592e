#include "rotary/doctor/token_shifts.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numbers>
#include <utility>

namespace rotary {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kTwoPi = 2 * std::numbers::pi;

// As std::remainder by a whole turn, which takes as many steps as the angle has binary digits; off
// by 2^-53 of the angle.
double Wrapped(double angle) { return angle - kTwoPi * std::nearbyint(angle * (1 / kTwoPi)); }

struct Estimate {
  double shift = 0, variance = 0, chi = 0;
};

// The readings of one token, and how far angles may be off beside their deviation, relative.
struct Chain {
  const std::vector<ShiftReading>& readings;
  double tolerance;

  // Of an angle at a shift, the arithmetic of the engine included.
  double Variance(const ShiftReading& r, double shift) const {
    const double off = tolerance * r.frequency * (r.given + shift);
    return r.deviation * r.deviation + off * off;
  }
  double FirstVariance(size_t first, double shift) const {
    const ShiftReading& r = readings[first];
    return Variance(r, shift) / (r.frequency * r.frequency);
  }
  // Whether a reading tells more of a position than is known: whole turns must be certain.
  static bool IsCertain(double expected) {
    return 9 * expected <= std::numbers::pi * std::numbers::pi / 4;
  }
};

// The slowest pair (of eight, evenly chosen) from which on the others lead to a shift without doubt
// about whole turns; slower ones that hardly turned say too little.
size_t FirstOf(const Chain& chain) {
  constexpr double kEnough = 0.3 * 0.3;
  const size_t count = chain.readings.size();
  for (size_t first = 0; first < count; first += (count + 7) / 8) {
    double known = chain.FirstVariance(first, 0);
    for (size_t i = first + 1; i < count && known > kEnough; ++i) {
      const ShiftReading& r = chain.readings[i];
      const double expected = r.frequency * r.frequency * known;
      if (!Chain::IsCertain(expected)) continue;
      const double variance = chain.Variance(r, 0);
      known *= variance / (expected + variance);
    }
    if (known <= kEnough) return first;
  }
  return 0;
}

// Starting from a shift that the reading `first` allows. Stops where chi is above `most`.
Estimate Refine(const Chain& chain, size_t first, double start, double most) {
  Estimate estimate{.shift = start, .variance = chain.FirstVariance(first, start)};
  for (size_t i = first + 1; i < chain.readings.size() && estimate.chi <= most; ++i) {
    const ShiftReading& r = chain.readings[i];
    const double off = Wrapped(r.angle - r.frequency * estimate.shift);
    const double expected = r.frequency * r.frequency * estimate.variance;
    const double variance = chain.Variance(r, estimate.shift);
    estimate.chi += std::min(off * off / (expected + variance), 100.0);
    if (!Chain::IsCertain(expected)) continue;
    const double gain = estimate.variance * r.frequency / (expected + variance);
    estimate.shift += gain * off;
    estimate.variance *= variance / (expected + variance);
  }
  for (size_t i = 0; i < first && estimate.chi <= most; ++i) {
    const ShiftReading& r = chain.readings[i];
    const double off = Wrapped(r.angle - r.frequency * estimate.shift);
    const double variance =
        chain.Variance(r, estimate.shift) + r.frequency * r.frequency * estimate.variance;
    estimate.chi += std::min(off * off / variance, 100.0);
  }
  return estimate;
}

// The least shift, up to `span`, that readings allow.
Estimate ShiftFrom(const Chain& chain, double span) {
  const size_t slow = FirstOf(chain);
  const ShiftReading& slowest = chain.readings[slow];
  const double turn = kTwoPi / std::abs(slowest.frequency);
  const double nearest = slowest.angle / slowest.frequency;
  // Two turns at least. Others than the nearest must fit clearly better.
  constexpr double kMostTurns = 4096;
  const double far = std::clamp(std::ceil(span / turn), 2.0, kMostTurns);
  Estimate best;
  best.chi = kInfinity;
  double least = kInfinity;  // the penalty of distance included
  for (double k = 0; k <= far; ++k) {
    const double further = k > 0 ? 20 + 2 * std::log(k) : 0;
    for (const double side : {1.0, -1.0}) {
      const Estimate estimate = Refine(chain, slow, nearest + side * k * turn, least - further);
      if (estimate.chi + further < least) {
        best = estimate;
        least = estimate.chi + further;
      }
      if (k == 0) break;
    }
  }
  return best;
}

// chi^2 of so many readings up to which a shift is theirs.
double MostThatFits(size_t readings) { return 4 * static_cast<double>(readings) + 20; }

}  // namespace

TokenShifts::TokenShifts(const TurnTable& table, const std::vector<double>& frequency, int axes,
                         bool inverse, const std::vector<double>& given, double tolerance,
                         std::optional<int> axis)
    : readings_(table.tokens), tolerance_(tolerance) {
  const auto n = static_cast<size_t>(axes);
  for (const double p : given) span_ = std::max(span_, 2 * std::abs(p));
  for (size_t j = 0; j < table.pairs.size(); ++j) {
    const PairTurns& pair = table.pairs[j];
    const double* w = &frequency[j * n];
    double sum = 0;
    bool others = false;
    for (size_t a = 0; a < n; ++a) {
      sum += w[a];
      others = others || (axis && w[a] != 0 && static_cast<int>(a) != *axis);
    }
    if (others || sum == 0) continue;
    for (size_t t = 0; t < table.tokens; ++t) {
      if (!std::isfinite(pair.deviation[t]) || pair.turn[t] == 0.0) continue;
      const double deviation = pair.AngleDeviation(t);
      if (deviation > 1) continue;
      double angle = 0;
      for (size_t a = 0; a < n; ++a) angle += w[a] * given[t * n + a];
      const double turned = inverse ? -std::arg(pair.turn[t]) : std::arg(pair.turn[t]);
      readings_[t].push_back(
          {sum, Wrapped(turned - angle), std::max(deviation, 1e-12), angle / sum});
    }
  }
  for (std::vector<ShiftReading>& own : readings_) {
    std::sort(own.begin(), own.end(), [](const ShiftReading& a, const ShiftReading& b) {
      return std::abs(a.frequency) < std::abs(b.frequency);
    });
  }
}

bool TokenShifts::Look(size_t token, double span, TokenShift& found) const {
  const std::vector<ShiftReading>& own = readings_[token];
  if (own.empty()) return true;
  const Estimate estimate = ShiftFrom({own, tolerance_}, span);
  const bool fits = estimate.chi <= MostThatFits(own.size());
  if (span == 0 || fits) found = {estimate.shift, std::sqrt(estimate.variance)};
  return fits;
}

std::vector<TokenShift> TokenShifts::Near() const {
  std::vector<TokenShift> found(readings_.size(), {0, kInfinity});
  for (size_t t = 0; t < readings_.size(); ++t) Look(t, 0, found[t]);
  return found;
}

std::vector<TokenShift> TokenShifts::Each() const {
  std::vector<TokenShift> found(readings_.size(), {0, kInfinity});
  std::vector<size_t> open;
  for (size_t t = 0; t < readings_.size(); ++t) {
    if (!Look(t, 0, found[t])) open.push_back(t);
  }
  // Positions may begin again, or not. A few tokens tell whether to look further away.
  constexpr size_t kFew = 8;
  const size_t step = std::max<size_t>(1, open.size() / kFew);
  size_t looked = 0, fitted = 0;
  for (size_t i = 0; i < open.size(); i += step, ++looked) {
    fitted += Look(open[i], span_, found[open[i]]) ? 1 : 0;
  }
  if (step > 1 && 4 * fitted >= looked) {
    for (const size_t t : open) Look(t, span_, found[t]);
  }
  return found;
}

double TokenShifts::ChiAt(size_t token, double shift, double most) const {
  const Chain chain{readings_[token], tolerance_};
  double chi = 0;
  for (const ShiftReading& r : chain.readings) {
    const double off = Wrapped(r.angle - r.frequency * shift);
    chi += std::min(off * off / chain.Variance(r, shift), 100.0);
    if (chi > most) break;
  }
  return chi;
}

std::vector<double> TokenShifts::Shared(const std::vector<TokenShift>& own) const {
  // Shifts of several tokens, those of most tokens first. Whole numbers: others are rarely shared.
  constexpr size_t kMost = 24;
  std::map<double, int> counts;
  for (const TokenShift& one : own) {
    if (one.deviation < 0.3) ++counts[std::round(one.shift)];
  }
  std::vector<std::pair<int, double>> ranked;
  for (const auto& [shift, count] : counts) ranked.emplace_back(-count, shift);
  std::sort(ranked.begin(), ranked.end());
  if (ranked.size() > kMost) ranked.resize(kMost);
  std::vector<std::vector<size_t>> served(ranked.size());
  for (size_t c = 0; c < ranked.size(); ++c) {
    for (size_t t = 0; t < readings_.size(); ++t) {
      const size_t count = readings_[t].size();
      const double chi = ChiAt(t, ranked[c].second, MostThatFits(count));
      if (count > 0 && chi <= MostThatFits(count)) served[c].push_back(t);
    }
  }
  // None where that serves; then the shift that serves most of those that are left, again and
  // again.
  std::vector<double> shared;
  for (const TokenShift& one : own) shared.push_back(std::round(one.shift));
  std::vector<char> done(readings_.size(), 0);
  for (size_t t = 0; t < readings_.size(); ++t) {
    const double most = MostThatFits(readings_[t].size());
    if (readings_[t].empty() || ChiAt(t, 0, most) > most) continue;
    shared[t] = 0;
    done[t] = 1;
  }
  while (true) {
    size_t best = 0, most = 1;
    for (size_t c = 0; c < ranked.size(); ++c) {
      const auto left = static_cast<size_t>(
          std::count_if(served[c].begin(), served[c].end(), [&](size_t t) { return !done[t]; }));
      if (left > most) {
        best = c;
        most = left;
      }
    }
    if (most < 2) break;
    for (const size_t t : served[best]) {
      if (!done[t]) shared[t] = ranked[best].second;
      done[t] = 1;
    }
  }
  return shared;
}

}  // namespace rotary
