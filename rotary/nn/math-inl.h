// exp, the logistic function and the normal distribution on vectors of f32. Compiled once for each
// SIMD target. math_test.cc prints the measured errors. NaN of NaN.
#if defined(ROTARY_NN_MATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ROTARY_NN_MATH_INL_H_
#undef ROTARY_NN_MATH_INL_H_
#else
#define ROTARY_NN_MATH_INL_H_
#endif

#include <limits>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace rotary {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// e^x, within 2 ulp for x <= 88; 0 below -87, where results would be subnormal; infinity above 88.
template <class D, class V = hn::VFromD<D>>
HWY_INLINE V Exp(D d, V x) {
  const hn::RebindToSigned<D> di;
  // x = n ln 2 + r, |r| <= ln 2 / 2. The sum with 1.5 * 2^23 has n in its low bits; ln 2 is split
  // so that n times its first part is exact.
  const auto round = hn::Set(d, 0x1.8p23f);
  const auto shifted = hn::MulAdd(x, hn::Set(d, 0x1.715476p0f), round);
  const auto n = hn::Sub(shifted, round);
  auto r = hn::NegMulAdd(n, hn::Set(d, 0x1.62e4p-1f), x);
  r = hn::NegMulAdd(n, hn::Set(d, 0x1.7f7d1cp-20f), r);
  // e^r = 1 + r + r^2 p(r), p of least relative error: 3e-9.
  auto p = hn::MulAdd(hn::Set(d, 0.00138145987f), r, hn::Set(d, 0.00836871704f));
  p = hn::MulAdd(p, r, hn::Set(d, 0.0416683881f));
  p = hn::MulAdd(p, r, hn::Set(d, 0.166665206f));
  p = hn::MulAdd(p, r, hn::Set(d, 0.499999934f));
  p = hn::MulAdd(hn::Mul(r, r), p, hn::Add(r, hn::Set(d, 1.0f)));
  // 2^n, made in the exponent's bits: the low bits of `shifted` are n + 2^22, whose upper part the
  // shift drops.
  const auto bias = hn::Set(di, 127);
  const auto power = hn::BitCast(d, hn::ShiftLeft<23>(hn::Add(hn::BitCast(di, shifted), bias)));
  const auto tiny = hn::Lt(x, hn::Set(d, -87.0f));
  const auto huge = hn::Gt(x, hn::Set(d, 88.0f));
  return hn::IfThenElse(huge, hn::Set(d, std::numeric_limits<float>::infinity()),
                        hn::IfThenZeroElse(tiny, hn::Mul(p, power)));
}

// 1 / (1 + e^-x), within 3 ulp for x >= -87; 0 below -88.
template <class D, class V = hn::VFromD<D>>
HWY_INLINE V Sigmoid(D d, V x) {
  const auto one = hn::Set(d, 1.0f);
  return hn::Div(one, hn::Add(one, Exp(d, hn::Neg(x))));
}

// The standard normal distribution at z.
template <class V>
struct Normal {
  V below;        // P(Z <= z), within 3e-7
  V exponential;  // e^(-z^2 / 2): the density without its factor
};

template <class D, class V = hn::VFromD<D>>
HWY_INLINE Normal<V> NormalAt(D d, V z) {
  const auto one = hn::Set(d, 1.0f);
  const auto t = hn::Abs(z);
  const auto exponential = Exp(d, hn::Mul(hn::Mul(z, hn::Set(d, -0.5f)), z));
  // P(Z > t) = e^(-t^2 / 2) p(u), u = 1 / (1 + 0.28 t): the form of Hastings (Abramowitz and
  // Stegun 7.1.26), fitted anew by least |error| / (P + 0.01), which is 6e-8: 3e-8 in the middle,
  // 0.4% of the tail at its far end.
  const auto u = hn::Div(one, hn::MulAdd(t, hn::Set(d, 0.28f), one));
  auto p = hn::MulAdd(hn::Set(d, -0.106815243f), u, hn::Set(d, 0.394140497f));
  p = hn::MulAdd(p, u, hn::Set(d, -0.244167515f));
  p = hn::MulAdd(p, u, hn::Set(d, 0.274892949f));
  p = hn::MulAdd(p, u, hn::Set(d, 0.0650229088f));
  p = hn::MulAdd(p, u, hn::Set(d, 0.116926424f));
  const auto above = hn::Mul(hn::Mul(p, u), exponential);
  return {hn::IfThenElse(hn::Lt(z, hn::Zero(d)), above, hn::Sub(one, above)), exponential};
}

}  // namespace HWY_NAMESPACE
}  // namespace rotary
HWY_AFTER_NAMESPACE();

#endif  // ROTARY_NN_MATH_INL_H_
