// One vector of f32 from f32, bf16 or f16 memory and back, rounded to nearest even; f64 as it is.
//
// Highway 1.0.3 truncates on its way to bf16, and to f16 on targets without an instruction for it
// (where it also turns infinities into numbers): both are rounded here, to the same bits as ToBF16
// and ToF16 of dtype.h. No alignment is needed.
#if defined(ROTARY_BASE_LOAD_STORE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ROTARY_BASE_LOAD_STORE_INL_H_
#undef ROTARY_BASE_LOAD_STORE_INL_H_
#else
#define ROTARY_BASE_LOAD_STORE_INL_H_
#endif

#include "hwy/highway.h"
#include "rotary/base/dtype.h"

HWY_BEFORE_NAMESPACE();
namespace rotary {
namespace HWY_NAMESPACE {

// The type of the arithmetic on elements of T.
template <class T>
struct MathType {
  using Type = float;
};
template <>
struct MathType<double> {
  using Type = double;
};
template <class T>
using Math = typename MathType<T>::Type;

#if (HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2) || \
    HWY_ARCH_ARM_A64  // a smaller number is a better target

template <class DF>
HWY_INLINE hwy::HWY_NAMESPACE::Vec<DF> WidenF16(
    DF df, hwy::HWY_NAMESPACE::Vec<hwy::HWY_NAMESPACE::Rebind<uint16_t, DF>> half) {
  namespace hn = hwy::HWY_NAMESPACE;
  return hn::PromoteTo(df, hn::BitCast(hn::Rebind<hwy::float16_t, DF>(), half));
}

template <class DF>
HWY_INLINE hwy::HWY_NAMESPACE::Vec<hwy::HWY_NAMESPACE::Rebind<uint16_t, DF>> NarrowF16(
    DF /*df*/, hwy::HWY_NAMESPACE::Vec<DF> v) {
  namespace hn = hwy::HWY_NAMESPACE;
  return hn::BitCast(hn::Rebind<uint16_t, DF>(), hn::DemoteTo(hn::Rebind<hwy::float16_t, DF>(), v));
}

#else

// The steps of ToFloat(F16), lane by lane.
template <class DF>
HWY_INLINE hwy::HWY_NAMESPACE::Vec<DF> WidenF16(
    DF df, hwy::HWY_NAMESPACE::Vec<hwy::HWY_NAMESPACE::Rebind<uint16_t, DF>> half) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::RebindToSigned<DF> di;
  const auto bits = hn::BitCast(di, hn::PromoteTo(hn::RebindToUnsigned<DF>(), half));
  const auto sign = hn::ShiftLeft<16>(hn::And(bits, hn::Set(di, 0x8000)));
  const auto magnitude = hn::ShiftLeft<13>(hn::And(bits, hn::Set(di, 0x7fff)));
  const auto number = hn::BitCast(di, hn::Mul(hn::BitCast(df, magnitude), hn::Set(df, 0x1p112f)));
  const auto special = hn::Or(magnitude, hn::Set(di, 0x7f800000));
  const auto is_special = hn::Gt(magnitude, hn::Set(di, 0x0f7fffff));
  return hn::BitCast(df, hn::Or(sign, hn::IfThenElse(is_special, special, number)));
}

// The steps of ToF16, lane by lane.
template <class DF>
HWY_INLINE hwy::HWY_NAMESPACE::Vec<hwy::HWY_NAMESPACE::Rebind<uint16_t, DF>> NarrowF16(
    DF df, hwy::HWY_NAMESPACE::Vec<DF> v) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::RebindToSigned<DF> di;
  const hn::RebindToUnsigned<DF> du;
  const auto bits = hn::BitCast(di, v);
  const auto magnitude = hn::And(bits, hn::Set(di, 0x7fffffff));
  const auto sign = hn::And(hn::ShiftRight<16>(bits), hn::Set(di, 0x8000));
  const auto shifted = hn::ShiftRight<13>(magnitude);
  const auto odd = hn::And(shifted, hn::Set(di, 1));
  const auto number =
      hn::ShiftRight<13>(hn::Add(hn::Add(magnitude, odd), hn::Set(di, 0xfff - 0x38000000)));
  const auto subnormal =
      hn::Sub(hn::BitCast(di, hn::Add(hn::BitCast(df, magnitude), hn::Set(df, 0.5f))),
              hn::Set(di, 0x3f000000));
  const auto nan = hn::Or(hn::Set(di, 0x7e00), hn::And(shifted, hn::Set(di, 0x3ff)));
  auto half = hn::IfThenElse(hn::Lt(magnitude, hn::Set(di, 0x38800000)), subnormal, number);
  half = hn::IfThenElse(hn::Gt(magnitude, hn::Set(di, 0x477fffff)), hn::Set(di, 0x7c00), half);
  half = hn::IfThenElse(hn::Gt(magnitude, hn::Set(di, 0x7f800000)), nan, half);
  return hn::TruncateTo(hn::Rebind<uint16_t, DF>(), hn::BitCast(du, hn::Or(half, sign)));
}

