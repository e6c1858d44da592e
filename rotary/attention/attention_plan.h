// What one call of softmax attention works on: its sizes, its rows, and the blocks it is cut into.
// Blocks depend on the sizes alone, never on the number of threads, so that the bits do not either.
#ifndef ROTARY_ATTENTION_ATTENTION_PLAN_H_
#define ROTARY_ATTENTION_ATTENTION_PLAN_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>

#include "rotary/attention/attention_band.h"
#include "rotary/attention/softmax_attention.h"
#include "rotary/base/dtype.h"
#include "rotary/base/tensor.h"

namespace rotary {

// Rows in scratch memory fill whole cache lines, whatever the width of a vector.
inline constexpr int64_t kPad = 16;

inline int64_t CeilDivide(int64_t a, int64_t b) { return (a + b - 1) / b; }
inline int64_t RoundUp(int64_t a, int64_t multiple) { return CeilDivide(a, multiple) * multiple; }

// The distance between rows of `columns` floats in scratch memory: an odd number of cache lines, so
// that the rows of a tile spread over all sets of the cache.
inline int64_t RowStride(int64_t columns) { return RoundUp(columns, 2 * kPad) + kPad; }

// The channels of token t of head h of batch row b.
template <class T>
struct HeadRows {
  template <class Pointer>
  explicit HeadRows(const BasicTensorView<Pointer>& view)
      : data(view.template As<std::remove_const_t<T>>()),
        batch(view.stride(0)),
        token(view.stride(1)),
        head(view.stride(2)) {}
  T* operator()(int64_t b, int64_t t, int64_t h) const {
    return data + b * batch + t * token + h * head;
  }
  T* data;
  int64_t batch, token, head;
};

// Rows of scores that are worked on at once: few enough that they stay in the caches between the
// product that makes them and the one that uses them.
inline constexpr int64_t kTileQueries = 64;
// Keys that are packed at once, and that rows of scores are long.
inline constexpr int64_t kKeyBlock = 128;

// Not wider than the keys there are.
inline int64_t KeyBlockSize(int64_t keys) {
  return std::min(kKeyBlock, RoundUp(std::max<int64_t>(1, keys), kPad));
}

// Calls `body.operator()<T>()` with the type of a dtype that CheckAttention let through.
template <class Body>
void DispatchAttention(DType dtype, Body&& body) {
  if (dtype == DType::kBF16) {
    body.template operator()<BF16>();
  } else if (dtype == DType::kF16) {
    body.template operator()<F16>();
  } else {
    body.template operator()<float>();
  }
}

struct AttentionPlan {
  AttentionPlan(ConstTensorView q, ConstTensorView k, ConstTensorView v,
                const AttentionOptions& options)
      : batch(q.shape(0)),
        queries(q.shape(1)),
        keys(k.shape(1)),
        heads(q.shape(2)),
        kv_heads(k.shape(2)),
        group(heads / kv_heads),
        head_dim(q.shape(3)),
        value_dim(v.shape(3)),
        mask(options.mask),
        band(options.mask, queries, keys),
        scale(options.scale != 0 ? options.scale : 1 / std::sqrt(static_cast<double>(head_dim))),
        log2_scale(static_cast<float>(scale * std::numbers::log2e)) {}

  // Of all query heads that read one key head, the slope in powers of two.
  float Log2Slope(int64_t head) const {
    return mask.alibi_slopes.empty()
               ? 0.0f
               : static_cast<float>(mask.alibi_slopes[static_cast<size_t>(head)] *
                                    std::numbers::log2e);
  }

  int64_t batch, queries, keys, heads, kv_heads, group, head_dim, value_dim;
  AttentionMask mask;
  Band band;
  double scale;
  float log2_scale;  // scores are kept in powers of two: 2^(log2_scale q.k) = e^(scale q.k)
};

}  // namespace rotary

#endif  // ROTARY_ATTENTION_ATTENTION_PLAN_H_
