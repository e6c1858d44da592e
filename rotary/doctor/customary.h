// What a number of a rule costs a story: usual numbers are likelier than others.
//
// Stories are compared by chi2 + cost, where the cost of a number is -2 ln of how likely it is
// before the data are seen, in the manner of BIC: of 90 numbers with two digits one costs
// 2 ln 90 = 9, the best known thetas and factors 1 to 4, the config's own nothing. A number that
// was fitted is one of as many as the data can tell apart; its cost is at least 9, so that noise
// alone seldom (3 deviations, once in 370 times) earns a useless one, and at most 36, as two
// stories that are 6 deviations apart differ by 36 in chi2: then no number is too dear.
#ifndef ROTARY_DOCTOR_CUSTOMARY_H_
#define ROTARY_DOCTOR_CUSTOMARY_H_

#include <vector>

#include "rotary/doctor/hypothesis.h"

namespace rotary {

// Of a number with this deviation of its logarithm.
double FittedCost(double deviation);

// Of `value`, by tables and round numbers.
//   config  the config's value; null: no config, or none of the kind
double CustomaryCost(Knob knob, double value, const double* config);

// The best known values of the kind, those that cost at most this much.
std::vector<double> CustomaryValues(Knob knob, double most_cost);

struct FittedKnob {
  Knob knob;
  double deviation = 0;    // of the logarithm of the number; infinite where nothing tells it
  bool customary = false;  // moved to a customary number that the data allow
};

// Of all numbers of a hypothesis, of its rule (linear is simpler than YaRN), of its arithmetic, and
// of each way in which it is not the config's: with a config the simplest difference from it is the
// likeliest story.
//   fitted  its numbers that were fitted
double CostOf(const Hypothesis& hypothesis, const std::vector<FittedKnob>& fitted,
              const Hypothesis* config, int rotary_dim);

// Customary values within `reach` of `value` (of its logarithm), the config's among them; round
// numbers that no table holds only where one lies so near by chance seldom.
std::vector<double> CustomaryNear(Knob knob, double value, double reach, const double* config);

}  // namespace rotary

#endif  // ROTARY_DOCTOR_CUSTOMARY_H_