#endif

template <class DF>
HWY_INLINE hwy::HWY_NAMESPACE::Vec<DF> LoadMath(DF d, const float* from) {
  return hwy::HWY_NAMESPACE::LoadU(d, from);
}
template <class DD>
HWY_INLINE hwy::HWY_NAMESPACE::Vec<DD> LoadMath(DD d, const double* from) {
  return hwy::HWY_NAMESPACE::LoadU(d, from);
}
template <class DF>
HWY_INLINE hwy::HWY_NAMESPACE::Vec<DF> LoadMath(DF df, const BF16* from) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::RebindToUnsigned<DF> du;
  const auto half = hn::LoadU(hn::Rebind<uint16_t, DF>(), &from->bits);
  return hn::BitCast(df, hn::ShiftLeft<16>(hn::PromoteTo(du, half)));
}
template <class DF>
HWY_INLINE hwy::HWY_NAMESPACE::Vec<DF> LoadMath(DF df, const F16* from) {
  namespace hn = hwy::HWY_NAMESPACE;
  return WidenF16(df, hn::LoadU(hn::Rebind<uint16_t, DF>(), &from->bits));
}

template <class DF>
HWY_INLINE void StoreMath(DF d, hwy::HWY_NAMESPACE::Vec<DF> v, float* to) {
  hwy::HWY_NAMESPACE::StoreU(v, d, to);
}
template <class DD>
HWY_INLINE void StoreMath(DD d, hwy::HWY_NAMESPACE::Vec<DD> v, double* to) {
  hwy::HWY_NAMESPACE::StoreU(v, d, to);
}
template <class DF>
HWY_INLINE void StoreMath(DF /*df*/, hwy::HWY_NAMESPACE::Vec<DF> v, BF16* to) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::RebindToUnsigned<DF> du;
  const hn::Rebind<uint16_t, DF> du16;
  const auto bits = hn::BitCast(du, v);
  const auto upper = hn::ShiftRight<16>(bits);
  const auto odd = hn::And(upper, hn::Set(du, 1u));
  const auto rounded = hn::ShiftRight<16>(hn::Add(hn::Add(bits, odd), hn::Set(du, 0x7fffu)));
  const auto nan = hn::Or(upper, hn::Set(du, 0x40u));
  const auto is_nan = hn::RebindMask(du, hn::IsNaN(v));
  hn::StoreU(hn::TruncateTo(du16, hn::IfThenElse(is_nan, nan, rounded)), du16, &to->bits);
}
#if HWY_TARGET != HWY_SCALAR  // whose vectors have no halves
// Twice as many bf16 numbers as DF has lanes, those at even and those at odd places: the lower and
// the upper halves of words, so that nothing needs a shuffle.
template <class DF>
HWY_INLINE void LoadEvenOdd(DF df, const BF16* from, hwy::HWY_NAMESPACE::Vec<DF>& even,
                            hwy::HWY_NAMESPACE::Vec<DF>& odd) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::RebindToUnsigned<DF> du;
  const hn::Repartition<uint16_t, DF> d16;
  const auto words = hn::BitCast(du, hn::LoadU(d16, &from->bits));
  even = hn::BitCast(df, hn::ShiftLeft<16>(words));
  odd = hn::BitCast(df, hn::And(words, hn::Set(du, 0xffff0000u)));
}

