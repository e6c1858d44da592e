// The paper's bound on how far a score reaches: its Figure 2, for any rotation.
// Source: Su et al. 2021, arXiv:2104.09864, section 3.4.3, eq. 35-37.
//
// With h_i = q_i k_i* for each pair i (as complex numbers), a score at distance t is the real part
// of sum_i h_i e^(i t w_i). With the partial sums S_j = sum_{i < j} e^(i t w_i), summing by parts
// gives
//
//   |score| <= max_i |h_{i+1} - h_i| * sum_{j=1}^{pairs} |S_j|        (h beyond the last pair is 0)
//
// The curve is the mean of the |S_j|. It falls on the whole and not step by step, it rises again at
// large distances, and it bounds scores whose contents are as they may be: it does not say that a
// learned score falls. docs/what-rope-promises.md.
#ifndef ROTARY_LAB_DECAY_H_
#define ROTARY_LAB_DECAY_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "rotary/lab/page.h"
#include "rotary/rope/rotation.h"

namespace rotary {

// (1 / pairs) sum_j |S_j| at a distance, in double. The rotation's g counts: attention_factor on
// both sides, and xPos decay by the distance. Throws std::invalid_argument unless the rotation has
// one axis, one row of frequencies for all heads, at least one pair, and is a group.
double DecayBound(const Rotation& rotation, double distance);

// One rotation's curve.
struct DecayCurve {
  std::string name;  // "theta 10000"
  Rotation rotation;
  std::vector<int64_t> distances;
  std::vector<double> bounds;  // as long

  // How many steps from one distance to the next go down and up in 0 .. kSteps.
  static constexpr int64_t kSteps = 256;
  int64_t falls = 0, rises = 0;
};

// Throws as DecayBound does.
DecayCurve MakeDecayCurve(std::string name, const Rotation& rotation,
                          std::vector<int64_t> distances);

// Distances per turn of the slowest pair; infinity where one stands still.
double LongestWavelength(const Rotation& rotation);

// The functions below take at least one curve, all at the same distances.

// A table for people, curves side by side.
std::string DecayToText(std::span<const DecayCurve> curves);
// {"curves": [{"name", "rotation": {...}, "distances": [...], "bounds": [...], "steps", "falls",
// "rises", "longest_wavelength"}]}; longest_wavelength is null where a pair stands still.
std::string DecayToJson(std::span<const DecayCurve> curves);
// The curves at distances 0 .. last as a chart like Figure 2.
Chart DecayChart(std::span<const DecayCurve> curves, int64_t last);
// A whole page: the curves near by and far out, and the table.
std::string DecayHtml(std::span<const DecayCurve> curves);

}  // namespace rotary

#endif  // ROTARY_LAB_DECAY_H_
