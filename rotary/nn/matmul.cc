#include "rotary/nn/matmul.h"

#include <algorithm>

#include "rotary/base/parallel.h"
#include "rotary/nn/sgemm.h"

namespace rotary {
namespace {

constexpr int64_t kBlockRows = 256;
constexpr int64_t kBlockCols = 512;

Matrix<const float> Part(Matrix<const float> x, Transpose transpose, int64_t begin, int64_t end) {
  return transpose == Transpose::kYes ? x.Cols(begin, end) : x.Rows(begin, end);
}

}  // namespace

const char* MatMulBackend() { return internal::kSgemmName; }

void MatMul(Transpose transpose_a, Transpose transpose_b, Matrix<const float> a,
            Matrix<const float> b, float beta, Matrix<float> c, int threads) {
  MatMul(transpose_a, transpose_b, a, b, beta, c, threads, [](int64_t, int64_t, Matrix<float>) {});
}

void MatMul(Transpose transpose_a, Transpose transpose_b, Matrix<const float> a,
            Matrix<const float> b, float beta, Matrix<float> c, int threads,
            FunctionRef<void(int64_t row, int64_t col, Matrix<float> block)> done) {
  const bool ta = transpose_a == Transpose::kYes;
  const bool tb = transpose_b == Transpose::kYes;
  const int64_t m = c.rows, n = c.cols, k = ta ? a.rows : a.cols;
  RequireShape(a, ta ? k : m, ta ? m : k, "MatMul", "a");
  RequireShape(b, tb ? n : k, tb ? k : n, "MatMul", "b");
  RequireShape(c, m, n, "MatMul", "c");
  Require(beta == 0 || beta == 1, "MatMul: beta must be 0 or 1, got ", beta);
  const int64_t row_blocks = (m + kBlockRows - 1) / kBlockRows;
  const int64_t col_blocks = (n + kBlockCols - 1) / kBlockCols;
  ParallelTasks(row_blocks * col_blocks, threads, [&](int64_t task, int) {
    const int64_t row = task / col_blocks * kBlockRows, row_end = std::min(m, row + kBlockRows);
    const int64_t col = task % col_blocks * kBlockCols, col_end = std::min(n, col + kBlockCols);
    const Matrix<float> block = c.Rows(row, row_end).Cols(col, col_end);
    if (k == 0) {
      for (int64_t i = 0; beta == 0 && i < block.rows; ++i)
        std::fill_n(block.Row(i), block.cols, 0.0f);
    } else {
      internal::Sgemm(transpose_a, transpose_b, Part(a, transpose_a, row, row_end),
                      tb ? b.Rows(col, col_end) : b.Cols(col, col_end), beta, block);
    }
    done(row, col, block);
  });
}

}  // namespace rotary
