// The Gaussian error linear unit in its exact form: gelu(z) = z (1 + erf(z / sqrt 2)) / 2.
// Source: Hendrycks and Gimpel 2016, arXiv:1606.08415. LinearGelu (linear.h) does it together with
// the product before it.
#ifndef ROTARY_NN_GELU_H_
#define ROTARY_NN_GELU_H_

#include <span>

#include "rotary/nn/matrix.h"

namespace rotary {

// y = gelu(z + bias); y may be z.
//   bias   one element for each column, or empty
//   slope  no data, or the shape of z: gelu'(z + bias), all that the gradient needs to remember;
//   may be z where y is not
// Accuracy: docs/nn.md. Throws std::invalid_argument on a mismatch.
// Threads: here and below, 0 means all cores, and the result is the same to the bit for any count.
void Gelu(Matrix<const float> z, std::span<const float> bias, Matrix<float> slope, Matrix<float> y,
          int threads = 0);

// d_z = d_y * slope, element by element; d_z may be d_y.
void GeluBackward(Matrix<const float> slope, Matrix<const float> d_y, Matrix<float> d_z,
                  int threads = 0);

}  // namespace rotary

#endif  // ROTARY_NN_GELU_H_
