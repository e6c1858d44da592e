// How well a whole rotation predicts what came out: chi^2 of turn_fit.h for rotations that are no
// list of turns z: two angles in a pair, decay, heads with frequencies of their own.
#ifndef ROTARY_DOCTOR_OUTPUT_FIT_H_
#define ROTARY_DOCTOR_OUTPUT_FIT_H_

#include <limits>
#include <vector>

#include "rotary/doctor/samples.h"
#include "rotary/doctor/turn_fit.h"
#include "rotary/rope/phases.h"
#include "rotary/rope/rotation.h"

namespace rotary {

// A rotation whose turns are no list of numbers: two angles in a pair, decay, heads of their own.
struct WholeRotation {
  Rotation rotation;
  Side side = Side::kQuery;
  double centre = 0;  // from where xPos counts
};

// The fit of a rotation whose factor is left open: its own is not used.
//   positions  [tokens, axes]
//   tolerance  of angles, relative, as for FitOf
//   most       of a chi^2 that is certainly larger, a part above `most` is enough: a few tokens
//   tell
//              most rotations to be wrong
Fit OutputFitOf(const Samples& samples, WholeRotation whole, const std::vector<double>& positions,
                double tolerance, double most = std::numeric_limits<double>::infinity());

// What the rotation predicts: [tokens, heads, head_dim].
std::vector<double> Predicted(const Samples& samples, const WholeRotation& whole,
                              const std::vector<double>& positions);

}  // namespace rotary

#endif  // ROTARY_DOCTOR_OUTPUT_FIT_H_
