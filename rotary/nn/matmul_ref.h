// The slow, obvious twin of matmul.h in double.
#ifndef ROTARY_NN_MATMUL_REF_H_
#define ROTARY_NN_MATMUL_REF_H_

#include "rotary/nn/matmul.h"

namespace rotary {

// c = op(a) op(b) + beta c.
inline void MatMulRef(Transpose transpose_a, Transpose transpose_b, Matrix<const double> a,
                      Matrix<const double> b, double beta, Matrix<double> c) {
  const bool ta = transpose_a == Transpose::kYes, tb = transpose_b == Transpose::kYes;
  const int64_t k = ta ? a.rows : a.cols;
  for (int64_t i = 0; i < c.rows; ++i) {
    for (int64_t j = 0; j < c.cols; ++j) {
      double sum = beta == 0 ? 0 : beta * c.Row(i)[j];
      for (int64_t l = 0; l < k; ++l) {
        sum += (ta ? a.Row(l)[i] : a.Row(i)[l]) * (tb ? b.Row(j)[l] : b.Row(l)[j]);
      }
      c.Row(i)[j] = sum;
    }
  }
}

}  // namespace rotary

#endif  // ROTARY_NN_MATMUL_REF_H_
