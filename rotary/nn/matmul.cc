#include "rotary/nn/matmul.h"

#include <algorithm>
#include <cstddef>

#include "rotary/base/memory.h"
#include "rotary/base/parallel.h"
#include "rotary/nn/sgemm.h"

namespace rotary {
namespace {

int64_t DivideUp(int64_t a, int64_t b) { return (a + b - 1) / b; }

int64_t RoundUp(int64_t a, int64_t unit) { return DivideUp(a, unit) * unit; }

// Lengths of at most `most` that cover `size`, the last one excepted all alike and a multiple of
// `unit`.
int64_t EvenLength(int64_t size, int64_t most, int64_t unit) {
  return RoundUp(DivideUp(size, DivideUp(size, most)), unit);
}

// A grid of blocks over c. It depends on the shape alone, never on the number of threads.
struct Grid {
  int64_t block_rows, block_cols, col_blocks, blocks;

  Grid(int64_t m, int64_t n, int64_t rows, int64_t cols)
      : block_rows(EvenLength(m, rows, 8)),   // what the libraries' kernels make at once,
        block_cols(EvenLength(n, cols, 16)),  // in whole vectors
        col_blocks(DivideUp(n, block_cols)),
        blocks(DivideUp(m, block_rows) * col_blocks) {}
};

// Below this many blocks, threads would wait for the last one.
constexpr int64_t kFewBlocks = 8;

// The grid of a weight gradient: few outputs, each a sum over all tokens, so that a block takes
// long, and so does waiting for the last one. Rows of blocks come by four, which two and four
// threads share evenly, unless that makes them lower than 64.
Grid WeightGradientGrid(int64_t m, int64_t n) {
  const int64_t row_blocks = RoundUp(DivideUp(m, 128), 4);
  return Grid(m, n, std::max<int64_t>(64, DivideUp(m, row_blocks)), 512);
}

// Measured (docs/nn.md): blocks of 128 x 512 run at the full rate of the library as long as b is
// not transposed. Where it is, the library packs it anew for every block, at a cost that only tall
// blocks spread.
Grid ChooseGrid(int64_t m, int64_t n, Blocks blocks, bool transposed_a, bool transposed_b) {
  if (blocks == Blocks::kAny && transposed_a && !transposed_b) return WeightGradientGrid(m, n);
  if (blocks == Blocks::kWholeRows) {
    const Grid grid(m, n, 128, n);
    return grid.blocks < kFewBlocks ? Grid(m, n, 64, n) : grid;
  }
  if (transposed_b) {
    const Grid grid(m, n, 640, 512);
    return grid.blocks < kFewBlocks ? Grid(m, n, 640, 128) : grid;
  }
  const Grid grid(m, n, 128, 512);
  return grid.blocks < kFewBlocks ? Grid(m, n, 64, 512) : grid;
}

// From this many rows of c on, turning b round once costs less than having the library do it in
// every block.
constexpr int64_t kRowsToTurn = 1024;

// Memory of one thread that is kept from call to call, because fresh pages cost more than what is
// written to them.
Matrix<float> Scratch(int64_t rows, int64_t cols) {
  thread_local AlignedBytes memory;
  thread_local size_t size = 0;
  const int64_t stride = PaddedStride(cols);
  const size_t bytes = static_cast<size_t>(rows * stride) * sizeof(float);
  if (bytes > size) {
    size = 0;
    memory = AllocateAligned(bytes);
    size = bytes;
  }
  return {reinterpret_cast<float*>(memory.get()), rows, cols, stride};
}

// out[j][i] = in[i][j], in tiles that read and write whole cache lines and leave both in the first
// cache.
void Turn(Matrix<const float> in, Matrix<float> out, int threads) {
  constexpr int64_t kTile = 16;
  ParallelFor(DivideUp(in.cols, kTile), threads, 4, [&](int64_t begin, int64_t end) {
    for (int64_t i0 = 0; i0 < in.rows; i0 += kTile) {
      const int64_t i1 = std::min(in.rows, i0 + kTile);
      for (int64_t j = begin * kTile; j < std::min(in.cols, end * kTile); ++j) {
        float* row = out.Row(j);
        for (int64_t i = i0; i < i1; ++i) row[i] = in.Row(i)[j];
      }
    }
  });
}

void Copy(Matrix<const float> in, Matrix<float> out, int threads) {
  ParallelFor(in.rows, threads, 64, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) std::copy_n(in.Row(i), in.cols, out.Row(i));
  });
}

}  // namespace

const char* MatMulBackend() { return internal::kSgemmName; }

void MatMul(Transpose transpose_a, Transpose transpose_b, Matrix<const float> a,
            Matrix<const float> b, float beta, Matrix<float> c, int threads) {
  MatMul(transpose_a, transpose_b, a, b, beta, c, threads, Blocks::kAny,
         [](int64_t, int64_t, Matrix<float>) {});
}

void MatMul(Transpose transpose_a, Transpose transpose_b, Matrix<const float> a,
            Matrix<const float> b, float beta, Matrix<float> c, int threads, Blocks blocks,
            FunctionRef<void(int64_t row, int64_t col, Matrix<float> block)> done) {
  const bool turned_a = transpose_a == Transpose::kYes;
  bool turned_b = transpose_b == Transpose::kYes;
  const int64_t m = c.rows, n = c.cols, k = turned_a ? a.rows : a.cols;
  RequireShape(a, turned_a ? k : m, turned_a ? m : k, "MatMul", "a");
  RequireShape(b, turned_b ? n : k, turned_b ? k : n, "MatMul", "b");
  RequireShape(c, m, n, "MatMul", "c");
  Require(beta == 0 || beta == 1, "MatMul: beta must be 0 or 1, got ", beta);
  if (m == 0 || n == 0) return;
  if (m >= kRowsToTurn && k > 0) {
    if (turned_b) {
      const Matrix<float> copy = Scratch(k, n);
      Turn(b, copy, threads);
      b = copy;
      turned_b = false;
    } else if (b.stride != PaddedStride(b.stride)) {
      const Matrix<float> copy = Scratch(k, n);
      Copy(b, copy, threads);
      b = copy;
    }
  }
  const Grid grid = ChooseGrid(m, n, blocks, turned_a, turned_b);
  ParallelTasks(grid.blocks, threads, [&](int64_t task, int) {
    const int64_t row = task / grid.col_blocks * grid.block_rows;
    const int64_t col = task % grid.col_blocks * grid.block_cols;
    const int64_t row_end = std::min(m, row + grid.block_rows);
    const int64_t col_end = std::min(n, col + grid.block_cols);
    const Matrix<float> block = c.Rows(row, row_end).Cols(col, col_end);
    if (k > 0) {
      internal::Sgemm(transpose_a, turned_b ? Transpose::kYes : Transpose::kNo,
                      turned_a ? a.Cols(row, row_end) : a.Rows(row, row_end),
                      turned_b ? b.Rows(col, col_end) : b.Cols(col, col_end), beta, block);
    } else if (beta == 0) {
      for (int64_t i = 0; i < block.rows; ++i) std::fill_n(block.Row(i), block.cols, 0.0f);
    }
    done(row, col, block);
  });
}

}  // namespace rotary
