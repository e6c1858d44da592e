// Dropout without a stored mask: which elements fall out is computed again wherever it is needed.
// Source: Srivastava et al. 2014, "Dropout: a simple way to prevent neural networks from
// overfitting".
#ifndef ROTARY_NN_DROPOUT_H_
#define ROTARY_NN_DROPOUT_H_

#include <cstdint>

#include "rotary/nn/matrix.h"

namespace rotary {

// Element (row, col) falls out, depending on (seed, stream, row, col and the number of columns)
// alone, with the given probability (rounded to a multiple of 2^-16); what stays is multiplied by 1
// / (1 - probability). One stream serves one use in one step: layers and steps take different
// streams.
struct DropoutMask {
  double probability = 0;  // in [0, 1); 0: nothing happens
  uint64_t seed = 0;
  uint64_t stream = 0;
};

// y = x with its elements dropped; y may be x. The gradient is the same function applied to d_y.
// Throws std::invalid_argument on a mismatch or a probability outside [0, 1).
// Threads: the result is the same to the bit for any count.
void ApplyDropout(const DropoutMask& mask, Matrix<const float> x, Matrix<float> y, int threads = 0);

}  // namespace rotary

#endif  // ROTARY_NN_DROPOUT_H_
