// The work of linear attention on one head of keys and the query heads that read it. For this room.
#ifndef ROTARY_ATTENTION_LINEAR_ATTENTION_KERNEL_H_
#define ROTARY_ATTENTION_LINEAR_ATTENTION_KERNEL_H_

#include <cstdint>
#include <span>

#include "rotary/base/tensor.h"

namespace rotary::linear {

// Operands that fit each other; see linear_attention.h.
struct Problem {
  ConstTensorView q, k, rotated_q, rotated_k, v;
  bool causal = false;
  std::span<const int32_t> key_lengths = {};
  ConstTensorView key_padding = {};
  float floor = 0;  // epsilon / r: the share of sum(phi) sum(psi) that joins each product

  int64_t queries() const { return q.shape(1); }
  int64_t keys() const { return k.shape(1); }
  int64_t group() const { return q.shape(2) / k.shape(2); }  // query heads to a key head
};

struct Gradients {
  ConstTensorView d_out;
  TensorView d_q, d_k, d_rotated_q, d_rotated_k, d_v;
};

// Tokens that are worked on together: the state is read and written once a chunk, and the tokens of
// a chunk meet in a block of scores.
inline constexpr int64_t kChunk = 32;

// The memory of one worker: the same for any number of tokens, but for two numbers a query in the
// gradient. Every pointer is aligned to kAlignment.
class Scratch {
 public:
  Scratch(const Problem& problem, bool gradient);

  int64_t bytes() const { return static_cast<int64_t>(memory_.bytes()); }

  int64_t r = 0, v = 0;  // features and value channels, rounded up to whole blocks of 16

  // Of one chunk.
  float *q = nullptr, *rotated_q = nullptr;  // [kChunk, r]
  float* rotated_k = nullptr;                // [kChunk, r]
  float* rotated_k_columns = nullptr;        // [r, kChunk]
  float* prefix = nullptr;  // [kChunk, r]: the sum of k up to each token, floor included
  float* values = nullptr;  // [kChunk, v]
  float* scores = nullptr;  // [kChunk, kChunk]
  float* out = nullptr;     // [kChunk, v]
  // Of all chunks so far.
  float* state = nullptr;    // rotated_k^T values [r, v]; in the gradient values^T rotated_k [v, r]
  float* key_sum = nullptr;  // the sum of k [r]

  // Gradient only. Of one chunk.
  float* values_columns = nullptr;                                       // [v, kChunk]
  float* d_out = nullptr;                                                // [kChunk, v]
  float *d_rotated_q = nullptr, *d_rotated_k = nullptr, *d_k = nullptr;  // [kChunk, r]
  float* d_v = nullptr;                                                  // [kChunk, v]
  // Of all chunks so far; in the causal case from the last chunk backwards.
  float* reverse = nullptr;          // (d_out / denominator)^T rotated_q [v, r]
  float* reverse_columns = nullptr;  // its transpose [r, v]
  float* query_sum = nullptr;        // the sum of d_denominator q [r]
  float* denominators = nullptr;     // [group, queries, 2]: 1 / denominator, and d_denominator

 private:
  Tensor memory_;
};

// Both do batch row `batch` and head `kv_head` of the keys, on the calling thread, and write all
// rows of these in their outputs.
void Forward(const Problem& problem, int64_t batch, int64_t kv_head, Scratch& scratch,
             TensorView out);
void Backward(const Problem& problem, int64_t batch, int64_t kv_head, Scratch& scratch,
              const Gradients& gradients);

}  // namespace rotary::linear

#endif  // ROTARY_ATTENTION_LINEAR_ATTENTION_KERNEL_H_
