// The bias of a linear layer, and the gradient by it.
#ifndef ROTARY_NN_BIAS_H_
#define ROTARY_NN_BIAS_H_

#include <span>

#include "rotary/nn/matrix.h"

namespace rotary {

// y[i] += bias for every row i.
// Throws std::invalid_argument on a mismatch, as both functions do; the output is then untouched.
// Threads: here and below, 0 means all cores, and the result is the same to the bit for any count.
void AddBias(std::span<const float> bias, Matrix<float> y, int threads = 0);

// d_bias += the sum of the rows of d_y. Sums of 64 rows are summed, so rounding grows slower than
// with the rows.
void AddRowSums(Matrix<const float> d_y, std::span<float> d_bias, int threads = 0);

}  // namespace rotary

#endif  // ROTARY_NN_BIAS_H_
