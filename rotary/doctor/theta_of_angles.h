// Theta of a plain spectrum from the angles of one token at a known position.
//
// Angles are known up to whole turns, so that one pair allows many thetas: with m turns and angle
// a, p theta^(-2j / d) = a + 2 pi m. The thetas that all pairs allow are found from the slow pairs,
// which turned least, to the fast ones: each pair cuts what is left of the range of ln(theta) into
// the intervals that it allows (6 deviations around each number of turns), and a faster pair cuts
// finer, because its angle moves more with theta. Nothing is guessed: the thetas that are left at
// the end are all there are.
#ifndef ROTARY_DOCTOR_THETA_OF_ANGLES_H_
#define ROTARY_DOCTOR_THETA_OF_ANGLES_H_

#include <vector>

namespace rotary {

struct AngleTheta {
  enum class Answer {
    kFound,
    kAmbiguous,  // several thetas are left, or the range of one is wider than a factor of 2
    kNone,       // no theta of the range explains the angles: not a plain spectrum
  };
  Answer answer = Answer::kAmbiguous;
  double theta = 0;      // the best one by chi2; 0 where none
  double deviation = 0;  // its standard deviation; infinite where nothing tells it
  double chi2 = 0;
  int pairs = 0;  // that were used: known, and not pair 0, which turns alike for every theta
  // The best of all that is left, `theta` first; at most 16.
  std::vector<double> candidates;
};

//   angle      [rotary_dim / 2], radians, up to whole turns
//   deviation  [rotary_dim / 2], standard deviations; infinite: unknown
//   position   of the token; 0 tells nothing, negative ones turn backwards
//   range      theta is looked for between 2 and 1e9
// Work: |position| / 6 intervals in the slowest known pair, of which few are left after the next;
// 10 ms at position 1,000,000.
// Throws std::invalid_argument: lists of other lengths, a position that is not finite or beyond
// 1e8, an angle that is not finite, a deviation that is negative or NaN.
AngleTheta ThetaOfAngles(int rotary_dim, const std::vector<double>& angle,
                         const std::vector<double>& deviation, double position);

}  // namespace rotary

#endif  // ROTARY_DOCTOR_THETA_OF_ANGLES_H_
