#include "rotary/doctor/frequency.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

namespace rotary {
namespace {

constexpr double kPi = std::numbers::pi;
// Angles of lines through millions of positions are no better than this in double.
constexpr double kLeastDeviation = 1e-11;

double Wrapped(double angle) { return std::remainder(angle, 2 * kPi); }

// A line through angles, weighted by their certainty: phase + frequency d at distance d.
class Line {
 public:
  void Add(double distance, double angle, double deviation) {
    const double weight = 1 / (deviation * deviation);
    s0_ += weight;
    s1_ += weight * distance;
    s2_ += weight * distance * distance;
    a0_ += weight * angle;
    a1_ += weight * angle * distance;
  }
  double determinant() const { return s0_ * s2_ - s1_ * s1_; }
  double frequency() const { return (s0_ * a1_ - s1_ * a0_) / determinant(); }
  double phase() const { return (s2_ * a0_ - s1_ * a1_) / determinant(); }
  double FrequencyDeviation() const { return std::sqrt(s0_ / determinant()); }
  double At(double distance) const { return phase() + frequency() * distance; }
  // Of At(distance).
  double DeviationAt(double distance) const {
    return std::sqrt((s2_ - 2 * s1_ * distance + s0_ * distance * distance) / determinant());
  }

 private:
  double s0_ = 0, s1_ = 0, s2_ = 0, a0_ = 0, a1_ = 0;
};

}  // namespace

FoundFrequency FrequencyOf(const PairTurns& turns, const std::vector<double>& positions,
                           double tolerance) {
  FoundFrequency found;
  found.deviation = found.phase_deviation = found.through_zero_deviation =
      std::numeric_limits<double>::infinity();
  std::vector<size_t> order;
  for (size_t t = 0; t < positions.size(); ++t) {
    if (turns.AngleDeviation(t) < kPi) order.push_back(t);
  }
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return positions[a] < positions[b]; });
  // Neighbours that are nearest to each other.
  size_t start = 0;
  double lag = std::numeric_limits<double>::infinity();
  for (size_t i = 0; i + 1 < order.size(); ++i) {
    const double d = positions[order[i + 1]] - positions[order[i]];
    if (d > 0 && d < lag) {
      lag = d;
      start = i;
    }
  }
  if (!std::isfinite(lag)) return found;  // one position
  const double origin = positions[order[start]];
  // ... all such neighbours together.
  std::complex<double> step = 0;
  double variance = 0;
  int count = 0;
  for (size_t i = 0; i + 1 < order.size(); ++i) {
    const size_t a = order[i], b = order[i + 1];
    if (positions[b] - positions[a] != lag) continue;
    step += turns.turn[b] * std::conj(turns.turn[a]);
    variance += turns.AngleDeviation(a) * turns.AngleDeviation(a) +
                turns.AngleDeviation(b) * turns.AngleDeviation(b);
    ++count;
  }
  const double rough = std::arg(step) / lag;
  // Of the mean of `count` differences; neighbours share tokens, which only makes it smaller.
  const double rough_deviation = std::max(std::sqrt(variance) / count / lag, 1e-300);
  found.ambiguity = 2 * kPi / lag;

  const auto deviation_at = [&](size_t t) {
    return std::max(std::hypot(turns.AngleDeviation(t), tolerance * rough * positions[t]),
                    kLeastDeviation);
  };

  // Outwards from the start, each token where its whole turns are certain.
  std::vector<size_t> outwards = order;
  std::stable_sort(outwards.begin(), outwards.end(), [&](size_t a, size_t b) {
    return std::abs(positions[a] - origin) < std::abs(positions[b] - origin);
  });
  Line line;
  const double first_angle = std::arg(turns.turn[outwards[0]]);
  // The rough frequency as two angles far enough apart to say no more than it does.
  const double spread = lag;
  line.Add(-spread, first_angle - rough * spread,
           std::sqrt(2.0) * rough_deviation * spread + kPi / 8);
  line.Add(spread, first_angle + rough * spread,
           std::sqrt(2.0) * rough_deviation * spread + kPi / 8);
  double chi = 0;
  int used = 0;
  for (const size_t t : outwards) {
    const double distance = positions[t] - origin;
    const double expected = line.At(distance);
    if (3 * line.DeviationAt(distance) > kPi / 2) continue;
    const double off = Wrapped(std::arg(turns.turn[t]) - expected);
    line.Add(distance, expected + off, deviation_at(t));
    found.longest = std::max(found.longest, std::abs(distance));
    ++used;
  }
  for (const size_t t : outwards) {
    const double distance = positions[t] - origin;
    if (std::abs(distance) > found.longest) continue;
    const double off = Wrapped(std::arg(turns.turn[t]) - line.At(distance)) / deviation_at(t);
    chi += off * off;
  }
  found.frequency = line.frequency();
  found.deviation = line.FrequencyDeviation();
  found.phase = Wrapped(line.At(-origin));
  found.phase_deviation = line.DeviationAt(-origin);
  found.residual = std::sqrt(chi / std::max(used, 1));
  // Angles that scatter more than they ought to: arithmetic that is known to nobody here.
  const double excess = used > 2 ? std::max(1.0, found.residual) : 1;
  found.deviation *= excess;
  found.phase_deviation *= excess;
  if (3 * found.phase_deviation < kPi / 2) {
    const double turned = line.At(-origin) - found.phase;  // whole turns
    double weights = 0, sum = 0;
    for (const size_t t : outwards) {
      const double distance = positions[t] - origin;
      if (std::abs(distance) > found.longest) continue;
      const double expected = line.At(distance);
      const double angle = expected + Wrapped(std::arg(turns.turn[t]) - expected) - turned;
      const double weight = 1 / (deviation_at(t) * deviation_at(t));
      weights += weight * positions[t] * positions[t];
      sum += weight * positions[t] * angle;
    }
    if (weights > 0) {
      found.through_zero = sum / weights;
      found.through_zero_deviation = excess / std::sqrt(weights);
    }
  }
  return found;
}

}  // namespace rotary
