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
#include <atomic>
#include <type_traits>
#include <utility>

#include "hwy/highway.h"
#include "rotary/base/load_store-inl.h"
#include "rotary/rope/channel_runs.h"
#include "rotary/rope/coefficients-inl.h"

HWY_BEFORE_NAMESPACE();
namespace rotary {
namespace HWY_NAMESPACE {

// `heads` rows of channels, `stride` elements apart: a token of an operand.
template <class T>
struct HeadRows {
  const T* in;
  T* out;
  int64_t heads;
  int64_t in_stride;
  int64_t out_stride;
};

// What is rotated by the same coefficients: a token of each operand, or of one.
template <class T>
struct TokenRows {
  const Math<T>* coefficients;
  int64_t coefficient_stride;  // from head to head; 0: all heads alike
  bool is_group;
  int count;  // of operands
  HeadRows<T> operands[2];
};

// One vector of pairs in half layout, which may have a second frequency; x1 is loaded already. The
// first result is stored before the second is computed: else GCC 12 loads inputs twice.
template <class D, class T, class V = hn::Vec<D>>
HWY_INLINE void RotateHalfVector(D d, V cos, V sin, V cos2, V sin2, V x1, const T* in_second,
                                 T* out_first, T* out_second) {
  const V x2 = LoadMath(d, in_second);
  StoreMath(d, hn::NegMulAdd(sin, x2, hn::Mul(cos, x1)), out_first);
  StoreMath(d, hn::MulAdd(sin2, x1, hn::Mul(cos2, x2)), out_second);
}

// A step of a half run of a group: kSize pairs, whose coefficients start at c, in a run of n.
// kNative: with StoreEvenOddNatively, of bf16.
template <class T, class D, bool kNative = false>
struct HalfStep {
  static constexpr size_t kSize = hn::MaxLanes(D());
  static constexpr bool kIsGroup = true;
  using Input = hn::Vec<D>;

  HWY_INLINE HalfStep(const Math<T>* c, size_t n)
      : cos(hn::LoadU(D(), c)), sin(hn::LoadU(D(), c + n)) {}
  static HWY_INLINE Input Load(const T* in) { return LoadMath(D(), in); }
  HWY_INLINE void Rotate(Input x1, const T* in_second, T* out_first, T* out_second) const {
    RotateHalfVector(D(), cos, sin, cos, sin, x1, in_second, out_first, out_second);
  }

  hn::Vec<D> cos, sin;
};

// The same with a second frequency.
template <class T, class D>
struct SecondHalfStep {
  static constexpr size_t kSize = hn::MaxLanes(D());
  static constexpr bool kIsGroup = false;
  using Input = hn::Vec<D>;

  HWY_INLINE SecondHalfStep(const Math<T>* c, size_t n)
      : cos(hn::LoadU(D(), c)),
        cos2(hn::LoadU(D(), c + n)),
        sin(hn::LoadU(D(), c + 2 * n)),
        sin2(hn::LoadU(D(), c + 3 * n)) {}
  static HWY_INLINE Input Load(const T* in) { return LoadMath(D(), in); }
  HWY_INLINE void Rotate(Input x1, const T* in_second, T* out_first, T* out_second) const {
    RotateHalfVector(D(), cos, sin, cos2, sin2, x1, in_second, out_first, out_second);
  }

  hn::Vec<D> cos, cos2, sin, sin2;
};

#if HWY_TARGET != HWY_SCALAR  // whose vectors have no halves
template <bool kNative, class D, class V = hn::Vec<D>>
HWY_INLINE void StoreBF16(D d, V even, V odd, BF16* out) {
#if HWY_TARGET == HWY_AVX3
  if constexpr (kNative) return StoreEvenOddNatively(d, even, odd, out);
#endif
  StoreEvenOdd(d, even, odd, out);
}

template <class D, bool kNative>
struct HalfStep<BF16, D, kNative> {
  static constexpr size_t kSize = 2 * hn::MaxLanes(D());
  static constexpr bool kIsGroup = true;
  template <class Part>
  using With = HalfStep<BF16, Part, kNative>;
  struct Input {
    hn::Vec<D> even, odd;
  };

