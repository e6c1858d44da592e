// Rotates the heads of a token by coefficients that are ready: the inner loops, compiled once per
// SIMD target.
//
// A step is what a loop does at once: one vector of the arithmetic's type or, for bf16, two, those
// of the even and of the odd channels, which lie in the upper and lower halves of the same words.
#if defined(ROTARY_ROPE_ROTATE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ROTARY_ROPE_ROTATE_INL_H_
#undef ROTARY_ROPE_ROTATE_INL_H_
#else
#define ROTARY_ROPE_ROTATE_INL_H_
#endif

#include <algorithm>
#include <type_traits>
#include <utility>

#include "hwy/highway.h"
#include "rotary/base/load_store-inl.h"
#include "rotary/rope/channel_runs.h"
#include "rotary/rope/coefficients-inl.h"

HWY_BEFORE_NAMESPACE();
namespace rotary {
namespace HWY_NAMESPACE {

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

// One vector of pairs in half layout. The first result is stored before the second is computed:
// else GCC 12 loads both inputs twice.
template <class D, class T, class V = hn::Vec<D>>
HWY_INLINE void RotateHalfVector(D d, V cos, V sin, V cos2, V sin2, const T* in_first,
                                 const T* in_second, T* out_first, T* out_second) {
  const auto x1 = LoadMath(d, in_first), x2 = LoadMath(d, in_second);
  StoreMath(d, hn::NegMulAdd(sin, x2, hn::Mul(cos, x1)), out_first);
  StoreMath(d, hn::MulAdd(sin2, x1, hn::Mul(cos2, x2)), out_second);
}

// A step of a half run of a group: kSize pairs, whose coefficients start at c and s.
template <class T, class D>
struct HalfStep {
  static constexpr size_t kSize = hn::MaxLanes(D());

  HWY_INLINE HalfStep(const Math<T>* c, const Math<T>* s)
      : cos(hn::LoadU(D(), c)), sin(hn::LoadU(D(), s)) {}
  HWY_INLINE void Rotate(const T* in_first, const T* in_second, T* out_first, T* out_second) const {
    RotateHalfVector(D(), cos, sin, cos, sin, in_first, in_second, out_first, out_second);
  }

  hn::Vec<D> cos, sin;
};

#if HWY_TARGET != HWY_SCALAR  // whose vectors have no halves
template <class D>
struct HalfStep<BF16, D> {
  static constexpr size_t kSize = 2 * hn::MaxLanes(D());

  HWY_INLINE HalfStep(const float* c, const float* s) {
    hn::LoadInterleaved2(D(), c, cos_even, cos_odd);
    hn::LoadInterleaved2(D(), s, sin_even, sin_odd);
  }
  HWY_INLINE void Rotate(const BF16* in_first, const BF16* in_second, BF16* out_first,
                         BF16* out_second) const {
    const D d;
    hn::Vec<D> first_even, first_odd, second_even, second_odd;
    LoadEvenOdd(d, in_first, first_even, first_odd);
    LoadEvenOdd(d, in_second, second_even, second_odd);
    StoreEvenOdd(d, hn::NegMulAdd(sin_even, second_even, hn::Mul(cos_even, first_even)),
                 hn::NegMulAdd(sin_odd, second_odd, hn::Mul(cos_odd, first_odd)), out_first);
    StoreEvenOdd(d, hn::MulAdd(sin_even, first_even, hn::Mul(cos_even, second_even)),
                 hn::MulAdd(sin_odd, first_odd, hn::Mul(cos_odd, second_odd)), out_second);
  }

  hn::Vec<D> cos_even, cos_odd, sin_even, sin_odd;
};
#endif

// A step of an interleaved run: kSize channels, two of which make a pair.
template <class T, class D>
struct InterleavedStep {
  static constexpr size_t kSize = hn::MaxLanes(D());

  HWY_INLINE InterleavedStep(const Math<T>* k, const Math<T>* c)
      : keep(hn::LoadU(D(), k)), cross(hn::LoadU(D(), c)) {}
  HWY_INLINE void Rotate(const T* in, T* out) const {
    const D d;
    const auto x = LoadMath(d, in);
    StoreMath(d, hn::MulAdd(cross, hn::Reverse2(d, x), hn::Mul(keep, x)), out);
  }

  hn::Vec<D> keep, cross;
};

#if HWY_TARGET != HWY_SCALAR
template <class D>
struct InterleavedStep<BF16, D> {
  static constexpr size_t kSize = 2 * hn::MaxLanes(D());

  HWY_INLINE InterleavedStep(const float* keep, const float* cross) {
    hn::LoadInterleaved2(D(), keep, keep_even, keep_odd);
    hn::LoadInterleaved2(D(), cross, cross_even, cross_odd);
  }
  HWY_INLINE void Rotate(const BF16* in, BF16* out) const {
    const D d;
    hn::Vec<D> even, odd;
    LoadEvenOdd(d, in, even, odd);
    StoreEvenOdd(d, hn::MulAdd(cross_even, odd, hn::Mul(keep_even, even)),
                 hn::MulAdd(cross_odd, even, hn::Mul(keep_odd, odd)), out);
  }

