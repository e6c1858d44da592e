// From the last layer's output to logits and loss. Internal to the model room.
#ifndef ROTARY_MODEL_HEAD_H_
#define ROTARY_MODEL_HEAD_H_

#include "rotary/model/workspace.h"

namespace rotary {

// The loss over the batch's targets; only rows that have one are computed.
//   losses  empty, or [rows], written
Loss HeadLoss(const Pass& pass, const ModelParameters<const float>& parameters,
              std::span<float> losses);

// The same; adds the gradients of the head's weights and leaves that by pass.state.hidden in
// pass.state.d_value.
Loss HeadLossAndGradient(const Pass& pass, const ModelParameters<const float>& parameters,
                         double scale, const ModelParameters<float>& d_parameters);

// [batch, tokens, vocab_size]
Tensor HeadLogits(const Pass& pass, const ModelParameters<const float>& parameters);

}  // namespace rotary

#endif  // ROTARY_MODEL_HEAD_H_
