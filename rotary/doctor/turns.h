// By how much each pair turned at each token: least squares over heads.
#ifndef ROTARY_DOCTOR_TURNS_H_
#define ROTARY_DOCTOR_TURNS_H_

#include <algorithm>
#include <cmath>
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
// the length of (y_first, y_second) over the square root of three. That covers engines that round
// every product; those that round once are half as far off. What heads leave beyond rounding is
// noise, taken to be alike for all numbers of the pair.
struct PairTurns {
  std::vector<std::complex<double>> turn;  // [tokens]; 0 where both channels are zero
  // [tokens], of each part of a turn, by rounding alone; infinite where unknown.
  std::vector<double> deviation;
  std::vector<double> noise =
      {};             // [tokens], by what else there is; empty: nothing that can be seen
  double factor = 1;  // the length that turns have together
  double factor_deviation = 0;
  // What is left of y - turn x, squared, over its rounding; and how many numbers that is. The ratio
  // is about 1 where the pair turns and nothing else happens to it.
  double left = 0;
  int64_t numbers = 0;
  std::vector<double> left_of = {};  // [tokens]: of `left`, each token's

  // By how much more angles may be off than deviations say, 1 at least: set by TurnTableOf.
  double scatter = 1;

  // Of each part of the turn at a token.
  double DeviationAt(size_t token) const {
    return noise.empty() ? deviation[token] : std::hypot(deviation[token], noise[token]);
  }
  // Of the angle at a token, radians, the scatter included.
  double AngleDeviation(size_t token) const {
    return scatter * DeviationAt(token) / std::max(std::abs(turn[token]), 1e-300);
  }
};

PairTurns TurnsOf(const Samples& samples, int first, int second);

// The turn that one output of a pair shows alone, where the two may turn by different angles: by
// least squares of y_first = c x_first - s x_second, or of y_second = c x_second + s x_first, with
// c and s free. Two heads at least; unknown elsewhere.
PairTurns OutputTurns(const Samples& samples, int first, int second, bool of_second);

}  // namespace rotary

#endif  // ROTARY_DOCTOR_TURNS_H_
