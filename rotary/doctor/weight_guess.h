// Which layout the weights of queries and keys are stored in, by the lengths of their rows.
//
// The two rows of a pair are alike to training: turning both by one angle changes no score. Pairs
// are not, as their frequencies differ: fast ones see neighbours, slow ones the whole text, and
// their rows grow to other lengths. So the length of rows is a function of the pair, smooth in its
// index, and each layout lays that function out in another way:
//
//   half         . : | . : |        two times the same
//   interleaved  . . : : | |        once, at half the pace
//
// The statistic is ln(U_interleaved / U_half), where U is the share of the variance of the log
// lengths that no parabola in the index of the pair explains. What it would be by chance is not
// assumed but drawn: channels of random initial weights (and of models without rotation) can be
// permuted within their heads without changing how likely they are, so that the statistic of 10,000
// permutations says how large chance makes it. A layout is named where fewer than one in 2,000 of
// them comes as far, the rows as they are counted too: such weights then get a name less than once
// in 2,000 times, whatever their distribution.
#ifndef ROTARY_DOCTOR_WEIGHT_GUESS_H_
#define ROTARY_DOCTOR_WEIGHT_GUESS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "rotary/doctor/finding.h"
#include "rotary/rope/rotation.h"

namespace rotary {

// The rows of queries, or of keys, of one layer.
struct RowLengths {
  int layer = 0;
  bool is_key = false;
  int heads = 0;
  // [channels that turn, in the order of the rows], means over heads of ln |row|, less that of all
  // channels of the head.
  std::vector<double> log_length;
};

struct LayoutGuess {
  std::optional<Layout> layout;  // nothing: they do not tell
  // Certain: no permutation comes as far, and the other layout leaves at least twice as much
  // unexplained. Else likely.
  Certainty certainty = Certainty::kCannotTell;
  double left_by_half = 1, left_by_interleaved = 1;  // U
  int permutations = 0;
  int as_far = 0;  // of them, as far from 0 as the rows as they are
};

// Layers with fewer than 4 pairs, which any parabola explains, count nothing. Depends on its
// arguments alone. Work: permutations times all numbers.
LayoutGuess GuessLayout(const std::vector<RowLengths>& rows);

// Adds a head's rows: `lengths` of its channels that turn. Heads with rows of length 0 are left
// out.
void AddHead(const std::vector<double>& lengths, RowLengths& rows);

}  // namespace rotary

#endif  // ROTARY_DOCTOR_WEIGHT_GUESS_H_
