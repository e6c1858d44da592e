// The backward pass of softmax attention for the keys of one head. Compiled once for each SIMD
// target. With scores s = scale q.k, probabilities p = exp(s - lse) and delta = d_out . out:
//   d_v = sum_i p_i d_out_i       d_p = d_out v^T       d_s = p (d_p - delta)
//   d_k = scale sum_i d_s_i q_i   d_q = scale sum_j d_s_j k_j
#if defined(ROTARY_ATTENTION_ATTENTION_BACKWARD_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ROTARY_ATTENTION_ATTENTION_BACKWARD_INL_H_
#undef ROTARY_ATTENTION_ATTENTION_BACKWARD_INL_H_
#else
#define ROTARY_ATTENTION_ATTENTION_BACKWARD_INL_H_
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numbers>

#include "hwy/highway.h"
#include "rotary/attention/attention_backward.h"
#include "rotary/attention/attention_forward.h"
#include "rotary/attention/score_rows-inl.h"
#include "rotary/attention/tile_mask.h"
#include "rotary/attention/tile_pack-inl.h"
#include "rotary/attention/tile_product-inl.h"

HWY_BEFORE_NAMESPACE();
namespace rotary {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// a . b over [0, dim)
template <class T>
float RowDot(const T* a, const T* b, int64_t dim) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  auto sum = hn::Zero(d);
  int64_t c = 0;
  for (; c + lanes <= dim; c += lanes) {
    sum = hn::MulAdd(LoadMath(d, a + c), LoadMath(d, b + c), sum);
  }
  float dot = hn::GetLane(hn::SumOfLanes(d, sum));
  for (; c < dim; ++c) dot += ToFloat(a[c]) * ToFloat(b[c]);
  return dot;
}

// Masked scores of `columns` (whole vectors) become probabilities, gradients by probabilities
// become gradients by scores (before the scale).
HWY_INLINE void SoftmaxGradientRow(Range columns, float log2_lse, float delta,
                                   float* HWY_RESTRICT s, float* HWY_RESTRICT d_s) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto lse_all = hn::Set(d, log2_lse);
  const auto delta_all = hn::Set(d, delta);
  for (int64_t c = columns.begin; c < columns.end; c += lanes) {
    const auto p = Exp2(d, hn::Sub(hn::LoadU(d, s + c), lse_all));
    hn::StoreU(p, d, s + c);
    hn::StoreU(hn::Mul(p, hn::Sub(hn::LoadU(d, d_s + c), delta_all)), d, d_s + c);
  }
}

template <class T>
class BackwardKeys {
 public:
  BackwardKeys(const BackwardCall& call, const BackwardTask& task, std::byte* scratch)
      : call_(call),
        plan_(call.plan),
        task_(task),
        carver_(scratch),
        scratch_(call, carver_),
        ld_q_(RowStride(plan_.head_dim)),
        ld_v_(RowStride(plan_.value_dim)),
        ld_s_(RowStride(call.key_block)),
        q_(call.q),
        k_(call.k),
        v_(call.v),
        d_out_(call.d_out) {}

  void Run() {
    std::fill(scratch_.zeros, scratch_.zeros + BackwardScratch::Widest(call_), 0.0f);
    for (int64_t g = 0; g < plan_.group; ++g) {
      std::fill(DQ(g, 0), DQ(g, 0) + plan_.queries * ld_q_, 0.0f);
    }
    for (int64_t j = task_.split * call_.key_block; j < plan_.keys;
         j += call_.splits * call_.key_block) {
      const Range keys = {j, std::min(j + call_.key_block, plan_.keys)};
      const KeyBlock block(plan_.mask, task_.batch, keys, scratch_.hidden, scratch_.documents);
      if (!block.keys.empty()) AddBlock(block);
      WriteKeys(keys, block.keys);
    }
    if (call_.splits > 1) return;
    for (int64_t g = 0; g < plan_.group; ++g) WriteQueries(g);
  }

 private:
  int64_t Head(int64_t g) const { return task_.kv_head * plan_.group + g; }
  // Where the gradient of query i of head g of the group is summed.
  float* DQ(int64_t g, int64_t i) const {
    if (call_.splits == 1) return scratch_.d_q + (g * plan_.queries + i) * ld_q_;
    const int64_t rows = plan_.batch * plan_.heads * plan_.queries;
    return call_.partial_d_q + (task_.split * rows + call_.Row(task_.batch, Head(g), i)) * ld_q_;
  }

