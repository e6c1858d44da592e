// Where a branch joins the residual stream, in both placements of the norm. Internal to the model
// room.
//
//   post-norm   value = norm(dropout(branch) + residual)          the value is the next residual
//   pre-norm    sum = dropout(branch) + residual, value = norm(sum)   the sum is the next residual
#ifndef ROTARY_MODEL_JOIN_H_
#define ROTARY_MODEL_JOIN_H_

#include "rotary/model/workspace.h"

namespace rotary {

// The norm of the join after a branch of layer `index`. In a pre-norm model it is the norm before
// the next branch, which is where sum and norm meet in one pass over memory.
template <class T>
const NormParameters<T>& AttentionJoinNorm(const Pass& pass, const ModelParameters<T>& parameters,
                                           int index) {
  const LayerParameters<T>& layer = parameters.layers[static_cast<size_t>(index)];
  return pass.config().norm_placement == NormPlacement::kPost ? layer.attention_norm
                                                              : layer.feed_forward_norm;
}
template <class T>
const NormParameters<T>& FeedForwardJoinNorm(const Pass& pass, const ModelParameters<T>& parameters,
                                             int index) {
  const auto next = static_cast<size_t>(index) + 1;
  if (pass.config().norm_placement == NormPlacement::kPost)
    return parameters.layers[next - 1].feed_forward_norm;
  return next < parameters.layers.size() ? parameters.layers[next].attention_norm
                                         : parameters.final_norm;
}

// Writes join.sum and join.value.
//   branch    [rows, model_dim];  residual  [rows, model_dim], or no data at the entry of a
//   pre-norm model
void Join(const Pass& pass, const NormParameters<const float>& norm, const DropoutMask& dropout,
          Matrix<const float> branch, Matrix<const float> residual, JoinState& join);

// What the next join adds to.
Matrix<const float> ResidualAfter(const Pass& pass, const JoinState& join);

// The gradients that flow back along the residual stream.
struct StreamGradient {
  Matrix<float> value;  // by the value of a join, which is the input of the branch after it
  Matrix<float>
      stream;  // by the residual stream; the same matrix as `value` where the norm is after the sum
  float stream_beta = 0;  // pre-norm: 0 before anything was written to `stream`
  // A branch adds its input's gradient to what the residual brought (post-norm), or writes it
  // (pre-norm).
  float branch_beta() const { return value.data == stream.data ? 1.0f : 0.0f; }
};

// From the gradient by the join's value to the gradients by the residual (left in `gradient`) and
// by the branch (returned; pass.state.d_branch where something was dropped).
Matrix<float> JoinBackward(const Pass& pass, const NormParameters<const float>& norm,
                           const DropoutMask& dropout, const JoinState& join,
                           const NormParameters<float>& d_norm, StreamGradient& gradient);

// One norm without a join, of whichever form the model has; `saved` is where to keep what the
// gradient needs.
void Norm(const Pass& pass, const NormParameters<const float>& norm, Matrix<const float> x,
          Matrix<float> y, const NormSaved& saved);

// Its gradient; d_sum may be d_y.
void NormBackward(const Pass& pass, const NormParameters<const float>& norm, const NormSaved& saved,
                  Matrix<const float> d_y, Matrix<float> d_sum,
                  const NormParameters<float>& d_norm);

// Points `saved` at memory for `rows` rows; the norm's input `x` is the sum that it remembers.
void PrepareSaved(Buffer& statistics, Matrix<float> x, NormSaved& saved);

}  // namespace rotary

#endif  // ROTARY_MODEL_JOIN_H_
