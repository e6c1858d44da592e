#include "rotary/nn/bias.h"

#include <algorithm>

#include "rotary/nn/row_ranges.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "rotary/nn/bias.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "rotary/nn/columns-inl.h"

HWY_BEFORE_NAMESPACE();
namespace rotary {
namespace HWY_NAMESPACE {

void AddToRows(const float* bias, Matrix<float> y) {
  for (int64_t i = 0; i < y.rows; ++i) {
    float* row = y.Row(i);
    ForColumns(y.cols, [&](auto d, int64_t j) HWY_ATTR {
      hn::StoreU(hn::Add(hn::LoadU(d, row + j), hn::LoadU(d, bias + j)), d, row + j);
    });
  }
}

// sums += the sum of the rows.
void SumRows(Matrix<const float> x, float* sums) {
  constexpr int64_t kChunk = 64;
  for (int64_t chunk = 0; chunk < x.rows; chunk += kChunk) {
    const int64_t end = std::min(x.rows, chunk + kChunk);
    ForColumns(x.cols, [&](auto d, int64_t j) HWY_ATTR {
      auto sum = hn::Zero(d);
      for (int64_t i = chunk; i < end; ++i) sum = hn::Add(sum, hn::LoadU(d, x.Row(i) + j));
      hn::StoreU(hn::Add(hn::LoadU(d, sums + j), sum), d, sums + j);
    });
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace rotary
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rotary {

HWY_EXPORT(AddToRows);
HWY_EXPORT(SumRows);

void AddBias(std::span<const float> bias, Matrix<float> y, int threads) {
  Require(static_cast<int64_t>(bias.size()) == y.cols, "AddBias: bias must have ", y.cols,
          " elements, got ", bias.size());
  ForRows(y.rows, y.cols, threads, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(AddToRows)(bias.data(), y.Rows(begin, end));
  });
}

void AddRowSums(Matrix<const float> d_y, std::span<float> d_bias, int threads) {
  Require(static_cast<int64_t>(d_bias.size()) == d_y.cols, "AddRowSums: d_bias must have ",
          d_y.cols, " elements, got ", d_bias.size());
  RowSums partial(d_y.rows, d_y.cols);
  partial.Run(threads, [&](int64_t begin, int64_t end, float* sums) {
    HWY_DYNAMIC_DISPATCH(SumRows)(d_y.Rows(begin, end), sums);
  });
  partial.AddTo(0, d_bias);
}

}  // namespace rotary
#endif  // HWY_ONCE
