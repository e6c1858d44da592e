// AdamW, and the norm that gradients are clipped by.
// Source: Loshchilov and Hutter 2019, arXiv:1711.05101, algorithm 2.
#ifndef ROTARY_NN_ADAMW_H_
#define ROTARY_NN_ADAMW_H_

#include <cstdint>
#include <span>

namespace rotary {

struct AdamWOptions {
  double learning_rate = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0;  // decoupled: weights shrink by learning_rate * weight_decay a step
  int64_t step = 1;         // counted from 1, for the bias correction
  double gradient_scale =
      1;  // gradients are multiplied by it first: clipping, the mean of accumulated batches
  bool clear_gradient = false;  // leaves zeros in the gradient, ready for the next step
  int threads = 0;
};

// One step of one tensor, in place:
//   g = gradient_scale * gradient;  m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2
//   weight -= learning_rate (m / (1 - beta1^step) / (sqrt(v / (1 - beta2^step)) + epsilon) +
//   weight_decay * weight)
// Throws std::invalid_argument on a mismatch or a step below 1; nothing is then touched.
// Threads: the result is the same to the bit for any count.
void AdamW(std::span<float> weight, std::span<float> gradient, std::span<float> m,
           std::span<float> v, const AdamWOptions& options);

// The sum of the squares, in double, in an order that depends on the size only.
double SquaredNorm(std::span<const float> x, int threads = 0);

}  // namespace rotary

#endif  // ROTARY_NN_ADAMW_H_