  HWY_INLINE HalfStep(const float* c, size_t n) {
    hn::LoadInterleaved2(D(), c, cos_even, cos_odd);
    hn::LoadInterleaved2(D(), c + n, sin_even, sin_odd);
  }
  static HWY_INLINE Input Load(const BF16* in) {
    // Not into an Input: GCC compiles its implicit constructor for the baseline, which lacks what
    // the constructor of NEON's vectors needs.
    hn::Vec<D> even, odd;
    LoadEvenOdd(D(), in, even, odd);
    return {even, odd};
  }
  HWY_INLINE void Rotate(const Input& x1, const BF16* in_second, BF16* out_first,
                         BF16* out_second) const {
    const Input x2 = Load(in_second);
    StoreBF16<kNative>(D(), hn::NegMulAdd(sin_even, x2.even, hn::Mul(cos_even, x1.even)),
                       hn::NegMulAdd(sin_odd, x2.odd, hn::Mul(cos_odd, x1.odd)), out_first);
    StoreBF16<kNative>(D(), hn::MulAdd(sin_even, x1.even, hn::Mul(cos_even, x2.even)),
                       hn::MulAdd(sin_odd, x1.odd, hn::Mul(cos_odd, x2.odd)), out_second);
  }

  hn::Vec<D> cos_even, cos_odd, sin_even, sin_odd;
};
#endif

// A step of an interleaved run: kSize channels, two of which make a pair.
template <class T, class D, bool kNative = false>
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
template <class D, bool kNative>
struct InterleavedStep<BF16, D, kNative> {
  static constexpr size_t kSize = 2 * hn::MaxLanes(D());

  HWY_INLINE InterleavedStep(const float* keep, const float* cross) {
    hn::LoadInterleaved2(D(), keep, keep_even, keep_odd);
    hn::LoadInterleaved2(D(), cross, cross_even, cross_odd);
  }
  HWY_INLINE void Rotate(const BF16* in, BF16* out) const {
    const D d;
    hn::Vec<D> even, odd;
    LoadEvenOdd(d, in, even, odd);
    StoreBF16<kNative>(d, hn::MulAdd(cross_even, odd, hn::Mul(keep_even, even)),
                       hn::MulAdd(cross_odd, even, hn::Mul(keep_odd, odd)), out);
  }

