// At which position each token was turned, when the frequencies are known.
//
// A slow pair tells roughly where, up to whole turns of its own that are longer than most texts;
// each faster one then tells more exactly. Work: a few operations for each pair and token.
#ifndef ROTARY_DOCTOR_TOKEN_POSITIONS_H_
#define ROTARY_DOCTOR_TOKEN_POSITIONS_H_

#include <string>
#include <vector>

#include "rotary/doctor/turn_fit.h"

namespace rotary {

struct TokenPosition {
  double position = 0;
  double deviation = 0;  // infinite: nothing turned enough to tell
};

// [tokens, axes], from the pairs that read each axis alone. Of positions that differ by whole turns
// of all pairs that can be seen, the one nearest to `near` [tokens, axes].
//   frequency  [pairs, axes]
//   tolerance  of angles, relative, as for FitOf
std::vector<TokenPosition> PositionsOf(const TurnTable& table, const std::vector<double>& frequency,
                                       int axes, bool inverse, const std::vector<double>& near,
                                       double tolerance);

// Positions that may explain an observation, and how they come of those that were given.
struct PositionGuess {
  std::string kind;  // "as given", "shifted", "rounded", "by row", "restart", "other"
  double shift = 0;  // where kind is "shifted"
  Precision precision = Precision::kDouble;  // where kind is "rounded"
  std::vector<double> positions;             // [tokens, axes]
  double faults = 0;                         // the weight of it in a score
};

// Guesses that need no look at what came out: as given, and rounded to each format that changes
// one of them.
std::vector<PositionGuess> UsualPositions(const std::vector<double>& given);

// Guesses from what came out: one shift for all tokens, one for each row, whole numbers for each
// token.
std::vector<PositionGuess> PositionsFound(const Samples& samples, const std::vector<double>& given,
                                          const std::vector<TokenPosition>& found);

}  // namespace rotary

#endif  // ROTARY_DOCTOR_TOKEN_POSITIONS_H_
