// Rows of results: a task's own, or the parts of several tasks put together.
// Compiled once for each SIMD target.
#if defined(ROTARY_ATTENTION_RESULT_ROWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ROTARY_ATTENTION_RESULT_ROWS_INL_H_
#undef ROTARY_ATTENTION_RESULT_ROWS_INL_H_
#else
#define ROTARY_ATTENTION_RESULT_ROWS_INL_H_
#endif

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>

#include "hwy/highway.h"
#include "rotary/attention/attention_forward.h"
#include "rotary/attention/tile_pack-inl.h"
#include "rotary/base/exp-inl.h"

HWY_BEFORE_NAMESPACE();
namespace rotary {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class T>
class ResultRows {
 public:
  explicit ResultRows(const ForwardCall& call)
      : call_(call),
        out_(call.out),
        lse_(call.lse.data() == nullptr ? nullptr : call.lse.As<float>()) {}

  // Query i of `head`, from the values weighted by 2^(score - softmax.most) that `sum` holds: out
  // and lse, or the part of them that a task has where others have more keys.
  HWY_INLINE void Write(const ForwardTask& task, int64_t head, int64_t i, RunningSoftmax softmax,
                        const float* sum) const {
    if (call_.chunks == 1) {
      Finish(task.batch, head, i, softmax, sum);
      return;
    }
    const int64_t part = call_.Part(task.batch, head, i, task.chunk);
    call_.partial_softmax[part] = softmax;
    std::copy(sum, sum + call_.PartStride(), call_.partial_out + part * call_.PartStride());
  }

  // out and lse from all parts of a row, in the order of their keys. Overwrites the first part.
  void Combine(int64_t b, int64_t head, int64_t i) const {
    const hn::ScalableTag<float> d;
    const auto lanes = static_cast<int64_t>(hn::Lanes(d));
    const int64_t first = call_.Part(b, head, i, 0);
    const RunningSoftmax* softmax = call_.partial_softmax + first;
    float* sum = call_.partial_out + first * call_.PartStride();
    RunningSoftmax all;
    for (int64_t n = 0; n < call_.chunks; ++n) all.most = std::max(all.most, softmax[n].most);
    // Parts without a score weigh 0; where there are no others, anything finite will do.
    const float most = all.most == kNoScore ? 0.0f : all.most;
    for (int64_t n = 0; n < call_.chunks; ++n) {
      const auto weight = Exp2(d, hn::Set(d, softmax[n].most - most));
      all.sum += hn::GetLane(weight) * softmax[n].sum;
      const float* part = sum + n * call_.PartStride();
      for (int64_t c = 0; c < call_.plan.value_dim; c += lanes) {
        const auto before = n == 0 ? hn::Zero(d) : hn::LoadU(d, sum + c);
        hn::StoreU(hn::MulAdd(weight, hn::LoadU(d, part + c), before), d, sum + c);
      }
    }
    Finish(b, head, i, all, sum);
  }

 private:
  HWY_INLINE void Finish(int64_t b, int64_t head, int64_t i, RunningSoftmax softmax,
                         const float* sum) const {
    // Without a score the sum of values is 0, and stays so.
    const float factor = softmax.sum == 0 ? 1 : 1 / softmax.sum;
    ConvertRow(sum, call_.plan.value_dim, factor, out_(b, i, head));
    if (lse_ == nullptr) return;
    const Dims& stride = call_.lse.strides();
    lse_[b * stride[0] + head * stride[1] + i * stride[2]] = static_cast<float>(
        (softmax.most + std::log2(static_cast<double>(softmax.sum))) * std::numbers::ln2);
  }

  const ForwardCall& call_;
  const HeadRows<T> out_;
  float* const lse_;
};

}  // namespace HWY_NAMESPACE
}  // namespace rotary
HWY_AFTER_NAMESPACE();

#endif  // ROTARY_ATTENTION_RESULT_ROWS_INL_H_
