#include "rotary/nn/rms_norm.h"

#include "rotary/nn/norm_rows.h"

namespace rotary {

void RmsNorm(Matrix<const float> x, Matrix<const float> residual, std::span<const float> gain,
             Matrix<float> y, const NormSaved& saved, const RmsNormOptions& options) {
  internal::NormForward({.operation = "RmsNorm",
                         .centred = false,
                         .epsilon = options.epsilon,
                         .dropout = options.dropout,
                         .x = x,
                         .residual = residual,
                         .gain = gain,
                         .bias = {},
                         .y = y,
                         .saved = saved,
                         .threads = options.threads});
}

void RmsNormBackward(const NormSaved& saved, std::span<const float> gain, Matrix<const float> d_y,
                     float beta, Matrix<float> d_sum, Matrix<float> d_x, std::span<float> d_gain,
                     const RmsNormOptions& options) {
  internal::NormBackward({.operation = "RmsNormBackward",
                          .centred = false,
                          .dropout = options.dropout,
                          .saved = saved,
                          .gain = gain,
                          .d_y = d_y,
                          .beta = beta,
                          .d_sum = d_sum,
                          .d_x = d_x,
                          .d_gain = d_gain,
                          .d_bias = {},
                          .threads = options.threads});
}

}  // namespace rotary