  // Sums d_k and d_v of `block` in scratch, and its part of d_q.
  void AddBlock(const KeyBlock& block) {
    const int64_t count = block.keys.end - block.keys.begin;
    const T* k = k_(task_.batch, block.keys.begin, task_.kv_head);
    const T* v = v_(task_.batch, block.keys.begin, task_.kv_head);
    PackRows(k, k_.token, count, plan_.head_dim, block.hidden, scratch_.k, ld_q_);
    PackTransposed(k, k_.token, count, plan_.head_dim, block.hidden, plan_.log2_scale,
                   scratch_.staging, ld_q_, scratch_.zeros, scratch_.k_transposed, ld_s_);
    PackTransposed(v, v_.token, count, plan_.value_dim, block.hidden, 1.0f, scratch_.staging, ld_v_,
                   scratch_.zeros, scratch_.v_transposed, ld_s_);
    std::fill(scratch_.d_k, scratch_.d_k + count * ld_q_, 0.0f);
    std::fill(scratch_.d_v, scratch_.d_v + count * ld_v_, 0.0f);
    const Range queries = Intersection(plan_.band.Queries(block.keys), {0, plan_.queries});
    for (int64_t g = 0; g < plan_.group; ++g) {
      for (int64_t i = queries.begin; i < queries.end; i += kTileQueries) {
        AddTile(block, g, {i, std::min(i + kTileQueries, queries.end)});
      }
    }
  }

  void AddTile(const KeyBlock& block, int64_t g, Range queries) {
    const TileMask mask(plan_, task_.batch, Head(g), block, queries);
    const Range keys = mask.Columns();
    if (keys.empty()) return;
    const int64_t rows = queries.end - queries.begin;
    PackRows(q_(task_.batch, queries.begin, Head(g)), q_.token, rows, plan_.head_dim, nullptr,
             scratch_.q, ld_q_);
    PackRows(d_out_(task_.batch, queries.begin, Head(g)), d_out_.token, rows, plan_.value_dim,
             nullptr, scratch_.d_out, ld_v_);
    float* s = scratch_.scores;
    float* d_s = scratch_.d_scores;
    const auto row_columns = [&](int64_t r, int64_t m) { return mask.Columns({r, r + m}); };
    const auto all = [](int64_t count) {
      return [count](int64_t, int64_t) { return Range{0, count}; };
    };
    BlockProduct({scratch_.q, ld_q_, 1}, scratch_.k_transposed, ld_s_, rows, keys.end, false, s,
                 ld_s_, row_columns, all(plan_.head_dim));
    BlockProduct({scratch_.d_out, ld_v_, 1}, scratch_.v_transposed, ld_s_, rows, keys.end, false,
                 d_s, ld_s_, row_columns, all(plan_.value_dim));
    for (int64_t r = 0; r < rows; ++r) {
      const RowMask row_mask = mask.Row(r);
      Range whole = {keys.begin, keys.begin};
      if (!row_mask.columns.empty()) {
        whole = WholeVectors(row_mask.columns);
        MaskRow(row_mask, s + r * ld_s_);
        SoftmaxGradientRow(whole, Log2Lse(g, queries.begin + r),
                           call_.delta[call_.Row(task_.batch, Head(g), queries.begin + r)],
                           s + r * ld_s_, d_s + r * ld_s_);
      }
      ZeroAround(keys, whole, s + r * ld_s_);
      ZeroAround(keys, whole, d_s + r * ld_s_);
    }
    const int64_t key_count = keys.end - keys.begin;
    const auto key_rows = [&](int64_t c, int64_t m) {
      return mask.Rows({keys.begin + c, keys.begin + c + m});
    };
    BlockProduct({s + keys.begin, 1, ld_s_}, scratch_.d_out, ld_v_, key_count, plan_.value_dim,
                 true, scratch_.d_v + keys.begin * ld_v_, ld_v_, all(plan_.value_dim), key_rows);
    BlockProduct({d_s + keys.begin, 1, ld_s_}, scratch_.q, ld_q_, key_count, plan_.head_dim, true,
                 scratch_.d_k + keys.begin * ld_q_, ld_q_, all(plan_.head_dim), key_rows);
    BlockProduct({d_s, ld_s_, 1}, scratch_.k, ld_q_, rows, plan_.head_dim, true,
                 DQ(g, queries.begin), ld_q_, all(plan_.head_dim), row_columns);
  }

