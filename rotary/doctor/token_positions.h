// At which positions tokens may have been turned.
#ifndef ROTARY_DOCTOR_TOKEN_POSITIONS_H_
#define ROTARY_DOCTOR_TOKEN_POSITIONS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "rotary/doctor/turn_fit.h"

namespace rotary {

// Positions that may explain an observation, and how they come of those that were given.
struct PositionGuess {
  std::string kind;                          // "as given", "shifted", "rounded", "by row", "other"
  double shift = 0;                          // where kind is "shifted"
  Precision precision = Precision::kDouble;  // where kind is "rounded"
  std::vector<double> positions;             // [tokens, axes]
  double faults = 0;                         // the weight of it in a score
};

// Guesses that need no look at what came out: as given, and rounded to each format that changes
// one of them.
std::vector<PositionGuess> UsualPositions(const std::vector<double>& given);

// Guesses from what came out: one shift for all tokens, one for each row, shifts that many tokens
// share, one for each token; on several axes also one for each token and axis.
//   frequency  [pairs, axes]
//   given      [tokens, axes]
//   tolerance  of angles, relative, as for FitOf
std::vector<PositionGuess> PositionsFound(const TurnTable& table, const Samples& samples,
                                          const std::vector<double>& frequency, bool inverse,
                                          const std::vector<double>& given, double tolerance);

// Of positions that were not given, where angles are rounded to a format: the whole shift that most
// tokens of each row have, or one beside it.
std::map<int64_t, double> ShiftsOfRows(const TurnTable& table, const Samples& samples,
                                       const std::vector<double>& frequency,
                                       const std::vector<double>& given, Precision precision);

// chi^2 of a hypothesis at some positions; a part of it that is above `most` is enough.
using PositionsLeft = std::function<double(const std::vector<double>& positions, double most)>;

// The positions of such shifts, or of others as near in each row as angles in the format leave
// open: those where `left`, a chi^2, is least.
//   rounds  whether positions are rounded to the format too
PositionGuess PositionsRounded(std::map<int64_t, double> shifts, const Samples& samples,
                               const std::vector<double>& given, Precision format, bool rounds,
                               const PositionsLeft& left);

// The positions of some tokens where those of others were explained by a guess: [tokens, axes];
// nothing where they do not follow from it.
std::optional<std::vector<double>> PositionsOf(const PositionGuess& guess, const Samples& explained,
                                               const Samples& some);

}  // namespace rotary

#endif  // ROTARY_DOCTOR_TOKEN_POSITIONS_H_
