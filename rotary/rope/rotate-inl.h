// Rotates the heads of a token by coefficients that are ready: the inner loops, compiled once per
// SIMD target.
//
// Coefficients of a token, for each row of phases 4 * pairs numbers; a run of n pairs that starts
// at pair j has its own at 4 j, in the order in which its loop reads them:
//   half         c [n], s [n], c' [n], s' [n]     y_first = c x_first - s x_second,  y_second = c'
//   x_second + s' x_first interleaved  keep [2n], cross [2n]            y = keep x + cross (x with
//   neighbours swapped)
// where keep = c, c', c, c', ... and cross = -s, s', -s, s', ... c' and s' equal c and s unless
// there is a second frequency.
#if defined(ROTARY_ROPE_ROTATE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ROTARY_ROPE_ROTATE_INL_H_
#undef ROTARY_ROPE_ROTATE_INL_H_
#else
#define ROTARY_ROPE_ROTATE_INL_H_
#endif

#include <algorithm>
#include <utility>

#include "hwy/highway.h"
#include "rotary/base/load_store-inl.h"
#include "rotary/rope/channel_runs.h"
#include "rotary/rope/phases-inl.h"
#include "rotary/rope/rotate.h"

HWY_BEFORE_NAMESPACE();
namespace rotary {
namespace HWY_NAMESPACE {

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
      hn::StoreInterleaved2(c, c, d, keep + 2 * i);
      hn::StoreInterleaved2(hn::Neg(s), s, d, cross + 2 * i);
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
        out[n + i] = s1[j];
        out[2 * n + i] = c2[j];
        out[3 * n + i] = s2[j];
      }
    }
  }
}

// `heads` rows of channels, `stride` elements apart, that use coefficients `coefficient_stride`
// apart.
template <class T>
struct HeadRows {
  const T* in;
  T* out;
  int64_t heads;
  int64_t in_stride;
  int64_t out_stride;
  const Math<T>* coefficients;
  int64_t coefficient_stride;  // 0: all heads alike
  bool is_group;
};

// With AVX-512 a core loads one vector a cycle and stores half a one, so loading two coefficients
// for each two channels would set the pace: the loops below keep up to 8 vectors of both kinds in
// registers, all of head_dim 256 in f32. With fewer registers the compiler spills them, and loading
// them back costs what loading them did. The coefficients of the first kVectors vectors stay in
// registers, which takes heads that are alike and a group; the rest of a run loads its own.
template <size_t kVectors, class T>
HWY_INLINE void RotateHalf(const PairRun& run, const HeadRows<T>& rows) {
  using M = Math<T>;
  const hn::ScalableTag<M> d;
  const size_t n = static_cast<size_t>(run.count), lanes = hn::Lanes(d);
  hn::Vec<decltype(d)> cos[kVectors + 1], sin[kVectors + 1];
  for (size_t v = 0; v < kVectors; ++v) {
    cos[v] = hn::LoadU(d, rows.coefficients + 4 * run.pair + v * lanes);
    sin[v] = hn::LoadU(d, rows.coefficients + 4 * run.pair + n + v * lanes);
  }
  const M* c = rows.coefficients + 4 * run.pair;
  const T* in_first = rows.in + run.first;
  const T* in_second = rows.in + run.second;
  T* out_first = rows.out + run.first;
  T* out_second = rows.out + run.second;
  for (int64_t h = 0; h < rows.heads; ++h) {
    HWY_UNROLL(8)
    for (size_t v = 0; v < kVectors; ++v) {
      const auto x1 = LoadMath(d, in_first + v * lanes), x2 = LoadMath(d, in_second + v * lanes);
      StoreMath(d, hn::NegMulAdd(sin[v], x2, hn::Mul(cos[v], x1)), out_first + v * lanes);
      StoreMath(d, hn::MulAdd(sin[v], x1, hn::Mul(cos[v], x2)), out_second + v * lanes);
    }
    ForVectors(d, kVectors * lanes, n, [&](auto dv, size_t i) HWY_ATTR {
      const auto x1 = LoadMath(dv, in_first + i), x2 = LoadMath(dv, in_second + i);
      const auto cos1 = hn::LoadU(dv, c + i), sin1 = hn::LoadU(dv, c + n + i);
      const auto cos2 = rows.is_group ? cos1 : hn::LoadU(dv, c + 2 * n + i);
      const auto sin2 = rows.is_group ? sin1 : hn::LoadU(dv, c + 3 * n + i);
      StoreMath(dv, hn::NegMulAdd(sin1, x2, hn::Mul(cos1, x1)), out_first + i);
      StoreMath(dv, hn::MulAdd(sin2, x1, hn::Mul(cos2, x2)), out_second + i);
    });
    c += rows.coefficient_stride;
    in_first += rows.in_stride;
    in_second += rows.in_stride;
    out_first += rows.out_stride;
    out_second += rows.out_stride;
  }
}

