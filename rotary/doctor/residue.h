// What is done to an output beside a rotation: something added, norms changed, steps of a
// quantisation, noise.
#ifndef ROTARY_DOCTOR_RESIDUE_H_
#define ROTARY_DOCTOR_RESIDUE_H_

#include <string>
#include <vector>

#include "rotary/doctor/samples.h"

namespace rotary {

struct Residue {
  std::string kind;     // "added", "norms", "steps", "noise"
  double size = 0;      // added: the largest, in units of y; norms: the largest factor; steps: the
                        // step; noise: relative to y, root mean square
  double relative = 0;  // root mean square of what the rotation leaves, relative to y
  std::string sentence;
};

//   predicted  [tokens, heads, head_dim]: what the best rotation makes of x
Residue ResidueOf(const Samples& samples, const std::vector<double>& predicted);

}  // namespace rotary

#endif  // ROTARY_DOCTOR_RESIDUE_H_