// Back again, rounded as StoreMath does, but for a NaN with bits in its lower half, which may
// become another number: arithmetic on numbers that were bf16 once makes none.
template <class DF>
HWY_INLINE void StoreEvenOdd(DF /*df*/, hwy::HWY_NAMESPACE::Vec<DF> even,
                             hwy::HWY_NAMESPACE::Vec<DF> odd, BF16* to) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::RebindToUnsigned<DF> du;
  const hn::Repartition<uint16_t, DF> d16;
  const auto even_bits = hn::BitCast(du, even), odd_bits = hn::BitCast(du, odd);
  const auto upper =
      hn::OddEven(hn::BitCast(d16, odd_bits), hn::BitCast(d16, hn::ShiftRight<16>(even_bits)));
  const auto lower =
      hn::OddEven(hn::BitCast(d16, hn::ShiftLeft<16>(odd_bits)), hn::BitCast(d16, even_bits));
  // Up where lower > 0x8000, or lower = 0x8000 and upper is odd.
  const auto is_even = hn::AndNot(upper, hn::Set(d16, uint16_t{1}));
  const auto up = hn::ShiftRight<15>(hn::SaturatedSub(lower, is_even));
  hn::StoreU(hn::Add(upper, up), d16, &to->bits);
}
#endif

// Whether StoreEvenOddNatively may be called: the CPU rounds to bf16 itself (AVX512_BF16, which
// Highway's targets do not tell).
inline bool HasNativeBF16() {
#if HWY_TARGET == HWY_AVX3
  static const bool has = __builtin_cpu_supports("avx512bf16");
  return has;
#else
  return false;
#endif
}

#if HWY_TARGET == HWY_AVX3
// Puts the halves of n bf16 numbers between each other: number i comes from i / 2 + i % 2 * n / 2.
template <size_t n>
struct WeaveIndices {
  constexpr WeaveIndices() {
    for (size_t i = 0; i < n; ++i) at[i] = static_cast<uint16_t>(i / 2 + i % 2 * (n / 2));
  }
  alignas(2 * n) uint16_t at[n]{};
};
template <size_t n>
inline constexpr WeaveIndices<n> kWeave;

HWY_INLINE __m128i Weave(__m128i halves) {
  return _mm_permutexvar_epi16(_mm_load_si128(reinterpret_cast<const __m128i*>(kWeave<8>.at)),
                               halves);
}
HWY_INLINE __m256i Weave(__m256i halves) {
  return _mm256_permutexvar_epi16(
      _mm256_load_si256(reinterpret_cast<const __m256i*>(kWeave<16>.at)), halves);
}
HWY_INLINE __m512i Weave(__m512i halves) {
  return _mm512_permutexvar_epi16(_mm512_load_si512(kWeave<32>.at), halves);
}
HWY_INLINE bool HasZero(__m128i v) { return _mm_testn_epi16_mask(v, _mm_set1_epi16(0x7fff)) != 0; }
HWY_INLINE bool HasZero(__m256i v) {
  return _mm256_testn_epi16_mask(v, _mm256_set1_epi16(0x7fff)) != 0;
}
HWY_INLINE bool HasZero(__m512i v) {
  return _mm512_testn_epi16_mask(v, _mm512_set1_epi16(0x7fff)) != 0;
}

// StoreEvenOdd by the CPU's own rounding, in a third of the operations.
template <class DF>
HWY_INLINE void StoreEvenOddNatively(DF df, hwy::HWY_NAMESPACE::Vec<DF> even,
                                     hwy::HWY_NAMESPACE::Vec<DF> odd, BF16* to) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::Repartition<uint16_t, DF> d16;
  hn::Vec<decltype(d16)> result;
  // The even results, then the odd ones. The intrinsic needs a target that Highway does not have.
  asm("vcvtne2ps2bf16 %2, %1, %0" : "=v"(result.raw) : "v"(odd.raw), "v"(even.raw));
  result.raw = Weave(result.raw);
  if (HWY_UNLIKELY(HasZero(result.raw))) {
    StoreEvenOdd(df, even, odd, to);  // the instruction takes subnormal numbers for zeros
  } else {
    hn::StoreU(result, d16, &to->bits);
  }
}
#endif

template <class DF>
HWY_INLINE void StoreMath(DF df, hwy::HWY_NAMESPACE::Vec<DF> v, F16* to) {
  namespace hn = hwy::HWY_NAMESPACE;
  hn::StoreU(NarrowF16(df, v), hn::Rebind<uint16_t, DF>(), &to->bits);
}

}  // namespace HWY_NAMESPACE
}  // namespace rotary
HWY_AFTER_NAMESPACE();

#endif  // toggled
