// How well predicted frequencies agree with measured ones.
#ifndef ROTARY_DOCTOR_EVIDENCE_H_
#define ROTARY_DOCTOR_EVIDENCE_H_

#include <span>
#include <vector>

#include "rotary/doctor/story.h"

namespace rotary {

// Two predictions are told apart where they differ by this many deviations; a prediction is
// refuted where the measured frequency lies as far from it. Of normal noise, one value of 5e8 does.
inline constexpr double kApart = 6;

// Measured frequencies with the deviations that predictions are judged by: never smaller than what
// float32 arithmetic leaves open, because engines compute frequencies in it.
struct Evidence {
  int head_dim = 0, rotary_dim = 0;
  std::vector<double> frequency, deviation;
  int known = 0;  // pairs with a finite deviation
};

// Throws std::invalid_argument: not rotary_dim / 2 frequencies or deviations, one that is not
// finite, a deviation that is negative or NaN, rotary_dim odd or above head_dim.
Evidence EvidenceOf(const MeasuredSpectrum& measured);

// The standard deviation of a frequency that some float32 code computed: half a unit in the last
// place of the result, and of the exponent, whose error the power multiplies by ln(frequency).
double Float32Deviation(double frequency);

struct Agreement {
  double chi2 = 0;
  double worst = 0;  // the largest |measured - predicted| / deviation
  int known = 0;

  // No pair is off by kApart, and the root mean square is at most 2: deviations are themselves
  // estimates.
  bool Explains() const { return worst < kApart && chi2 <= 4.0 * known; }
};

// `predicted`: [pairs]; empty agrees with nothing.
Agreement Judge(const Evidence& evidence, std::span<const double> predicted);

// The largest difference of two predictions in deviations.
double Distance(const Evidence& evidence, std::span<const double> a, std::span<const double> b);

}  // namespace rotary

#endif  // ROTARY_DOCTOR_EVIDENCE_H_
