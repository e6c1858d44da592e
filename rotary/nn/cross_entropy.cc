#include "rotary/nn/cross_entropy.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "rotary/base/parallel.h"

namespace rotary {
namespace {

void RequireTargets(std::span<const int32_t> targets, int64_t rows, int64_t words,
                    const char* operation) {
  Require(static_cast<int64_t>(targets.size()) == rows, operation, ": there must be ", rows,
          " targets, got ", targets.size());
  for (size_t i = 0; i < targets.size(); ++i) {
    if (targets[i] != kIgnoredTarget && (targets[i] < 0 || targets[i] >= words)) {
      throw std::out_of_range(Sentence(operation, ": target ", targets[i], " at row ", i,
                                       " is not inside ", words, " words"));
    }
  }
}

// The log of the sum of the exponentials.
double LogSumExp(const float* row, int64_t words) {
  const double largest = *std::max_element(row, row + words);
  double sum = 0;
  for (int64_t j = 0; j < words; ++j) sum += std::exp(row[j] - largest);
  return largest + std::log(sum);
}

CrossEntropyLoss Total(std::span<const int32_t> targets, std::span<const double> losses) {
  CrossEntropyLoss total;
  for (size_t i = 0; i < targets.size(); ++i) {
    if (targets[i] == kIgnoredTarget) continue;
    total.sum += losses[i];
    ++total.count;
  }
  return total;
}

}  // namespace

int64_t CountTargets(std::span<const int32_t> targets) {
  return static_cast<int64_t>(targets.size()) -
         std::count(targets.begin(), targets.end(), kIgnoredTarget);
}

CrossEntropyLoss CrossEntropy(Matrix<const float> logits, std::span<const int32_t> targets,
                              std::span<float> losses, int threads) {
  RequireTargets(targets, logits.rows, logits.cols, "CrossEntropy");
  std::vector<double> row_losses(targets.size());
  ParallelFor(logits.rows, threads, 4, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int32_t target = targets[static_cast<size_t>(i)];
      if (target == kIgnoredTarget) continue;
      row_losses[static_cast<size_t>(i)] =
          LogSumExp(logits.Row(i), logits.cols) - logits.Row(i)[target];
    }
  });
  for (size_t i = 0; i < losses.size(); ++i) losses[i] = static_cast<float>(row_losses[i]);
  return Total(targets, row_losses);
}

CrossEntropyLoss CrossEntropyGradient(Matrix<float> logits, std::span<const int32_t> targets,
                                      double scale, int threads) {
  RequireTargets(targets, logits.rows, logits.cols, "CrossEntropyGradient");
  std::vector<double> row_losses(targets.size());
  ParallelFor(logits.rows, threads, 4, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int32_t target = targets[static_cast<size_t>(i)];
      float* row = logits.Row(i);
      if (target == kIgnoredTarget) {
        std::fill_n(row, logits.cols, 0.0f);
        continue;
      }
      const double log_sum = LogSumExp(row, logits.cols);
      row_losses[static_cast<size_t>(i)] = log_sum - row[target];
      for (int64_t j = 0; j < logits.cols; ++j) {
        row[j] = static_cast<float>(scale * (std::exp(row[j] - log_sum) - (j == target ? 1 : 0)));
      }
    }
  });
  return Total(targets, row_losses);
}

}  // namespace rotary
