// Linear attention with rotary positions: time and memory linear in tokens.
// Source: Su et al. 2021, arXiv:2104.09864, eq. 19; Katharopoulos et al. 2020 (arXiv:2006.16236).
//
//   out_m = sum_n (R_m phi(q_m)) . (R_n psi(k_n)) v_n / sum_n phi(q_m) . psi(k_n)
//
// The features are rotated in the numerator only; the denominator takes them as they are, so that
// it stays positive. The weights of a row may be negative and need not sum to 1, and where a query
// has little in common with any key they may be large: rotation can turn features onto each other
// that hardly meet unrotated.
#ifndef ROTARY_ATTENTION_LINEAR_ATTENTION_H_
#define ROTARY_ATTENTION_LINEAR_ATTENTION_H_

#include <cstdint>
#include <span>

#include "rotary/base/tensor.h"
#include "rotary/rope/rotation.h"

namespace rotary {

struct LinearAttentionOptions {
  // Query m sees the keys n <= m + keys - queries (queries are the last tokens; there may not be
  // more of them than keys); else all keys.
  bool causal = false;
  // Empty, or [batch]: keys n >= key_lengths[b] do not exist.
  std::span<const int32_t> key_lengths = {};
  // No data, or u8 [batch, keys]: 0 marks a key that does not exist.
  ConstTensorView key_padding = {};
  // A floor under the denominator: each product phi . psi gains epsilon * mean(phi) * sum(psi). It
  // is relative, so a constant factor on a query's or on all keys' features still cancels in the
  // quotient. That bounds every |out| by (r / epsilon) max |v|. 0 is eq. 19 to the letter.
  double epsilon = 1e-6;
  int threads = 0;  // 0: all cores
};

// Works on features; feature_map.h makes them and Rotate turns them. Query head h reads key head
// h * kv_heads / heads.
//   q, rotated_q  [batch, queries, heads, r] f32, channel stride 1: phi(q_m), not negative, and
//                 R_m phi(q_m); the same view twice for no rotation
//   k, rotated_k  [batch, keys, kv_heads, r]: psi(k_n) and R_n psi(k_n), as above
//   v             [batch, keys, kv_heads, value_dim];   out  [batch, queries, heads, value_dim]
// A query that sees no key, or only keys with nothing in common with it, gives 0. Keys that do not
// exist are not read.
// Throws std::invalid_argument on a mismatch; `out` is then untouched.
// Threads: the result is the same to the bit for any count.
void LinearAttention(ConstTensorView q, ConstTensorView k, ConstTensorView rotated_q,
                     ConstTensorView rotated_k, ConstTensorView v, TensorView out,
                     const LinearAttentionOptions& options = {});

// The gradient by all five inputs; each d_ has the shape of its input and is written (0 for keys
// that do not exist).
void LinearAttentionBackward(ConstTensorView q, ConstTensorView k, ConstTensorView rotated_q,
                             ConstTensorView rotated_k, ConstTensorView v, ConstTensorView d_out,
                             TensorView d_q, TensorView d_k, TensorView d_rotated_q,
                             TensorView d_rotated_k, TensorView d_v,
                             const LinearAttentionOptions& options = {});

// Throws std::invalid_argument unless `rotation` can turn `features` features: an even number of
// them, all of the rotation's head_dim, and a true rotation (no attention factor, no xPos decay,
// which would scale the numerator and not the denominator).
void CheckLinearRotation(const Rotation& rotation, int features);

// Throws std::invalid_argument unless `alibi_slopes` is empty: ALiBi adds to scores under an
// exponential, and linear attention has neither.
void CheckLinearBias(std::span<const float> alibi_slopes);

}  // namespace rotary

#endif  // ROTARY_ATTENTION_LINEAR_ATTENTION_H_
