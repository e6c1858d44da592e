// A rule with numbers that may be turned one by one: what is fitted to frequencies.
#ifndef ROTARY_DOCTOR_HYPOTHESIS_H_
#define ROTARY_DOCTOR_HYPOTHESIS_H_

#include <span>
#include <string>
#include <vector>

#include "rotary/doctor/precision.h"
#include "rotary/doctor/story.h"

namespace rotary {

// frequency_j = arithmetic(scale * rule(theta^(rotary_dim / denominator), length)_j)
struct Hypothesis {
  Rule rule;
  double theta = 1e4;
  double length = 0;
  int denominator = 0;  // 0: rotary_dim
  double scale = 1;
  FrequencyArithmetic arithmetic = FrequencyArithmetic::kExact;
  // Of kRunningProduct: how many units in the last place the float ratio of neighbours is off, as
  // powf and exp2f of some libraries are, and whether products are rounded too: of frequencies they
  // are; where angles are multiplied on, the roundings of many positions even out.
  int ulps = 0;
  bool rounds_products = true;
  std::vector<double> list = {};  // not empty: instead of rule and theta
};

// The numbers of hypotheses. kFastTurns and kSlowTurns are YaRN's beta_fast and beta_slow, and
// high_freq_factor and low_freq_factor of Llama 3.
enum class Knob { kTheta, kScale, kFactor, kTrainedLength, kFastTurns, kSlowTurns, kLength };
inline constexpr Knob kKnobs[] = {Knob::kTheta,         Knob::kScale,     Knob::kFactor,
                                  Knob::kTrainedLength, Knob::kFastTurns, Knob::kSlowTurns,
                                  Knob::kLength};

// The number itself; null where the hypothesis has none of the kind.
double* Slot(Hypothesis& hypothesis, Knob knob);
const double* Slot(const Hypothesis& hypothesis, Knob knob);

// As configs spell it: "beta_fast".
std::string KnobName(const Hypothesis& hypothesis, Knob knob);

// What the hypothesis says; empty where its numbers fit no rotation (a ramp in the wrong order).
//   rounded: false leaves the rounding of the arithmetic away
std::vector<double> FrequenciesOf(const Hypothesis& hypothesis, int rotary_dim,
                                  bool rounded = true);

}  // namespace rotary

#endif  // ROTARY_DOCTOR_HYPOTHESIS_H_
