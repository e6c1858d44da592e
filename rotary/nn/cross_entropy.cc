#include "rotary/nn/cross_entropy.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "rotary/nn/indices.h"
#include "rotary/nn/row_ranges.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "rotary/nn/cross_entropy.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "rotary/base/exp-inl.h"
#include "rotary/nn/columns-inl.h"

HWY_BEFORE_NAMESPACE();
namespace rotary {
namespace HWY_NAMESPACE {

// The largest of a row that is not empty. It may pass over a NaN: the sum of the exponentials does
// not.
HWY_INLINE float LargestOf(const float* row, int64_t words) {
  const hn::ScalableTag<float> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  auto most = hn::Set(d, row[0]);
  int64_t j = 0;
  for (; j + lanes <= words; j += lanes) most = hn::Max(most, hn::LoadU(d, row + j));
  float largest = hn::GetLane(hn::MaxOfLanes(d, most));
  for (; j < words; ++j) largest = std::max(largest, row[j]);
  return largest;
}

// The log of the sum of the exponentials of a row; they lie in `exponentials`, less the factor
// e^largest, if that is there.
double LogSumExp(const float* row, int64_t words, float* exponentials, float& sum) {
  const float largest = LargestOf(row, words);
  sum = SumColumns(words, [&](auto d, int64_t j) HWY_ATTR {
    const auto value = Exp(d, hn::Sub(hn::LoadU(d, row + j), hn::Set(d, largest)));
    if (exponentials != nullptr) hn::StoreU(value, d, exponentials + j);
    return value;
  });
  return static_cast<double>(largest) + std::log(static_cast<double>(sum));
}

double RowLoss(const float* row, int64_t words, int32_t target) {
  float sum;
  return LogSumExp(row, words, nullptr, sum) - static_cast<double>(row[target]);
}

// The same, and row <- scale * (softmax - one hot).
double RowLossGradient(float* row, int64_t words, int32_t target, double scale) {
  const double logit = static_cast<double>(row[target]);
  float sum;
  const double log_sum = LogSumExp(row, words, row, sum);
  const float factor = static_cast<float>(scale / static_cast<double>(sum));
  ForColumns(words, [&](auto d, int64_t j) HWY_ATTR {
    hn::StoreU(hn::Mul(hn::LoadU(d, row + j), hn::Set(d, factor)), d, row + j);
  });
  row[target] -= static_cast<float>(scale);
  return log_sum - logit;
}

}  // namespace HWY_NAMESPACE
}  // namespace rotary
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rotary {
namespace {

HWY_EXPORT(RowLoss);
HWY_EXPORT(RowLossGradient);

void RequireTargets(std::span<const int32_t> targets, Matrix<const float> logits,
                    const char* operation) {
  RequireShape(logits, logits.rows, logits.cols, operation, "logits");
  RequireIndices(targets, logits.rows, logits.cols, operation, "target", kIgnoredTarget);
}

CrossEntropyLoss Total(std::span<const int32_t> targets, std::span<const double> row_losses) {
  CrossEntropyLoss total{.sum = 0, .count = CountTargets(targets)};
  for (const double loss : row_losses) total.sum += loss;
  return total;
}

}  // namespace

int64_t CountTargets(std::span<const int32_t> targets) {
  return static_cast<int64_t>(targets.size()) -
         std::count(targets.begin(), targets.end(), kIgnoredTarget);
}

CrossEntropyLoss CrossEntropy(Matrix<const float> logits, std::span<const int32_t> targets,
                              std::span<float> losses, int threads) {
  RequireTargets(targets, logits, "CrossEntropy");
  Require(losses.empty() || losses.size() == targets.size(), "CrossEntropy: losses must have ",
          targets.size(), " elements, got ", losses.size());
  std::vector<double> row_losses(targets.size());
  ForRows(logits.rows, logits.cols, threads, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int32_t target = targets[static_cast<size_t>(i)];
      if (target == kIgnoredTarget) continue;
      row_losses[static_cast<size_t>(i)] =
          HWY_DYNAMIC_DISPATCH(RowLoss)(logits.Row(i), logits.cols, target);
    }
  });
  for (size_t i = 0; i < losses.size(); ++i) losses[i] = static_cast<float>(row_losses[i]);
  return Total(targets, row_losses);
}

CrossEntropyLoss CrossEntropyGradient(Matrix<float> logits, std::span<const int32_t> targets,
                                      double scale, int threads) {
  RequireTargets(targets, logits, "CrossEntropyGradient");
  std::vector<double> row_losses(targets.size());
  ForRows(logits.rows, logits.cols, threads, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int32_t target = targets[static_cast<size_t>(i)];
      if (target == kIgnoredTarget) {
        std::fill_n(logits.Row(i), logits.cols, 0.0f);
      } else {
        row_losses[static_cast<size_t>(i)] =
            HWY_DYNAMIC_DISPATCH(RowLossGradient)(logits.Row(i), logits.cols, target, scale);
      }
    }
  });
  return Total(targets, row_losses);
}

}  // namespace rotary
#endif  // HWY_ONCE
