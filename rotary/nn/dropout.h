// Dropout without a stored mask: which elements fall out is computed again wherever it is needed.
// Source: Srivastava et al. 2014, "Dropout: a simple way to prevent neural networks from
// overfitting".
#ifndef ROTARY_NN_DROPOUT_H_
#define ROTARY_NN_DROPOUT_H_

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "rotary/nn/matrix.h"

namespace rotary {

// Element (row, col) falls out with the given probability, depending on (seed, stream, row, col and
// the number of columns) alone; what stays is multiplied by 1 / (1 - probability). One stream
// serves one use in one step: layers and steps take different streams.
struct DropoutMask {
  double probability = 0;  // in [0, 1), rounded to a multiple of 2^-16; 0: nothing happens
  uint64_t seed = 0;
  uint64_t stream = 0;

  // An element falls out where its 16 random bits are below this.
  int threshold() const {
    return std::min(65535, static_cast<int>(std::lround(probability * 65536)));
  }
  // What the others are multiplied by.
  double scale() const { return 65536.0 / (65536 - threshold()); }
};

// y = x with its elements dropped; y may be x. The gradient is the same function applied to d_y.
// Throws std::invalid_argument on a mismatch or a probability outside [0, 1); y is then untouched.
// Threads: the result is the same to the bit for any count.
void ApplyDropout(const DropoutMask& mask, Matrix<const float> x, Matrix<float> y, int threads = 0);

// Throws std::invalid_argument, in the name of `operation`, unless the probability is in [0, 1).
void RequireProbability(const DropoutMask& mask, const char* operation);

// Elements of the scratch row that dropout of a row of `cols` columns needs (dropout-inl.h).
inline int64_t DropoutScratch(const DropoutMask& mask, int64_t cols) {
  return mask.probability == 0 ? 0 : (cols + 127) / 128 * 128;
}

}  // namespace rotary

#endif  // ROTARY_NN_DROPOUT_H_
