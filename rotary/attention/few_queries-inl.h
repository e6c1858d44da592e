// The forward pass for few rows of scores over many keys, as in decoding: every key and value is
// read once, straight from the caller's memory, so that memory is the limit. A task takes many
// heads of some tokens together, since these lie side by side: one head alone would read a few
// lines out of every page. Compiled once for each SIMD target.
#if defined(ROTARY_ATTENTION_FEW_QUERIES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ROTARY_ATTENTION_FEW_QUERIES_INL_H_
#undef ROTARY_ATTENTION_FEW_QUERIES_INL_H_
#else
#define ROTARY_ATTENTION_FEW_QUERIES_INL_H_
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>

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

// Before a loop over an array of vectors, which stays in registers where the index is a constant;
// by itself GCC 12 keeps a loop of 16 steps, and the array in memory.
#if HWY_COMPILER_CLANG
#define ROTARY_UNROLL _Pragma("unroll")
#else
#define ROTARY_UNROLL _Pragma("GCC unroll 64")
#endif

// Lane i becomes the sum of the lanes of sums[kFirst + i]; there are kCount of them, as many as
// lanes. A tree of values, not a loop over the array, so that compilers keep all in registers.
template <size_t kCount, size_t kFirst, class D>
HWY_INLINE hn::VFromD<D> SumsOfLanes([[maybe_unused]] D d, const hn::VFromD<D>* sums) {
#if HWY_TARGET != HWY_SCALAR  // a single lane is its own sum
  if constexpr (kCount > 1) {
    const auto low = SumsOfLanes<kCount / 2, kFirst>(d, sums);
    const auto high = SumsOfLanes<kCount / 2, kFirst + kCount / 2>(d, sums);
    // Adds neighbouring lanes: those of `low` fill the lower half, those of `high` the upper.
    return hn::Add(hn::ConcatEven(d, high, low), hn::ConcatOdd(d, high, low));
  }
#endif
  return sums[kFirst];
}

// Asks for memory before it is read. Into the second-level cache, as the first is too small for
// rows that lie a power of two apart.
HWY_INLINE void AskFor(const char* address, int64_t bytes) {
#if HWY_COMPILER_GCC  // or clang
  constexpr auto kLine = static_cast<int64_t>(kAlignment);
  for (int64_t i = 0; i < bytes; i += kLine) {
    __builtin_prefetch(address + i, /*write=*/0, /*locality=*/2);
  }
#endif
}

// Where to ask for the keys and then the values of a task, in the order in which they lie and
// kDistance before they are read: token by token, head by head. What the processor foresees by
// itself is not enough, as the kernels read several tokens at once.
template <class T>
class ReadAhead {
 public:
  ReadAhead(const HeadRows<const T>& k, const HeadRows<const T>& v, const AttentionPlan& plan,
            int64_t batch, Range heads, Range keys)
      : k_(k),
        v_(v),
        plan_(plan),
        batch_(batch),
        heads_(heads),
        keys_(keys),
        token_(keys.begin),
        head_(heads.begin) {
    StartRun();
    constexpr int64_t kStep = 256;
    for (int64_t bytes = 0; bytes < kDistance; bytes += kStep) AskFor(Next(kStep), kStep);
  }

  // The next `bytes`; near the end of what lies side by side, a part of them may be others'.
  HWY_INLINE const char* Next(int64_t bytes) {
    const char* next = run_ + at_;
    at_ += bytes;
    while (at_ >= run_bytes_) NextRun();
    return next;
  }

 private:
  static constexpr int64_t kDistance = int64_t{64} << 10;

