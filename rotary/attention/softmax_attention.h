// Softmax attention in tiles: scores live a tile at a time, so memory grows with the tokens and not with their square.
// Source: Vaswani et al. 2017, eq. 1; the running maximum of Milakov and Gimelshein 2018 (arXiv:1805.02867); the tiled
// gradient of Dao 2023 (arXiv:2307.08691). ALiBi: Press et al. 2021 (arXiv:2108.12409).
#ifndef ROTARY_ATTENTION_SOFTMAX_ATTENTION_H_
#define ROTARY_ATTENTION_SOFTMAX_ATTENTION_H_

#include <cstdint>
#include <span>
#include <vector>

#include "rotary/base/tensor.h"

namespace rotary {

// Which key stands beside which query when their numbers differ: query i is beside key i (kTopLeft) or beside key
// i + keys - queries (kBottomRight: the queries are the last ones, as in decoding with a cache).
enum class Alignment { kTopLeft, kBottomRight };

// Which scores exist and what is added to them. Query i stands at key index d = i (+ keys - queries), see Alignment.
struct AttentionMask {
  bool causal = false;                          // key j only if j <= d
  Alignment alignment = Alignment::kBottomRight;
  int64_t window = 0;                           // 0: none; causal: key j only if d - j < window; else only if |d - j| < window
  std::span<const int32_t> key_lengths;         // empty, or [batch]: keys j >= key_lengths[b] do not exist
  ConstTensorView key_padding;                  // no data, or u8 [batch, keys]: 0 marks a key that does not exist
  ConstTensorView query_documents;              // no data, or i32 [batch, queries] with key_documents [batch, keys]:
  ConstTensorView key_documents;                //   scores exist only within the same document (packed rows)
  std::span<const float> alibi_slopes;          // empty, or [query heads]: adds -slope |d - j| after the scale
};

struct AttentionOptions {
  AttentionMask mask;
  double scale = 0;  // scores are scale * q.k; 0: 1 / sqrt(head_dim)
  int threads = 0;   // 0: all cores
};

// out = softmax(scale q k^T + mask) v, head by head; query head h reads key head h * kv_heads / heads (GQA, MQA).
//   q    [batch, queries, heads, head_dim]             f32, bf16 or f16; any strides but 1 for channels, any alignment
//   k    [batch, keys, kv_heads, head_dim]             the dtype of q
//   v    [batch, keys, kv_heads, value_dim]
//   out  [batch, queries, heads, value_dim]            the dtype of q
//   lse  no data, or f32 [batch, heads, queries]: log of the sum of the exponentials of a row of scores, for the gradient
// A query that sees no key gives 0 and lse -infinity.
// Arithmetic is f32. Accuracy: docs/attention.md.
// Throws std::invalid_argument on a mismatch; the outputs are then untouched.
// Threads: the result is the same to the bit for any count.
void SoftmaxAttention(ConstTensorView q, ConstTensorView k, ConstTensorView v, TensorView out,
                      TensorView lse, const AttentionOptions& options = {});

// The gradient of a loss by q, k and v, from its gradient by out; scores are computed again tile by tile.
//   out, lse       as SoftmaxAttention wrote them
//   d_out          the shape and dtype of out;  d_q, d_k, d_v: written, the shapes and dtype of q, k, v
void SoftmaxAttentionBackward(ConstTensorView q, ConstTensorView k, ConstTensorView v, ConstTensorView out,
                              ConstTensorView lse, ConstTensorView d_out, TensorView d_q, TensorView d_k,
                              TensorView d_v, const AttentionOptions& options = {});

// The slopes of the paper's section 3: 2^(-8 i / heads), i = 1 .. heads, for a power of two; otherwise those of the next lower
// power, then every second one of twice that power.
std::vector<float> AlibiSlopes(int heads);

}  // namespace rotary

#endif  // ROTARY_ATTENTION_SOFTMAX_ATTENTION_H_
