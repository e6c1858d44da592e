// Which keys a run of queries can see by position alone: the geometry of causal masks and windows.
//
//   keys ->     queries 0..3, keys 0..5, kBottomRight: offset = 2
//   x x x . . .     causal: before = everything, after = 0
//   x x x x . .
//   x x x x x .
//   x x x x x x
#ifndef ROTARY_ATTENTION_ATTENTION_BAND_H_
#define ROTARY_ATTENTION_ATTENTION_BAND_H_

#include <algorithm>
#include <cstdint>

#include "rotary/attention/softmax_attention.h"

namespace rotary {

// Indices in [begin, end); none where begin >= end.
struct Range {
  int64_t begin = 0, end = 0;
  bool empty() const { return begin >= end; }
};

inline Range Intersection(Range a, Range b) {
  return {std::max(a.begin, b.begin), std::min(a.end, b.end)};
}

// Query i sees the keys j with i + offset - before <= j <= i + offset + after.
struct Band {
  Band(const AttentionMask& mask, int64_t queries, int64_t keys)
      : offset(mask.alignment == Alignment::kBottomRight ? keys - queries : 0),
        before(mask.window > 0 ? std::min(mask.window - 1, kAll) : kAll),
        after(mask.causal ? 0 : before) {}

  // The keys that any of `queries` sees; `queries` is not empty. Not cut to the keys there are.
  Range Keys(Range queries) const {
    return {queries.begin + offset - before, queries.end + offset + after};
  }
  // The queries that see any of `keys`; `keys` is not empty. Not cut to the queries there are.
  Range Queries(Range keys) const {
    return {keys.begin - offset - after, keys.end - offset + before};
  }

  static constexpr int64_t kAll = int64_t{1} << 60;
  int64_t offset, before, after;
};

}  // namespace rotary

#endif  // ROTARY_ATTENTION_ATTENTION_BAND_H_
