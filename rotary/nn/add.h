// The sum of two matrices.
#ifndef ROTARY_NN_ADD_H_
#define ROTARY_NN_ADD_H_

#include "rotary/nn/matrix.h"

namespace rotary {

// sum += x, element by element; both are of one shape.
// Throws std::invalid_argument on a mismatch; `sum` is then untouched.
// Threads: 0 means all cores; the result is the same to the bit for any count.
void AddTo(Matrix<const float> x, Matrix<float> sum, int threads = 0);

}  // namespace rotary

#endif  // ROTARY_NN_ADD_H_