  // A run is the heads of a token where they lie side by side, else one of them.
  void StartRun() {
    const HeadRows<const T>& rows = values_ ? v_ : k_;
    const int64_t channels = values_ ? plan_.value_dim : plan_.head_dim;
    const bool together = rows.head == channels;
    run_heads_ = together ? heads_.end - heads_.begin : 1;
    run_ = reinterpret_cast<const char*>(rows(batch_, token_, head_));
    run_bytes_ = std::max<int64_t>(1, run_heads_ * channels * static_cast<int64_t>(sizeof(T)));
  }
  void NextRun() {
    at_ -= run_bytes_;
    head_ += run_heads_;
    if (head_ == heads_.end) {
      head_ = heads_.begin;
      ++token_;
    }
    if (token_ == keys_.end) {  // where nothing is left, the last token again
      token_ = values_ ? keys_.end - 1 : keys_.begin;
      values_ = true;
    }
    StartRun();
  }

  const HeadRows<const T>&k_, &v_;
  const AttentionPlan& plan_;
  const int64_t batch_;
  const Range heads_, keys_;
  int64_t token_, head_, run_heads_ = 1;
  bool values_ = false;
  const char* run_ = nullptr;
  int64_t run_bytes_ = 0, at_ = 0;
};

// Calls body<kRows>(r) for the tiles [r, r + kRows) that rows are worked on in.
template <class Body>
HWY_INLINE void ForEachRowTile(int64_t rows, const Body& body) {
  int64_t r = 0;
  if constexpr (kLanes >= 4) {
    for (; r + 4 <= rows; r += 4) body.template operator()<4>(r);
    for (; r + 2 <= rows; r += 2) body.template operator()<2>(r);
  }
  for (; r < rows; ++r) body.template operator()<1>(r);
}

// scores[r * ld_scores + n] = q_r . k_n for kRows rows and kLanes / kRows keys.
template <int64_t kRows, class T>
HWY_INLINE void DotTile(const float* q, int64_t ld_q, const T* k, int64_t k_stride, int64_t dim,
                        float* scores, int64_t ld_scores) {
  constexpr int64_t kKeys = kLanes / kRows;
  const F32 d;
  hn::VFromD<F32> sums[kLanes];
  ROTARY_UNROLL
  for (int64_t i = 0; i < kLanes; ++i) sums[i] = hn::Zero(d);
  int64_t c = 0;
  for (; c + kLanes <= dim; c += kLanes) {
    hn::VFromD<F32> key[kKeys];
    ROTARY_UNROLL
    for (int64_t n = 0; n < kKeys; ++n) key[n] = LoadMath(d, k + n * k_stride + c);
    ROTARY_UNROLL
    for (int64_t r = 0; r < kRows; ++r) {
      const auto query = hn::LoadU(d, q + r * ld_q + c);
      ROTARY_UNROLL
      for (int64_t n = 0; n < kKeys; ++n) {
        sums[r * kKeys + n] = hn::MulAdd(query, key[n], sums[r * kKeys + n]);
      }
    }
  }
  HWY_ALIGN float dots[kLanes];
  hn::Store(SumsOfLanes<static_cast<size_t>(kLanes), 0>(d, sums), d, dots);
  for (; c < dim; ++c) {
    for (int64_t r = 0; r < kRows; ++r) {
      for (int64_t n = 0; n < kKeys; ++n) {
        dots[r * kKeys + n] += q[r * ld_q + c] * ToFloat(k[n * k_stride + c]);
      }
    }
  }
  for (int64_t r = 0; r < kRows; ++r) {
    hwy::CopyBytes<kKeys * sizeof(float)>(dots + r * kKeys, scores + r * ld_scores);
  }
}

