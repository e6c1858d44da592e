#include "rotary/nn/rms_norm.h"

#include <cmath>
#include <vector>

namespace rotary {

void RmsNorm(Matrix<const float> x, Matrix<const float> residual, std::span<const float> gain,
             Matrix<float> y, const NormSaved& saved, const RmsNormOptions& options) {
  RequireShape(y, x.rows, x.cols, "RmsNorm", "y");
  std::vector<float> sum(static_cast<size_t>(x.rows * x.cols));
  const Matrix<float> s(sum.data(), x.rows, x.cols);
  ApplyDropout(options.dropout, x, s, options.threads);
  for (int64_t i = 0; i < x.rows; ++i) {
    double squares = 0;
    for (int64_t j = 0; j < x.cols; ++j) {
      if (residual) s.Row(i)[j] += residual.Row(i)[j];
      squares += std::pow(static_cast<double>(s.Row(i)[j]), 2);
    }
    const double rstd = 1 / std::sqrt(squares / static_cast<double>(x.cols) + options.epsilon);
    for (int64_t j = 0; j < x.cols; ++j) {
      y.Row(i)[j] = static_cast<float>(s.Row(i)[j] * rstd * gain[static_cast<size_t>(j)]);
      if (saved.sum) saved.sum.Row(i)[j] = s.Row(i)[j];
    }
    if (!saved.rstd.empty()) saved.rstd[static_cast<size_t>(i)] = static_cast<float>(rstd);
  }
}

void RmsNormBackward(const NormSaved& saved, std::span<const float> gain, Matrix<const float> d_y,
                     float beta, Matrix<float> d_sum, Matrix<float> d_x, std::span<float> d_gain,
                     const RmsNormOptions& options) {
  RequireShape(d_sum, d_y.rows, d_y.cols, "RmsNormBackward", "d_sum");
  std::vector<double> gains(d_gain.size());
  for (int64_t i = 0; i < d_y.rows; ++i) {
    const double rstd = saved.rstd[static_cast<size_t>(i)];
    double dot = 0;
    for (int64_t j = 0; j < d_y.cols; ++j) {
      const size_t c = static_cast<size_t>(j);
      const double normed = saved.sum.Row(i)[j] * rstd, d = d_y.Row(i)[j];
      dot += d * gain[c] * normed;
      if (!gains.empty()) gains[c] += d * normed;
    }
    dot /= static_cast<double>(d_y.cols);
    for (int64_t j = 0; j < d_y.cols; ++j) {
      const double normed = saved.sum.Row(i)[j] * rstd;
      const double before = beta == 0 ? 0 : d_sum.Row(i)[j];
      d_sum.Row(i)[j] = static_cast<float>(
          before + rstd * (d_y.Row(i)[j] * gain[static_cast<size_t>(j)] - normed * dot));
    }
  }
  for (size_t j = 0; j < gains.size(); ++j) d_gain[j] += static_cast<float>(gains[j]);
  if (d_x) ApplyDropout(options.dropout, d_sum, d_x, options.threads);
}

}  // namespace rotary
