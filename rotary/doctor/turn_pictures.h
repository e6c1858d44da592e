// By how much each pair turned at each token, and by how much it should have: what a page draws.
#ifndef ROTARY_DOCTOR_TURN_PICTURES_H_
#define ROTARY_DOCTOR_TURN_PICTURES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "rotary/doctor/diagnosis.h"

namespace rotary {

// Angles of a list of pairs.
struct TurnPicture {
  std::vector<int> first, second;  // [pairs]
  std::vector<double> angle;       // [pairs, tokens], radians within half a turn; NaN: unknown
};

struct TurnPictures {
  std::vector<int64_t> row, token;  // [tokens]: where each lies in the observation
  std::vector<double> position;     // [tokens, axes]: those asked for
  int axes = 1;
  int64_t all_tokens = 0;  // of the observation, rows together
  int64_t head = -1;       // the only one looked at; -1: all of them together
  TurnPicture measured;    // of the pairs that were found, else those of the config
  // Measured less expected, for the config's pairs and rotation, else for those that were found.
  TurnPicture off;
};

// Tokens are taken evenly, so many that a picture has at most `most_cells` cells, and 256 at most.
// Nothing where neither a rotation was found nor one was asked for.
//
// A head that turns otherwise than the others is looked at alone; so is the first of a rotation
// with frequencies for each head. Positions that nobody gave are counted from 0, shifted as found.
// Throws as TakeSamples does; std::invalid_argument: a rotation of heads of another size.
std::optional<TurnPictures> DrawTurns(const Observation& observation,
                                      const std::optional<Expectation>& expected,
                                      const Diagnosis& diagnosis, int64_t most_cells);

}  // namespace rotary

#endif  // ROTARY_DOCTOR_TURN_PICTURES_H_
