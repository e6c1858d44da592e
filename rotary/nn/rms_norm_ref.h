// The slow, obvious twin of rms_norm.h in double. Dropout and the residual sum are left to the
// caller: it passes the sum.
#ifndef ROTARY_NN_RMS_NORM_REF_H_
#define ROTARY_NN_RMS_NORM_REF_H_

#include <cmath>
#include <span>

#include "rotary/nn/matrix.h"

namespace rotary {

inline double RmsNormRstdRef(const double* row, int64_t cols, double epsilon) {
  double mean_square = 0;
  for (int64_t j = 0; j < cols; ++j) mean_square += row[j] * row[j] / static_cast<double>(cols);
  return 1 / std::sqrt(mean_square + epsilon);
}

// y = sum * rstd * gain.
inline void RmsNormRef(Matrix<const double> sum, std::span<const double> gain, double epsilon,
                       Matrix<double> y) {
  for (int64_t i = 0; i < sum.rows; ++i) {
    const double rstd = RmsNormRstdRef(sum.Row(i), sum.cols, epsilon);
    for (int64_t j = 0; j < sum.cols; ++j)
      y.Row(i)[j] = sum.Row(i)[j] * rstd * gain[static_cast<size_t>(j)];
  }
}

// With n = sum * rstd and g = d_y * gain: d_sum = beta d_sum + rstd (g - n mean(g n)); d_gain +=
// d_y n.
inline void RmsNormBackwardRef(Matrix<const double> sum, std::span<const double> gain,
                               double epsilon, Matrix<const double> d_y, double beta,
                               Matrix<double> d_sum, std::span<double> d_gain) {
  for (int64_t i = 0; i < sum.rows; ++i) {
    const double rstd = RmsNormRstdRef(sum.Row(i), sum.cols, epsilon);
    double mean_gn = 0;
    for (int64_t j = 0; j < sum.cols; ++j) {
      const size_t c = static_cast<size_t>(j);
      const double n = sum.Row(i)[j] * rstd, d = d_y.Row(i)[j];
      mean_gn += d * gain[c] * n / static_cast<double>(sum.cols);
      d_gain[c] += d * n;
    }
    for (int64_t j = 0; j < sum.cols; ++j) {
      const double n = sum.Row(i)[j] * rstd;
      const double before = beta == 0 ? 0 : beta * d_sum.Row(i)[j];
      d_sum.Row(i)[j] =
          before + rstd * (d_y.Row(i)[j] * gain[static_cast<size_t>(j)] - n * mean_gn);
    }
  }
}

}  // namespace rotary

#endif  // ROTARY_NN_RMS_NORM_REF_H_
