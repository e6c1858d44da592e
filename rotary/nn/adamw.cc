#include "rotary/nn/adamw.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "rotary/base/error.h"
#include "rotary/base/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "rotary/nn/adamw.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "rotary/nn/columns-inl.h"

// What every element is computed with, rounded once; outside of the per-target namespaces, which
// are compiled in turn.
#ifndef ROTARY_NN_ADAMW_FACTORS_
#define ROTARY_NN_ADAMW_FACTORS_
namespace rotary {
namespace {

struct AdamWFactors {
  float gradient, beta1, rest1, beta2, rest2;
  float root;  // 1 / sqrt(1 - beta2^step)
  float epsilon;
  float rate;   // learning_rate / (1 - beta1^step)
  float decay;  // learning_rate * weight_decay
  bool clear;
};

}  // namespace
}  // namespace rotary
#endif

HWY_BEFORE_NAMESPACE();
namespace rotary {
namespace HWY_NAMESPACE {

void AdamWElements(const AdamWFactors& factors, int64_t count, float* weight, float* gradient,
                   float* m, float* v) {
  ForColumns(count, [&](auto d, int64_t j) HWY_ATTR {
    const auto g = hn::Mul(hn::LoadU(d, gradient + j), hn::Set(d, factors.gradient));
    const auto w = hn::LoadU(d, weight + j);
    const auto new_m = hn::MulAdd(hn::Set(d, factors.beta1), hn::LoadU(d, m + j),
                                  hn::Mul(hn::Set(d, factors.rest1), g));
    const auto new_v = hn::MulAdd(hn::Set(d, factors.beta2), hn::LoadU(d, v + j),
                                  hn::Mul(hn::Mul(hn::Set(d, factors.rest2), g), g));
    const auto below =
        hn::MulAdd(hn::Sqrt(new_v), hn::Set(d, factors.root), hn::Set(d, factors.epsilon));
    const auto step = hn::Div(hn::Mul(hn::Set(d, factors.rate), new_m), below);
    hn::StoreU(new_m, d, m + j);
    hn::StoreU(new_v, d, v + j);
    hn::StoreU(hn::Sub(w, hn::MulAdd(hn::Set(d, factors.decay), w, step)), d, weight + j);
    if (factors.clear) hn::StoreU(hn::Zero(d), d, gradient + j);
  });
}

double SumOfSquares(const float* x, int64_t count) {
  const hn::ScalableTag<double> d;
  const hn::Rebind<float, decltype(d)> half;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  auto sum0 = hn::Zero(d), sum1 = hn::Zero(d), sum2 = hn::Zero(d), sum3 = hn::Zero(d);
  const auto add = [&](int64_t j, hn::VFromD<decltype(d)> sum) HWY_ATTR {
    const auto value = hn::PromoteTo(d, hn::LoadU(half, x + j));
    return hn::MulAdd(value, value, sum);
  };
  int64_t j = 0;
  for (; j + 4 * lanes <= count; j += 4 * lanes) {
    sum0 = add(j, sum0);
    sum1 = add(j + lanes, sum1);
    sum2 = add(j + 2 * lanes, sum2);
    sum3 = add(j + 3 * lanes, sum3);
  }
  double sum = hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(sum0, sum1), hn::Add(sum2, sum3))));
  for (; j < count; ++j) sum += static_cast<double>(x[j]) * static_cast<double>(x[j]);
  return sum;
}

}  // namespace HWY_NAMESPACE
}  // namespace rotary
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rotary {
namespace {

HWY_EXPORT(AdamWElements);
HWY_EXPORT(SumOfSquares);

// Elements of one partial sum, and the least that a thread is woken for.
constexpr int64_t kRun = int64_t{1} << 14;

}  // namespace

void AdamW(std::span<float> weight, std::span<float> gradient, std::span<float> m,
           std::span<float> v, const AdamWOptions& options) {
  Require(
      gradient.size() == weight.size() && m.size() == weight.size() && v.size() == weight.size(),
      "AdamW: weight, gradient, m and v must be of one size, got ", weight.size(), ", ",
      gradient.size(), ", ", m.size(), ", ", v.size());
  Require(options.step >= 1, "AdamW: steps are counted from 1, got ", options.step);
  const double step = static_cast<double>(options.step);
  const AdamWFactors factors{
      .gradient = static_cast<float>(options.gradient_scale),
      .beta1 = static_cast<float>(options.beta1),
      .rest1 = static_cast<float>(1 - options.beta1),
      .beta2 = static_cast<float>(options.beta2),
      .rest2 = static_cast<float>(1 - options.beta2),
      .root = static_cast<float>(1 / std::sqrt(1 - std::pow(options.beta2, step))),
      .epsilon = static_cast<float>(options.epsilon),
      .rate = static_cast<float>(options.learning_rate / (1 - std::pow(options.beta1, step))),
      .decay = static_cast<float>(options.learning_rate * options.weight_decay),
      .clear = options.clear_gradient,
  };
  // Ranges of whole runs, so that where whole vectors end does not depend on the number of threads.
  const int64_t count = static_cast<int64_t>(weight.size());
  ParallelFor((count + kRun - 1) / kRun, options.threads, 1, [&](int64_t begin, int64_t end) {
    const int64_t first = begin * kRun, last = std::min(count, end * kRun);
    HWY_DYNAMIC_DISPATCH(AdamWElements)
    (factors, last - first, weight.data() + first, gradient.data() + first, m.data() + first,
     v.data() + first);
  });
}

double SquaredNorm(std::span<const float> x, int threads) {
  const int64_t count = static_cast<int64_t>(x.size());
  std::vector<double> sums(static_cast<size_t>((count + kRun - 1) / kRun));
  ParallelFor(static_cast<int64_t>(sums.size()), threads, 1, [&](int64_t begin, int64_t end) {
    for (int64_t run = begin; run < end; ++run) {
      const int64_t first = run * kRun;
      sums[static_cast<size_t>(run)] =
          HWY_DYNAMIC_DISPATCH(SumOfSquares)(x.data() + first, std::min(kRun, count - first));
    }
  });
  double sum = 0;
  for (const double part : sums) sum += part;
  return sum;
}

}  // namespace rotary
#endif  // HWY_ONCE
