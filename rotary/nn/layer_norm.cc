#include "rotary/nn/layer_norm.h"

#include "rotary/nn/norm_rows.h"

namespace rotary {

void LayerNorm(Matrix<const float> x, Matrix<const float> residual, std::span<const float> gain,
               std::span<const float> bias, Matrix<float> y, const NormSaved& saved,
               const LayerNormOptions& options) {
  internal::NormForward({.operation = "LayerNorm",
                         .centred = true,
                         .epsilon = options.epsilon,
                         .dropout = options.dropout,
                         .x = x,
                         .residual = residual,
                         .gain = gain,
                         .bias = bias,
                         .y = y,
                         .saved = saved,
                         .threads = options.threads});
}

void LayerNormBackward(const NormSaved& saved, std::span<const float> gain, Matrix<const float> d_y,
                       float beta, Matrix<float> d_sum, Matrix<float> d_x, std::span<float> d_gain,
                       std::span<float> d_bias, const LayerNormOptions& options) {
  internal::NormBackward({.operation = "LayerNormBackward",
                          .centred = true,
                          .dropout = options.dropout,
                          .saved = saved,
                          .gain = gain,
                          .d_y = d_y,
                          .beta = beta,
                          .d_sum = d_sum,
                          .d_x = d_x,
                          .d_gain = d_gain,
                          .d_bias = d_bias,
                          .threads = options.threads});
}

}  // namespace rotary
