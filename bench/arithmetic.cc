#include "bench/arithmetic.h"

#include <cmath>
#include <vector>

#include "bench/limits.h"
#include "rotary/attention/softmax_attention_ref.h"
#include "rotary/base/random.h"
#include "rotary/nn/matmul.h"

namespace rotary {

void FillNormal(Tensor& x, uint64_t stream) {
  // Numbers repeat: drawing each would take longer than most measurements.
  constexpr size_t kDistinct = 65537;
  const Random random(1, stream);
  std::vector<float> values(kDistinct);
  for (size_t i = 0; i < kDistinct; ++i) values[i] = static_cast<float>(random.Normal(i));
  DispatchFloat(x.dtype(), "bench", [&]<class T>() {
    const auto elements = x.span<T>();
    for (size_t i = 0; i < elements.size(); ++i) {
      elements[i] = FromFloat<T>(values[i % kDistinct]);
    }
  });
}

double LargestDifference(ConstTensorView x, ConstTensorView y) {
  const std::vector<double> a = reference::ToDoubles(x), b = reference::ToDoubles(y);
  double most = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double difference = std::abs(a[i] - b[i]);
    if (!(difference <= most)) most = difference;
    if (std::isnan(most)) break;
  }
  return most;
}

ArithmeticLimits::ArithmeticLimits(int threads) {
  constexpr int64_t kSize = 1024;
  for (Tensor* x : {&a_, &b_, &c_}) *x = Tensor(DType::kF32, {kSize, kSize});
  FillNormal(a_, 1);
  FillNormal(b_, 2);
  const Matrix<const float> a(a_.data<float>(), kSize, kSize);
  const Matrix<const float> b(b_.data<float>(), kSize, kSize);
  const Matrix<float> c(c_.data<float>(), kSize, kSize);
  workloads_[0] = FmaWorkload(threads);
  workloads_[1] = {2.0 * kSize * kSize * kSize,
                   [=] { MatMul(Transpose::kNo, Transpose::kNo, a, b, 0, c, threads); }};
}

}  // namespace rotary
