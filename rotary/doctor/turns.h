// By how much each pair turned at each token: least squares over heads.
#ifndef ROTARY_DOCTOR_TURNS_H_
#define ROTARY_DOCTOR_TURNS_H_

#include <algorithm>
#include <complex>
#include <cstdint>
#include <vector>

#include "rotary/doctor/samples.h"

namespace rotary {

// One pair over all tokens: y = turn x + rounding, with x = x_first + i x_second, y alike.
//
//   turn_t = sum_h y conj(x) / sum_h |x|^2
//
// Its deviation follows from the rounding of each number of y, half a unit in the last place of
// the length of (y_first, y_second) over the square root of three, or from what least squares
// leaves where that is more.
struct PairTurns {
  std::vector<std::complex<double>> turn;  // [tokens]; 0 where both channels are zero
  std::vector<double> deviation;  // [tokens], of each part of a turn; infinite where unknown
  double factor = 1;              // the length that turns have together
  double factor_deviation = 0;
  // What is left of y - turn x, squared, over its rounding; and how many numbers that is. The ratio
  // is about 1 where the pair turns and nothing else happens to it.
  double left = 0;
  int64_t numbers = 0;

  // By how much more angles may be off than deviations say, 1 at least: set by TurnTableOf.
  double scatter = 1;

  // Of the angle at a token, radians, the scatter included.
  double AngleDeviation(size_t token) const {
    return scatter * deviation[token] / std::max(std::abs(turn[token]), 1e-300);
  }
};

PairTurns TurnsOf(const Samples& samples, int first, int second);

// The turn that one output of a pair shows alone, where the two may turn by different angles: by
// least squares of y_first = c x_first - s x_second, or of y_second = c x_second + s x_first, with
// c and s free. Two heads at least; unknown elsewhere.
PairTurns OutputTurns(const Samples& samples, int first, int second, bool of_second);

}  // namespace rotary

#endif  // ROTARY_DOCTOR_TURNS_H_
