// The forward pass for few rows of scores over many keys, as in decoding: every key and value is
// read once, straight from the caller's memory, so that memory is the limit.
// Compiled once for each SIMD target.
#if defined(ROTARY_ATTENTION_FEW_QUERIES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ROTARY_ATTENTION_FEW_QUERIES_INL_H_
#undef ROTARY_ATTENTION_FEW_QUERIES_INL_H_
#else
#define ROTARY_ATTENTION_FEW_QUERIES_INL_H_
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "hwy/cache_control.h"
#include "hwy/highway.h"
#include "rotary/attention/attention_forward.h"
#include "rotary/attention/result_rows-inl.h"
#include "rotary/attention/score_rows-inl.h"
#include "rotary/attention/tile_mask.h"
#include "rotary/attention/tile_pack-inl.h"
#include "rotary/attention/tile_product-inl.h"

HWY_BEFORE_NAMESPACE();
namespace rotary {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Lane i becomes the sum of the lanes of sums[i]; there are kCount of them, as many as lanes.
template <size_t kCount, class D>
HWY_INLINE hn::VFromD<D> SumsOfLanes([[maybe_unused]] D d, hn::VFromD<D>* sums) {
#if HWY_TARGET != HWY_SCALAR  // a single lane is its own sum
  if constexpr (kCount > 1) {
    // Adds neighbouring lanes of two vectors: the first fills the lower half, the second the upper.
    for (size_t i = 0; i < kCount / 2; ++i) {
      sums[i] = hn::Add(hn::ConcatEven(d, sums[2 * i + 1], sums[2 * i]),
                        hn::ConcatOdd(d, sums[2 * i + 1], sums[2 * i]));
    }
    return SumsOfLanes<kCount / 2>(d, sums);
  }
#endif
  return sums[0];
}

// Asks for the channels of a row that will be read soon.
template <class T>
HWY_INLINE void PrefetchRow(const T* row, int64_t dim) {
  constexpr int64_t kLine = static_cast<int64_t>(kAlignment / sizeof(T));
  for (int64_t c = 0; c < dim; c += kLine) hwy::Prefetch(row + c);
}

// scores[r * ld_scores + n] = q_r . k_n for kRows rows and kLanes / kRows keys.
template <int64_t kRows, class T>
HWY_INLINE void DotTile(const float* q, int64_t ld_q, const T* k, int64_t k_stride, int64_t dim,
                        float* scores, int64_t ld_scores) {
  constexpr int64_t kKeys = kLanes / kRows;
  const F32 d;
  hn::VFromD<F32> sums[kLanes];
  for (int64_t i = 0; i < kLanes; ++i) sums[i] = hn::Zero(d);
  int64_t c = 0;
  for (; c + kLanes <= dim; c += kLanes) {
    hn::VFromD<F32> key[kKeys];
    for (int64_t n = 0; n < kKeys; ++n) key[n] = LoadMath(d, k + n * k_stride + c);
    for (int64_t r = 0; r < kRows; ++r) {
      const auto query = hn::LoadU(d, q + r * ld_q + c);
      for (int64_t n = 0; n < kKeys; ++n) {
        sums[r * kKeys + n] = hn::MulAdd(query, key[n], sums[r * kKeys + n]);
      }
    }
  }
  HWY_ALIGN float dots[kLanes];
  hn::Store(SumsOfLanes<static_cast<size_t>(kLanes)>(d, sums), d, dots);
  for (int64_t r = 0; r < kRows; ++r) {
    for (int64_t n = 0; n < kKeys; ++n) {
      float dot = dots[r * kKeys + n];
      for (int64_t tail = c; tail < dim; ++tail) {
        dot += q[r * ld_q + tail] * ToFloat(k[n * k_stride + tail]);
      }
      scores[r * ld_scores + n] = dot;
    }
  }
}

template <class T>
class FewQueries {
 public:
  FewQueries(const ForwardCall& call, const ForwardTask& task, std::byte* scratch)
      : call_(call),
        plan_(call.plan),
        task_(task),
        carver_(scratch),
        scratch_(call, carver_),
        rows_(plan_.group * QueryCount()),
        ld_q_(RowStride(plan_.head_dim)),
        ld_v_(RowStride(plan_.value_dim)),
        ld_s_(RowStride(call.key_chunk)) {}

  void Run() {
    const HeadRows<const T> q(call_.q);
    for (int64_t r = 0; r < rows_; ++r) {
      ConvertRow(q(task_.batch, Query(r), Head(r)), plan_.head_dim, plan_.log2_scale,
                 scratch_.q + r * ld_q_);
    }
    std::fill(scratch_.out, scratch_.out + rows_ * ld_v_, 0.0f);
    std::fill(scratch_.softmax, scratch_.softmax + rows_, RunningSoftmax());
    const KeyBlock block(plan_.mask, task_.batch,
                         Intersection(plan_.band.Keys(task_.queries), task_.keys), scratch_.hidden,
                         scratch_.documents);
    if (!block.keys.empty()) Attend(block);
    const ResultRows<T> results(call_);
    for (int64_t r = 0; r < rows_; ++r) {
      results.Write(task_, Head(r), Query(r), scratch_.softmax[r], scratch_.out + r * ld_v_);
    }
  }