// As above; a second frequency makes no difference here.
template <size_t kVectors, class T>
HWY_INLINE void RotateInterleaved(const PairRun& run, const HeadRows<T>& rows) {
  using M = Math<T>;
  const hn::ScalableTag<M> d;
  const size_t n = 2 * static_cast<size_t>(run.count), lanes = hn::Lanes(d);
  hn::Vec<decltype(d)> keep[kVectors + 1], cross[kVectors + 1];
  for (size_t v = 0; v < kVectors; ++v) {
    keep[v] = hn::LoadU(d, rows.coefficients + 4 * run.pair + v * lanes);
    cross[v] = hn::LoadU(d, rows.coefficients + 4 * run.pair + n + v * lanes);
  }
  for (int64_t h = 0; h < rows.heads; ++h) {
    const M* c = rows.coefficients + h * rows.coefficient_stride + 4 * run.pair;
    const T* in = rows.in + h * rows.in_stride + run.first;
    T* out = rows.out + h * rows.out_stride + run.first;
    HWY_UNROLL(8)
    for (size_t v = 0; v < kVectors; ++v) {
      const auto x = LoadMath(d, in + v * lanes);
      const auto kept = hn::Mul(keep[v], x);
      StoreMath(d, hn::MulAdd(cross[v], hn::Reverse2(d, x), kept), out + v * lanes);
    }
    if constexpr (hn::MaxLanes(d) > 1) {
      ForVectors(d, kVectors * lanes, n, [&](auto dv, size_t i) HWY_ATTR {
        if constexpr (hn::MaxLanes(decltype(dv)()) > 1) {  // n is even: single lanes never remain
          const auto x = LoadMath(dv, in + i);
          const auto kept = hn::Mul(hn::LoadU(dv, c + i), x);
          StoreMath(dv, hn::MulAdd(hn::LoadU(dv, c + n + i), hn::Reverse2(dv, x), kept), out + i);
        }
      });
    } else {
      for (size_t i = 0; i < n; i += 2) {
        const auto x1 = LoadMath(d, in + i), x2 = LoadMath(d, in + i + 1);
        const auto kept1 = hn::Mul(hn::LoadU(d, c + i), x1);
        const auto kept2 = hn::Mul(hn::LoadU(d, c + i + 1), x2);
        StoreMath(d, hn::MulAdd(hn::LoadU(d, c + n + i), x2, kept1), out + i);
        StoreMath(d, hn::MulAdd(hn::LoadU(d, c + n + i + 1), x1, kept2), out + i + 1);
      }
    }
  }
}

// Calls body<kVectors>() for the most whole vectors in `count` numbers that there is a loop for.
template <class M, class Body>
HWY_INLINE void WithVectors(size_t count, const Body& body) {
  constexpr size_t kLanes = hn::MaxLanes(hn::ScalableTag<M>());
  switch (kLanes == 1 ? 0 : count / kLanes) {
    case 0:
      return body.template operator()<0>();
    case 1:
      return body.template operator()<1>();
    case 2:
      return body.template operator()<2>();
    case 3:
      return body.template operator()<3>();
    case 4:
    case 5:
    case 6:
    case 7:
      return body.template operator()<4>();
    default:
      return body.template operator()<8>();
  }
}

template <class T>
void RotateHeads(const ChannelRuns& runs, const HeadRows<T>& rows) {
  const bool in_registers = rows.coefficient_stride == 0 && rows.is_group;
  for (const PairRun& run : runs.pairs) {
    const size_t n = static_cast<size_t>(run.count);
    if (run.interleaved) {
      WithVectors<Math<T>>(in_registers ? 2 * n : 0, [&]<size_t kVectors>() HWY_ATTR {
        RotateInterleaved<kVectors>(run, rows);
      });
    } else {
      WithVectors<Math<T>>(in_registers ? n : 0,
                           [&]<size_t kVectors>() HWY_ATTR { RotateHalf<kVectors>(run, rows); });
    }
  }
  if (rows.in == rows.out) return;
  for (const ChannelRange& range : runs.rest) {
    for (int64_t h = 0; h < rows.heads; ++h) {
      const T* from = rows.in + h * rows.in_stride + range.begin;
      std::copy(from, from + range.count, rows.out + h * rows.out_stride + range.begin);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace rotary
HWY_AFTER_NAMESPACE();

#endif  // toggled
