#include "rotary/nn/dropout.h"

#include <algorithm>
#include <vector>

#include "rotary/nn/row_ranges.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "rotary/nn/dropout.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "rotary/nn/columns-inl.h"
#include "rotary/nn/dropout-inl.h"

HWY_BEFORE_NAMESPACE();
namespace rotary {
namespace HWY_NAMESPACE {

// Rows [begin, end); `factors` is scratch.
void DropoutRows(const DropoutMask& mask, Matrix<const float> x, int64_t begin, int64_t end,
                 float* factors, Matrix<float> y) {
  for (int64_t i = begin; i < end; ++i) {
    DropoutFactors(mask, i, x.cols, factors);
    const float* in = x.Row(i);
    float* out = y.Row(i);
    ForColumns(x.cols, [&](auto d, int64_t j) HWY_ATTR {
      hn::StoreU(hn::Mul(hn::LoadU(d, in + j), hn::LoadU(d, factors + j)), d, out + j);
    });
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace rotary
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rotary {

HWY_EXPORT(DropoutRows);

void RequireProbability(const DropoutMask& mask, const char* operation) {
  Require(mask.probability >= 0 && mask.probability < 1, operation,
          ": the dropout probability must be in [0, 1), got ", mask.probability);
}

void ApplyDropout(const DropoutMask& mask, Matrix<const float> x, Matrix<float> y, int threads) {
  RequireProbability(mask, "ApplyDropout");
  RequireShape(y, x.rows, x.cols, "ApplyDropout", "y");
  ForRows(x.rows, x.cols, threads, [&](int64_t begin, int64_t end) {
    if (mask.probability == 0) {
      for (int64_t i = begin; i < end && y.data != x.data; ++i)
        std::copy_n(x.Row(i), x.cols, y.Row(i));
      return;
    }
    std::vector<float> factors(static_cast<size_t>(DropoutScratch(mask, x.cols)));
    HWY_DYNAMIC_DISPATCH(DropoutRows)(mask, x, begin, end, factors.data(), y);
  });
}

}  // namespace rotary
#endif  // HWY_ONCE
