// The slow, obvious twin of dropout.h in double, with the same mask to the bit.
#ifndef ROTARY_NN_DROPOUT_REF_H_
#define ROTARY_NN_DROPOUT_REF_H_

#include "rotary/base/random.h"
#include "rotary/nn/dropout.h"

namespace rotary {

// What element (row, col) of a matrix of `cols` columns is multiplied by: 0 or 1 / (1 -
// probability).
//
// A row is cut into blocks of 128 columns. A block takes 16 Philox counters, each worth 8 numbers
// of 16 bits: column 16 j + i of the block takes the j-th number of the i-th counter, so that a
// vector of any width up to 16 lanes fills itself from neighbouring counters without a shuffle.
inline double DropoutFactorRef(const DropoutMask& mask, int64_t row, int64_t col, int64_t cols) {
  const int64_t blocks = (cols + 127) / 128;
  const int64_t counter = 16 * (row * blocks + col / 128) + col % 16;
  const int64_t number = col % 128 / 16;
  const uint32_t word = Random(mask.seed, mask.stream)
                            .Words(static_cast<uint64_t>(counter))[static_cast<size_t>(number / 2)];
  const int bits = static_cast<int>((word >> (16 * (number % 2))) & 0xffffu);
  return bits < mask.threshold() ? 0 : mask.scale();
}

// y = x with its elements dropped; y may be x.
inline void ApplyDropoutRef(const DropoutMask& mask, Matrix<const double> x, Matrix<double> y) {
  for (int64_t i = 0; i < x.rows; ++i) {
    for (int64_t j = 0; j < x.cols; ++j) {
      y.Row(i)[j] = x.Row(i)[j] * DropoutFactorRef(mask, i, j, x.cols);
    }
  }
}

}  // namespace rotary

#endif  // ROTARY_NN_DROPOUT_REF_H_
