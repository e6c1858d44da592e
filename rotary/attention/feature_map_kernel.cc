#include "rotary/attention/feature_map_kernel.h"

#include <algorithm>
#include <cmath>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "rotary/attention/feature_map_kernel.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"
#include "rotary/attention/head_rows.h"
#include "rotary/attention/padded_rows-inl.h"
#include "rotary/base/exp-inl.h"

HWY_BEFORE_NAMESPACE();
namespace rotary {
namespace HWY_NAMESPACE {
namespace {

using feature_map::Arguments;
using feature_map::kRows;
using feature_map::Scratch;

// Beyond this, exponents count as this: it keeps n below within what float arithmetic is exact on.
constexpr float kMostExponent = 16384;

// e^x 2^-shift, `shift` a whole number: the same bits as e^x but for the power of two. Unlike Exp,
// it takes x far beyond where e^x overflows. 0 below 2^-125, infinity from 2^128, NaN of NaN.
// Within 2 ulp.
template <class D, class V = hn::VFromD<D>>
HWY_INLINE V ScaledExp(D d, V x, V shift) {
  const auto most = hn::Set(d, kMostExponent), least = hn::Neg(most);
  x = hn::IfThenElse(hn::Lt(x, least), least, hn::IfThenElse(hn::Gt(x, most), most, x));
  // x = (n + r) ln 2 with |r| <= 1/2. The first part of ln 2 has 9 bits, so that n times it is
  // exact.
  const auto log2_e = hn::Set(d, 0x1.715476p+0f);
  const auto n = hn::Round(hn::Mul(x, log2_e));
  auto rest = hn::NegMulAdd(n, hn::Set(d, 0x1.63p-1f), x);
  rest = hn::NegMulAdd(n, hn::Set(d, -0x1.bd0106p-13f), rest);
  const auto p = Exp2OfFraction(d, hn::Mul(rest, log2_e));
  const auto power = hn::Min(hn::Sub(n, shift), hn::Set(d, 128.0f));
  const auto result = hn::Mul(p, PowerOfRounded(d, hn::Add(power, hn::Set(d, kRoundToExponent))));
  return hn::IfThenZeroElse(hn::Lt(power, hn::Set(d, -125.0f)), result);
}

// The largest finite one of `count` floats, a multiple of 16; at least `largest`.
float LargestFinite(const float* x, int64_t count, float largest) {
  const F32 d;
  const auto infinity = hn::Set(d, std::numeric_limits<float>::infinity());
  auto most = hn::Set(d, largest);
  for (int64_t i = 0; i < count; i += kLanes) {
    const auto v = hn::Load(d, x + i);
    most = hn::IfThenElse(hn::And(hn::Gt(v, most), hn::Lt(v, infinity)), v, most);
  }
  return hn::GetLane(hn::MaxOfLanes(d, most));
}

// One head of one batch row.
class HeadMap {
 public:
  HeadMap(const Arguments& arguments, int64_t batch, int64_t head, Scratch& scratch)
      : a_(arguments),
        s_(scratch),
        batch_(batch),
        head_(head),
        d_(scratch.head_dim),
        r_(scratch.r) {}

  void Forward() {
    // Keys share one stabiliser: their exponents wait in `out` until the largest is known.
    const bool shared = a_.side == Side::kKey && a_.map != FeatureMap::kEluPlusOne;
    float largest = -std::numeric_limits<float>::infinity();
    for (int64_t first = 0; first < tokens(); first += kRows) {
      ReadExponents(first);
      for (int64_t t = first; t < End(first); ++t) {
        float* row = s_.features + (t - first) * r_;
        if (shared) {
          largest = LargestFinite(row, r_, largest);
        } else {
          Finish(row, LargestFinite(row, r_, -std::numeric_limits<float>::infinity()));
        }
        Write(row, t);
      }
    }
    if (!shared) return;
    for (int64_t t = 0; t < tokens(); ++t) {
      Read(a_.out, t, s_.features, r_);
      Finish(s_.features, largest);
      Write(s_.features, t);
    }
  }

  void Backward() {
    for (int64_t first = 0; first < tokens(); first += kRows) {
      for (int64_t t = first; t < End(first); ++t) {
        const int64_t i = t - first;
        Read(a_.features, t, s_.features + i * r_, r_);
        Read(a_.d_features, t, s_.d_features + i * r_, r_);
        ExponentGradient(s_.features + i * r_, s_.d_features + i * r_);
      }
      if (a_.performer()) ProjectBack(first);
      for (int64_t t = first; t < End(first); ++t) {
        const int64_t i = t - first;
        Write(a_.performer() ? s_.channels + i * d_ : s_.d_features + i * r_, t);
      }
    }
  }

 private:
  int64_t tokens() const { return a_.x.shape(1); }
  int64_t End(int64_t first) const { return std::min(tokens(), first + kRows); }
  int64_t Rows(int64_t first) const { return End(first) - first; }