  hn::Vec<D> keep_even, keep_odd, cross_even, cross_odd;
};
#endif

// With AVX-512 a core loads one vector a cycle and stores half a one, so loading two coefficients
// for each two channels would set the pace: the next two loops keep the coefficients of a whole run
// in registers, up to 8 vectors of both kinds, all of head_dim 256 in f32. With fewer registers the
// compiler spills them, and loading them back costs what loading them did. They take heads that are
// alike, and a group.
//
// Pointers of their own, so that the offsets of steps are constants in the instructions; in place,
// half as many.
template <bool kInPlace, class T, size_t... kStep>
HWY_INLINE void RotateHalf(const PairRun& run, const HeadRows<T>& rows,
                           NextCoefficients<Math<T>>& next, std::index_sequence<kStep...>) {
  using Step = HalfStep<T, hn::ScalableTag<Math<T>>>;
  const Math<T>* c = rows.coefficients + 4 * run.pair;
  const Math<T>* s = c + run.count;
  const Step steps[] = {Step(c + kStep * Step::kSize, s + kStep * Step::kSize)...};
  T* out_first = rows.out + run.first;
  T* out_second = rows.out + run.second;
  const T* in_first = kInPlace ? out_first : rows.in + run.first;
  const T* in_second = kInPlace ? out_second : rows.in + run.second;
  const int64_t out_stride = rows.out_stride;
  const int64_t in_stride = kInPlace ? out_stride : rows.in_stride;
  NextCoefficients<Math<T>> making = next;  // in registers
  for (int64_t h = rows.heads; h > 0; --h) {
    (steps[kStep].Rotate(in_first + kStep * Step::kSize, in_second + kStep * Step::kSize,
                         out_first + kStep * Step::kSize, out_second + kStep * Step::kSize),
     ...);
    in_first += in_stride;
    in_second += in_stride;
    out_first += out_stride;
    out_second += out_stride;
    making.StepHalf();
  }
  next = making;
}

template <bool kInPlace, class T, size_t... kStep>
HWY_INLINE void RotateInterleaved(const PairRun& run, const HeadRows<T>& rows,
                                  NextCoefficients<Math<T>>& next, std::index_sequence<kStep...>) {
  using Step = InterleavedStep<T, hn::ScalableTag<Math<T>>>;
  const Math<T>* keep = rows.coefficients + 4 * run.pair;
  const Math<T>* cross = keep + 2 * run.count;
  const Step steps[] = {Step(keep + kStep * Step::kSize, cross + kStep * Step::kSize)...};
  T* out = rows.out + run.first;
  const T* in = kInPlace ? out : rows.in + run.first;
  const int64_t out_stride = rows.out_stride;
  const int64_t in_stride = kInPlace ? out_stride : rows.in_stride;
  NextCoefficients<Math<T>> making = next;  // in registers
  for (int64_t h = rows.heads; h > 0; --h) {
    (steps[kStep].Rotate(in + kStep * Step::kSize, out + kStep * Step::kSize), ...);
    in += in_stride;
    out += out_stride;
    making.StepInterleaved();
  }
  next = making;
}

// The tag of half as many lanes, where these are enough for every load of a step.
template <class M>
using HalfTag =
    hn::CappedTag<M, hn::MaxLanes(hn::ScalableTag<M>()) /
                         (sizeof(M) == 4 && hn::MaxLanes(hn::ScalableTag<M>()) >= 8 ? 2 : 1)>;

// Pairs of a half run from `begin` on; coefficients are loaded for each head.
template <class T>
HWY_NOINLINE void RotateHalfRest(const PairRun& run, const HeadRows<T>& rows, size_t begin) {
  using M = Math<T>;
  using Whole = HalfStep<T, hn::ScalableTag<M>>;
  using Short = HalfStep<T, HalfTag<M>>;
  const size_t n = static_cast<size_t>(run.count);
  const M* c = rows.coefficients + 4 * run.pair;
  const T* in_first = rows.in + run.first;
  const T* in_second = rows.in + run.second;
  T* out_first = rows.out + run.first;
  T* out_second = rows.out + run.second;
  // Locals: after a store to `out` the compiler must read the members of `rows` again.
  const int64_t in_stride = rows.in_stride, out_stride = rows.out_stride;
  const int64_t c_stride = rows.coefficient_stride;
  const bool is_group = rows.is_group;
  for (int64_t h = rows.heads; h > 0; --h) {
    const M* s = c + n;
    size_t i = begin;
    if (is_group) {
      for (; i + Whole::kSize <= n; i += Whole::kSize) {
        Whole(c + i, s + i).Rotate(in_first + i, in_second + i, out_first + i, out_second + i);
      }
      for (; i + Short::kSize <= n; i += Short::kSize) {
        Short(c + i, s + i).Rotate(in_first + i, in_second + i, out_first + i, out_second + i);
      }
    }
    const M* c2 = is_group ? c : c + 2 * n;
    const M* s2 = c2 + n;
    ForVectors(hn::ScalableTag<M>(), i, n, [&](auto d, size_t j) HWY_ATTR {
      RotateHalfVector(d, hn::LoadU(d, c + j), hn::LoadU(d, s + j), hn::LoadU(d, c2 + j),
                       hn::LoadU(d, s2 + j), in_first + j, in_second + j, out_first + j,
                       out_second + j);
    });
    c += c_stride;
    in_first += in_stride;
    in_second += in_stride;
    out_first += out_stride;
    out_second += out_stride;
  }
}

// Channels of an interleaved run from `begin` on.
template <class T>
HWY_NOINLINE void RotateInterleavedRest(const PairRun& run, const HeadRows<T>& rows, size_t begin) {
  using M = Math<T>;
  using Whole = InterleavedStep<T, hn::ScalableTag<M>>;
  using Short = InterleavedStep<T, HalfTag<M>>;
  const size_t n = 2 * static_cast<size_t>(run.count);
  const M* keep = rows.coefficients + 4 * run.pair;
  const T* in = rows.in + run.first;
  T* out = rows.out + run.first;
  const int64_t in_stride = rows.in_stride, out_stride = rows.out_stride;
  const int64_t c_stride = rows.coefficient_stride;
  for (int64_t h = rows.heads; h > 0; --h) {
    const M* cross = keep + n;
    size_t i = begin;
    if constexpr (hn::MaxLanes(hn::ScalableTag<M>()) > 1) {
      for (; i + Whole::kSize <= n; i += Whole::kSize) {
        Whole(keep + i, cross + i).Rotate(in + i, out + i);
      }
      for (; i + Short::kSize <= n; i += Short::kSize) {
        Short(keep + i, cross + i).Rotate(in + i, out + i);
      }
    }
    for (; i < n; i += 2) {
      const hn::CappedTag<M, 1> d;
      RotateHalfVector(d, hn::LoadU(d, keep + i), hn::Neg(hn::LoadU(d, cross + i)),
                       hn::LoadU(d, keep + i + 1), hn::LoadU(d, cross + i + 1), in + i, in + i + 1,
                       out + i, out + i + 1);
    }
    keep += c_stride;
    in += in_stride;
    out += out_stride;
  }
}

// Calls body(sequence, number) for the most steps in `count` pairs or channels that there is a loop
// for, and the number of pairs or channels that these are; returns that number, 0 without a call.
template <class Step, class Body>
HWY_INLINE size_t InRegisters(size_t count, const Body& body) {
  const auto call = [&](auto steps) HWY_ATTR {
    body(steps, steps.size() * Step::kSize);
    return steps.size() * Step::kSize;
  };
  const size_t steps = count / Step::kSize;
  // A step of bf16 takes twice the registers.
  constexpr bool kDouble = sizeof(Step) > 2 * sizeof(hn::Vec<hn::ScalableTag<float>>);
  if constexpr (!kDouble) {
    if (steps >= 8) return call(std::make_index_sequence<8>());
    if (steps >= 6) return call(std::make_index_sequence<6>());
  }
  if (steps >= 4) return call(std::make_index_sequence<4>());
  if (steps == 3) return call(std::make_index_sequence<3>());
  if (steps == 2) return call(std::make_index_sequence<2>());
  if (steps == 1) return call(std::make_index_sequence<1>());
  return 0;
}

// Calls body(rotate) with the loop for a run whose heads are alike and a group: rotate(rows, next)
// rotates all of it. Without a call where the run is shorter than a step.
template <bool kInPlace, class T, class Body>
HWY_INLINE void WithLoop(const PairRun& run, const Body& body) {
  using D = hn::ScalableTag<Math<T>>;
  using Next = NextCoefficients<Math<T>>;
  const size_t n = static_cast<size_t>(run.count);
  if (!run.interleaved) {
    InRegisters<HalfStep<T, D>>(n, [&](auto steps, size_t done) HWY_ATTR {
      body([&](const HeadRows<T>& rows, Next& next) HWY_ATTR {
        RotateHalf<kInPlace>(run, rows, next, steps);
        if (done < n) RotateHalfRest(run, rows, done);
      });
    });
  } else if constexpr (hn::MaxLanes(D()) > 1) {
    InRegisters<InterleavedStep<T, D>>(2 * n, [&](auto steps, size_t done) HWY_ATTR {
      body([&](const HeadRows<T>& rows, Next& next) HWY_ATTR {
        RotateInterleaved<kInPlace>(run, rows, next, steps);
        if (done < 2 * n) RotateInterleavedRest(run, rows, done);
      });
    });
  }
}

template <class T>
void RotateHeads(const ChannelRuns& runs, const HeadRows<T>& rows) {
  const bool in_registers = rows.coefficient_stride == 0 && rows.is_group;
  for (const PairRun& run : runs.pairs) {
    bool done = false;
    if (in_registers) {
      WithLoop<false, T>(run, [&](const auto& rotate) HWY_ATTR {
        NextCoefficients<Math<T>> none;
        rotate(rows, none);
        done = true;
      });
    }
    if (done) continue;
    run.interleaved ? RotateInterleavedRest(run, rows, 0) : RotateHalfRest(run, rows, 0);
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
