// How well a rotation, at some positions and in some arithmetic, explains what came out.
//
// A hypothesis predicts the turn z of each pair at each token, up to one factor g for all. What it
// leaves of y is, in units of the rounding of each number,
//
//   chi^2 = sum over pairs of sum_h |y - turn x|^2 / rounding           least squares' own rest
//         + sum over pairs and tokens of |turn - g z|^2 / deviation^2   what z misses
//         + sum over channels of no pair of (y - x)^2 / rounding        copies
//
// over as many numbers as y has, whatever the hypothesis. The one with the least
//
//   score = N ln(chi^2 / N) + kPenalty (its faults)
//
// explains them best: twice the log-likelihood of normal errors of unknown size, and a penalty for
// each way in which it departs from what was expected, so that a fault must lower chi^2 by
// 6^2 rounding errors at least.
#ifndef ROTARY_DOCTOR_TURN_FIT_H_
#define ROTARY_DOCTOR_TURN_FIT_H_

#include <limits>
#include <vector>

#include "rotary/doctor/precision.h"
#include "rotary/doctor/samples.h"
#include "rotary/doctor/turns.h"

namespace rotary {

inline constexpr double kPenalty = 36;

// The angles of float32 products are off by this much, relative.
inline constexpr double kFloat32Tolerance = 0x1p-23;

// The turns of a list of pairs, and what of y is no turn of theirs.
struct TurnTable {
  std::vector<int> first, second;
  std::vector<PairTurns> pairs;
  size_t tokens = 0;
  double left = 0;     // chi^2 of least squares' own rest and of the copies
  double numbers = 0;  // of y: N
};

// By how many of their deviations the lengths of turns scatter, which a rotation makes alike: about
// 1 where these channels pair up, or some tens with rounded tables; thousands in other pairs.
double LengthScatter(const TurnTable& table);

TurnTable TurnTableOf(const Samples& samples, std::vector<int> first, std::vector<int> second);

// How z comes of frequency and position.
struct TurnArithmetic {
  Precision angles = Precision::kDouble;  // to which angles are rounded
  Precision tables = Precision::kDouble;  // ... cosines and sines
  double table_factor = 1;                // that they were multiplied by before
  bool float32 = false;                   // frequencies, positions, products in float
  bool operator==(const TurnArithmetic&) const = default;
};

struct Fit {
  double chi = 0;        // chi^2
  bool inverse = false;  // the direction that fits better
  double factor = 1;     // g by least squares
  double factor_deviation = 0;
};

// frequency [pairs, axes], positions [tokens, axes].
//   tolerance  of angles, relative: what the arithmetic of the engine may be off by
//   most       where a glance at some 200 turns says that chi^2 is larger, what it says is enough:
//              most hypotheses are wrong everywhere
Fit FitOf(const TurnTable& table, const std::vector<double>& frequency,
          const std::vector<double>& positions, int axes, const TurnArithmetic& arithmetic = {},
          double tolerance = 0, double most = std::numeric_limits<double>::infinity());

// [tokens]: chi^2 of the pairs of each token over their numbers, as `fit` found factor and
// direction; 0 where nothing is known.
std::vector<double> LeftOfTokens(const TurnTable& table, const std::vector<double>& frequency,
                                 const std::vector<double>& positions, int axes,
                                 const TurnArithmetic& arithmetic, double tolerance,
                                 const Fit& fit);

// Whether turns may be those of this hypothesis with frequencies, positions, angles or tables in a
// short format, which is off by 2^-8 of an angle or of 1 at most: by a glance at some 200 turns.
bool MayBeRounded(const TurnTable& table, const std::vector<double>& frequency,
                  const std::vector<double>& positions, int axes);

double ScoreOf(double numbers, double chi, double faults);

// The chi^2 that makes this score.
double ChiOfScore(double numbers, double score, double faults);

}  // namespace rotary

#endif  // ROTARY_DOCTOR_TURN_FIT_H_