  // A row without scores has probabilities 0, whatever is subtracted from -infinity.
  float Log2Lse(int64_t g, int64_t i) const {
    const Dims& stride = call_.lse.strides();
    const float lse = static_cast<const float*>(
        call_.lse.data())[task_.batch * stride[0] + Head(g) * stride[1] + i * stride[2]];
    if (lse == kNoScore) return 0;
    return static_cast<float>(lse * std::numbers::log2e);
  }

  // d_k and d_v of `keys`: 0 outside of those that exist.
  void WriteKeys(Range keys, Range present) const {
    const HeadRows<T> d_k(call_.d_k), d_v(call_.d_v);
    for (int64_t j = keys.begin; j < keys.end; ++j) {
      T* k = d_k(task_.batch, j, task_.kv_head);
      T* v = d_v(task_.batch, j, task_.kv_head);
      if (j < present.begin || j >= present.end) {
        std::fill(k, k + plan_.head_dim, FromFloat<T>(0));
        std::fill(v, v + plan_.value_dim, FromFloat<T>(0));
        continue;
      }
      const int64_t row = j - present.begin;
      ConvertRow(scratch_.d_k + row * ld_q_, plan_.head_dim, static_cast<float>(plan_.scale), k);
      ConvertRow(scratch_.d_v + row * ld_v_, plan_.value_dim, 1.0f, v);
    }
  }

  void WriteQueries(int64_t g) const {
    const HeadRows<T> d_q(call_.d_q);
    for (int64_t i = 0; i < plan_.queries; ++i) {
      ConvertRow(DQ(g, i), plan_.head_dim, static_cast<float>(plan_.scale),
                 d_q(task_.batch, i, Head(g)));
    }
  }

  const BackwardCall& call_;
  const AttentionPlan& plan_;
  const BackwardTask& task_;
  Carver carver_;
  const BackwardScratch scratch_;
  const int64_t ld_q_, ld_v_, ld_s_;
  const HeadRows<const T> q_, k_, v_, d_out_;
};

// call.delta of the queries [begin, end) of all heads of batch row b.
template <class T>
void WriteDelta(const BackwardCall& call, int64_t b, Range queries) {
  const HeadRows<const T> out(call.out), d_out(call.d_out);
  for (int64_t i = queries.begin; i < queries.end; ++i) {
    for (int64_t h = 0; h < call.plan.heads; ++h) {
      call.delta[call.Row(b, h, i)] = RowDot(out(b, i, h), d_out(b, i, h), call.plan.value_dim);
    }
  }
}

// d_q of the queries [begin, end) of all heads of batch row b: the sum of its parts, in their
// order.
template <class T>
void SumPartialDQ(const BackwardCall& call, int64_t b, Range queries) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const AttentionPlan& plan = call.plan;
  const HeadRows<T> d_q(call.d_q);
  const int64_t ld = RowStride(plan.head_dim);
  const int64_t rows = plan.batch * plan.heads * plan.queries;
  for (int64_t i = queries.begin; i < queries.end; ++i) {
    for (int64_t h = 0; h < plan.heads; ++h) {
      float* sum = call.partial_d_q + call.Row(b, h, i) * ld;
      for (int64_t split = 1; split < call.splits; ++split) {
        const float* part = sum + split * rows * ld;
        for (int64_t c = 0; c < plan.head_dim; c += lanes) {
          hn::StoreU(hn::Add(hn::LoadU(d, sum + c), hn::LoadU(d, part + c)), d, sum + c);
        }
      }
      ConvertRow(sum, plan.head_dim, static_cast<float>(plan.scale), d_q(b, i, h));
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace rotary
HWY_AFTER_NAMESPACE();

#endif  // ROTARY_ATTENTION_ATTENTION_BACKWARD_INL_H_
