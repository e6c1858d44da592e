// The attention branch of a layer: projections, rotation, softmax or linear attention. Internal to
// the model room.
#ifndef ROTARY_MODEL_ATTENTION_BRANCH_H_
#define ROTARY_MODEL_ATTENTION_BRANCH_H_

#include "rotary/model/workspace.h"

namespace rotary {

// Returns pass.state.branch, [rows, model_dim]. `index` is the number of the layer.
Matrix<float> AttentionBranch(const Pass& pass, const LayerParameters<const float>& parameters,
                              int index, Matrix<float> x, LayerState& layer);

// Adds the gradients of the weights, and d_x = gradient by x + beta d_x.
void AttentionBranchBackward(const Pass& pass, const LayerParameters<const float>& parameters,
                             int index, LayerState& layer, Matrix<const float> d_branch, float beta,
                             Matrix<float> d_x, const LayerParameters<float>& gradient);

}  // namespace rotary

#endif  // ROTARY_MODEL_ATTENTION_BRANCH_H_
