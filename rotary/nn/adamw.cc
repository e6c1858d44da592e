#include "rotary/nn/adamw.h"

#include <cmath>

#include "rotary/base/error.h"
#include "rotary/base/parallel.h"

namespace rotary {

void AdamW(std::span<float> weight, std::span<float> gradient, std::span<float> m,
           std::span<float> v, const AdamWOptions& options) {
  Require(
      gradient.size() == weight.size() && m.size() == weight.size() && v.size() == weight.size(),
      "AdamW: weight, gradient, m and v must be of one size, got ", weight.size(), ", ",
      gradient.size(), ", ", m.size(), ", ", v.size());
  Require(options.step >= 1, "AdamW: steps are counted from 1, got ", options.step);
  const double correction1 = 1 - std::pow(options.beta1, static_cast<double>(options.step));
  const double correction2 = 1 - std::pow(options.beta2, static_cast<double>(options.step));
  ParallelFor(static_cast<int64_t>(weight.size()), options.threads, 1 << 14,
              [&](int64_t begin, int64_t end) {
                for (size_t i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
                  const double g = options.gradient_scale * gradient[i];
                  m[i] = static_cast<float>(options.beta1 * m[i] + (1 - options.beta1) * g);
                  v[i] = static_cast<float>(options.beta2 * v[i] + (1 - options.beta2) * g * g);
                  const double update =
                      m[i] / correction1 / (std::sqrt(v[i] / correction2) + options.epsilon);
                  weight[i] -= static_cast<float>(options.learning_rate *
                                                  (update + options.weight_decay * weight[i]));
                  if (options.clear_gradient) gradient[i] = 0;
                }
              });
}

double SquaredNorm(std::span<const float> x, int) {
  double sum = 0;
  for (const float value : x) sum += static_cast<double>(value) * static_cast<double>(value);
  return sum;
}

}  // namespace rotary
