// Rows of tables picked by index, their sums, and the gradient: embeddings, and any other gathering
// of rows.
#ifndef ROTARY_NN_EMBEDDING_H_
#define ROTARY_NN_EMBEDDING_H_

#include <cstdint>
#include <span>

#include "rotary/nn/matrix.h"

namespace rotary {

// One table and which of its rows each output row takes.
struct Lookup {
  Matrix<const float> table;     // [entries, cols]
  std::span<const int32_t> ids;  // [rows], each in [0, entries)
};

// out[i] = sum over the lookups of table[ids[i]]: words + positions + types. out is [rows, cols].
// Throws std::invalid_argument on a mismatch and std::out_of_range for an id outside its table, as
// the gradient does; the output is then untouched. Threads: here and below, the result is the same
// to the bit for any count.
void Embed(std::span<const Lookup> lookups, Matrix<float> out, int threads = 0);

// d_table[ids[i]] += d_out[i], in ascending order of i.
//   d_out [rows, cols], d_table [entries, cols]
void EmbedBackward(std::span<const int32_t> ids, Matrix<const float> d_out, Matrix<float> d_table,
                   int threads = 0);

}  // namespace rotary

#endif  // ROTARY_NN_EMBEDDING_H_
