// Stories of frequencies that fall by equal factors: theta, with a factor on all of them or none.
//
//   ln w_j = ln(scale) - (2 j / rotary_dim) ln(theta)
//
// is a line, so all rules below have the same frequencies and only customary numbers choose among
// them: default, linear (scale = 1 / factor), a rotation applied twice (scale = 2), NTK-aware with
// a fixed or a dynamic alpha (theta' = theta alpha^(d / (d - 2))), exponents over head_dim channels
// (theta' = theta^(rotary_dim / head_dim)), both ends included (theta' = theta^(d / (d - 2))), and
// running products in float (theta' off by some 1e-6).
#ifndef ROTARY_DOCTOR_THETA_FIT_H_
#define ROTARY_DOCTOR_THETA_FIT_H_

#include <vector>

#include "rotary/doctor/rule_fit.h"

namespace rotary {

struct GeometricLine {
  int pairs = 0;  // those that were used: frequencies of at least 3 deviations
  double theta = 1e4, scale = 1;
};

// By weighted least squares on logarithms, over the first `pairs` pairs. Without `with_scale` the
// line goes through w = 1 at pair 0. A start for fits, which weigh what logarithms distort.
GeometricLine LineThrough(const Evidence& evidence, size_t pairs, bool with_scale);

// All stories of the kind that are worth comparing, those that do not explain the data too.
//   config        null: none
//   denominators  channels that exponents may be over instead of rotary_dim
std::vector<RuleFit> GeometricStories(const Evidence& evidence, const Hypothesis* config,
                                      const std::vector<int>& denominators);

}  // namespace rotary

#endif  // ROTARY_DOCTOR_THETA_FIT_H_