// For kRows rows and kVectors vectors of channels,
//   out[r * ld_out + c] += sum over n in [0, count) of weights[r * ld_weights + n] v[n * v_stride +
//   c]
template <int64_t kRows, int64_t kVectors, class T>
HWY_INLINE void ValueTile(const float* weights, int64_t ld_weights, const T* v, int64_t v_stride,
                          int64_t count, float* out, int64_t ld_out) {
  const F32 d;
  hn::VFromD<F32> sums[kRows * kVectors];
  ROTARY_UNROLL
  for (int64_t i = 0; i < kRows * kVectors; ++i) sums[i] = hn::Zero(d);
  for (int64_t n = 0; n < count; ++n) {
    hn::VFromD<F32> value[kVectors];
    ROTARY_UNROLL
    for (int64_t i = 0; i < kVectors; ++i) value[i] = LoadMath(d, v + n * v_stride + i * kLanes);
    ROTARY_UNROLL
    for (int64_t r = 0; r < kRows; ++r) {
      const auto weight = hn::Set(d, weights[r * ld_weights + n]);
      ROTARY_UNROLL
      for (int64_t i = 0; i < kVectors; ++i) {
        sums[r * kVectors + i] = hn::MulAdd(weight, value[i], sums[r * kVectors + i]);
      }
    }
  }
  ROTARY_UNROLL
  for (int64_t i = 0; i < kRows * kVectors; ++i) {
    float* at = out + i / kVectors * ld_out + i % kVectors * kLanes;
    hn::Store(hn::Add(sums[i], hn::Load(d, at)), d, at);
  }
}

