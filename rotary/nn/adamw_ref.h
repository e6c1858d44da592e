// The slow, obvious twin of adamw.h in double.
#ifndef ROTARY_NN_ADAMW_REF_H_
#define ROTARY_NN_ADAMW_REF_H_

#include <cmath>

#include "rotary/nn/adamw.h"

namespace rotary {

// One step of one element; the formula stands in adamw.h.
inline void AdamWRef(const AdamWOptions& options, double gradient, double& weight, double& m,
                     double& v) {
  const double g = options.gradient_scale * gradient;
  m = options.beta1 * m + (1 - options.beta1) * g;
  v = options.beta2 * v + (1 - options.beta2) * g * g;
  const double m_hat = m / (1 - std::pow(options.beta1, static_cast<double>(options.step)));
  const double v_hat = v / (1 - std::pow(options.beta2, static_cast<double>(options.step)));
  weight -= options.learning_rate *
            (m_hat / (std::sqrt(v_hat) + options.epsilon) + options.weight_decay * weight);
}

}  // namespace rotary

#endif  // ROTARY_NN_ADAMW_REF_H_
