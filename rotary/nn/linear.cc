#include "rotary/nn/linear.h"

#include "rotary/nn/bias.h"
#include "rotary/nn/gelu.h"
#include "rotary/nn/matmul.h"
#include "rotary/nn/swiglu.h"

namespace rotary {
namespace {

void RequireBias(size_t size, int64_t out, const char* operation) {
  Require(size == 0 || static_cast<int64_t>(size) == out, operation, ": bias must have ", out,
          " elements, got ", size);
}

void RequireForward(Matrix<const float> x, Matrix<const float> w, size_t bias,
                    Matrix<const float> y, const char* operation) {
  RequireShape(w, w.rows, x.cols, operation, "w");
  RequireShape(y, x.rows, w.rows, operation, "y");
  RequireBias(bias, w.rows, operation);
}

void RequireBackwardInput(Matrix<const float> d_y, Matrix<const float> w, Matrix<const float> d_x) {
  RequireShape(w, d_y.cols, w.cols, "LinearBackwardInput", "w");
  RequireShape(d_x, d_y.rows, w.cols, "LinearBackwardInput", "d_x");
}

template <class T>
std::span<T> Part(std::span<T> x, int64_t begin, int64_t count) {
  return x.subspan(static_cast<size_t>(begin), static_cast<size_t>(count));
}

// The part of x that lies where `block` lies in a matrix of the same shape, from (row, col) on.
template <class T>
Matrix<T> Part(Matrix<T> x, int64_t row, int64_t col, Matrix<float> block) {
  return x.Rows(row, row + block.rows).Cols(col, col + block.cols);
}

}  // namespace

void Linear(Matrix<const float> x, Matrix<const float> w, std::span<const float> bias,
            Matrix<float> y, int threads) {
  RequireForward(x, w, bias.size(), y, "Linear");
  MatMul(Transpose::kNo, Transpose::kYes, x, w, 0, y, threads, Blocks::kAny,
         [&](int64_t, int64_t col, Matrix<float> block) {
           if (!bias.empty()) AddBias(Part(bias, col, block.cols), block, 1);
         });
}

void LinearGelu(Matrix<const float> x, Matrix<const float> w, std::span<const float> bias,
                Matrix<float> slope, Matrix<float> y, int threads) {
  RequireForward(x, w, bias.size(), y, "LinearGelu");
  if (slope) RequireShape(slope, y.rows, y.cols, "LinearGelu", "slope");
  MatMul(Transpose::kNo, Transpose::kYes, x, w, 0, y, threads, Blocks::kAny,
         [&](int64_t row, int64_t col, Matrix<float> block) {
           Gelu(block, bias.empty() ? bias : Part(bias, col, block.cols),
                slope ? Part(slope, row, col, block) : slope, block, 1);
         });
}

void LinearSwiGlu(Matrix<const float> x, Matrix<const float> w, std::span<const float> bias,
                  Matrix<float> slopes, Matrix<float> y, int threads) {
  const int64_t inner = w.rows / 2;
  Require(w.rows % 2 == 0, "LinearSwiGlu: w must have an even number of rows, got ", w.rows);
  RequireShape(w, w.rows, x.cols, "LinearSwiGlu", "w");
  RequireShape(slopes, x.rows, w.rows, "LinearSwiGlu", "slopes");
  RequireShape(y, x.rows, inner, "LinearSwiGlu", "y");
  RequireBias(bias.size(), w.rows, "LinearSwiGlu");
  MatMul(Transpose::kNo, Transpose::kYes, x, w, 0, slopes, threads, Blocks::kWholeRows,
         [&](int64_t row, int64_t, Matrix<float> block) {
           if (!bias.empty()) AddBias(bias, block, 1);
           SwiGluTraining(block.Cols(0, inner), block.Cols(inner, 2 * inner),
                          y.Rows(row, row + block.rows), 1);
         });
}

void LinearBackwardInput(Matrix<const float> d_y, Matrix<const float> w, float beta,
                         Matrix<float> d_x, int threads) {
  RequireBackwardInput(d_y, w, d_x);
  MatMul(Transpose::kNo, Transpose::kNo, d_y, w, beta, d_x, threads);
}

void LinearBackwardInput(Matrix<const float> d_y, Matrix<const float> w, Matrix<const float> slope,
                         Matrix<float> d_x, int threads) {
  RequireBackwardInput(d_y, w, d_x);
  RequireShape(slope, d_x.rows, d_x.cols, "LinearBackwardInput", "slope");
  MatMul(Transpose::kNo, Transpose::kNo, d_y, w, 0, d_x, threads, Blocks::kAny,
         [&](int64_t row, int64_t col, Matrix<float> block) {
           GeluBackward(Part(slope, row, col, block), block, block, 1);
         });
}

void LinearBackwardInputSwiGlu(Matrix<const float> d_y, Matrix<const float> w,
                               Matrix<float> d_inner, Matrix<float> slopes, int threads) {
  RequireShape(w, d_y.cols, w.cols, "LinearBackwardInputSwiGlu", "w");
  RequireShape(d_inner, d_y.rows, w.cols, "LinearBackwardInputSwiGlu", "d_inner");
  RequireShape(slopes, d_y.rows, 2 * w.cols, "LinearBackwardInputSwiGlu", "slopes");
  MatMul(Transpose::kNo, Transpose::kNo, d_y, w, 0, d_inner, threads, Blocks::kAny,
         [&](int64_t row, int64_t col, Matrix<float> block) {
           const Matrix<float> gate = Part(slopes, row, col, block);
           const Matrix<float> up = Part(slopes, row, w.cols + col, block);
           SwiGluBackward(gate, up, block, gate, up, 1);
         });
}

void LinearBackwardWeight(Matrix<const float> d_y, Matrix<const float> x, Matrix<float> d_w,
                          std::span<float> d_bias, int threads) {
  RequireShape(x, d_y.rows, x.cols, "LinearBackwardWeight", "x");
  RequireShape(d_w, d_y.cols, x.cols, "LinearBackwardWeight", "d_w");
  Require(d_bias.empty() || static_cast<int64_t>(d_bias.size()) == d_y.cols,
          "LinearBackwardWeight: d_bias must have ", d_y.cols, " elements, got ", d_bias.size());
  // The blocks of the first column know their columns of d_y from the product, so these are in
  // cache.
  MatMul(Transpose::kYes, Transpose::kNo, d_y, x, 1, d_w, threads, Blocks::kAny,
         [&](int64_t row, int64_t col, Matrix<float> block) {
           if (col == 0 && !d_bias.empty()) {
             AddRowSums(d_y.Cols(row, row + block.rows), Part(d_bias, row, block.rows), 1);
           }
         });
}

}  // namespace rotary
