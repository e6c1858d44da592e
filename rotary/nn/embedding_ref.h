// The slow, obvious twin of embedding.h in double.
#ifndef ROTARY_NN_EMBEDDING_REF_H_
#define ROTARY_NN_EMBEDDING_REF_H_

#include <cstdint>
#include <span>

#include "rotary/nn/matrix.h"

namespace rotary {

// out[i] = table[ids[i]] + beta out[i].
inline void EmbedRef(Matrix<const double> table, std::span<const int32_t> ids, double beta,
                     Matrix<double> out) {
  for (int64_t i = 0; i < out.rows; ++i) {
    const double* row = table.Row(ids[static_cast<size_t>(i)]);
    for (int64_t j = 0; j < out.cols; ++j)
      out.Row(i)[j] = row[j] + (beta == 0 ? 0 : beta * out.Row(i)[j]);
  }
}

// d_table[ids[i]] += d_out[i].
inline void EmbedBackwardRef(std::span<const int32_t> ids, Matrix<const double> d_out,
                             Matrix<double> d_table) {
  for (int64_t i = 0; i < d_out.rows; ++i) {
    double* row = d_table.Row(ids[static_cast<size_t>(i)]);
    for (int64_t j = 0; j < d_out.cols; ++j) row[j] += d_out.Row(i)[j];
  }
}

}  // namespace rotary

#endif  // ROTARY_NN_EMBEDDING_REF_H_
