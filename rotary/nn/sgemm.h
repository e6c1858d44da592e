// One product by the matrix library that the build chose, on the calling thread alone.
#ifndef ROTARY_NN_SGEMM_H_
#define ROTARY_NN_SGEMM_H_

#include "rotary/nn/matmul.h"

namespace rotary::internal {

// c = op(a) op(b) + beta c as MatMul has it; no size is 0. Safe to call from several threads at
// once. The bits depend on the arguments only.
void Sgemm(Transpose transpose_a, Transpose transpose_b, Matrix<const float> a,
           Matrix<const float> b, float beta, Matrix<float> c);

extern const char* const kSgemmName;

}  // namespace rotary::internal

#endif  // ROTARY_NN_SGEMM_H_
