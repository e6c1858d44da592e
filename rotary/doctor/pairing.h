// Which channels turn together, from what went in and what came out.
//
// A pair (i, j) that turns by some angle at each token, times a factor g, maps x = x_i + i x_j to
// y = g e^(i a_t) x. With C_t = sum over heads of y conj(x), the best angles and the best g leave
//
//   rho(i, j) = sum |y|^2 - (sum_t |C_t|)^2 / sum |x|^2
//
// of the energy of y unexplained. For the true pair this is rounding and noise alone, with any
// number of heads, one too; for two channels that are no pair it is of the order of the energy
// times the square of the angle. All C_t of a token are in one matrix G = X^T Y of its heads:
//   C_t(i, j) = G_ii + G_jj + i (G_ij - G_ji).
// Work: tokens * heads * head_dim^2 products.
#ifndef ROTARY_DOCTOR_PAIRING_H_
#define ROTARY_DOCTOR_PAIRING_H_

#include <vector>

#include "rotary/doctor/samples.h"

namespace rotary {

// The share of an output's energy that may be noise.
inline constexpr double kMostNoise = 0.05;

struct FoundPair {
  int first = 0, second = 0;  // first < second
  double residual = 0;        // rho over the energy of y
  double runner_up = 0;       // the least of the same with another partner of either
};

struct Pairing {
  std::vector<FoundPair> pairs;  // in the order of their first channels
  std::vector<int> still;        // come out as they went in: copied, or turned by too little to see
  std::vector<int> silent;       // zero throughout: nothing can be known
  std::vector<int> unexplained;  // none of these
};

// Pairs are those whose rest is rounding, or at most kMostNoise, and that fit no other channel
// nearly as well. Beside noise, a pair that turned less than it is not seen.
Pairing FindPairs(const Samples& samples);

}  // namespace rotary

#endif  // ROTARY_DOCTOR_PAIRING_H_