template <class T>
class FewQueries {
 public:
  FewQueries(const ForwardCall& call, const ForwardTask& task, std::byte* scratch)
      : call_(call),
        plan_(call.plan),
        task_(task),
        k_(call.k),
        v_(call.v),
        carver_(scratch),
        scratch_(call, carver_),
        rows_(plan_.heads * plan_.queries),
        rows_of_key_head_(plan_.group * plan_.queries),
        kv_heads_at_once_(std::clamp<int64_t>(
            kFewChannels /
                std::max<int64_t>(1, rows_of_key_head_ * std::max(plan_.head_dim, plan_.value_dim)),
            1, plan_.kv_heads)),
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
    if (!block.keys.empty()) {
      for (int64_t head = 0; head < plan_.kv_heads; head += kv_heads_at_once_) {
        Attend(block, {head, std::min(head + kv_heads_at_once_, plan_.kv_heads)});
      }
    }
    const ResultRows<T> results(call_);
    for (int64_t r = 0; r < rows_; ++r) {
      results.Write(task_, Head(r), Query(r), scratch_.softmax[r], scratch_.out + r * ld_v_);
    }
  }

 private:
  // Rows of scores come head by head.
  int64_t Head(int64_t r) const { return r / plan_.queries; }
  int64_t Query(int64_t r) const { return r % plan_.queries; }

  // Of the key heads `heads`.
  void Attend(const KeyBlock& block, Range heads) {
    ReadAhead<T> ahead(k_, v_, plan_, task_.batch, heads, block.keys);
    Score(block.keys, heads, ahead);
    const int64_t count = block.keys.end - block.keys.begin;
    for (int64_t r = heads.begin * rows_of_key_head_; r < heads.end * rows_of_key_head_; ++r) {
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
    SumValues(block, heads, ahead);
  }

  void Score(Range keys, Range heads, ReadAhead<T>& ahead) {
    const int64_t count = keys.end - keys.begin;
    // Whole tiles.
    const int64_t tile_rows = rows_of_key_head_ % 4 == 0 ? 4 : rows_of_key_head_ % 2 == 0 ? 2 : 1;
    const int64_t step = std::max(kFewTokens, kLanes / tile_rows);
    for (int64_t j = 0; j < count; j += step) {
      const int64_t tokens = std::min(step, count - j);
      for (int64_t head = heads.begin; head < heads.end; ++head) {
        const T* k = k_(task_.batch, keys.begin + j, head);
        const int64_t bytes = tokens * plan_.head_dim * kSize;
        AskFor(ahead.Next(bytes), bytes);
        ForEachRowTile(rows_of_key_head_, [&]<int64_t kRows>(int64_t r) HWY_ATTR {
          Dots<kRows>(head * rows_of_key_head_ + r, k, j, tokens);
        });
      }
    }
  }

  // The scores of kRows rows from r on against `tokens` keys, the first of them of column j.
  template <int64_t kRows>
  HWY_INLINE void Dots(int64_t r, const T* k, int64_t j, int64_t tokens) {
    constexpr int64_t kKeys = kLanes / kRows;
    const float* q = scratch_.q + r * ld_q_;
    float* scores = scratch_.scores + r * ld_s_ + j;
    const auto tile = [&](int64_t n, int64_t stride) HWY_ATTR {
      DotTile<kRows>(q, ld_q_, k + n * k_.token, stride, plan_.head_dim, scores + n, ld_s_);
    };
    int64_t n = 0;
    for (; n + kKeys <= tokens; n += kKeys) tile(n, k_.token);
    for (; n < tokens; ++n) tile(n, 0);  // where keys run out, one key in all places of a tile
  }

  void SumValues(const KeyBlock& block, Range heads, ReadAhead<T>& ahead) {
    const int64_t count = block.keys.end - block.keys.begin;
    for (int64_t j = 0; j < count; j += FewQueriesScratch::kValueBlock) {
      const int64_t tokens = std::min(FewQueriesScratch::kValueBlock, count - j);
      for (int64_t head = heads.begin; head < heads.end; ++head) {
        const T* v = v_(task_.batch, block.keys.begin + j, head);
        if (block.hidden == nullptr && plan_.value_dim % kLanes == 0) {
          SumHead(head, j, v, v_.token, tokens, ahead);
        } else {
          const float* hidden = block.hidden == nullptr ? nullptr : block.hidden + j;
          PackRows(v, v_.token, tokens, plan_.value_dim, hidden, scratch_.v, ld_v_);
          SumHead(head, j, scratch_.v, ld_v_, tokens, ahead);
        }
      }
    }
  }

  // Adds `tokens` values, weighted by the columns from j on, to the rows of a key head.
  template <class Value>
  void SumHead(int64_t head, int64_t j, const Value* v, int64_t stride, int64_t tokens,
               ReadAhead<T>& ahead) {
    constexpr int64_t kWide = kTileVectors * kLanes;
    for (int64_t c = 0; c < plan_.value_dim;) {
      const bool wide = c + kWide <= plan_.value_dim;
      const int64_t bytes = tokens * (wide ? kWide : kLanes) * kSize;
      AskFor(ahead.Next(bytes), bytes);
      ForEachRowTile(rows_of_key_head_, [&]<int64_t kRows>(int64_t r) HWY_ATTR {
        const int64_t row = head * rows_of_key_head_ + r;
        const float* weights = scratch_.scores + row * ld_s_ + j;
        float* out = scratch_.out + row * ld_v_ + c;
        if (wide) {
          ValueTile<kRows, kTileVectors>(weights, ld_s_, v + c, stride, tokens, out, ld_v_);
        } else {
          ValueTile<kRows, 1>(weights, ld_s_, v + c, stride, tokens, out, ld_v_);
        }
      });
      c += wide ? kWide : kLanes;
    }
  }

  static constexpr int64_t kSize = static_cast<int64_t>(sizeof(T));
  // Tokens worked on at once. Their rows often lie a power of two apart, and so in few sets of the
  // first-level cache: more would push each other out before all rows of scores have used them.
  static constexpr int64_t kFewTokens = 4;
  // Of all rows of scores that are worked on at once. Queries, and sums of values, are gone over
  // for every few tokens, and stay in the first-level cache up to here: for more, the heads are
  // taken in turns.
  static constexpr int64_t kFewChannels = 4096;

  const ForwardCall& call_;
  const AttentionPlan& plan_;
  const ForwardTask& task_;
  const HeadRows<const T> k_, v_;
  Carver carver_;
  const FewQueriesScratch scratch_;
  const int64_t rows_, rows_of_key_head_, kv_heads_at_once_, ld_q_, ld_v_, ld_s_;
};

}  // namespace HWY_NAMESPACE
}  // namespace rotary
HWY_AFTER_NAMESPACE();

#endif  // ROTARY_ATTENTION_FEW_QUERIES_INL_H_
