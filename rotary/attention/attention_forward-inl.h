// The forward pass of softmax attention for one block of queries. Compiled once for each SIMD
// target.
#if defined(ROTARY_ATTENTION_ATTENTION_FORWARD_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ROTARY_ATTENTION_ATTENTION_FORWARD_INL_H_
#undef ROTARY_ATTENTION_ATTENTION_FORWARD_INL_H_
#else
#define ROTARY_ATTENTION_ATTENTION_FORWARD_INL_H_
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"
#include "rotary/attention/attention_forward.h"
#include "rotary/attention/result_rows-inl.h"
#include "rotary/attention/score_rows-inl.h"
#include "rotary/attention/tile_pack-inl.h"
#include "rotary/attention/tile_product-inl.h"

HWY_BEFORE_NAMESPACE();
namespace rotary {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// row[0, dim) *= factor
HWY_INLINE void ScaleRow(float* row, int64_t dim, float factor) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto f = hn::Set(d, factor);
  for (int64_t c = 0; c < dim; c += lanes)
    hn::StoreU(hn::Mul(f, hn::LoadU(d, row + c)), d, row + c);
}

template <class T>
class ForwardBlock {
 public:
  ForwardBlock(const ForwardCall& call, const ForwardTask& task, std::byte* scratch)
      : call_(call),
        plan_(call.plan),
        task_(task),
        carver_(scratch),
        scratch_(call, carver_),
        ld_q_(RowStride(plan_.head_dim)),
        ld_v_(RowStride(plan_.value_dim)),
        ld_s_(RowStride(call.key_block)) {}

  void Run() {
    PackQueries();
    const Range keys = Intersection(plan_.band.Keys(task_.queries), task_.keys);
    // Blocks start at fixed keys, so that the sums do not depend on where a task starts.
    for (int64_t j = keys.begin / call_.key_block * call_.key_block; j < keys.end;
         j += call_.key_block) {
      const KeyBlock block(plan_.mask, task_.batch, Intersection({j, j + call_.key_block}, keys),
                           scratch_.hidden, scratch_.documents);
      if (!block.keys.empty()) AttendTo(block);
    }
    WriteOut();
  }

 private:
  int64_t QueryCount() const { return task_.queries.end - task_.queries.begin; }
  int64_t Head(int64_t g) const { return task_.kv_head * plan_.group + g; }

  void PackQueries() {
    const HeadRows<const T> q(call_.q);
    const int64_t rows = plan_.group * QueryCount();
    for (int64_t g = 0; g < plan_.group; ++g) {
      PackRows(q(task_.batch, task_.queries.begin, Head(g)), q.token, QueryCount(), plan_.head_dim,
               nullptr, scratch_.q + g * QueryCount() * ld_q_, ld_q_);
    }
    std::fill(scratch_.out, scratch_.out + rows * ld_v_, 0.0f);
    std::fill(scratch_.softmax, scratch_.softmax + rows, RunningSoftmax());
    std::fill(scratch_.zeros, scratch_.zeros + plan_.head_dim, 0.0f);
  }

  void AttendTo(const KeyBlock& block) {
    const HeadRows<const T> k(call_.k), v(call_.v);
    const int64_t count = block.keys.end - block.keys.begin;
    PackTransposed(k(task_.batch, block.keys.begin, task_.kv_head), k.token, count, plan_.head_dim,
                   block.hidden, plan_.log2_scale, scratch_.staging, ld_q_, scratch_.zeros,
                   scratch_.k, ld_s_);
    PackRows(v(task_.batch, block.keys.begin, task_.kv_head), v.token, count, plan_.value_dim,
             block.hidden, scratch_.v, ld_v_);
    for (int64_t g = 0; g < plan_.group; ++g) {
      for (int64_t i = 0; i < QueryCount(); i += kTileQueries) {
        AttendTile(block, g, {i, std::min(i + kTileQueries, QueryCount())});
      }
    }
  }

  // Queries `tile` (counted from the block's first) of head `g` of the group.
  void AttendTile(const KeyBlock& block, int64_t g, Range tile) {
    const Range queries = {task_.queries.begin + tile.begin, task_.queries.begin + tile.end};
    const TileMask mask(plan_, task_.batch, Head(g), block, queries);
    const Range all_columns = mask.Columns();
    if (all_columns.empty()) return;
    const int64_t rows = tile.end - tile.begin;
    const int64_t first_row = g * QueryCount() + tile.begin;
    float* s = scratch_.scores;
    float* out = scratch_.out + first_row * ld_v_;
    const auto columns = [&](int64_t r, int64_t m) { return mask.Columns({r, r + m}); };
    BlockProduct({scratch_.q + first_row * ld_q_, ld_q_, 1}, scratch_.k, ld_s_, rows,
                 all_columns.end, false, s, ld_s_, columns, [&](int64_t, int64_t) {
                   return Range{0, plan_.head_dim};
                 });
    for (int64_t r = 0; r < rows; ++r) {
      float* row = s + r * ld_s_;
      const RowMask row_mask = mask.Row(r);
      if (row_mask.columns.empty()) {
        std::fill(row + all_columns.begin, row + all_columns.end, 0.0f);
        continue;
      }
      MaskRow(row_mask, row);
      const Range whole = WholeVectors(row_mask.columns);
      ZeroAround(all_columns, whole, row);
      const float factor = SoftmaxRow(whole, row, scratch_.softmax[first_row + r]);
      if (factor != 1) ScaleRow(out + r * ld_v_, RoundUp(plan_.value_dim, kPad), factor);
    }
    BlockProduct(
        {s, ld_s_, 1}, scratch_.v, ld_v_, rows, plan_.value_dim, true, out, ld_v_,
        [&](int64_t, int64_t) {
          return Range{0, plan_.value_dim};
        },
        columns);
  }

  void WriteOut() {
    const ResultRows<T> results(call_);
    for (int64_t g = 0; g < plan_.group; ++g) {
      for (int64_t i = 0; i < QueryCount(); ++i) {
        const int64_t row = g * QueryCount() + i;
        results.Write(task_, Head(g), task_.queries.begin + i, scratch_.softmax[row],
                      scratch_.out + row * ld_v_);
      }
    }
  }

  const ForwardCall& call_;
  const AttentionPlan& plan_;
  const ForwardTask& task_;
  Carver carver_;
  const ForwardScratch scratch_;
  const int64_t ld_q_, ld_v_, ld_s_;
};

}  // namespace HWY_NAMESPACE
}  // namespace rotary
HWY_AFTER_NAMESPACE();

#endif  // ROTARY_ATTENTION_ATTENTION_FORWARD_INL_H_
