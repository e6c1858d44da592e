#include "rotary/nn/layer_norm.h"

#include <cmath>
#include <vector>

namespace rotary {

void LayerNorm(Matrix<const float> x, Matrix<const float> residual, std::span<const float> gain,
               std::span<const float> bias, Matrix<float> y, const NormSaved& saved,
               const LayerNormOptions& options) {
  RequireShape(y, x.rows, x.cols, "LayerNorm", "y");
  std::vector<float> sum(static_cast<size_t>(x.rows * x.cols));
  const Matrix<float> s(sum.data(), x.rows, x.cols);
  ApplyDropout(options.dropout, x, s, options.threads);
  for (int64_t i = 0; i < x.rows; ++i) {
    double mean = 0, variance = 0;
    for (int64_t j = 0; j < x.cols; ++j) {
      if (residual) s.Row(i)[j] += residual.Row(i)[j];
      mean += static_cast<double>(s.Row(i)[j]);
    }
    mean /= static_cast<double>(x.cols);
    for (int64_t j = 0; j < x.cols; ++j)
      variance += std::pow(static_cast<double>(s.Row(i)[j]) - mean, 2);
    const double rstd = 1 / std::sqrt(variance / static_cast<double>(x.cols) + options.epsilon);
    for (int64_t j = 0; j < x.cols; ++j) {
      const size_t c = static_cast<size_t>(j);
      y.Row(i)[j] = static_cast<float>((static_cast<double>(s.Row(i)[j]) - mean) * rstd * gain[c] +
                                       (bias.empty() ? 0 : bias[c]));
      if (saved.sum) saved.sum.Row(i)[j] = s.Row(i)[j];
    }
    if (!saved.mean.empty()) saved.mean[static_cast<size_t>(i)] = static_cast<float>(mean);
    if (!saved.rstd.empty()) saved.rstd[static_cast<size_t>(i)] = static_cast<float>(rstd);
  }
}

void LayerNormBackward(const NormSaved& saved, std::span<const float> gain, Matrix<const float> d_y,
                       Matrix<float> d_sum, Matrix<float> d_x, std::span<float> d_gain,
                       std::span<float> d_bias, const LayerNormOptions& options) {
  RequireShape(d_sum, d_y.rows, d_y.cols, "LayerNormBackward", "d_sum");
  std::vector<double> gains(d_gain.size()), biases(d_bias.size());
  for (int64_t i = 0; i < d_y.rows; ++i) {
    const double mean = saved.mean[static_cast<size_t>(i)],
                 rstd = saved.rstd[static_cast<size_t>(i)];
    double sum = 0, dot = 0;
    for (int64_t j = 0; j < d_y.cols; ++j) {
      const size_t c = static_cast<size_t>(j);
      const double normed = (saved.sum.Row(i)[j] - mean) * rstd, d = d_y.Row(i)[j];
      sum += d * gain[c];
      dot += d * gain[c] * normed;
      if (!gains.empty()) gains[c] += d * normed;
      if (!biases.empty()) biases[c] += d;
    }
    sum /= static_cast<double>(d_y.cols);
    dot /= static_cast<double>(d_y.cols);
    for (int64_t j = 0; j < d_y.cols; ++j) {
      const double normed = (saved.sum.Row(i)[j] - mean) * rstd;
      d_sum.Row(i)[j] = static_cast<float>(
          rstd * (d_y.Row(i)[j] * gain[static_cast<size_t>(j)] - sum - normed * dot));
    }
  }
  for (size_t j = 0; j < gains.size(); ++j) d_gain[j] += static_cast<float>(gains[j]);
  for (size_t j = 0; j < biases.size(); ++j) d_bias[j] += static_cast<float>(biases[j]);
  if (d_x) ApplyDropout(options.dropout, d_sum, d_x, options.threads);
}

}  // namespace rotary
