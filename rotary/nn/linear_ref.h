// The slow, obvious twin of linear.h in double.
#ifndef ROTARY_NN_LINEAR_REF_H_
#define ROTARY_NN_LINEAR_REF_H_

#include <span>

#include "rotary/nn/matmul_ref.h"

namespace rotary {

// y = x w^T + bias.
inline void LinearRef(Matrix<const double> x, Matrix<const double> w, std::span<const double> bias,
                      Matrix<double> y) {
  MatMulRef(Transpose::kNo, Transpose::kYes, x, w, 0, y);
  if (bias.empty()) return;
  for (int64_t i = 0; i < y.rows; ++i) {
    for (int64_t j = 0; j < y.cols; ++j) y.Row(i)[j] += bias[static_cast<size_t>(j)];
  }
}

// d_x = d_y w + beta d_x.
inline void LinearBackwardInputRef(Matrix<const double> d_y, Matrix<const double> w, double beta,
                                   Matrix<double> d_x) {
  MatMulRef(Transpose::kNo, Transpose::kNo, d_y, w, beta, d_x);
}

// d_w += d_y^T x, d_bias += the column sums of d_y.
inline void LinearBackwardWeightRef(Matrix<const double> d_y, Matrix<const double> x,
                                    Matrix<double> d_w, std::span<double> d_bias) {
  MatMulRef(Transpose::kYes, Transpose::kNo, d_y, x, 1, d_w);
  for (int64_t i = 0; i < d_y.rows; ++i) {
    for (size_t j = 0; j < d_bias.size(); ++j) d_bias[j] += d_y.Row(i)[j];
  }
}

}  // namespace rotary

#endif  // ROTARY_NN_LINEAR_REF_H_
