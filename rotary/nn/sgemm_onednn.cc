#include <dnnl.h>
#include <omp.h>

#include "rotary/nn/sgemm.h"

namespace rotary::internal {
namespace {

// oneDNN takes its number of threads from OpenMP's setting for the calling thread.
class OneThread {
 public:
  OneThread() : before_(omp_get_max_threads()) { omp_set_num_threads(1); }
  ~OneThread() { omp_set_num_threads(before_); }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_;
};

}  // namespace

const char* const kSgemmName = "oneDNN";

void Sgemm(Transpose transpose_a, Transpose transpose_b, Matrix<const float> a,
           Matrix<const float> b, float beta, Matrix<float> c) {
  const OneThread one_thread;
  const char op_a = transpose_a == Transpose::kYes ? 'T' : 'N';
  const char op_b = transpose_b == Transpose::kYes ? 'T' : 'N';
  const int64_t k = transpose_a == Transpose::kYes ? a.rows : a.cols;
  const dnnl_status_t status = dnnl_sgemm(op_a, op_b, c.rows, c.cols, k, 1.0f, a.data, a.stride,
                                          b.data, b.stride, beta, c.data, c.stride);
  if (status != dnnl_success) {
    throw std::runtime_error(
        Sentence("MatMul: oneDNN failed with status ", static_cast<int>(status)));
  }
}

}  // namespace rotary::internal
