#include "rotary/model/join.h"

#include "rotary/nn/rms_norm.h"

namespace rotary {
namespace {

void NormOfSum(const Pass& pass, const NormParameters<const float>& norm,
               const DropoutMask& dropout, Matrix<const float> x, Matrix<const float> residual,
               Matrix<float> y, const NormSaved& saved) {
  const ModelConfig& config = pass.config();
  if (config.norm_form == NormForm::kLayerNorm) {
    LayerNorm(x, residual, norm.gain, norm.bias, y, saved,
              {.epsilon = config.norm_epsilon, .dropout = dropout, .threads = pass.threads});
  } else {
    RmsNorm(x, residual, norm.gain, y, saved,
            {.epsilon = config.norm_epsilon, .dropout = dropout, .threads = pass.threads});
  }
}

void NormOfSumBackward(const Pass& pass, const NormParameters<const float>& norm,
                       const DropoutMask& dropout, const NormSaved& saved, Matrix<const float> d_y,
                       float beta, Matrix<float> d_sum, Matrix<float> d_x,
                       const NormParameters<float>& d_norm) {
  const ModelConfig& config = pass.config();
  if (config.norm_form == NormForm::kLayerNorm) {
    LayerNormBackward(
        saved, norm.gain, d_y, beta, d_sum, d_x, d_norm.gain, d_norm.bias,
        {.epsilon = config.norm_epsilon, .dropout = dropout, .threads = pass.threads});
  } else {
    RmsNormBackward(saved, norm.gain, d_y, beta, d_sum, d_x, d_norm.gain,
                    {.epsilon = config.norm_epsilon, .dropout = dropout, .threads = pass.threads});
  }
}

}  // namespace

void PrepareSaved(Buffer& statistics, Matrix<float> x, NormSaved& saved) {
  const Matrix<float> pair = statistics.Shape(2, x.rows);
  const auto rows = static_cast<size_t>(x.rows);
  saved = {.sum = x, .mean = {pair.Row(0), rows}, .rstd = {pair.Row(1), rows}};
}

void Norm(const Pass& pass, const NormParameters<const float>& norm, Matrix<const float> x,
          Matrix<float> y, const NormSaved& saved) {
  NormOfSum(pass, norm, {}, x, {}, y, saved);
}

void NormBackward(const Pass& pass, const NormParameters<const float>& norm, const NormSaved& saved,
                  Matrix<const float> d_y, Matrix<float> d_sum,
                  const NormParameters<float>& d_norm) {
  NormOfSumBackward(pass, norm, {}, saved, d_y, 0, d_sum, {}, d_norm);
}

void Join(const Pass& pass, const NormParameters<const float>& norm, const DropoutMask& dropout,
          Matrix<const float> branch, Matrix<const float> residual, JoinState& join) {
  join.sum.Shape(branch.rows, branch.cols);
  join.value.Shape(branch.rows, branch.cols);
  PrepareSaved(join.statistics, join.sum.value, join.saved);
  NormOfSum(pass, norm, dropout, branch, residual, join.value.value, join.saved);
}

Matrix<const float> ResidualAfter(const Pass& pass, const JoinState& join) {
  return pass.config().norm_placement == NormPlacement::kPost ? join.value.value : join.sum.value;
}

Matrix<float> JoinBackward(const Pass& pass, const NormParameters<const float>& norm,
                           const DropoutMask& dropout, const JoinState& join,
                           const NormParameters<float>& d_norm, StreamGradient& gradient) {
  Matrix<float> d_branch;
  if (dropout.probability > 0)
    d_branch = pass.state.d_branch.Shape(gradient.value.rows, gradient.value.cols);
  NormOfSumBackward(pass, norm, dropout, join.saved, gradient.value, gradient.stream_beta,
                    gradient.stream, d_branch, d_norm);
  // A pre-norm stream carries its gradient on; a post-norm one starts anew from every norm.
  gradient.stream_beta = pass.config().norm_placement == NormPlacement::kPre ? 1.0f : 0.0f;
  return d_branch ? d_branch : gradient.stream;
}

}  // namespace rotary
