// The slow, obvious twin of gelu.h in double.
#ifndef ROTARY_NN_GELU_REF_H_
#define ROTARY_NN_GELU_REF_H_

#include <cmath>
#include <numbers>

#include "rotary/nn/matrix.h"

namespace rotary {

// gelu(z) = z P(Z <= z), Z standard normal. erfc keeps the tail on the left, where 1 + erf would
// cancel.
inline double GeluRef(double z) { return z * 0.5 * std::erfc(-z / std::numbers::sqrt2); }

// gelu'(z) = P(Z <= z) + z density(z).
inline double GeluSlopeRef(double z) {
  const double density = std::exp(-z * z / 2) / std::sqrt(2 * std::numbers::pi);
  return 0.5 * std::erfc(-z / std::numbers::sqrt2) + z * density;
}

// y = gelu(z); slope, if there, = gelu'(z).
inline void GeluRef(Matrix<const double> z, Matrix<double> slope, Matrix<double> y) {
  for (int64_t i = 0; i < z.rows; ++i) {
    for (int64_t j = 0; j < z.cols; ++j) {
      const double value = z.Row(i)[j];
      if (slope) slope.Row(i)[j] = GeluSlopeRef(value);
      y.Row(i)[j] = GeluRef(value);
    }
  }
}

}  // namespace rotary

#endif  // ROTARY_NN_GELU_REF_H_
