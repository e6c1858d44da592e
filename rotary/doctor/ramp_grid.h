// Where fits of ramps start: the best points of a grid of thetas and trained lengths.
#ifndef ROTARY_DOCTOR_RAMP_GRID_H_
#define ROTARY_DOCTOR_RAMP_GRID_H_

#include <vector>

#include "rotary/doctor/rule_fit.h"

namespace rotary {

// A point of the grid and how well it does.
struct RampStart {
  Hypothesis hypothesis;
  double chi2 = 0;
};

// The `count` best, best first.
std::vector<RampStart> Best(std::vector<RampStart> starts, size_t count);

// Not where a pair stands still beside one that moves.
bool MayBeRamp(const Evidence& evidence);

class RampGrid {
 public:
  // The grid of the thetas that fast pairs tell: the line through ever more of them, as long as it
  // explains these; and the config's.
  static RampGrid OfFastPairs(const Evidence& evidence, const Hypothesis* config);
  // The grid of usual thetas, for ramps that begin before pair 2: then fast pairs do not tell
  // theta.
  static RampGrid OfUsualThetas(const Evidence& evidence, const Hypothesis* config);

  // The best two points over all thetas and lengths, with the best factor of each. Lengths are the
  // powers of two from 128 to 4 M, and the config's.
  //   rule  YarnRule or Llama3Rule: frequencies are a line in 1 / factor
  std::vector<RampStart> Starts(const Rule& rule) const;
  // Of NTK-by-parts, which is no line in 1 / factor: the factor is that of the slowest pair, the
  // lengths one for every place where its ramps, in whole pairs, can lie.
  std::vector<RampStart> NtkByPartsStarts() const;

 private:
  RampGrid(const Evidence& evidence, const Hypothesis* config, const std::vector<double>& thetas,
           bool early_ramps_only);
  // Whether pair 2 is before the ramp, so that another grid has the right theta.
  bool IsLate(double fast_turns, double length, const std::vector<double>& plain) const;

  const Evidence& evidence_;
  std::vector<double> thetas_, lengths_;
  bool early_ramps_only_;
};

}  // namespace rotary

#endif  // ROTARY_DOCTOR_RAMP_GRID_H_