  hn::Vec<D> keep_even, keep_odd, cross_even, cross_odd;
};
#endif

// Tags of a half and a quarter of the lanes, where these are enough for every load of a step.
template <class M, size_t kPart>
using PartTag = hn::CappedTag<M, (hn::MaxLanes(hn::ScalableTag<M>()) >= 4 * kPart
                                      ? hn::MaxLanes(hn::ScalableTag<M>()) / kPart
                                      : hn::MaxLanes(hn::ScalableTag<M>()))>;

// One pair: channels i and i + 1.
template <class T>
HWY_INLINE void RotateNeighbours(const Math<T>* keep, const Math<T>* cross, const T* in, T* out) {
  const hn::CappedTag<Math<T>, 1> d;
  RotateHalfVector(d, hn::LoadU(d, keep), hn::Neg(hn::LoadU(d, cross)), hn::LoadU(d, keep + 1),
                   hn::LoadU(d, cross + 1), LoadMath(d, in), in + 1, out, out + 1);
}

// Pairs begin .. n-1 of one head of a half run, with coefficients from memory.
template <class T>
HWY_NOINLINE void RotateHalfPart(size_t begin, size_t n, const Math<T>* c, bool is_group,
                                 const T* in_first, const T* in_second, T* out_first,
                                 T* out_second) {
  using M = Math<T>;
  const M* s = is_group ? c + n : c + 2 * n;
  size_t i = begin;
  if (is_group) {
    const auto steps = [&](auto d) HWY_ATTR {
      using Step = HalfStep<T, decltype(d)>;
      for (; i + Step::kSize <= n; i += Step::kSize) {
        Step(c + i, n).Rotate(Step::Load(in_first + i), in_second + i, out_first + i,
                              out_second + i);
      }
    };
    steps(hn::ScalableTag<M>());
    steps(PartTag<M, 2>());
    steps(PartTag<M, 4>());
  }
  const M* c2 = is_group ? c : c + n;
  const M* s2 = is_group ? s : s + n;
  ForVectors(hn::ScalableTag<M>(), i, n, [&](auto d, size_t j) HWY_ATTR {
    RotateHalfVector(d, hn::LoadU(d, c + j), hn::LoadU(d, s + j), hn::LoadU(d, c2 + j),
                     hn::LoadU(d, s2 + j), LoadMath(d, in_first + j), in_second + j, out_first + j,
                     out_second + j);
  });
}

// The same for channels of an interleaved run.
template <class T>
HWY_NOINLINE void RotateInterleavedPart(size_t begin, size_t n, const Math<T>* keep, const T* in,
                                        T* out) {
  using M = Math<T>;
  const M* cross = keep + n;
  size_t i = begin;
  if constexpr (hn::MaxLanes(hn::ScalableTag<M>()) > 1) {
    const auto steps = [&](auto d) HWY_ATTR {
      using Step = InterleavedStep<T, decltype(d)>;
      for (; i + Step::kSize <= n; i += Step::kSize) {
        Step(keep + i, cross + i).Rotate(in + i, out + i);
      }
    };
    steps(hn::ScalableTag<M>());
    steps(PartTag<M, 2>());
    steps(PartTag<M, 4>());
  }
  for (; i < n; i += 2) RotateNeighbours(keep + i, cross + i, in + i, out + i);
}

// Rotates a run of all heads; `next` is made on the way with the last operand, the keys, which are
// the fewest: the heads before stay undisturbed. Never inlined: together their needs would fill the
// stack before the first, and compiled for each caller they would take minutes.
template <class T>
using RunLoop = void (*)(const PairRun& run, const TokenRows<T>& token,
                         NextCoefficients<Math<T>>& next);

template <class T>
HWY_NOINLINE void RotateHalf(const PairRun& run, const TokenRows<T>& token,
                             NextCoefficients<Math<T>>& next) {
  const size_t n = static_cast<size_t>(run.count);
  for (int i = 0; i < token.count; ++i) {
    const HeadRows<T>& rows = token.operands[i];
    const Math<T>* c = token.coefficients + 4 * run.pair;
    const T* in = rows.in;
    T* out = rows.out;
    for (int64_t h = 0; h < rows.heads; ++h) {
      RotateHalfPart(0, n, c, token.is_group, in + run.first, in + run.second, out + run.first,
                     out + run.second);
      c += token.coefficient_stride;
      in += rows.in_stride;
      out += rows.out_stride;
      if (i + 1 == token.count) next.StepHalf();
    }
  }
}

template <class T>
HWY_NOINLINE void RotateInterleaved(const PairRun& run, const TokenRows<T>& token,
                                    NextCoefficients<Math<T>>& next) {
  const size_t n = 2 * static_cast<size_t>(run.count);
  for (int i = 0; i < token.count; ++i) {
    const HeadRows<T>& rows = token.operands[i];
    const Math<T>* keep = token.coefficients + 4 * run.pair;
    const T* in = rows.in + run.first;
    T* out = rows.out + run.first;
    for (int64_t h = 0; h < rows.heads; ++h) {
      RotateInterleavedPart(0, n, keep, in, out);
      keep += token.coefficient_stride;
      in += rows.in_stride;
      out += rows.out_stride;
      if (i + 1 == token.count) next.StepInterleaved();
    }
  }
}

#if HWY_MAX_BYTES >= 32

// Rest: what a run has beyond its steps: nothing, one step of a part of the lanes, or any number.
struct NoRest {};
struct AnyRest {};
template <class Step>
struct PartRest {};

// Loads nothing where there is no such step.
struct NoStep {
  NoStep(const void*, size_t) {}
};
template <class Rest>
struct RestStepOf {
  using Type = NoStep;
};
template <class Step>
struct RestStepOf<PartRest<Step>> {
  using Type = Step;
};

// With AVX-512 a core loads one vector a cycle and stores half a one, so loading two coefficients
// for each two channels sets the pace: the next two loops keep the coefficients of a run in
// registers, up to 8 vectors of both kinds, all of head_dim 256 in f32. They take heads that are
// alike, and rotate in place: pointers of their own, so that the offsets of steps are
// constants in the instructions, and no more of them than a loop can keep. With the 16 registers of
// AVX2 compilers keep some coefficients on the stack, and it still pays; narrower vectors go
// without.
template <class T, class Step, class Rest, class Steps>
struct HalfInRegisters;
template <class T, class Step, class Rest, size_t... kStep>
struct HalfInRegisters<T, Step, Rest, std::index_sequence<kStep...>> {
  static HWY_NOINLINE void Rotate(const PairRun& run, const TokenRows<T>& token,
                                  NextCoefficients<Math<T>>& next) {
    const size_t n = static_cast<size_t>(run.count);
    const Math<T>* c = token.coefficients + 4 * run.pair;
    const Step steps[] = {Step(c + kStep * Step::kSize, n)...};
    constexpr size_t kDone = sizeof...(kStep) * Step::kSize;
    using RestStep = typename RestStepOf<Rest>::Type;
    [[maybe_unused]] const RestStep rest(c + kDone, n);
    NextCoefficients<Math<T>> making;  // in registers
    for (int i = 0; i < token.count; ++i) {
      const HeadRows<T>& rows = token.operands[i];
      T* first = rows.out + run.first;
      T* second = rows.out + run.second;
      const int64_t stride = rows.out_stride;
      if (i + 1 == token.count) making = next;
      for (int64_t h = rows.heads; h > 0; --h) {
        // The first half is loaded before any of the second, so that memory is met in ascending
        // order: one load that the compiler moves ahead costs a seventh at heads of 1 KiB
        // (docs/rotate.md).
        const typename Step::Input x[] = {Step::Load(first + kStep * Step::kSize)...};
        std::atomic_signal_fence(std::memory_order_acq_rel);
        (steps[kStep].Rotate(x[kStep], second + kStep * Step::kSize, first + kStep * Step::kSize,
                             second + kStep * Step::kSize),
         ...);
        if constexpr (std::is_same_v<Rest, AnyRest>) {
          RotateHalfPart(kDone, n, c, Step::kIsGroup, first, second, first, second);
        } else if constexpr (!std::is_same_v<Rest, NoRest>) {
          rest.Rotate(RestStep::Load(first + kDone), second + kDone, first + kDone, second + kDone);
        }
        first += stride;
        second += stride;
        making.StepHalf();
      }
    }
    next = making;
  }
};

template <class T, class Step, class Rest, class Steps>
struct InterleavedInRegisters;
template <class T, class Step, class Rest, size_t... kStep>
struct InterleavedInRegisters<T, Step, Rest, std::index_sequence<kStep...>> {
  static HWY_NOINLINE void Rotate(const PairRun& run, const TokenRows<T>& token,
                                  NextCoefficients<Math<T>>& next) {
    const size_t n = 2 * static_cast<size_t>(run.count);
    const Math<T>* keep = token.coefficients + 4 * run.pair;
    const Math<T>* cross = keep + n;
    const Step steps[] = {Step(keep + kStep * Step::kSize, cross + kStep * Step::kSize)...};
    NextCoefficients<Math<T>> making;  // in registers
    for (int i = 0; i < token.count; ++i) {
      const HeadRows<T>& rows = token.operands[i];
      T* x = rows.out + run.first;
      const int64_t stride = rows.out_stride;
      if (i + 1 == token.count) making = next;
      for (int64_t h = rows.heads; h > 0; --h) {
        (steps[kStep].Rotate(x + kStep * Step::kSize, x + kStep * Step::kSize), ...);
        if constexpr (!std::is_same_v<Rest, NoRest>) {
          RotateInterleavedPart(sizeof...(kStep) * Step::kSize, n, keep, x, x);
        }
        x += stride;
        making.StepInterleaved();
      }
    }
    next = making;
  }
};

// The loop for the most steps in `count` pairs or channels that there is one for, or nullptr.
//
// kParts: with loops of their own for rests of one step. In bf16, for heads of 80 and 96 channels:
// bringing its coefficients from memory into even and odd ones costs more than the step.
template <template <class...> class Loop, class T, class Step, bool kParts>
RunLoop<T> InRegisters(size_t count) {
  const auto with = [count]<class Steps>(Steps) -> RunLoop<T> {
    const size_t rest = count - Steps::size() * Step::kSize;
    if (rest == 0) return Loop<T, Step, NoRest, Steps>::Rotate;
    if constexpr (kParts) {
      using Half = typename Step::template With<PartTag<float, 2>>;
      using Quarter = typename Step::template With<PartTag<float, 4>>;
      if (rest == Half::kSize) return Loop<T, Step, PartRest<Half>, Steps>::Rotate;
      if (rest == Quarter::kSize) return Loop<T, Step, PartRest<Quarter>, Steps>::Rotate;
    }
    return Loop<T, Step, AnyRest, Steps>::Rotate;
  };
  const size_t steps = count / Step::kSize;
  // Steps of bf16, and of a second frequency, take twice the registers.
  if constexpr (sizeof(Step) <= 2 * sizeof(hn::Vec<hn::ScalableTag<float>>)) {
    if (steps >= 8) return with(std::make_index_sequence<8>());
  }
  if (steps >= 4) return with(std::make_index_sequence<4>());
  if (steps == 3) return with(std::make_index_sequence<3>());
  if (steps == 2) return with(std::make_index_sequence<2>());
  if (steps == 1) return with(std::make_index_sequence<1>());
  return nullptr;
}

template <class T, bool kNative>
RunLoop<T> LoopInRegisters(const PairRun& run) {
  using D = hn::ScalableTag<Math<T>>;
  const size_t n = static_cast<size_t>(run.count);
  if (run.interleaved) {
    return InRegisters<InterleavedInRegisters, T, InterleavedStep<T, D, kNative>, false>(2 * n);
  }
  return InRegisters<HalfInRegisters, T, HalfStep<T, D, kNative>, std::is_same_v<T, BF16>>(n);
}

#endif

// Any rows of a run.
template <class T>
RunLoop<T> LoopOf(const PairRun& run) {
  return run.interleaved ? RotateInterleaved<T> : RotateHalf<T>;
}

// Rows that are rotated in place and whose heads are alike.
template <class T>
RunLoop<T> LoopInPlace(const PairRun& run, [[maybe_unused]] bool is_group) {
  RunLoop<T> loop = nullptr;
#if HWY_MAX_BYTES >= 32
  if (!is_group && !run.interleaved) {
    // In f32 only, the type of the few models that have it: coefficients of bf16 fill all
    // registers.
    if constexpr (std::is_same_v<T, float>) {
      using Step = SecondHalfStep<T, hn::ScalableTag<float>>;
      loop = InRegisters<HalfInRegisters, T, Step, false>(static_cast<size_t>(run.count));
    }
    return loop != nullptr ? loop : LoopOf<T>(run);
  }
#if HWY_TARGET == HWY_AVX3
  if constexpr (std::is_same_v<T, BF16>) {
    if (HasNativeBF16()) loop = LoopInRegisters<T, true>(run);
  }
#endif
  if (loop == nullptr) loop = LoopInRegisters<T, false>(run);
#endif
  return loop != nullptr ? loop : LoopOf<T>(run);
}

template <class T>
void RotateToken(const ChannelRuns& runs, const TokenRows<T>& token) {
  const HeadRows<T>* const end = token.operands + token.count;
  const bool in_place =
      std::all_of(token.operands, end, [](const HeadRows<T>& rows) { return rows.in == rows.out; });
  const bool in_registers = in_place && token.coefficient_stride == 0;
  for (const PairRun& run : runs.pairs) {
    NextCoefficients<Math<T>> none;
    (in_registers ? LoopInPlace<T>(run, token.is_group) : LoopOf<T>(run))(run, token, none);
  }
  if (in_place) return;
  for (const ChannelRange& range : runs.rest) {
    for (const HeadRows<T>* rows = token.operands; rows < end; ++rows) {
      for (int64_t h = 0; h < rows->heads; ++h) {
        const T* from = rows->in + h * rows->in_stride + range.begin;
        std::copy(from, from + range.count, rows->out + h * rows->out_stride + range.begin);
      }
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace rotary
HWY_AFTER_NAMESPACE();

#endif  // toggled
