// Feature maps of linear attention: phi for queries and psi for keys, forward and backward.
#ifndef ROTARY_ATTENTION_FEATURE_MAP_H_
#define ROTARY_ATTENTION_FEATURE_MAP_H_

#include <cstdint>

#include "rotary/base/tensor.h"
#include "rotary/rope/phases.h"

namespace rotary {

enum class FeatureMap {
  // phi = psi = elu(x) + 1, r = head_dim. Katharopoulos et al. 2020, arXiv:2006.16236, eq. 7.
  kEluPlusOne,
  // phi = psi = exp(w_i . x - |x|^2 / 2) / sqrt(r) for r random directions w_i, x scaled by
  // head_dim^(-1/4): an unbiased estimate of exp(q . k / sqrt(head_dim)). Choromanski et al. 2020,
  // arXiv:2009.14794, section 2.3 and lemma 1.
  kPerformer,
  // phi = softmax over channels, psi = exp, r = head_dim. Shen et al. 2018, arXiv:1812.01243;
  // RoFormer, arXiv:2104.09864, section 3.3.
  kSoftmaxExp,
};

// The random directions of Performer: [r, head_dim] f32, orthogonal within blocks of head_dim rows,
// each of the length of a Gaussian vector. Depends on (seed, draw) alone; a redraw is the next
// `draw`. Throws std::invalid_argument on a count below 1.
Tensor PerformerProjection(int features, int head_dim, uint64_t seed, uint64_t draw);

// Writes the features of `x`.
//   x           [batch, tokens, heads, head_dim] f32, channel stride 1
//   features    [batch, tokens, heads, r] f32, channel stride 1
//   projection  [r, head_dim] f32 for kPerformer, no data otherwise
// Exponentials would leave the range of f32, so those of kPerformer and of kSoftmaxExp's keys come
// out scaled by a power of two: one for each query row, one for each batch row and head of keys,
// such that the largest feature is about 1. It cancels in the quotient of linear attention (to the
// bit, as long as nothing underflows), and counts as a constant in the gradient.
// Throws std::invalid_argument on a mismatch; `features` is then untouched.
// Threads: the result is the same to the bit for any count.
void ApplyFeatureMap(FeatureMap map, Side side, ConstTensorView projection, ConstTensorView x,
                     TensorView features, int threads = 0);

// d_x from d_features; `features` as ApplyFeatureMap wrote them, scale included.
void ApplyFeatureMapBackward(FeatureMap map, Side side, ConstTensorView projection,
                             ConstTensorView x, ConstTensorView features,
                             ConstTensorView d_features, TensorView d_x, int threads = 0);

}  // namespace rotary

#endif  // ROTARY_ATTENTION_FEATURE_MAP_H_
