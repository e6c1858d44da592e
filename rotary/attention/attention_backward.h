// The backward pass, cut into tasks: what softmax_attention_backward.cc hands to the kernels.
#ifndef ROTARY_ATTENTION_ATTENTION_BACKWARD_H_
#define ROTARY_ATTENTION_ATTENTION_BACKWARD_H_

#include <algorithm>
#include <cstdint>

#include "rotary/attention/attention_plan.h"
#include "rotary/attention/scratch.h"
#include "rotary/base/tensor.h"

namespace rotary {

struct BackwardCall {
  AttentionPlan plan;
  ConstTensorView q, k, v, out, lse, d_out;
  TensorView d_q, d_k, d_v;
  int64_t key_block = 0;  // keys packed at a time
  int64_t splits = 1;     // tasks that share a key head; task s takes key blocks s, s + splits, ..
  // [batch, heads, queries]: d_out . out, which the gradient of a softmax subtracts from each row.
  float* delta = nullptr;
  // [splits, batch, heads, queries, RowStride(head_dim)] where splits > 1: the sums of d_q by task.
  float* partial_d_q = nullptr;

  int64_t Row(int64_t b, int64_t head, int64_t i) const {
    return (b * plan.heads + head) * plan.queries + i;
  }
};

// The key blocks of `split` of key head `kv_head`, against all queries of the heads that read it.
struct BackwardTask {
  int64_t batch, kv_head, split;
};

// The arrays of one worker.
struct BackwardScratch {
  BackwardScratch(const BackwardCall& call, Carver& carver)
      : k(carver.Take<float>(call.key_block * RowStride(call.plan.head_dim))),
        k_transposed(carver.Take<float>(call.plan.head_dim * RowStride(call.key_block))),
        v_transposed(carver.Take<float>(call.plan.value_dim * RowStride(call.key_block))),
        d_k(carver.Take<float>(call.key_block * RowStride(call.plan.head_dim))),
        d_v(carver.Take<float>(call.key_block * RowStride(call.plan.value_dim))),
        q(carver.Take<float>(kTileQueries * RowStride(call.plan.head_dim))),
        d_out(carver.Take<float>(kTileQueries * RowStride(call.plan.value_dim))),
        scores(carver.Take<float>(kTileQueries * RowStride(call.key_block))),
        d_scores(carver.Take<float>(kTileQueries * RowStride(call.key_block))),
        d_q(carver.Take<float>(call.splits > 1 ? 0
                                               : call.plan.group * call.plan.queries *
                                                     RowStride(call.plan.head_dim))),
        staging(carver.Take<float>(kPad * RowStride(Widest(call)))),
        zeros(carver.Take<float>(Widest(call))),
        hidden(carver.Take<float>(RoundUp(call.key_block, kPad))),
        documents(carver.Take<int32_t>(RoundUp(call.key_block, kPad))) {}
  static int64_t Widest(const BackwardCall& call) {
    return std::max(call.plan.head_dim, call.plan.value_dim);
  }

  float* k;             // [key_block, RowStride(head_dim)]
  float* k_transposed;  // [head_dim, RowStride(key_block)], scaled
  float* v_transposed;  // [value_dim, RowStride(key_block)]
  float* d_k;           // [key_block, RowStride(head_dim)]
  float* d_v;           // [key_block, RowStride(value_dim)]
  float* q;             // [kTileQueries, RowStride(head_dim)]
  float* d_out;         // [kTileQueries, RowStride(value_dim)]
  float* scores;        // [kTileQueries, RowStride(key_block)]: scores, then probabilities
  float* d_scores;  // [kTileQueries, RowStride(key_block)]: gradient by probabilities, then scores
  float* d_q;       // [group, queries, RowStride(head_dim)] where there are no splits
  float* staging;   // [kPad, RowStride(widest)]
  float* zeros;     // [widest]
  float* hidden;    // [RoundUp(key_block, kPad)]
  int32_t* documents;  // [RoundUp(key_block, kPad)]
};

}  // namespace rotary

#endif  // ROTARY_ATTENTION_ATTENTION_BACKWARD_H_
