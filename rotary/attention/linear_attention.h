// Linear attention with rotary positions: time and memory linear in tokens.
// Source: Su et al. 2021, arXiv:2104.09864, eq. 19; Katharopoulos et al. 2020 (arXiv:2006.16236).
//
//   out_m = sum_n (R_m phi(q_m)) . (R_n psi(k_n)) v_n / sum_n phi(q_m) . psi(k_n)
//
// The features are rotated in the numerator only; the denominator takes them as they are, so that it stays positive. The
// weights of a row may be negative and need not sum to 1.
#ifndef ROTARY_ATTENTION_LINEAR_ATTENTION_H_
#define ROTARY_ATTENTION_LINEAR_ATTENTION_H_

#include <cstdint>
#include <span>

#include "rotary/base/tensor.h"

namespace rotary {

struct LinearAttentionOptions {
  bool causal = false;                   // keys n <= m (needs as many queries as keys); else all keys
  std::span<const int32_t> key_lengths;  // empty, or [batch]: keys n >= key_lengths[b] do not exist
  ConstTensorView key_padding;           // no data, or u8 [batch, keys]: 0 marks a key that does not exist
  double epsilon = 1e-6;                 // added to the denominator
  int threads = 0;
};

// Works on features; feature_map.h makes them and Rotate turns them.
//   q, k                  [batch, queries, heads, r], [batch, keys, kv_heads, r] f32: phi(q), psi(k), not negative
//   rotated_q, rotated_k  the same shapes: R_m phi(q_m), R_n psi(k_n); pass q and k themselves for no rotation
//   v                     [batch, keys, kv_heads, value_dim];   out  [batch, queries, heads, value_dim]
// Throws std::invalid_argument on a mismatch; `out` is then untouched.
// Threads: the result is the same to the bit for any count.
void LinearAttention(ConstTensorView q, ConstTensorView k, ConstTensorView rotated_q,
                     ConstTensorView rotated_k, ConstTensorView v, TensorView out,
                     const LinearAttentionOptions& options = {});

// The gradient by all five inputs; each d_ has the shape of its input and is written.
void LinearAttentionBackward(ConstTensorView q, ConstTensorView k, ConstTensorView rotated_q,
                             ConstTensorView rotated_k, ConstTensorView v, ConstTensorView d_out,
                             TensorView d_q, TensorView d_k, TensorView d_rotated_q, TensorView d_rotated_k,
                             TensorView d_v, const LinearAttentionOptions& options = {});

}  // namespace rotary

#endif  // ROTARY_ATTENTION_LINEAR_ATTENTION_H_
