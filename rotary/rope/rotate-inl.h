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

// y_first and y_second of one vector of pairs in half layout.
template <class D, class T, class V = hn::Vec<D>>
HWY_INLINE void RotateHalfVector(D d, V cos, V sin, V cos2, V sin2, const T* in_first,
                                 const T* in_second, T* out_first, T* out_second) {
  const auto x1 = LoadMath(d, in_first), x2 = LoadMath(d, in_second);
  StoreMath(d, hn::NegMulAdd(sin, x2, hn::Mul(cos, x1)), out_first);
  StoreMath(d, hn::MulAdd(sin2, x1, hn::Mul(cos2, x2)), out_second);
}

// One vector of neighbouring channels that are pairs.
template <class D, class T, class V = hn::Vec<D>>
HWY_INLINE void RotateInterleavedVector(D d, V keep, V cross, const T* in, T* out) {
  const auto x = LoadMath(d, in);
  StoreMath(d, hn::MulAdd(cross, hn::Reverse2(d, x), hn::Mul(keep, x)), out);
}

// With AVX-512 a core loads one vector a cycle and stores half a one, so loading two coefficients
// for each two channels would set the pace: the loops below keep the coefficients of the first
// vectors (one for each kVector) in registers, up to 8 of both kinds, all of head_dim 256 in f32.
// With fewer registers the compiler spills them, and loading them back costs what loading them did.
// This takes heads that are alike and a group; the rest of a run loads its own.
template <class T, size_t... kVector>
void RotateHalf(const PairRun& run, const HeadRows<T>& rows, std::index_sequence<kVector...>) {
  using M = Math<T>;
  const hn::ScalableTag<M> d;
  constexpr size_t kLanes = hn::MaxLanes(d);
  constexpr size_t kCount = sizeof...(kVector);
  const size_t n = static_cast<size_t>(run.count);
  const M* c = rows.coefficients + 4 * run.pair;
  const hn::Vec<decltype(d)> cos[kCount + 1] = {hn::LoadU(d, c + kVector * kLanes)...};
  const hn::Vec<decltype(d)> sin[kCount + 1] = {hn::LoadU(d, c + n + kVector * kLanes)...};
  // Locals: after a store to `out` the compiler must read the members of `rows` again.
  const T* in = rows.in;
  T* out = rows.out;
  const int64_t heads = rows.heads, in_stride = rows.in_stride, out_stride = rows.out_stride;
  const int64_t c_stride = rows.coefficient_stride, first = run.first, second = run.second;
  const bool has_rest = kCount * kLanes < n, is_group = rows.is_group;
  for (int64_t h = 0; h < heads; ++h) {
    (RotateHalfVector(d, cos[kVector], sin[kVector], cos[kVector], sin[kVector],
                      in + first + kVector * kLanes, in + second + kVector * kLanes,
                      out + first + kVector * kLanes, out + second + kVector * kLanes),
     ...);
    if (has_rest) {
      ForVectors(d, kCount * kLanes, n, [&](auto dv, size_t i) HWY_ATTR {
        const auto cos1 = hn::LoadU(dv, c + i), sin1 = hn::LoadU(dv, c + n + i);
        const auto cos2 = is_group ? cos1 : hn::LoadU(dv, c + 2 * n + i);
        const auto sin2 = is_group ? sin1 : hn::LoadU(dv, c + 3 * n + i);
        RotateHalfVector(dv, cos1, sin1, cos2, sin2, in + first + i, in + second + i,
                         out + first + i, out + second + i);
      });
      c += c_stride;
    }
    in += in_stride;
    out += out_stride;
  }
}

// As above; a second frequency makes no difference here.
template <class T, size_t... kVector>
void RotateInterleaved(const PairRun& run, const HeadRows<T>& rows,
                       std::index_sequence<kVector...>) {
  using M = Math<T>;
  const hn::ScalableTag<M> d;
  constexpr size_t kLanes = hn::MaxLanes(d);
  constexpr size_t kCount = sizeof...(kVector);
  const size_t n = 2 * static_cast<size_t>(run.count);
  const M* c = rows.coefficients + 4 * run.pair;
  const hn::Vec<decltype(d)> keep[kCount + 1] = {hn::LoadU(d, c + kVector * kLanes)...};
  const hn::Vec<decltype(d)> cross[kCount + 1] = {hn::LoadU(d, c + n + kVector * kLanes)...};
  const T* in = rows.in + run.first;
  T* out = rows.out + run.first;
  const int64_t heads = rows.heads, in_stride = rows.in_stride, out_stride = rows.out_stride;
  const int64_t c_stride = rows.coefficient_stride;
  const bool has_rest = kCount * kLanes < n;
  for (int64_t h = 0; h < heads; ++h) {
    if constexpr (kLanes > 1) {
      (RotateInterleavedVector(d, keep[kVector], cross[kVector], in + kVector * kLanes,
                               out + kVector * kLanes),
       ...);
      if (has_rest) {
        ForVectors(d, kCount * kLanes, n, [&](auto dv, size_t i) HWY_ATTR {
          if constexpr (hn::MaxLanes(decltype(dv)()) > 1) {  // n is even: no single lane remains
            RotateInterleavedVector(dv, hn::LoadU(dv, c + i), hn::LoadU(dv, c + n + i), in + i,
                                    out + i);
          }
        });
      }
    } else {
      for (size_t i = 0; i < n; i += 2) {
        RotateHalfVector(d, hn::LoadU(d, c + i), hn::Neg(hn::LoadU(d, c + n + i)),
                         hn::LoadU(d, c + i + 1), hn::LoadU(d, c + n + i + 1), in + i, in + i + 1,
                         out + i, out + i + 1);
      }
    }
    c += c_stride;
    in += in_stride;
    out += out_stride;
  }
}

// Calls body(sequence) for the most whole vectors in `count` numbers that there is a loop for.
template <class M, class Body>
HWY_INLINE void WithVectors(size_t count, const Body& body) {
  constexpr size_t kLanes = hn::MaxLanes(hn::ScalableTag<M>());
  const size_t vectors = kLanes == 1 ? 0 : count / kLanes;
  if (vectors >= 8) return body(std::make_index_sequence<8>());
  if (vectors >= 4) return body(std::make_index_sequence<4>());
  if (vectors == 3) return body(std::make_index_sequence<3>());
  if (vectors == 2) return body(std::make_index_sequence<2>());
  if (vectors == 1) return body(std::make_index_sequence<1>());
  body(std::index_sequence<>());
}

template <class T>
void RotateHeads(const ChannelRuns& runs, const HeadRows<T>& rows) {
  const bool in_registers = rows.coefficient_stride == 0 && rows.is_group;
  for (const PairRun& run : runs.pairs) {
    const size_t n = static_cast<size_t>(run.count);
    if (run.interleaved) {
      WithVectors<Math<T>>(in_registers ? 2 * n : 0,
                           [&](auto vectors) HWY_ATTR { RotateInterleaved(run, rows, vectors); });
    } else {
      WithVectors<Math<T>>(in_registers ? n : 0,
                           [&](auto vectors) HWY_ATTR { RotateHalf(run, rows, vectors); });
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
