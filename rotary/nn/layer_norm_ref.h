// The slow, obvious twin of layer_norm.h in double. Dropout and the residual sum are left to the
// caller: it passes the sum.
#ifndef ROTARY_NN_LAYER_NORM_REF_H_
#define ROTARY_NN_LAYER_NORM_REF_H_

#include <cmath>
#include <span>

#include "rotary/nn/matrix.h"

namespace rotary {

struct LayerNormMoments {
  double mean, rstd;
};
inline LayerNormMoments LayerNormMomentsRef(const double* row, int64_t cols, double epsilon) {
  double mean = 0, variance = 0;
  for (int64_t j = 0; j < cols; ++j) mean += row[j] / static_cast<double>(cols);
  for (int64_t j = 0; j < cols; ++j)
    variance += (row[j] - mean) * (row[j] - mean) / static_cast<double>(cols);
  return {mean, 1 / std::sqrt(variance + epsilon)};
}

// y = (sum - mean) * rstd * gain + bias; bias may be empty.
inline void LayerNormRef(Matrix<const double> sum, std::span<const double> gain,
                         std::span<const double> bias, double epsilon, Matrix<double> y) {
  for (int64_t i = 0; i < sum.rows; ++i) {
    const auto [mean, rstd] = LayerNormMomentsRef(sum.Row(i), sum.cols, epsilon);
    for (int64_t j = 0; j < sum.cols; ++j) {
      const size_t c = static_cast<size_t>(j);
      y.Row(i)[j] = (sum.Row(i)[j] - mean) * rstd * gain[c] + (bias.empty() ? 0 : bias[c]);
    }
  }
}

// With n = (sum - mean) * rstd and g = d_y * gain: d_sum = beta d_sum + rstd (g - mean(g) - n
// mean(g n)); d_gain += d_y n; d_bias += d_y.
inline void LayerNormBackwardRef(Matrix<const double> sum, std::span<const double> gain,
                                 double epsilon, Matrix<const double> d_y, double beta,
                                 Matrix<double> d_sum, std::span<double> d_gain,
                                 std::span<double> d_bias) {
  const double count = static_cast<double>(sum.cols);
  for (int64_t i = 0; i < sum.rows; ++i) {
    const auto [mean, rstd] = LayerNormMomentsRef(sum.Row(i), sum.cols, epsilon);
    double mean_g = 0, mean_gn = 0;
    for (int64_t j = 0; j < sum.cols; ++j) {
      const size_t c = static_cast<size_t>(j);
      const double n = (sum.Row(i)[j] - mean) * rstd, d = d_y.Row(i)[j];
      mean_g += d * gain[c] / count;
      mean_gn += d * gain[c] * n / count;
      d_gain[c] += d * n;
      if (!d_bias.empty()) d_bias[c] += d;
    }
    for (int64_t j = 0; j < sum.cols; ++j) {
      const double n = (sum.Row(i)[j] - mean) * rstd;
      const double before = beta == 0 ? 0 : beta * d_sum.Row(i)[j];
      d_sum.Row(i)[j] =
          before + rstd * (d_y.Row(i)[j] * gain[static_cast<size_t>(j)] - mean_g - n * mean_gn);
    }
  }
}

}  // namespace rotary

#endif  // ROTARY_NN_LAYER_NORM_REF_H_
