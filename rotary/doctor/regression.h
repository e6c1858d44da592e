// Which two channels each output is made of, by least squares: for outputs that stand in other
// places than their inputs, and pairs with two angles.
//
// At a token, y_o = a x_i + b x_j for all heads, with the same a and b; what the best a and b leave
// of y_o, summed over tokens, is rounding for the true i and j alone. Two unknowns at each token:
// three heads at least. Work: tokens * heads * head_dim^2 products, and 4 tokens * head_dim^2
// systems of two equations.
#ifndef ROTARY_DOCTOR_REGRESSION_H_
#define ROTARY_DOCTOR_REGRESSION_H_

#include <vector>

#include "rotary/doctor/samples.h"

namespace rotary {

struct OutputSources {
  int first = -1, second = -1;  // channels of x, first < second; -1: not known
  double rest = 1;              // what they leave, over the energy of y
  double runner_up = 1;         // the least of the same with another channel
  std::vector<double> a, b;     // [tokens]: the coefficients of first and second
};

// [head_dim]. Throws std::invalid_argument with fewer than three heads.
std::vector<OutputSources> SourcesOf(const Samples& samples);

// Where each input's turned self comes out, for outputs that SourcesOf puts into pairs that turn by
// one angle. Empty where the outputs are no permutation of the channels, or the places are their
// own.
std::vector<int> PlacesOf(const Samples& samples, const std::vector<OutputSources>& sources);

// The samples with outputs put back: output places[c] becomes output c.
Samples PutBack(Samples samples, const std::vector<int>& places);

}  // namespace rotary

#endif  // ROTARY_DOCTOR_REGRESSION_H_
