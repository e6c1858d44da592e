#include "rotary/nn/norm_rows.h"

#include <cmath>
#include <vector>

#include "rotary/nn/row_ranges.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "rotary/nn/norm_rows.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "rotary/nn/columns-inl.h"
#include "rotary/nn/dropout-inl.h"

HWY_BEFORE_NAMESPACE();
namespace rotary {
namespace HWY_NAMESPACE {

// Rows [begin, end); `factors` is scratch for dropout.
void NormForwardRows(const internal::NormForwardArguments& args, int64_t begin, int64_t end,
                     float* factors) {
  const int64_t cols = args.x.cols;
  const bool drops = args.dropout.probability != 0;
  const float* gain = args.gain.data();
  const float* bias = args.bias.empty() ? nullptr : args.bias.data();
  for (int64_t i = begin; i < end; ++i) {
    const float* x = args.x.Row(i);
    const float* residual = args.residual ? args.residual.Row(i) : nullptr;
    float* y = args.y.Row(i);
    // Where the sum goes: to the caller's matrix, else where y will be written over it. If it is x,
    // it stays there.
    float* sum = args.saved.sum ? args.saved.sum.Row(i) : y;
    const bool makes_sum = drops || residual != nullptr || (args.saved.sum && sum != x);
    if (drops) DropoutFactors(args.dropout, i, cols, factors);
    const auto make = [&](auto d, int64_t j) HWY_ATTR {
      auto value = hn::LoadU(d, x + j);
      if (drops) value = hn::Mul(value, hn::LoadU(d, factors + j));
      if (residual != nullptr) value = hn::Add(value, hn::LoadU(d, residual + j));
      if (makes_sum) hn::StoreU(value, d, sum + j);
      return value;
    };
    const float* row = makes_sum ? sum : x;
    float mean = 0, squares;
    if (args.centred) {
      mean = SumColumns(cols, make) / static_cast<float>(cols);
      squares = SumColumns(cols, [&](auto d, int64_t j) HWY_ATTR {
        const auto value = hn::Sub(hn::LoadU(d, row + j), hn::Set(d, mean));
        return hn::Mul(value, value);
      });
    } else {
      squares = SumColumns(cols, [&](auto d, int64_t j) HWY_ATTR {
        const auto value = make(d, j);
        return hn::Mul(value, value);
      });
    }
    const float rstd = static_cast<float>(
        1 / std::sqrt(static_cast<double>(squares) / static_cast<double>(cols) + args.epsilon));
    ForColumns(cols, [&](auto d, int64_t j) HWY_ATTR {
      const auto value =
          hn::Mul(hn::Sub(hn::LoadU(d, row + j), hn::Set(d, mean)), hn::Set(d, rstd));
      const auto scaled = hn::Mul(value, hn::LoadU(d, gain + j));
      hn::StoreU(bias == nullptr ? scaled : hn::Add(scaled, hn::LoadU(d, bias + j)), d, y + j);
    });
    if (!args.saved.mean.empty()) args.saved.mean[static_cast<size_t>(i)] = mean;
    if (!args.saved.rstd.empty()) args.saved.rstd[static_cast<size_t>(i)] = rstd;
  }
}

// Rows [begin, end), adding to the gradients by gain and, where there is a bias, by bias. With n
// the normalised sum and g = d_y * gain: d_sum = rstd (g - mean(g) - n mean(g n)), where only layer
// normalisation has the first mean.
void NormBackwardRows(const internal::NormBackwardArguments& args, int64_t begin, int64_t end,
                      float* factors, float* gain_sums, float* bias_sums) {
  const int64_t cols = args.d_y.cols;
  const bool drops = args.d_x && args.dropout.probability != 0;
  const float* gain = args.gain.data();
  for (int64_t i = begin; i < end; ++i) {
    const float* sum = args.saved.sum.Row(i);
    const float* d_y = args.d_y.Row(i);
    float* d_sum = args.d_sum.Row(i);
    float* d_x = args.d_x ? args.d_x.Row(i) : nullptr;
    const float mean = args.centred ? args.saved.mean[static_cast<size_t>(i)] : 0;
    const float rstd = args.saved.rstd[static_cast<size_t>(i)];
    const auto normal = [&](auto d, int64_t j) HWY_ATTR {
      return hn::Mul(hn::Sub(hn::LoadU(d, sum + j), hn::Set(d, mean)), hn::Set(d, rstd));
    };
    float sum_g, sum_gn;
    SumColumns(
        cols,
        [&](auto d, int64_t j, auto& all_g, auto& all_gn) HWY_ATTR {
          const auto n = normal(d, j);
          const auto gradient = hn::LoadU(d, d_y + j);
          const auto g = hn::Mul(gradient, hn::LoadU(d, gain + j));
          all_g = hn::Add(all_g, g);
          all_gn = hn::MulAdd(g, n, all_gn);
          hn::StoreU(hn::MulAdd(gradient, n, hn::LoadU(d, gain_sums + j)), d, gain_sums + j);
          if (bias_sums != nullptr)
            hn::StoreU(hn::Add(gradient, hn::LoadU(d, bias_sums + j)), d, bias_sums + j);
        },
        sum_g, sum_gn);
    const float mean_g = args.centred ? sum_g / static_cast<float>(cols) : 0;
    const float mean_gn = sum_gn / static_cast<float>(cols);
    if (drops) DropoutFactors(args.dropout, i, cols, factors);
    ForColumns(cols, [&](auto d, int64_t j) HWY_ATTR {
      const auto g = hn::Mul(hn::LoadU(d, d_y + j), hn::LoadU(d, gain + j));
      const auto centred =
          hn::NegMulAdd(normal(d, j), hn::Set(d, mean_gn), hn::Sub(g, hn::Set(d, mean_g)));
      auto gradient = hn::Mul(centred, hn::Set(d, rstd));
      if (args.beta != 0) gradient = hn::Add(gradient, hn::LoadU(d, d_sum + j));
      hn::StoreU(gradient, d, d_sum + j);
      if (d_x == nullptr) return;
      hn::StoreU(drops ? hn::Mul(gradient, hn::LoadU(d, factors + j)) : gradient, d, d_x + j);
    });
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace rotary
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rotary::internal {
namespace {

HWY_EXPORT(NormForwardRows);
HWY_EXPORT(NormBackwardRows);

void RequireSize(size_t size, int64_t wanted, const char* operation, const char* name) {
  Require(static_cast<int64_t>(size) == wanted, operation, ": ", name, " must have ", wanted,
          " elements, got ", size);
}
void RequireSizeOrNone(size_t size, int64_t wanted, const char* operation, const char* name) {
  if (size != 0) RequireSize(size, wanted, operation, name);
}

}  // namespace

void NormForward(const NormForwardArguments& args) {
  const int64_t rows = args.x.rows, cols = args.x.cols;
  RequireProbability(args.dropout, args.operation);
  RequireShape(args.x, rows, cols, args.operation, "x");
  RequireShape(args.y, rows, cols, args.operation, "y");
  if (args.residual) RequireShape(args.residual, rows, cols, args.operation, "residual");
  if (args.saved.sum) RequireShape(args.saved.sum, rows, cols, args.operation, "saved.sum");
  RequireSize(args.gain.size(), cols, args.operation, "gain");
  RequireSizeOrNone(args.bias.size(), cols, args.operation, "bias");
  RequireSizeOrNone(args.saved.mean.size(), rows, args.operation, "saved.mean");
  RequireSizeOrNone(args.saved.rstd.size(), rows, args.operation, "saved.rstd");
  Require(!args.saved.sum || args.saved.sum.data != args.y.data, args.operation,
          ": saved.sum must not be y");
  ForRows(rows, cols, args.threads, [&](int64_t begin, int64_t end) {
    std::vector<float> factors(static_cast<size_t>(DropoutScratch(args.dropout, cols)));
    HWY_DYNAMIC_DISPATCH(NormForwardRows)(args, begin, end, factors.data());
  });
}

void NormBackward(const NormBackwardArguments& args) {
  const int64_t rows = args.d_y.rows, cols = args.d_y.cols;
  RequireProbability(args.dropout, args.operation);
  Require(args.beta == 0 || args.beta == 1, args.operation, ": beta must be 0 or 1, got ",
          args.beta);
  RequireShape(args.d_y, rows, cols, args.operation, "d_y");
  RequireShape(args.saved.sum, rows, cols, args.operation, "saved.sum");
  RequireShape(args.d_sum, rows, cols, args.operation, "d_sum");
  if (args.d_x) RequireShape(args.d_x, rows, cols, args.operation, "d_x");
  if (args.centred) RequireSize(args.saved.mean.size(), rows, args.operation, "saved.mean");
  RequireSize(args.saved.rstd.size(), rows, args.operation, "saved.rstd");
  RequireSize(args.gain.size(), cols, args.operation, "gain");
  RequireSize(args.d_gain.size(), cols, args.operation, "d_gain");
  RequireSizeOrNone(args.d_bias.size(), cols, args.operation, "d_bias");
  const bool with_bias = !args.d_bias.empty();
  RowSums sums(rows, with_bias ? 2 * cols : cols);
  sums.Run(args.threads, [&](int64_t begin, int64_t end, float* partial) {
    std::vector<float> factors(static_cast<size_t>(DropoutScratch(args.dropout, cols)));
    HWY_DYNAMIC_DISPATCH(NormBackwardRows)
    (args, begin, end, factors.data(), partial, with_bias ? partial + cols : nullptr);
  });
  sums.AddTo(0, args.d_gain);
  sums.AddTo(cols, args.d_bias);
}

}  // namespace rotary::internal
#endif  // HWY_ONCE
