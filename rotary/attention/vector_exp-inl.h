// 2^x on vectors of f32. Compiled once for each SIMD target.
#if defined(ROTARY_ATTENTION_VECTOR_EXP_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ROTARY_ATTENTION_VECTOR_EXP_INL_H_
#undef ROTARY_ATTENTION_VECTOR_EXP_INL_H_
#else
#define ROTARY_ATTENTION_VECTOR_EXP_INL_H_
#endif

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace rotary {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// 2^x for x < 127: within 2.5 ulp (vector_exp_test.cc prints what it measures); exact where x is an
// integer; 0 below -125, so that -infinity needs no care; NaN of NaN.
template <class D, class V = hn::VFromD<D>>
HWY_INLINE V Exp2(D d, V x) {
  const hn::RebindToSigned<D> di;
  // Adding 1.5 * 2^23 leaves no bits for a fraction: the sum's low bits are x rounded, its nearest
  // integer n. Then 2^x = 2^n * 2^r with |r| <= 1/2.
  const auto round = hn::Set(d, 0x1.8p23f);
  const auto shifted = hn::Add(x, round);
  const auto r = hn::Sub(x, hn::Sub(shifted, round));
  // The polynomial 1 + c1 r + .. + c5 r^5 of least relative error to 2^r: 9.2e-8.
  auto p = hn::MulAdd(hn::Set(d, 0x1.5bba13e2f4adbp-10f), r, hn::Set(d, 0x1.3cea8759668f3p-7f));
  p = hn::MulAdd(p, r, hn::Set(d, 0x1.c6b752df2f917p-5f));
  p = hn::MulAdd(p, r, hn::Set(d, 0x1.ebf9bb8a6881ap-3f));
  p = hn::MulAdd(p, r, hn::Set(d, 0x1.62e4292037284p-1f));
  p = hn::MulAdd(p, r, hn::Set(d, 1.0f));
  // Times 2^n by adding n to the exponent.
  const auto n = hn::ShiftLeft<23>(hn::BitCast(di, shifted));
  const auto power = hn::BitCast(d, hn::Add(hn::BitCast(di, p), n));
  return hn::IfThenZeroElse(hn::Lt(x, hn::Set(d, -125.0f)), power);
}

}  // namespace HWY_NAMESPACE
}  // namespace rotary
HWY_AFTER_NAMESPACE();

#endif  // ROTARY_ATTENTION_VECTOR_EXP_INL_H_
