// What went into an unknown rotation and what came out of it, as doubles: what every estimate of
// the doctor starts from.
#ifndef ROTARY_DOCTOR_SAMPLES_H_
#define ROTARY_DOCTOR_SAMPLES_H_

#include <cstdint>
#include <set>
#include <vector>

#include "rotary/base/tensor.h"

namespace rotary {

// Queries or keys before and after.
struct Observation {
  // [rows, tokens, heads, head_dim], each f64, f32, bf16 or f16.
  ConstTensorView before, after;
  // [rows, tokens, axes]; empty: unknown.
  std::vector<double> positions;
  int axes = 1;
};

// Throws std::invalid_argument: two shapes, not four axes, no numbers, not a position for each
// token and axis. Does not look at the numbers.
void CheckObservation(const Observation& observation);

// Some tokens of an observation, all heads of each.
struct Samples {
  int64_t tokens = 0, heads = 0;
  int head_dim = 0, axes = 1;
  std::vector<double> before, after;  // [tokens, heads, head_dim]
  std::vector<double> positions;      // [tokens, axes]; empty: unknown
  std::vector<int64_t> row, token;    // [tokens]: where each lies
  // Half a unit in the last place of what came out, of numbers from 1 to 2: 2^-24 for f32, or that
  // of a shorter format whose numbers all of them are.
  double unit = 0;

  const double* Before(int64_t t) const { return before.data() + t * heads * head_dim; }
  const double* After(int64_t t) const { return after.data() + t * heads * head_dim; }
};

// Places in [rows, tokens], ascending, of tokens whose outputs are all zero and whose inputs are
// not: what no rotation does, and what memory holds that nobody wrote.
std::vector<int64_t> UnwrittenTokens(const Observation& observation);

// At most `most` tokens, of those that were written where any were: the first half of them from the
// beginning of the first row on, because neighbours tell fast turns, the others evenly from the
// rest, because distance tells slow ones exactly. Throws std::invalid_argument where a number is
// not finite, with its place.
Samples TakeSamples(const Observation& observation, int64_t most);

// Every token. Throws as TakeSamples.
Samples TakeAll(const Observation& observation);

// The tokens at these places in [rows, tokens]; `unit` is left open. Throws as TakeSamples.
Samples TakeTokens(const Observation& observation, const std::vector<int64_t>& places);

// Whether each number came out as it went in, but for the rounding to what came out.
bool IsUntouched(const Samples& samples);

// Positions of the samples, or where none were given, tokens counted from 0: [tokens, axes].
std::vector<double> GivenPositions(const Samples& samples);

// Those of one head; of one row, of some rows.
Samples OfHead(const Samples& samples, int64_t head);
Samples OfRow(const Samples& samples, int64_t row);
Samples OfRows(const Samples& samples, const std::set<int64_t>& rows);

}  // namespace rotary

#endif  // ROTARY_DOCTOR_SAMPLES_H_
