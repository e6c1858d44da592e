// The forward pass, cut into tasks: what softmax_attention.cc hands to the kernels.
#ifndef ROTARY_ATTENTION_ATTENTION_FORWARD_H_
#define ROTARY_ATTENTION_ATTENTION_FORWARD_H_

#include <cstddef>
#include <cstdint>
#include <limits>

#include "rotary/attention/attention_plan.h"
#include "rotary/attention/scratch.h"
#include "rotary/base/tensor.h"

namespace rotary {

inline constexpr float kNoScore = -std::numeric_limits<float>::infinity();

// The softmax of a row so far: `most` is the largest score, `sum` the sum of 2^(score - most).
struct RunningSoftmax {
  float most = kNoScore;
  float sum = 0;
};

struct ForwardCall {
  AttentionPlan plan;
  ConstTensorView q, k, v;
  TensorView out, lse;
  bool few_queries = false;  // few_queries-inl.h, or tiles in attention_forward-inl.h
  int64_t head_tasks = 1;    // tasks that the key heads are split over: all of them, or 1
  int64_t query_block = 0;   // queries of each head in a task
  int64_t key_chunk = 0;     // keys in a task
  int64_t key_block = 0;     // keys packed at a time
  int64_t chunks = 1;        // tasks that share a query; above 1 they leave partial results
  // By part: the values weighted by 2^(score - most), [PartStride()], and the softmax of its keys.
  float* partial_out = nullptr;
  RunningSoftmax* partial_softmax = nullptr;

  int64_t PartStride() const { return RoundUp(plan.value_dim, kPad); }
  int64_t Part(int64_t b, int64_t head, int64_t i, int64_t chunk) const {
    return ((b * plan.heads + head) * plan.queries + i) * chunks + chunk;
  }
};

// The queries `queries` of all heads that read key head `kv_head` (few queries: of all heads),
// against the keys `keys`.
struct ForwardTask {
  int64_t batch, kv_head, chunk;
  Range queries, keys;
};

// The arrays of one worker, for tiles.
struct ForwardScratch {
  ForwardScratch(const ForwardCall& call, Carver& carver)
      : q(carver.Take<float>(Rows(call) * RowStride(call.plan.head_dim))),
        k(carver.Take<float>(call.plan.head_dim * RowStride(call.key_block))),
        v(carver.Take<float>(call.key_block * RowStride(call.plan.value_dim))),
        out(carver.Take<float>(Rows(call) * RowStride(call.plan.value_dim))),
        scores(carver.Take<float>(kTileQueries * RowStride(call.key_block))),
        softmax(carver.Take<RunningSoftmax>(Rows(call))),
        staging(carver.Take<float>(kPad * RowStride(call.plan.head_dim))),
        zeros(carver.Take<float>(call.plan.head_dim)),
        hidden(carver.Take<float>(RoundUp(call.key_block, kPad))),
        documents(carver.Take<int32_t>(RoundUp(call.key_block, kPad))) {}
  static int64_t Rows(const ForwardCall& call) { return call.plan.group * call.query_block; }

  float* q;                 // [group * query_block, RowStride(head_dim)]
  float* k;                 // [head_dim, RowStride(key_block)]: keys transposed and scaled
  float* v;                 // [key_block, RowStride(value_dim)]
  float* out;               // [group * query_block, RowStride(value_dim)]
  float* scores;            // [kTileQueries, RowStride(key_block)]
  RunningSoftmax* softmax;  // [group * query_block]
  float* staging;           // [kPad, RowStride(head_dim)]
  float* zeros;             // [head_dim]
  float* hidden;            // [RoundUp(key_block, kPad)]
  int32_t* documents;       // [RoundUp(key_block, kPad)]
};

// The arrays of one worker, for few queries.
struct FewQueriesScratch {
  FewQueriesScratch(const ForwardCall& call, Carver& carver)
      : q(carver.Take<float>(Rows(call) * RowStride(call.plan.head_dim))),
        v(carver.Take<float>(kValueBlock * RowStride(call.plan.value_dim))),
        out(carver.Take<float>(Rows(call) * RowStride(call.plan.value_dim))),
        scores(carver.Take<float>(Rows(call) * RowStride(call.key_chunk))),
        softmax(carver.Take<RunningSoftmax>(Rows(call))),
        hidden(carver.Take<float>(RoundUp(call.key_chunk, kPad))),
        documents(carver.Take<int32_t>(RoundUp(call.key_chunk, kPad))) {}
  static int64_t Rows(const ForwardCall& call) { return call.plan.heads * call.plan.queries; }
  // Tokens whose values are summed at once: see FewQueries::kFewTokens; below this, sums would go
  // to memory and back too often.
  static constexpr int64_t kValueBlock = 8;

  float* q;                 // [heads * queries, RowStride(head_dim)], scaled
  float* v;                 // [kValueBlock, RowStride(value_dim)]
  float* out;               // [heads * queries, RowStride(value_dim)]
  float* scores;            // [heads * queries, RowStride(key_chunk)]
  RunningSoftmax* softmax;  // [heads * queries]
  float* hidden;            // [RoundUp(key_chunk, kPad)]
  int32_t* documents;       // [RoundUp(key_chunk, kPad)]
};

}  // namespace rotary

#endif  // ROTARY_ATTENTION_ATTENTION_FORWARD_H_
