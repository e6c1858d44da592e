// Exponentials on vectors of f32. Compiled once for each SIMD target. NaN of NaN, whatever its
// bits. exp_test.cc prints the measured errors.
//
// Base 2 where the caller can scale what it exponentiates beforehand, as attention scales its
// scores; base e where the argument is the caller's own, for which x log2(e) must be split into n
// and r more exactly than a float can hold it. The polynomial is the same.
#if defined(ROTARY_BASE_EXP_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ROTARY_BASE_EXP_INL_H_
#undef ROTARY_BASE_EXP_INL_H_
#else
#define ROTARY_BASE_EXP_INL_H_
#endif

#include <limits>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace rotary {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Added to a float, it leaves no bits for a fraction: the sum's low bits are the nearest integer n
// in the form of a float's exponent, n + 127.
inline constexpr float kRoundToExponent = 0x1.8p23f + 127;

// 2^n of a sum with kRoundToExponent, for n from -126 to 127; infinity for 128.
template <class D, class V = hn::VFromD<D>>
HWY_INLINE V PowerOfRounded(D d, V sum) {
  const hn::RebindToSigned<D> di;
  return hn::BitCast(d, hn::ShiftLeft<23>(hn::BitCast(di, sum)));
}

// 2^r for |r| <= 1/2, within 1.5 ulp; exactly 1 at 0, and not above 1 below 0.
template <class D, class V = hn::VFromD<D>>
HWY_INLINE V Exp2OfFraction(D d, V r) {
  // The polynomial 1 + c1 r + .. + c6 r^6 of least relative error: 2.0e-9.
  auto p = hn::MulAdd(hn::Set(d, 0x1.41fbbcp-13f), r, hn::Set(d, 0x1.5f3e52p-10f));
  p = hn::MulAdd(p, r, hn::Set(d, 0x1.3b2d4cp-7f));
  p = hn::MulAdd(p, r, hn::Set(d, 0x1.c6aee8p-5f));
  p = hn::MulAdd(p, r, hn::Set(d, 0x1.ebfbdcp-3f));
  p = hn::MulAdd(p, r, hn::Set(d, 0x1.62e430p-1f));
  return hn::MulAdd(p, r, hn::Set(d, 1.0f));
}

// 2^x for x < 127, within 1.5 ulp; exact where x is an integer, not above 1 below 0, and 0 below
// -125, so that -infinity needs no care.
template <class D, class V = hn::VFromD<D>>
HWY_INLINE V Exp2(D d, V x) {
  const auto round = hn::Set(d, kRoundToExponent);
  const auto sum = hn::Add(x, round);
  const auto p = Exp2OfFraction(d, hn::Sub(x, hn::Sub(sum, round)));
  return hn::IfThenZeroElse(hn::Lt(x, hn::Set(d, -125.0f)), hn::Mul(p, PowerOfRounded(d, sum)));
}

// e^x, within 2 ulp for x <= 88; 0 below -87, where results would be subnormal; infinity above 88.
template <class D, class V = hn::VFromD<D>>
HWY_INLINE V Exp(D d, V x) {
  const auto log2_e = hn::Set(d, 0x1.715476p0f), round = hn::Set(d, kRoundToExponent);
  // x = (n + r) ln 2. ln 2 is split so that n times its first part is exact.
  const auto sum = hn::MulAdd(x, log2_e, round);
  const auto n = hn::Sub(sum, round);
  auto rest = hn::NegMulAdd(n, hn::Set(d, 0x1.62e4p-1f), x);
  rest = hn::NegMulAdd(n, hn::Set(d, 0x1.7f7d1cp-20f), rest);
  const auto p = Exp2OfFraction(d, hn::Mul(rest, log2_e));
  const auto tiny = hn::Lt(x, hn::Set(d, -87.0f));
  const auto huge = hn::Gt(x, hn::Set(d, 88.0f));
  return hn::IfThenElse(huge, hn::Set(d, std::numeric_limits<float>::infinity()),
                        hn::IfThenZeroElse(tiny, hn::Mul(p, PowerOfRounded(d, sum))));
}

}  // namespace HWY_NAMESPACE
}  // namespace rotary
HWY_AFTER_NAMESPACE();

#endif  // ROTARY_BASE_EXP_INL_H_
