// Lists of frequencies that are not the powers theta^(-2i / rotary_dim) of rules.h.
//
//   RetNet (torchscale)      GeometricFrequencies(d / 2, 1, 1 / theta): both ends included
//   timm, lucidrains "pixel" LinearFrequencies(n, pi, pi max / 2), for positions in [-1, 1]
//   timm, logarithmic        GeometricFrequencies(n, pi, pi max / 2)
//   DINOv3, min_period ..    FrequenciesOfPeriods(GeometricFrequencies(n, min_period, max_period))
//   RoTE (audio, theta 1200) TurnsPerUnit(theta^(-2i / d)), for positions of minus seconds
#ifndef ROTARY_ROPE_SPECTRA_H_
#define ROTARY_ROPE_SPECTRA_H_

#include <span>
#include <vector>

namespace rotary {

// theta^(-2i / dim) for i = 0 .. dim / 2 - 1: a plain spectrum over any number of channels.
// Throws std::invalid_argument: dim odd or negative, theta not positive and finite.
std::vector<double> PlainFrequencies(int dim, double theta);

// `count` numbers from `first` to `last`, both included, by equal factors; of one number, `first`.
// Throws std::invalid_argument: count below 0, an end that is not positive and finite.
std::vector<double> GeometricFrequencies(int count, double first, double last);

// The same by equal steps.
// Throws std::invalid_argument: count below 0, an end that is not finite.
std::vector<double> LinearFrequencies(int count, double first, double last);

// 2 pi f: `turns` per unit of position as radians.
std::vector<double> TurnsPerUnit(std::span<const double> turns);

// 2 pi / period: checkpoints of DINOv3 carry their periods, rounded to bf16.
// Throws std::invalid_argument: a period that is not positive and finite.
std::vector<double> FrequenciesOfPeriods(std::span<const double> periods);

}  // namespace rotary

#endif  // ROTARY_ROPE_SPECTRA_H_