 private:
  // Rows of scores come head by head.
  int64_t QueryCount() const { return task_.queries.end - task_.queries.begin; }
  int64_t Head(int64_t r) const { return task_.kv_head * plan_.group + r / QueryCount(); }
  int64_t Query(int64_t r) const { return task_.queries.begin + r % QueryCount(); }

  void Attend(const KeyBlock& block) {
    Score(block.keys);
    const int64_t count = block.keys.end - block.keys.begin;
    for (int64_t r = 0; r < rows_; ++r) {
      float* row = scratch_.scores + r * ld_s_;
      const TileMask mask(plan_, task_.batch, Head(r), block, {Query(r), Query(r) + 1});
      const RowMask row_mask = mask.Row(0);
      Range whole = {0, 0};
      if (!row_mask.columns.empty()) {
        whole = WholeVectors(row_mask.columns);
        MaskRow(row_mask, row);
        SoftmaxRow(whole, row, scratch_.softmax[r]);
      }
      ZeroAround({0, count}, whole, row);
    }
    SumValues(block);
  }

  void Score(Range keys) {
    const HeadRows<const T> k(call_.k);
    const int64_t count = keys.end - keys.begin;
    const T* first = k(task_.batch, keys.begin, task_.kv_head);
    // A group of keys stays in the first-level cache for all rows.
    for (int64_t j = 0; j < count; j += kLanes) {
      for (int64_t n = j; n < j + kLanes; ++n) {
        PrefetchRow(first + (n + kAhead) * k.token, plan_.head_dim);
      }
      const int64_t group = std::min(kLanes, count - j);
      int64_t r = 0;
      if constexpr (kLanes >= 4) {
        for (; r + 4 <= rows_; r += 4) Dots<4>(r, first + j * k.token, k.token, j, group);
        for (; r + 2 <= rows_; r += 2) Dots<2>(r, first + j * k.token, k.token, j, group);
      }
      for (; r < rows_; ++r) Dots<1>(r, first + j * k.token, k.token, j, group);
    }
  }

  // The scores of kRows rows from r on against `count` keys, the first of them of column j.
  template <int64_t kRows>
  HWY_INLINE void Dots(int64_t r, const T* k, int64_t stride, int64_t j, int64_t count) {
    constexpr int64_t kKeys = kLanes / kRows;
    const float* q = scratch_.q + r * ld_q_;
    float* scores = scratch_.scores + r * ld_s_ + j;
    int64_t n = 0;
    for (; n + kKeys <= count; n += kKeys) {
      DotTile<kRows>(q, ld_q_, k + n * stride, stride, plan_.head_dim, scores + n, ld_s_);
    }
    // A tile that reads its last key again where keys run out.
    for (; n < count; ++n) {
      DotTile<kRows>(q, ld_q_, k + n * stride, 0, plan_.head_dim, scores + n, ld_s_);
    }
  }

  void SumValues(const KeyBlock& block) {
    const HeadRows<const T> v(call_.v);
    const int64_t count = block.keys.end - block.keys.begin;
    const T* first = v(task_.batch, block.keys.begin, task_.kv_head);
    constexpr int64_t kBlock = FewQueriesScratch::kValueBlock;
    for (int64_t j = 0; j < count; j += kBlock) {
      const int64_t depth = std::min(kBlock, count - j);
      for (int64_t n = j; n < j + kBlock; ++n) {
        PrefetchRow(first + (n + kAhead) * v.token, plan_.value_dim);
      }
      const float* values = scratch_.v;
      int64_t stride = ld_v_;
      bool packed = false;
      if constexpr (std::is_same_v<T, float>) {
        if (block.hidden == nullptr && plan_.value_dim % kLanes == 0) {
          values = first + j * v.token;
          stride = v.token;
          packed = true;
        }
      }
      if (!packed) {
        PackRows(first + j * v.token, v.token, depth, plan_.value_dim,
                 block.hidden == nullptr ? nullptr : block.hidden + j, scratch_.v, ld_v_);
      }
      BlockProduct(
          {scratch_.scores + j, ld_s_, 1}, values, stride, rows_, plan_.value_dim, true,
          scratch_.out, ld_v_,
          [&](int64_t, int64_t) {
            return Range{0, plan_.value_dim};
          },
          [&](int64_t, int64_t) {
            return Range{0, depth};
          });
    }
  }

  // Rows that are asked for ahead of their use: about 8 KiB of f32 at 128 channels.
  static constexpr int64_t kAhead = 16;

  const ForwardCall& call_;
  const AttentionPlan& plan_;
  const ForwardTask& task_;
  Carver carver_;
  const FewQueriesScratch scratch_;
  const int64_t rows_, ld_q_, ld_v_, ld_s_;
};

}  // namespace HWY_NAMESPACE
}  // namespace rotary
HWY_AFTER_NAMESPACE();

#endif  // ROTARY_ATTENTION_FEW_QUERIES_INL_H_
