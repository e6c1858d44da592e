// Coefficients of a token: its cosines and sines in the order in which the loops of rotate-inl.h
// read them.
//
// For each row of phases 4 * pairs numbers; a run of n pairs that starts at pair j has its own at
// 4 j:
//   half         c [n], s [n], or with a second frequency c [n], c' [n], s [n], s' [n]
//                y_first = c x_first - s x_second,  y_second = c' x_second + s' x_first
//   interleaved  keep [2n], cross [2n]
//                y = keep x + cross (x with neighbours swapped)
// where keep = c, c', c, c', ... and cross = -s, s', -s, s', ... Without a second frequency c' = c
// and s' = s.
#if defined(ROTARY_ROPE_COEFFICIENTS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ROTARY_ROPE_COEFFICIENTS_INL_H_
#undef ROTARY_ROPE_COEFFICIENTS_INL_H_
#else
#define ROTARY_ROPE_COEFFICIENTS_INL_H_
#endif

#include <cstdint>
#include <type_traits>
#include <utility>

#include "hwy/highway.h"
#include "rotary/rope/channel_runs.h"
#include "rotary/rope/phases-inl.h"

HWY_BEFORE_NAMESPACE();
namespace rotary {
namespace HWY_NAMESPACE {

// The numbers of tables for arithmetic in M: floats need no more than 32 bits of them.
template <class M>
using TableNumber = std::conditional_t<std::is_same_v<M, double>, double, int32_t>;

// Phases of a token from ready rows: what RowFactors is for a table.
template <class M>
struct ReadyRow {
  const M* cos_row;
  const M* sin_row;
  M sign;        // of the sines
  bool inverse;  // divides by g twice, because g is in there once

  HWY_NOINLINE void Split(size_t column, size_t count, M* HWY_RESTRICT cos,
                          M* HWY_RESTRICT sin) const {
    ForPhases(column, count, [&](auto d, auto c, auto s, size_t i) HWY_ATTR {
      hn::StoreU(c, d, cos + i);
      hn::StoreU(s, d, sin + i);
    });
  }

  HWY_NOINLINE void Weave(size_t column, size_t count, M* HWY_RESTRICT keep,
                          M* HWY_RESTRICT cross) const {
    ForPhases(column, count, [&](auto d, auto c, auto s, size_t i) HWY_ATTR {
      StoreNeighbours(d, c, c, keep + 2 * i);
      StoreNeighbours(d, hn::Neg(s), s, cross + 2 * i);
    });
  }

