// Root-mean-square normalisation with the residual sum in front of it, in one pass over memory.
// Source: Zhang and Sennrich 2019, arXiv:1910.07467.
//
//   sum = dropout(x) + residual
//   y   = sum * rstd * gain,   rstd = 1 / sqrt(mean(sum^2) + epsilon)
#ifndef ROTARY_NN_RMS_NORM_H_
#define ROTARY_NN_RMS_NORM_H_

#include <span>

#include "rotary/nn/layer_norm.h"

namespace rotary {

struct RmsNormOptions {
  double epsilon = 1e-6;
  DropoutMask dropout;  // of x, before the residual is added
  int threads = 0;
};

//   x, y      [rows, cols]; y may be x (then saved.sum, if wanted, must be another matrix)
//   residual  no data, or [rows, cols];  gain  [cols]
//   saved     its mean is not used; saved.sum is the new residual stream of a pre-norm model
// Throws std::invalid_argument on a mismatch, as the gradient does; outputs are then untouched.
// Threads: here and below, the result is the same to the bit for any count.
void RmsNorm(Matrix<const float> x, Matrix<const float> residual, std::span<const float> gain,
             Matrix<float> y, const NormSaved& saved, const RmsNormOptions& options = {});

// The gradient, from `saved` as the forward pass left it.
// The arguments are those of LayerNormBackward; there is no bias.
void RmsNormBackward(const NormSaved& saved, std::span<const float> gain, Matrix<const float> d_y,
                     float beta, Matrix<float> d_sum, Matrix<float> d_x, std::span<float> d_gain,
                     const RmsNormOptions& options = {});

}  // namespace rotary

#endif  // ROTARY_NN_RMS_NORM_H_
