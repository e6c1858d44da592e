// Loops over the columns of a row of f32. Compiled once for each SIMD target.
#if defined(ROTARY_NN_COLUMNS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ROTARY_NN_COLUMNS_INL_H_
#undef ROTARY_NN_COLUMNS_INL_H_
#else
#define ROTARY_NN_COLUMNS_INL_H_
#endif

#include <cstdint>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace rotary {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Calls body(d, j) for columns [0, cols): whole vectors of tag d from column j on, then one lane at
// a time.
template <class Body>
HWY_INLINE void ForColumns(int64_t cols, const Body& body) {
  const hn::ScalableTag<float> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t j = 0;
  for (; j + lanes <= cols; j += lanes) body(d, j);
  for (; j < cols; ++j) body(hn::CappedTag<float, 1>(), j);
}

// The sum of term(d, j) over columns [0, cols), in an order that depends on `cols` and the width of
// a vector only. Four sums run side by side, because one addition waits several cycles for the one
// before.
template <class Term>
HWY_INLINE float SumColumns(int64_t cols, const Term& term) {
  const hn::ScalableTag<float> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  auto sum0 = hn::Zero(d), sum1 = hn::Zero(d), sum2 = hn::Zero(d), sum3 = hn::Zero(d);
  int64_t j = 0;
  for (; j + 4 * lanes <= cols; j += 4 * lanes) {
    sum0 = hn::Add(sum0, term(d, j));
    sum1 = hn::Add(sum1, term(d, j + lanes));
    sum2 = hn::Add(sum2, term(d, j + 2 * lanes));
    sum3 = hn::Add(sum3, term(d, j + 3 * lanes));
  }
  for (; j + lanes <= cols; j += lanes) sum0 = hn::Add(sum0, term(d, j));
  const auto all = hn::Add(hn::Add(sum0, sum1), hn::Add(sum2, sum3));
  float sum = hn::GetLane(hn::SumOfLanes(d, all));
  for (; j < cols; ++j) sum += hn::GetLane(term(hn::CappedTag<float, 1>(), j));
  return sum;
}

// Two sums at once, in the same way: add(d, j, a, b) adds the terms of column j on to its vectors a
// and b.
template <class Add>
HWY_INLINE void SumColumns(int64_t cols, const Add& add, float& sum_a, float& sum_b) {
  const hn::ScalableTag<float> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  auto a0 = hn::Zero(d), a1 = hn::Zero(d), b0 = hn::Zero(d), b1 = hn::Zero(d);
  int64_t j = 0;
  for (; j + 2 * lanes <= cols; j += 2 * lanes) {
    add(d, j, a0, b0);
    add(d, j + lanes, a1, b1);
  }
  for (; j + lanes <= cols; j += lanes) add(d, j, a0, b0);
  const hn::CappedTag<float, 1> one;
  auto a = hn::Set(one, hn::GetLane(hn::SumOfLanes(d, hn::Add(a0, a1))));
  auto b = hn::Set(one, hn::GetLane(hn::SumOfLanes(d, hn::Add(b0, b1))));
  for (; j < cols; ++j) add(one, j, a, b);
  sum_a = hn::GetLane(a);
  sum_b = hn::GetLane(b);
}

}  // namespace HWY_NAMESPACE
}  // namespace rotary
HWY_AFTER_NAMESPACE();

#endif  // ROTARY_NN_COLUMNS_INL_H_
