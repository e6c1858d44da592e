// The logistic function and the normal distribution on vectors of f32. Compiled once for each SIMD
// target. math_test.cc prints the measured errors. NaN of NaN.
#if defined(ROTARY_NN_MATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ROTARY_NN_MATH_INL_H_
#undef ROTARY_NN_MATH_INL_H_
#else
#define ROTARY_NN_MATH_INL_H_
#endif

#include "hwy/highway.h"
#include "rotary/base/exp-inl.h"

HWY_BEFORE_NAMESPACE();
namespace rotary {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

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
