// The feed-forward branch of a layer: down(gelu(up(x))) or down(silu(gate(x)) * up(x)). Internal to
// the model room.
#ifndef ROTARY_MODEL_FEED_FORWARD_BRANCH_H_
#define ROTARY_MODEL_FEED_FORWARD_BRANCH_H_

#include "rotary/model/workspace.h"

namespace rotary {

// Returns pass.state.branch, [rows, model_dim].
Matrix<float> FeedForwardBranch(const Pass& pass, const LayerParameters<const float>& parameters,
                                Matrix<float> x, LayerState& layer);

// Adds the gradients of the weights, and d_x = gradient by x + beta d_x.
void FeedForwardBranchBackward(const Pass& pass, const LayerParameters<const float>& parameters,
                               const LayerState& layer, Matrix<const float> d_branch, float beta,
                               Matrix<float> d_x, const LayerParameters<float>& gradient);

}  // namespace rotary

#endif  // ROTARY_MODEL_FEED_FORWARD_BRANCH_H_
