// Feature maps of linear attention: phi for queries and psi for keys, forward and backward.
#ifndef ROTARY_ATTENTION_FEATURE_MAP_H_
#define ROTARY_ATTENTION_FEATURE_MAP_H_

#include <cstdint>

#include "rotary/base/tensor.h"
#include "rotary/rope/phases.h"

namespace rotary {

enum class FeatureMap {
  kEluPlusOne,  // phi = psi = elu(x) + 1, r = head_dim. Katharopoulos et al. 2020, arXiv:2006.16236, eq. 7
  kPerformer,   // positive random features, r of choice. Choromanski et al. 2020, arXiv:2009.14794, section 2.3 and appendix
  kSoftmaxExp,  // phi = softmax over channels, psi = exp, r = head_dim. Shen et al. 2018, arXiv:1812.01243; RoFormer section 3.3
};

// The random directions of Performer: [r, head_dim] f32, orthogonal within blocks of head_dim rows, each of the length of a
// Gaussian vector. Depends on (seed, draw) alone; a redraw is the next `draw`.
Tensor PerformerProjection(int features, int head_dim, uint64_t seed, uint64_t draw);

// Writes the features of `x`.
//   x         [batch, tokens, heads, head_dim] f32, channel stride 1
//   features  [batch, tokens, heads, r] f32, channel stride 1
//   projection  [r, head_dim] for kPerformer, no data otherwise; x is scaled by head_dim^(-1/4) first
//   stabiliser  kPerformer only: what is subtracted in the exponent; for queries each row's maximum, for keys one maximum for
//               each batch row and head. It cancels in the quotient and counts as a constant in the gradient.
void ApplyFeatureMap(FeatureMap map, Side side, ConstTensorView projection, ConstTensorView x,
                     TensorView features, int threads = 0);

// d_x from d_features; `features` as ApplyFeatureMap wrote them.
void ApplyFeatureMapBackward(FeatureMap map, Side side, ConstTensorView projection, ConstTensorView x,
                             ConstTensorView features, ConstTensorView d_features, TensorView d_x,
                             int threads = 0);

}  // namespace rotary

#endif  // ROTARY_ATTENTION_FEATURE_MAP_H_
