// Linear layers: y = x w^T + bias, with weights as Hugging Face stores them, one row for each
// output.
#ifndef ROTARY_NN_LINEAR_H_
#define ROTARY_NN_LINEAR_H_

#include <span>

#include "rotary/nn/matrix.h"

namespace rotary {

// y = x w^T + bias.
//   x [rows, in], w [out, in], bias [out] or empty, y [rows, out]
// Throws std::invalid_argument on a mismatch, as all functions here do; outputs are then untouched.
// Threads: here and below, 0 means all cores, and the result is the same to the bit for any count.
void Linear(Matrix<const float> x, Matrix<const float> w, std::span<const float> bias,
            Matrix<float> y, int threads = 0);

// y = gelu(x w^T + bias); the work after the product is done while its blocks are in cache.
//   slope  no data, or [rows, out]: gelu'(x w^T + bias), all that the gradient needs to remember
void LinearGelu(Matrix<const float> x, Matrix<const float> w, std::span<const float> bias,
                Matrix<float> slope, Matrix<float> y, int threads = 0);

// y = silu(gate) * up, where the columns of x w^T + bias are gate, then up: the first half of a
// gated feed-forward layer, for training.
//   w       [2 inner, in], bias [2 inner] or empty, y [rows, inner]
//   slopes  [rows, 2 inner]: dy/dgate, then dy/dup, all that the gradient needs to remember
void LinearSwiGlu(Matrix<const float> x, Matrix<const float> w, std::span<const float> bias,
                  Matrix<float> slopes, Matrix<float> y, int threads = 0);

// d_x = d_y w + beta d_x, the gradient by the input; beta is 0 or 1.
void LinearBackwardInput(Matrix<const float> d_y, Matrix<const float> w, float beta,
                         Matrix<float> d_x, int threads = 0);

// d_x = (d_y w) * slope, element by element: the gradient by what stood before the activation that
// made the input, where slope is the derivative of that activation as LinearGelu wrote it.
void LinearBackwardInput(Matrix<const float> d_y, Matrix<const float> w, Matrix<const float> slope,
                         Matrix<float> d_x, int threads = 0);

// The gradient through the second half of a gated feed-forward layer: puts the gradients by gate
// and up in the place of the slopes that LinearSwiGlu wrote.
//   d_y [rows, out], w [out, inner], slopes [rows, 2 inner]
//   d_inner  [rows, inner], written: d_y w, the gradient by what LinearSwiGlu called y
void LinearBackwardInputSwiGlu(Matrix<const float> d_y, Matrix<const float> w,
                               Matrix<float> d_inner, Matrix<float> slopes, int threads = 0);

// d_w += d_y^T x, and d_bias += the column sums of d_y.
//   d_y [rows, out], x [rows, in], d_w [out, in], d_bias [out] or empty
void LinearBackwardWeight(Matrix<const float> d_y, Matrix<const float> x, Matrix<float> d_w,
                          std::span<float> d_bias, int threads = 0);

}  // namespace rotary

#endif  // ROTARY_NN_LINEAR_H_
