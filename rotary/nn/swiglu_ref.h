// The slow, obvious twin of swiglu.h in double.
#ifndef ROTARY_NN_SWIGLU_REF_H_
#define ROTARY_NN_SWIGLU_REF_H_

#include <cmath>

#include "rotary/nn/matrix.h"

namespace rotary {

inline double SiluRef(double x) { return x / (1 + std::exp(-x)); }
inline double SiluSlopeRef(double x) {
  const double sigmoid = 1 / (1 + std::exp(-x));
  return sigmoid * (1 + x * (1 - sigmoid));
}

// y = silu(gate) * up; then gate <- dy/dgate and up <- dy/dup.
inline void SwiGluTrainingRef(Matrix<double> gate, Matrix<double> up, Matrix<double> y) {
  for (int64_t i = 0; i < y.rows; ++i) {
    for (int64_t j = 0; j < y.cols; ++j) {
      const double g = gate.Row(i)[j], u = up.Row(i)[j];
      y.Row(i)[j] = SiluRef(g) * u;
      gate.Row(i)[j] = SiluSlopeRef(g) * u;
      up.Row(i)[j] = SiluRef(g);
    }
  }
}

}  // namespace rotary

#endif  // ROTARY_NN_SWIGLU_REF_H_