  void Read(const ConstTensorView& x, int64_t token, float* to, int64_t padded) const {
    ReadRow(x, batch_, token, head_, kRows, to, padded);
  }
  void Write(const float* from, int64_t token) const {
    WriteRow(from, a_.out, batch_, token, head_);
  }

  // features[i] = what the exponential is taken of; -infinity in the padding.
  void ReadExponents(int64_t first) {
    const int64_t r = a_.r;
    const float scale = a_.scale();
    for (int64_t t = first; t < End(first); ++t) {
      const int64_t i = t - first;
      float* to = a_.performer() ? s_.channels + i * d_ : s_.features + i * r_;
      Read(a_.x, t, to, d_);
      if (a_.performer()) Scale(scale, to, to, d_);
    }
    if (a_.performer()) {
      Product(Rows(first), a_.head_dim(), r_, {s_.channels, d_, 1},
              a_.projection_columns.data<float>(), r_, s_.features, r_, false);
    }
    for (int64_t t = first; t < End(first); ++t) {
      const int64_t i = t - first;
      float* row = s_.features + i * r_;
      if (a_.performer()) {
        const float* x = s_.channels + i * d_;
        AddNumber(Dot(x, x, d_) * -0.5f, row, row, r_);
      }
      std::fill(row + r, row + r_, -std::numeric_limits<float>::infinity());
    }
  }

  // Exponents to features.
  void Finish(float* row, float largest) const {
    const F32 d;
    const bool elu = a_.map == FeatureMap::kEluPlusOne;
    float shift = 0;
    if (!elu && std::isfinite(largest)) {
      shift = std::round(std::clamp(largest, -kMostExponent, kMostExponent) * 0x1.715476p+0f);
    }
    const auto zero = hn::Zero(d), one = hn::Set(d, 1.0f), shifts = hn::Set(d, shift);
    for (int64_t i = 0; i < r_; i += kLanes) {
      const auto x = hn::Load(d, row + i);
      const auto exp = ScaledExp(d, x, shifts);
      hn::Store(elu ? hn::IfThenElse(hn::Gt(x, zero), hn::Add(x, one), exp) : exp, d, row + i);
    }
    if (a_.performer()) Scale(1 / std::sqrt(static_cast<float>(a_.r)), row, row, r_);
    if (a_.map == FeatureMap::kSoftmaxExp && a_.side == Side::kQuery) {
      Scale(1 / Sum(row, r_), row, row, r_);
    }
  }

  // d_features to the gradient by the exponents.
  void ExponentGradient(const float* features, float* d_features) const {
    const F32 d;
    const bool elu = a_.map == FeatureMap::kEluPlusOne;
    const bool softmax = a_.map == FeatureMap::kSoftmaxExp && a_.side == Side::kQuery;
    const auto mean = hn::Set(d, softmax ? Dot(features, d_features, r_) : 0.0f);
    const auto one = hn::Set(d, 1.0f);
    for (int64_t i = 0; i < r_; i += kLanes) {
      const auto f = hn::Load(d, features + i);
      const auto slope =
          elu ? hn::Min(f, one) : f;  // above 0, elu has slope 1 and features above 1
      hn::Store(hn::Mul(slope, hn::Sub(hn::Load(d, d_features + i), mean)), d, d_features + i);
    }
  }

  // channels[i] = d_x of Performer, from the gradient g by the exponents w . x - |x|^2 / 2:
  // scale (sum_i g_i w_i - (sum_i g_i) scale x)
  void ProjectBack(int64_t first) {
    const float scale = a_.scale();
    for (int64_t t = first; t < End(first); ++t) {
      const int64_t i = t - first;
      float* row = s_.channels + i * d_;
      Read(a_.x, t, row, d_);
      Scale(-scale * Sum(s_.d_features + i * r_, r_), row, row, d_);
    }
    Product(Rows(first), a_.r, d_, {s_.d_features, r_, 1}, a_.projection.data<float>(), d_,
            s_.channels, d_, true);
    Scale(scale, s_.channels, s_.channels, Rows(first) * d_);
  }

  const Arguments& a_;
  Scratch& s_;
  const int64_t batch_, head_;
  const int64_t d_, r_;  // padded
};

void MapForward(const Arguments& arguments, int64_t batch, int64_t head, Scratch& scratch) {
  HeadMap(arguments, batch, head, scratch).Forward();
}

void MapBackward(const Arguments& arguments, int64_t batch, int64_t head, Scratch& scratch) {
  HeadMap(arguments, batch, head, scratch).Backward();
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace rotary
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rotary {

HWY_EXPORT(MapForward);
HWY_EXPORT(MapBackward);

namespace feature_map {

void Forward(const Arguments& arguments, int64_t batch, int64_t head, Scratch& scratch) {
  HWY_DYNAMIC_DISPATCH(MapForward)(arguments, batch, head, scratch);
}

void Backward(const Arguments& arguments, int64_t batch, int64_t head, Scratch& scratch) {
  HWY_DYNAMIC_DISPATCH(MapBackward)(arguments, batch, head, scratch);
}

}  // namespace feature_map
}  // namespace rotary
#endif  // HWY_ONCE
