#include "rotary/nn/add.h"

#include "rotary/nn/row_ranges.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "rotary/nn/add.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "rotary/nn/columns-inl.h"

HWY_BEFORE_NAMESPACE();
namespace rotary {
namespace HWY_NAMESPACE {

void AddRows(Matrix<const float> x, Matrix<float> sum) {
  for (int64_t i = 0; i < x.rows; ++i) {
    const float* from = x.Row(i);
    float* to = sum.Row(i);
    ForColumns(x.cols, [&](auto d, int64_t j) HWY_ATTR {
      hn::StoreU(hn::Add(hn::LoadU(d, to + j), hn::LoadU(d, from + j)), d, to + j);
    });
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace rotary
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rotary {

HWY_EXPORT(AddRows);

void AddTo(Matrix<const float> x, Matrix<float> sum, int threads) {
  RequireShape(sum, sum.rows, sum.cols, "AddTo", "sum");
  RequireShape(x, sum.rows, sum.cols, "AddTo", "x");
  ForRows(x.rows, x.cols, threads, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(AddRows)(x.Rows(begin, end), sum.Rows(begin, end));
  });
}

}  // namespace rotary
#endif  // HWY_ONCE
