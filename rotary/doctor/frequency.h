// How fast a pair turns: its angles over positions, unwrapped.
//
// Angles are known up to whole turns. Neighbours in position tell the frequency roughly; tokens
// further and further apart then tell it ever finer, as long as what is known of it says how many
// whole turns lie between them.
#ifndef ROTARY_DOCTOR_FREQUENCY_H_
#define ROTARY_DOCTOR_FREQUENCY_H_

#include <vector>

#include "rotary/doctor/turns.h"

namespace rotary {

// a(p) = frequency p + phase, on one axis.
struct FoundFrequency {
  double frequency = 0, deviation = 0;  // radians per unit of position
  double phase = 0;                     // at position 0, within half a turn
  double phase_deviation = 0;
  double residual = 0;   // root mean square of the angles that are left, over their deviations
  double ambiguity = 0;  // frequencies that differ by multiples of this fit as well; 0: none do
  double longest = 0;    // the distance up to which turns could be counted
  // The frequency if the pair stands unturned at position 0, as it does where positions are those
  // that were used; infinite deviation: not known how many turns lie before the first token.
  double through_zero = 0, through_zero_deviation = 0;
};

//   positions  [tokens], those of the turns
//   tolerance  of angles, relative: what the arithmetic of the engine may be off by
FoundFrequency FrequencyOf(const PairTurns& turns, const std::vector<double>& positions,
                           double tolerance = 0);

}  // namespace rotary

#endif  // ROTARY_DOCTOR_FREQUENCY_H_
