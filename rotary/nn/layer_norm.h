// Layer normalisation with the residual sum in front of it, in one pass over memory.
// Source: Ba et al. 2016, arXiv:1607.06450.
//
//   sum = dropout(x) + residual
//   y   = (sum - mean(sum)) * rstd * gain + bias,   rstd = 1 / sqrt(variance(sum) + epsilon)
#ifndef ROTARY_NN_LAYER_NORM_H_
#define ROTARY_NN_LAYER_NORM_H_

#include <span>

#include "rotary/nn/dropout.h"
#include "rotary/nn/matrix.h"

namespace rotary {

// What the gradient remembers of the forward pass. For inference all of it may be left out.
struct NormSaved {
  Matrix<float> sum;  // [rows, cols]: what was normalised; may be x itself. Not written where it is
                      // x and nothing is added or dropped
  std::span<float> mean;  // [rows]; RMS normalisation has none
  std::span<float> rstd;  // [rows]
};

struct LayerNormOptions {
  double epsilon = 1e-12;  // RoFormer's and BERT's
  DropoutMask dropout;     // of x, before the residual is added
  int threads = 0;
};

//   x, y      [rows, cols]; y may be x (then saved.sum, if wanted, must be another matrix)
//   residual  no data, or [rows, cols]
//   gain      [cols];  bias  [cols] or empty
// Accuracy: docs/nn.md. Throws std::invalid_argument on a mismatch, as the gradient does; outputs
// are then untouched. Threads: here and below, the result is the same to the bit for any count.
void LayerNorm(Matrix<const float> x, Matrix<const float> residual, std::span<const float> gain,
               std::span<const float> bias, Matrix<float> y, const NormSaved& saved,
               const LayerNormOptions& options = {});

// The gradient, from `saved` as the forward pass left it.
//   d_y     [rows, cols]
//   d_sum   [rows, cols]: the gradient by the sum, so by the residual, + beta d_sum. Beta is 0, or
//           1 to keep what the residual stream of a pre-norm model brings; d_sum may be d_y where
//           beta is 0
//   d_x     no data (it equals d_sum where nothing was dropped), or [rows, cols], written: d_sum
//           with the dropped elements 0
//   d_gain  [cols], added to;  d_bias  [cols] or empty, added to
void LayerNormBackward(const NormSaved& saved, std::span<const float> gain, Matrix<const float> d_y,
                       float beta, Matrix<float> d_sum, Matrix<float> d_x, std::span<float> d_gain,
                       std::span<float> d_bias, const LayerNormOptions& options = {});

}  // namespace rotary

#endif  // ROTARY_NN_LAYER_NORM_H_
