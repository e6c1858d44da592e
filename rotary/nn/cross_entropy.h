// The loss of a prediction: -log softmax(logits)[target].
#ifndef ROTARY_NN_CROSS_ENTROPY_H_
#define ROTARY_NN_CROSS_ENTROPY_H_

#include <cstdint>
#include <span>

#include "rotary/nn/matrix.h"

namespace rotary {

inline constexpr int32_t kIgnoredTarget = -1;

struct CrossEntropyLoss {
  double sum = 0;     // nats, over the rows that count
  int64_t count = 0;  // rows whose target is not kIgnoredTarget
  // NaN where no row counts.
  double Mean() const { return sum / static_cast<double>(count); }
};

// The loss over the rows that count.
//   logits   [rows, words]
//   targets  [rows], each in [0, words) or kIgnoredTarget
//   losses   empty, or [rows], written: the loss of each row, 0 where ignored
// Throws std::invalid_argument on a mismatch and std::out_of_range for a target outside the words,
// as the gradient does; outputs are then untouched. Threads: here and below, the result is the same
// to the bit for any count.
CrossEntropyLoss CrossEntropy(Matrix<const float> logits, std::span<const int32_t> targets,
                              std::span<float> losses = {}, int threads = 0);

// The same, and replaces the logits by the gradient of scale * sum: scale * (softmax - one hot), 0
// in ignored rows. A scale of 1 / count (see CountTargets) gives the gradient of the mean.
CrossEntropyLoss CrossEntropyGradient(Matrix<float> logits, std::span<const int32_t> targets,
                                      double scale, int threads = 0);

// The number of targets that are not kIgnoredTarget.
int64_t CountTargets(std::span<const int32_t> targets);

}  // namespace rotary

#endif  // ROTARY_NN_CROSS_ENTROPY_H_
