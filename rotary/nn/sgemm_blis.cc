#include <blis.h>

#include "rotary/nn/sgemm.h"

namespace rotary::internal {

const char* const kSgemmName = "BLIS";

void Sgemm(Transpose transpose_a, Transpose transpose_b, Matrix<const float> a,
           Matrix<const float> b, float beta, Matrix<float> c) {
  rntm_t one_thread = BLIS_RNTM_INITIALIZER;
  bli_rntm_set_num_threads(1, &one_thread);
  const float alpha = 1;
  const dim_t k = transpose_a == Transpose::kYes ? a.rows : a.cols;
  // BLIS does not write through the pointers to its inputs, though their types allow it.
  bli_sgemm_ex(transpose_a == Transpose::kYes ? BLIS_TRANSPOSE : BLIS_NO_TRANSPOSE,
               transpose_b == Transpose::kYes ? BLIS_TRANSPOSE : BLIS_NO_TRANSPOSE, c.rows, c.cols,
               k, const_cast<float*>(&alpha), const_cast<float*>(a.data), a.stride, 1,
               const_cast<float*>(b.data), b.stride, 1, &beta, c.data, c.stride, 1, nullptr,
               &one_thread);
}

}  // namespace rotary::internal
