// In which arithmetic frequencies were computed and kept.
#ifndef ROTARY_DOCTOR_FREQUENCY_ROUNDING_H_
#define ROTARY_DOCTOR_FREQUENCY_ROUNDING_H_

#include <vector>

#include "rotary/doctor/rule_fit.h"

namespace rotary {

// Of bf16, f16 and tf32 those on whose numbers all measured frequencies lie, the coarsest first.
// A frequency of deviation s lies on a grid of spacing u by chance with probability 12 s / u; a
// grid counts where the product of these over pairs is below `most_chance`. Powers of two
// and zero, which lie on every grid, count for nothing.
std::vector<FrequencyArithmetic> GridsUnder(const MeasuredSpectrum& measured, double most_chance);

// The evidence with the deviation of a rounding added to every frequency: a third of the square of
// half a spacing.
Evidence Widened(const Evidence& evidence, FrequencyArithmetic arithmetic);

// A fit to widened evidence as a fit to rounded frequencies. A frequency may fall to either side
// where it lies halfway within what float32 and the fitted numbers leave open.
RuleFit Rounded(const Evidence& evidence, const RuleFit& fit, FrequencyArithmetic arithmetic,
                const Hypothesis* config);

struct FoundArithmetic {
  FrequencyArithmetic arithmetic = FrequencyArithmetic::kUnknown;
  std::vector<double> frequency;  // [pairs], in that arithmetic
};

// Which arithmetic explains the frequencies within their own deviations, where float32 alone would
// be excused by Evidence: double, float as transformers computes it, each frequency from the one
// before; kFloat32 for what none of these gives to the bit.
//   fit  explains the evidence; its free numbers are fitted anew
FoundArithmetic ArithmeticOf(const MeasuredSpectrum& measured, const Evidence& evidence,
                             const RuleFit& fit);

}  // namespace rotary

#endif  // ROTARY_DOCTOR_FREQUENCY_ROUNDING_H_
