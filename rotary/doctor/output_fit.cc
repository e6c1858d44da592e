#include "rotary/doctor/output_fit.h"

#include <algorithm>
#include <cmath>

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

// Calls body(index of the head's first number, pair, turn) for every token, head and pair.
template <class Body>
void ForPairs(const Samples& samples, const WholeRotation& whole,
              const std::vector<double>& positions, const Body& body) {
  const Rotation& rotation = whole.rotation;
  const size_t pairs = rotation.first.size();
  const size_t rows = static_cast<size_t>(rotation.heads) * pairs;
  std::vector<PairTurn> turns(rows);
  const auto axes = static_cast<size_t>(rotation.axes);
  size_t head = 0;
  for (int64_t t = 0; t < samples.tokens; ++t) {
    for (size_t row = 0; row < rows; ++row) {
      turns[row] = TurnOf(whole, row, &positions[static_cast<size_t>(t) * axes]);
    }
    for (int64_t h = 0; h < samples.heads; ++h, head += static_cast<size_t>(samples.head_dim)) {
      const size_t first = rotation.heads == 1 ? 0 : static_cast<size_t>(h) * pairs;
      for (size_t j = 0; j < pairs; ++j) body(head, j, turns[first + j]);
    }
  }
}

}  // namespace

std::vector<double> Predicted(const Samples& samples, const WholeRotation& whole,
                              const std::vector<double>& positions) {
  const Rotation& rotation = whole.rotation;
  std::vector<double> y = samples.before;
  ForPairs(samples, whole, positions, [&](size_t head, size_t j, const PairTurn& turn) {
    const size_t first = head + static_cast<size_t>(rotation.first[j]);
    const size_t second = head + static_cast<size_t>(rotation.second[j]);
    const double x1 = samples.before[first], x2 = samples.before[second];
    y[first] = turn.factor * (turn.a.cos * x1 - turn.a.sin * x2);
    y[second] = turn.factor * (turn.b.cos * x2 + turn.b.sin * x1);
  });
  return y;
}

Fit OutputFitOf(const Samples& samples, WholeRotation whole, const std::vector<double>& positions,
                double tolerance) {
  whole.rotation.attention_factor = 1;
  const Rotation& rotation = whole.rotation;
  const std::vector<double> y = Predicted(samples, whole, positions);
  // Of each number, until its pair says that it was part of a longer one. Of copies: that of the
  // number itself, and no factor.
  std::vector<double> variance(y.size()), turns(y.size(), 0);
  for (size_t i = 0; i < y.size(); ++i) {
    const double size = samples.after[i] != 0 ? samples.after[i] : samples.before[i];
    const double half = size == 0 ? 0 : std::ldexp(samples.unit, std::ilogb(size));
    variance[i] = std::max(half * half / 3, 1e-60);
  }
  double crossed = 0, predicted = 0;
  ForPairs(samples, whole, positions, [&](size_t head, size_t j, const PairTurn& turn) {
    const size_t first = head + static_cast<size_t>(rotation.first[j]);
    const size_t second = head + static_cast<size_t>(rotation.second[j]);
    const double length = turn.factor * std::hypot(samples.before[first], samples.before[second]);
    if (length == 0) return;
    const double half = std::ldexp(samples.unit, std::ilogb(length));
    const double off = tolerance * turn.angle * length;
    for (const size_t i : {first, second}) {
      variance[i] = half * half / 3 + off * off;
      turns[i] = 1;
      crossed += samples.after[i] * y[i] / variance[i];
      predicted += y[i] * y[i] / variance[i];
    }
  });
  Fit fit;
  if (predicted > 0) {
    fit.factor = std::max(crossed / predicted, 1e-3);
    fit.factor_deviation = 1 / std::sqrt(predicted);
  }
  for (size_t i = 0; i < y.size(); ++i) {
    const double off = samples.after[i] - (turns[i] != 0 ? fit.factor : 1.0) * y[i];
    fit.chi += off * off / variance[i];
  }
  return fit;
}

}  // namespace rotary
