// The slow obvious twin of rotate.h: one token and head at a time, in double, straight from the
// definition in rotation.h.
#ifndef ROTARY_ROPE_ROTATE_REF_H_
#define ROTARY_ROPE_ROTATE_REF_H_

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "rotary/rope/rotate.h"

namespace rotary::ref {

// Rotates one head's channels; `position` has one number for each axis.
inline std::vector<double> Rotate(const Rotation& rotation, Direction direction, Side side,
                                  double centre, int head, std::span<const double> position,
                                  std::vector<double> x) {
  std::vector<double> y = x;
  const auto axes = static_cast<size_t>(rotation.axes);
  const auto pairs = static_cast<size_t>(rotation.pairs());
  const size_t row = rotation.heads == 1 ? 0 : static_cast<size_t>(head);
  for (size_t j = 0; j < pairs; ++j) {
    long double a = 0, b = 0;  // a double angle of 10^6 radians is off by 10^-10 already
    for (size_t axis = 0; axis < axes; ++axis) {
      const size_t at = (row * pairs + j) * axes + axis;
      a += static_cast<long double>(rotation.frequency[at]) * position[axis];
      b += static_cast<long double>(rotation.IsGroup() ? rotation.frequency[at]
                                                       : rotation.second_frequency[at]) *
           position[axis];
    }
    const double cos_a = static_cast<double>(std::cos(a)), sin_a = static_cast<double>(std::sin(a));
    const double cos_b = static_cast<double>(std::cos(b)), sin_b = static_cast<double>(std::sin(b));
    double g = rotation.attention_factor;
    if (!rotation.log_decay.empty()) {
      const double decay = rotation.log_decay[j] * (position[0] - centre);
      g *= std::exp(side == Side::kQuery ? decay : -decay);
    }
    const auto f = static_cast<size_t>(rotation.first[j]);
    const auto s = static_cast<size_t>(rotation.second[j]);
    switch (direction) {
      case Direction::kForward:
        y[f] = g * (cos_a * x[f] - sin_a * x[s]);
        y[s] = g * (cos_b * x[s] + sin_b * x[f]);
        break;
      case Direction::kGradient:  // the transpose of the forward matrix
        y[f] = g * (cos_a * x[f] + sin_b * x[s]);
        y[s] = g * (cos_b * x[s] - sin_a * x[f]);
        break;
      case Direction::kInverse:
        y[f] = (cos_a * x[f] + sin_a * x[s]) / g;
        y[s] = (cos_a * x[s] - sin_a * x[f]) / g;
        break;
    }
  }
  return y;
}

}  // namespace rotary::ref

#endif  // ROTARY_ROPE_ROTATE_REF_H_