 private:
  template <class Body>
  HWY_INLINE void ForPhases(size_t column, size_t count, const Body& body) const {
    const M* HWY_RESTRICT c = cos_row + column;
    const M* HWY_RESTRICT s = sin_row + column;
    const M sine_sign = sign;
    const bool divide = inverse;
    ForVectors(hn::ScalableTag<M>(), 0, count, [&](auto d, size_t i) HWY_ATTR {
      auto cos = hn::LoadU(d, c + i), sin = hn::Mul(hn::LoadU(d, s + i), hn::Set(d, sine_sign));
      if (divide) {
        const auto squared = hn::MulAdd(cos, cos, hn::Mul(sin, sin));  // g^2
        cos = hn::Div(cos, squared);
        sin = hn::Div(sin, squared);
      }
      body(d, cos, sin, i);
    });
  }
};

// Writes the coefficients of a token and a head of a group. Row: RowFactors or ReadyRow; pair j is
// its column `column` + j.
template <class M, class Row>
HWY_INLINE void ArrangeGroup(const ChannelRuns& runs, const Row& row, size_t column,
                             M* coefficients) {
  for (const PairRun& run : runs.pairs) {
    const size_t from = column + static_cast<size_t>(run.pair);
    const size_t n = static_cast<size_t>(run.count);
    M* out = coefficients + 4 * run.pair;
    if (run.interleaved) {
      row.Weave(from, n, out, out + 2 * n);
    } else {
      row.Split(from, n, out, out + n);
    }
  }
}

// The same with a second frequency, whose columns start at `second_column` of `second`. Rare: plain
// loops.
//   scratch  [4, pairs]
template <class M, class Row>
void ArrangeSecond(const ChannelRuns& runs, bool transposed, const Row& row, size_t column,
                   const Row& second, size_t second_column, size_t pairs, M* scratch,
                   M* coefficients) {
  M* c1 = scratch;
  M* s1 = c1 + pairs;
  M* c2 = s1 + pairs;
  M* s2 = c2 + pairs;
  row.Split(column, pairs, c1, s1);
  second.Split(second_column, pairs, c2, s2);
  if (transposed) std::swap(s1, s2);
  for (const PairRun& run : runs.pairs) {
    const size_t n = static_cast<size_t>(run.count);
    M* out = coefficients + 4 * run.pair;
    for (size_t i = 0; i < n; ++i) {
      const size_t j = static_cast<size_t>(run.pair) + i;
      if (run.interleaved) {
        out[2 * i] = c1[j];
        out[2 * i + 1] = c2[j];
        out[2 * n + 2 * i] = -s1[j];
        out[2 * n + 2 * i + 1] = s2[j];
      } else {
        out[i] = c1[j];
        out[n + i] = c2[j];
        out[2 * n + i] = s1[j];
        out[3 * n + i] = s2[j];
      }
    }
  }
}

// Makes the coefficients of the next token while one is rotated, some after each head: made in one
// go they take long enough for the memory to run dry behind them. Loads of other data amid those of
// the heads disturb the prefetchers, so it is eight vectors after a head while as many are missing.
template <class M>
class NextCoefficients {
 public:
  NextCoefficients() = default;  // there is no next token
  // For a list of pairs that is one run, all heads alike. With a second frequency, the columns of
  // both are made one after the other.
  NextCoefficients(const RowFactors<TableNumber<M>>& row, const PairRun& run, bool is_group,
                   M* coefficients)
      : row_(row),
        out_(coefficients),
        count_(static_cast<size_t>(is_group ? 1 : 2) * static_cast<size_t>(run.count)) {}

  // Whether a list can be made so: whole vectors only; with a second frequency, halves that are not
  // transposed.
  static bool CanMake(const ChannelRuns& runs, bool is_group, bool transposed) {
    return runs.pairs.size() == 1 && static_cast<size_t>(runs.pairs[0].count) % kLanes == 0 &&
           (is_group || (!runs.pairs[0].interleaved && !transposed));
  }

  HWY_INLINE void StepHalf() {
    if (column_ >= count_) return;
    const size_t most = column_ + 8 * kLanes;
    const size_t end = most <= count_ ? most : column_ + kLanes;
    for (size_t column = column_; column < end; column += kLanes) {
      M* const cos = out_ + column;
      M* const sin = cos + count_;
      row_.template OneVector<M>(D(), column, [cos, sin](auto d, auto c, auto s) HWY_ATTR {
        hn::StoreU(c, d, cos);
        hn::StoreU(s, d, sin);
      });
    }
    column_ = end;
  }

  HWY_INLINE void StepInterleaved() {
    if (column_ >= count_) return;
    row_.template OneVector<M>(D(), column_, [&](auto d, auto c, auto s) HWY_ATTR {
      StoreNeighbours(d, c, c, out_ + 2 * column_);
      StoreNeighbours(d, hn::Neg(s), s, out_ + 2 * (count_ + column_));
    });
    column_ += kLanes;
  }

  void Finish(bool interleaved) {
    while (column_ < count_) interleaved ? StepInterleaved() : StepHalf();
  }

 private:
  using D = hn::ScalableTag<double>;
  static constexpr size_t kLanes = hn::MaxLanes(D());

  RowFactors<TableNumber<M>> row_{};
  M* out_ = nullptr;
  size_t column_ = 0;  // the first that is not made
  size_t count_ = 0;
};

}  // namespace HWY_NAMESPACE
}  // namespace rotary
HWY_AFTER_NAMESPACE();

#endif  // toggled
