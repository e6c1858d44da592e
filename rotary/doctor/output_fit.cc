#include "rotary/doctor/output_fit.h"

#include <algorithm>
#include <cmath>

#include "rotary/doctor/rounding.h"
#include "rotary/rope/phase_rows.h"

namespace rotary {
namespace {

// One pair at one position: cosines and sines of its angles, and its factor.
struct PairTurn {
  Turn a, b;
  double factor = 1;
  double angle = 0;  // how far at most, for the tolerance
};

PairTurn TurnOf(const WholeRotation& whole, size_t row, const double* position) {
  const Rotation& rotation = whole.rotation;
  const auto axes = static_cast<size_t>(rotation.axes);
  PairTurn turn;
  turn.a = TurnBy(&rotation.frequency[row * axes], position, rotation.axes);
  turn.b = rotation.IsGroup()
               ? turn.a
               : TurnBy(&rotation.second_frequency[row * axes], position, rotation.axes);
  for (size_t axis = 0; axis < axes; ++axis) {
    turn.angle += std::abs(rotation.frequency[row * axes + axis] * position[axis]);
  }
  turn.factor = rotation.attention_factor;
  if (!rotation.log_decay.empty()) {
    const size_t pair = row % rotation.first.size();
    const double decay = rotation.log_decay[pair] * (position[0] - whole.centre);
    turn.factor *= std::exp(whole.side == Side::kQuery ? decay : -decay);
  }
  return turn;
}

// Calls body(index of the head's first number, pair, turn) for every head and pair of every
// stride-th token.
template <class Body>
void ForPairs(const Samples& samples, const WholeRotation& whole,
              const std::vector<double>& positions, int64_t stride, const Body& body) {
  const Rotation& rotation = whole.rotation;
  const size_t pairs = rotation.first.size();
  const size_t rows = static_cast<size_t>(rotation.heads) * pairs;
  std::vector<PairTurn> turns(rows);
  const auto axes = static_cast<size_t>(rotation.axes);
  for (int64_t t = 0; t < samples.tokens; t += stride) {
    for (size_t row = 0; row < rows; ++row) {
      turns[row] = TurnOf(whole, row, &positions[static_cast<size_t>(t) * axes]);
    }
    auto head = static_cast<size_t>(t * samples.heads * samples.head_dim);
    for (int64_t h = 0; h < samples.heads; ++h, head += static_cast<size_t>(samples.head_dim)) {
      const size_t first = rotation.heads == 1 ? 0 : static_cast<size_t>(h) * pairs;
      for (size_t j = 0; j < pairs; ++j) body(head, j, turns[first + j]);
    }
  }
}

// The fit over the pairs of every stride-th token, of a rotation whose factor is 1.
Fit FitOfTokens(const Samples& samples, const WholeRotation& whole,
                const std::vector<double>& positions, double tolerance, int64_t stride) {
  // Calls body(y, what is predicted, variance) for every number of a pair, without the factor.
  const auto each = [&](const auto& body) {
    ForPairs(samples, whole, positions, stride, [&](size_t head, size_t j, const PairTurn& turn) {
      const size_t first = head + static_cast<size_t>(whole.rotation.first[j]);
      const size_t second = head + static_cast<size_t>(whole.rotation.second[j]);
      const double x1 = samples.before[first], x2 = samples.before[second];
      const double y1 = samples.after[first], y2 = samples.after[second];
      const double z1 = turn.factor * (turn.a.cos * x1 - turn.a.sin * x2);
      const double z2 = turn.factor * (turn.b.cos * x2 + turn.b.sin * x1);
      const double length = turn.factor * turn.factor * (x1 * x1 + x2 * x2);
      const double off = tolerance * turn.angle;
      // Of what came out, as for turns; where that is nothing, of what ought to.
      const double size = y1 * y1 + y2 * y2;
      const double rounding = RoundingVariance(size > 0 ? size : length, samples.unit);
      const double variance = std::max(rounding, kLeastVariance) + off * off * length;
      body(y1, z1, variance);
      body(y2, z2, variance);
    });
  };
  double crossed = 0, predicted = 0;
  each([&](double y, double z, double variance) {
    crossed += y * z / variance;
    predicted += z * z / variance;
  });
  Fit fit;
  if (predicted > 0) {
    fit.factor = std::max(crossed / predicted, 1e-3);
    fit.factor_deviation = 1 / std::sqrt(predicted);
  }
  each([&](double y, double z, double variance) {
    const double off = y - fit.factor * z;
    fit.chi += off * off / variance;
  });
  return fit;
}

}  // namespace

std::vector<double> Predicted(const Samples& samples, const WholeRotation& whole,
                              const std::vector<double>& positions) {
  const Rotation& rotation = whole.rotation;
  std::vector<double> y = samples.before;
  ForPairs(samples, whole, positions, 1, [&](size_t head, size_t j, const PairTurn& turn) {
    const size_t first = head + static_cast<size_t>(rotation.first[j]);
    const size_t second = head + static_cast<size_t>(rotation.second[j]);
    const double x1 = samples.before[first], x2 = samples.before[second];
    y[first] = turn.factor * (turn.a.cos * x1 - turn.a.sin * x2);
    y[second] = turn.factor * (turn.b.cos * x2 + turn.b.sin * x1);
  });
  return y;
}

Fit OutputFitOf(const Samples& samples, WholeRotation whole, const std::vector<double>& positions,
                double tolerance, double most) {
  whole.rotation.attention_factor = 1;
  constexpr int64_t kGlance = 8;
  // The sum over a part, with a factor of its own, is never more than that over all.
  if (std::isfinite(most) && samples.tokens > 4 * kGlance) {
    const Fit glance = FitOfTokens(samples, whole, positions, tolerance, samples.tokens / kGlance);
    if (glance.chi > most) return glance;
  }
  Fit fit = FitOfTokens(samples, whole, positions, tolerance, 1);
  fit.chi += ChiOfCopies(samples, whole.rotation.first, whole.rotation.second);
  return fit;
}

}  // namespace rotary
