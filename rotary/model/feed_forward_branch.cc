#include "rotary/model/feed_forward_branch.h"

#include "rotary/nn/linear.h"
#include "rotary/nn/swiglu.h"

namespace rotary {

Matrix<float> FeedForwardBranch(const Pass& pass, const LayerParameters<const float>& parameters,
                                Matrix<float> x, LayerState& layer) {
  const ModelConfig& config = pass.config();
  const int64_t inner = config.inner_dim;
  layer.feed_forward_input = x;
  layer.inner.Shape(x.rows, inner);
  if (config.feed_forward == FeedForward::kGelu) {
    Matrix<float> slope;
    if (pass.training) slope = layer.up.Shape(x.rows, inner);
    LinearGelu(x, parameters.up.weight, parameters.up.bias, slope, layer.inner.value, pass.threads);
  } else {
    const Matrix<float> both = layer.up.Shape(x.rows, 2 * inner);
    if (pass.training) {
      LinearSwiGlu(x, parameters.up.weight, parameters.up.bias, both, layer.inner.value,
                   pass.threads);
    } else {
      Linear(x, parameters.up.weight, parameters.up.bias, both, pass.threads);
      SwiGlu(both.Cols(0, inner), both.Cols(inner, 2 * inner), layer.inner.value, pass.threads);
    }
  }
  const Matrix<float> branch = pass.state.branch.Shape(x.rows, config.model_dim);
  Linear(layer.inner.value, parameters.down.weight, parameters.down.bias, branch, pass.threads);
  return branch;
}

void FeedForwardBranchBackward(const Pass& pass, const LayerParameters<const float>& parameters,
                               const LayerState& layer, Matrix<const float> d_branch, float beta,
                               Matrix<float> d_x, const LayerParameters<float>& gradient) {
  const int64_t inner = pass.config().inner_dim;
  const int threads = pass.threads;
  LinearBackwardWeight(d_branch, layer.inner.value, gradient.down.weight, gradient.down.bias,
                       threads);
  Matrix<float> d_up;
  if (pass.config().feed_forward == FeedForward::kGelu) {
    d_up = pass.state.d_up.Shape(d_branch.rows, inner);
    LinearBackwardInput(d_branch, parameters.down.weight, layer.up.value, d_up, threads);
  } else {
    // The slopes that the forward pass left become the gradients in place.
    d_up = layer.up.value;
    const Matrix<float> d_inner = pass.state.d_up.Shape(d_branch.rows, inner);
    LinearBackwardInputSwiGlu(d_branch, parameters.down.weight, d_inner, d_up, threads);
  }
  LinearBackwardWeight(d_up, layer.feed_forward_input, gradient.up.weight, gradient.up.bias,
                       threads);
  LinearBackwardInput(d_up, parameters.up.weight, beta, d_x, threads);
}

}  // namespace rotary
