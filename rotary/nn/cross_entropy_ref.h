// The slow, obvious twin of cross_entropy.h in double.
#ifndef ROTARY_NN_CROSS_ENTROPY_REF_H_
#define ROTARY_NN_CROSS_ENTROPY_REF_H_

#include <algorithm>
#include <cmath>
#include <span>

#include "rotary/nn/cross_entropy.h"

namespace rotary {

// The loss over the rows that count.
inline CrossEntropyLoss CrossEntropyRef(Matrix<const double> logits,
                                        std::span<const int32_t> targets) {
  CrossEntropyLoss loss;
  for (int64_t i = 0; i < logits.rows; ++i) {
    const int32_t target = targets[static_cast<size_t>(i)];
    if (target == kIgnoredTarget) continue;
    const double* row = logits.Row(i);
    const double largest = *std::max_element(row, row + logits.cols);
    double sum = 0;
    for (int64_t j = 0; j < logits.cols; ++j) sum += std::exp(row[j] - largest);
    loss.sum += largest + std::log(sum) - row[target];
    ++loss.count;
  }
  return loss;
}

// d_logits = scale * (softmax - one hot).
inline void CrossEntropyGradientRef(Matrix<const double> logits, std::span<const int32_t> targets,
                                    double scale, Matrix<double> d_logits) {
  for (int64_t i = 0; i < logits.rows; ++i) {
    const int32_t target = targets[static_cast<size_t>(i)];
    const double* row = logits.Row(i);
    const double largest = *std::max_element(row, row + logits.cols);
    double sum = 0;
    for (int64_t j = 0; j < logits.cols; ++j) sum += std::exp(row[j] - largest);
    for (int64_t j = 0; j < logits.cols; ++j) {
      const double softmax = std::exp(row[j] - largest) / sum;
      d_logits.Row(i)[j] = target == kIgnoredTarget ? 0 : scale * (softmax - (j == target ? 1 : 0));
    }
  }
}

}  // namespace rotary

#endif  // ROTARY_NN_CROSS_ENTROPY_REF_H_
