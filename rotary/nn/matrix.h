// A borrowed 2-D block of numbers: rows lie `stride` elements apart, the columns of a row side by
// side.
#ifndef ROTARY_NN_MATRIX_H_
#define ROTARY_NN_MATRIX_H_

#include <cstdint>
#include <type_traits>

#include "rotary/base/error.h"

namespace rotary {

template <class T>
struct Matrix {
  T* data = nullptr;
  int64_t rows = 0;
  int64_t cols = 0;
  int64_t stride = 0;  // elements from one row to the next

  Matrix() = default;
  Matrix(T* first, int64_t row_count, int64_t col_count, int64_t row_stride)
      : data(first), rows(row_count), cols(col_count), stride(row_stride) {}
  // Without gaps.
  Matrix(T* first, int64_t row_count, int64_t col_count)
      : Matrix(first, row_count, col_count, col_count) {}
  // A matrix that may be written can be read.
  template <class Other>
  requires(std::is_same_v<const Other, T>)
      Matrix(const Matrix<Other>& other)  // NOLINT(google-explicit-constructor)
      : Matrix(other.data, other.rows, other.cols, other.stride) {}

  T* Row(int64_t row) const { return data + row * stride; }
  // Rows [begin, end).
  Matrix Rows(int64_t begin, int64_t end) const { return {Row(begin), end - begin, cols, stride}; }
  // Columns [begin, end).
  Matrix Cols(int64_t begin, int64_t end) const {
    return {data + begin, rows, end - begin, stride};
  }
  // Whether there is a matrix at all: optional arguments are left out by Matrix().
  explicit operator bool() const { return data != nullptr; }
};

// The stride to give the rows of a large matrix of `cols` columns: `cols` but where that is a
// multiple of 4 KiB. Such rows fall onto the same sets of the cache, and a product that walks down
// a column runs at nine tenths of its speed.
inline int64_t PaddedStride(int64_t cols) {
  return cols > 0 && cols % 1024 == 0 ? cols + 16 : cols;
}

// Throws std::invalid_argument unless `matrix` is rows x cols with a stride that keeps its rows
// apart.
template <class T>
void RequireShape(const Matrix<T>& matrix, int64_t rows, int64_t cols, const char* operation,
                  const char* name) {
  Require(matrix.rows == rows && matrix.cols == cols, operation, ": ", name, " must be [", rows,
          ", ", cols, "], got [", matrix.rows, ", ", matrix.cols, "]");
  Require(rows <= 1 || matrix.stride >= cols, operation, ": ", name, " has ", cols,
          " columns but a stride of ", matrix.stride);
}

}  // namespace rotary

#endif  // ROTARY_NN_MATRIX_H_
