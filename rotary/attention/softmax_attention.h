// Softmax attention in tiles: scores live a tile at a time, so memory grows with the tokens and not
// with their square.
// Source: Vaswani et al. 2017, eq. 1; the running maximum of Milakov and Gimelshein 2018
// (arXiv:1805.02867); the tiled gradient of Dao 2023 (arXiv:2307.08691). ALiBi: Press et al. 2021
// (arXiv:2108.12409). Method, accuracy and speed: docs/attention.md.
#ifndef ROTARY_ATTENTION_SOFTMAX_ATTENTION_H_
#define ROTARY_ATTENTION_SOFTMAX_ATTENTION_H_

#include <cstdint>
#include <span>
#include <vector>

#include "rotary/base/tensor.h"

namespace rotary {

// Which key stands beside which query when their numbers differ: query i is beside key i (kTopLeft)
// or beside key i + keys - queries (kBottomRight: the queries are the last ones, as in decoding
// with a cache).
enum class Alignment { kTopLeft, kBottomRight };

// Which scores exist and what is added to them; query i stands beside key d(i), see Alignment.
// A key that key_lengths or key_padding hide from every query may hold anything, NaN too.
struct AttentionMask {
  bool causal = false;  // only keys j <= d
  Alignment alignment = Alignment::kBottomRight;
  // 0: none. Causal: only keys with d - j < window; otherwise only keys with |d - j| < window.
  int64_t window = 0;
  // Empty, or [batch]: keys j >= key_lengths[b] do not exist.
  std::span<const int32_t> key_lengths = {};
  // No data, or u8 [batch, keys]: 0 marks a key that does not exist.
  ConstTensorView key_padding = {};
  // No data, or i32 [batch, queries] and [batch, keys]: scores exist only within one document.
  ConstTensorView query_documents = {};
  ConstTensorView key_documents = {};
  // Empty, or [heads]: adds -slope |d - j| after the scale.
  std::span<const float> alibi_slopes = {};
};

struct AttentionOptions {
  AttentionMask mask = {};
  double scale = 0;  // scores are scale * q.k; 0: 1 / sqrt(head_dim)
  int threads = 0;   // 0: all cores
};

// out = softmax(scale q k^T + mask) v, head by head; query head h reads key head
// h * kv_heads / heads (grouped and multi-query attention).
//   q    [batch, queries, heads, head_dim]   f32, bf16 or f16; any alignment and strides, but
//                                            channels lie side by side
//   k    [batch, keys, kv_heads, head_dim]   the dtype of q, and so v and out
//   v    [batch, keys, kv_heads, value_dim]
//   out  [batch, queries, heads, value_dim]
//   lse  no data, or f32 [batch, heads, queries]: the log of the sum of the exponentials of each
//        row of scores, which the gradient needs
// A query that sees no key gives 0, and lse -infinity.
// Arithmetic is f32. Accuracy: docs/attention.md.
// Throws std::invalid_argument on a mismatch; the outputs are then untouched.
// Threads: the result is the same to the bit for any count.
void SoftmaxAttention(ConstTensorView q, ConstTensorView k, ConstTensorView v, TensorView out,
                      TensorView lse, const AttentionOptions& options = {});

// The gradient of a loss by q, k and v, from its gradient by out; scores are computed again tile by
// tile.
//   out, lse       as SoftmaxAttention wrote them
//   d_out          the shape and dtype of out
//   d_q, d_k, d_v  written, the shapes and dtypes of q, k and v
void SoftmaxAttentionBackward(ConstTensorView q, ConstTensorView k, ConstTensorView v,
                              ConstTensorView out, ConstTensorView lse, ConstTensorView d_out,
                              TensorView d_q, TensorView d_k, TensorView d_v,
                              const AttentionOptions& options = {});

// The slopes of the paper's section 3: 2^(-8 i / heads), i = 1 .. heads, for a power of two;
// otherwise those of the next lower power, then every second one of twice that power.
std::vector<float> AlibiSlopes(int heads);

}  // namespace rotary

#endif  // ROTARY_ATTENTION_SOFTMAX_ATTENTION_H_
