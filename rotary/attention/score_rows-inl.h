// One row of scores: the mask, and the softmax that runs along with the blocks of keys.
// Compiled once for each SIMD target.
#if defined(ROTARY_ATTENTION_SCORE_ROWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ROTARY_ATTENTION_SCORE_ROWS_INL_H_
#undef ROTARY_ATTENTION_SCORE_ROWS_INL_H_
#else
#define ROTARY_ATTENTION_SCORE_ROWS_INL_H_
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"
#include "rotary/attention/attention_forward.h"
#include "rotary/attention/tile_mask.h"
#include "rotary/base/exp-inl.h"

HWY_BEFORE_NAMESPACE();
namespace rotary {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// The range of a row in whole vectors.
inline Range WholeVectors(Range range) {
  constexpr auto kLanes = static_cast<int64_t>(hn::MaxLanes(hn::ScalableTag<float>()));
  return {range.begin / kLanes * kLanes, RoundUp(range.end, kLanes)};
}

// Adds ALiBi and puts kNoScore where there is none, in the whole vectors around mask.columns.
HWY_INLINE void MaskRow(const RowMask& mask, float* HWY_RESTRICT s) {
  const hn::ScalableTag<float> d;
  const hn::RebindToSigned<decltype(d)> di;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const Range whole = WholeVectors(mask.columns);
  const auto none = hn::Set(d, kNoScore);
  if (mask.log2_slope != 0) {
    const auto slope = hn::Set(d, mask.log2_slope);
    for (int64_t c = whole.begin; c < whole.end; c += lanes) {
      const auto distance = hn::Abs(hn::Iota(d, static_cast<float>(c - mask.beside)));
      hn::StoreU(hn::NegMulAdd(slope, distance, hn::LoadU(d, s + c)), d, s + c);
    }
  }
  if (mask.hidden != nullptr) {
    for (int64_t c = whole.begin; c < whole.end; c += lanes) {
      const auto exists = hn::Eq(hn::LoadU(d, mask.hidden + c), hn::Zero(d));
      hn::StoreU(hn::IfThenElse(exists, hn::LoadU(d, s + c), none), d, s + c);
    }
  }
  if (mask.documents != nullptr) {
    const auto document = hn::Set(di, mask.document);
    for (int64_t c = whole.begin; c < whole.end; c += lanes) {
      const auto same = hn::RebindMask(d, hn::Eq(hn::LoadU(di, mask.documents + c), document));
      hn::StoreU(hn::IfThenElse(same, hn::LoadU(d, s + c), none), d, s + c);
    }
  }
  if (mask.columns.begin != whole.begin) {
    const auto before = hn::FirstN(d, static_cast<size_t>(mask.columns.begin - whole.begin));
    float* at = s + whole.begin;
    hn::StoreU(hn::IfThenElse(before, none, hn::LoadU(d, at)), d, at);
  }
  if (mask.columns.end != whole.end) {
    float* at = s + whole.end - lanes;
    const auto inside = hn::FirstN(d, static_cast<size_t>(mask.columns.end - (whole.end - lanes)));
    hn::StoreU(hn::IfThenElse(inside, hn::LoadU(d, at), none), d, at);
  }
}

// Zeros in [range.begin, inner.begin) and [inner.end, range.end): a row of a tile has 0 where only
// other rows of the tile have scores.
inline void ZeroAround(Range range, Range inner, float* s) {
  std::fill(s + range.begin, s + std::max(range.begin, inner.begin), 0.0f);
  std::fill(s + std::min(inner.end, range.end), s + range.end, 0.0f);
}

// Takes the masked scores of `columns` (whole vectors) into the running softmax and turns them into
// 2^(score - most). Returns the factor that brings what was summed before to the new `most`.
HWY_INLINE float SoftmaxRow(Range columns, float* HWY_RESTRICT s, RunningSoftmax& running) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  auto most0 = hn::Set(d, running.most);
  auto most1 = most0;
  int64_t c = columns.begin;
  for (; c + 2 * lanes <= columns.end; c += 2 * lanes) {
    most0 = hn::Max(most0, hn::LoadU(d, s + c));
    most1 = hn::Max(most1, hn::LoadU(d, s + c + lanes));
  }
  if (c < columns.end) most0 = hn::Max(most0, hn::LoadU(d, s + c));
  const float most = hn::GetLane(hn::MaxOfLanes(d, hn::Max(most0, most1)));
  // Without a score yet, anything finite will do: every exponential is 0 (or NaN of NaN).
  const float finite_most = most == kNoScore ? 0.0f : most;
  const auto most_all = hn::Set(d, finite_most);
  auto sum0 = hn::Zero(d);
  auto sum1 = hn::Zero(d);
  const auto exponential = [&](int64_t at) HWY_ATTR {
    const auto p = Exp2(d, hn::Sub(hn::LoadU(d, s + at), most_all));
    hn::StoreU(p, d, s + at);
    return p;
  };
  for (c = columns.begin; c + 2 * lanes <= columns.end; c += 2 * lanes) {
    sum0 = hn::Add(sum0, exponential(c));
    sum1 = hn::Add(sum1, exponential(c + lanes));
  }
  if (c < columns.end) sum0 = hn::Add(sum0, exponential(c));
  const float sum = hn::GetLane(hn::SumOfLanes(d, hn::Add(sum0, sum1)));
  float factor = 1;
  if (most != running.most) {
    factor = hn::GetLane(Exp2(d, hn::Sub(hn::Set(d, running.most), most_all)));
  }
  running.most = most;
  running.sum = running.sum * factor + sum;
  return factor;
}

}  // namespace HWY_NAMESPACE
}  // namespace rotary
HWY_AFTER_NAMESPACE();

#endif  // ROTARY_ATTENTION_SCORE_ROWS_INL_H_
