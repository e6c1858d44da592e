// Numbers to work on, how far two results lie apart, and how fast this machine multiplies and adds.
#ifndef ROTARY_BENCH_ARITHMETIC_H_
#define ROTARY_BENCH_ARITHMETIC_H_

#include <cstdint>
#include <span>

#include "bench/bench.h"
#include "rotary/base/tensor.h"

namespace rotary {

// Normally distributed numbers; another `stream`, other numbers.
void FillNormal(Tensor& x, uint64_t stream);

// The largest |x - y| of two views of one shape; NaN where a difference is.
double LargestDifference(ConstTensorView x, ConstTensorView y);

// The fastest ways to multiply and add in f32: in registers alone, and a matrix product of a good
// shape, so that the limit of a round is never below the best product of the same round.
class ArithmeticLimits {
 public:
  explicit ArithmeticLimits(int threads);
  std::span<const Workload> workloads() const { return workloads_; }
  static constexpr const char* kName =
      "f32 multiply-adds, or a matrix product of 1024^3 where that is faster";

 private:
  Tensor a_, b_, c_;
  Workload workloads_[2];
};

}  // namespace rotary

#endif  // ROTARY_BENCH_ARITHMETIC_H_
