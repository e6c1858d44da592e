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

// sums[j .. j + 4 vectors) += their columns.
template <class D>
HWY_INLINE void SumFourVectors(D d, Matrix<const float> x, int64_t j, float* sums) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  constexpr int64_t kChunk = 64;
  auto total0 = hn::LoadU(d, sums + j), total1 = hn::LoadU(d, sums + j + lanes);
  auto total2 = hn::LoadU(d, sums + j + 2 * lanes), total3 = hn::LoadU(d, sums + j + 3 * lanes);
  for (int64_t chunk = 0; chunk < x.rows; chunk += kChunk) {
    auto sum0 = hn::Zero(d), sum1 = hn::Zero(d), sum2 = hn::Zero(d), sum3 = hn::Zero(d);
    for (int64_t i = chunk; i < std::min(x.rows, chunk + kChunk); ++i) {
      const float* row = x.Row(i) + j;
      sum0 = hn::Add(sum0, hn::LoadU(d, row));
      sum1 = hn::Add(sum1, hn::LoadU(d, row + lanes));
      sum2 = hn::Add(sum2, hn::LoadU(d, row + 2 * lanes));
      sum3 = hn::Add(sum3, hn::LoadU(d, row + 3 * lanes));
    }
    total0 = hn::Add(total0, sum0);
    total1 = hn::Add(total1, sum1);
    total2 = hn::Add(total2, sum2);
    total3 = hn::Add(total3, sum3);
  }
  hn::StoreU(total0, d, sums + j);
  hn::StoreU(total1, d, sums + j + lanes);
  hn::StoreU(total2, d, sums + j + 2 * lanes);
  hn::StoreU(total3, d, sums + j + 3 * lanes);
}

void SumRows(Matrix<const float> x, float* sums) {
  const hn::ScalableTag<float> d;
  const int64_t step = 4 * static_cast<int64_t>(hn::Lanes(d));
  int64_t j = 0;
  for (; j + step <= x.cols; j += step) SumFourVectors(d, x, j, sums);
  for (; j + 4 <= x.cols; j += 4) SumFourVectors(hn::CappedTag<float, 1>(), x, j, sums);
  for (; j < x.cols; ++j) {
    for (int64_t i = 0; i < x.rows; ++i) sums[j] += x.Row(i)[j];
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
