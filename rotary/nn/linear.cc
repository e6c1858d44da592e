#include "rotary/nn/linear.h"

#include "rotary/nn/gelu.h"
#include "rotary/nn/matmul.h"

namespace rotary {
namespace {

void RequireBias(size_t size, int64_t out, const char* operation) {
  Require(size == 0 || static_cast<int64_t>(size) == out, operation, ": bias must have ", out,
          " elements, got ", size);
}

void AddBias(std::span<const float> bias, int64_t col, Matrix<float> y) {
  if (bias.empty()) return;
  for (int64_t i = 0; i < y.rows; ++i) {
    for (int64_t j = 0; j < y.cols; ++j) y.Row(i)[j] += bias[static_cast<size_t>(col + j)];
  }
}

}  // namespace

void Linear(Matrix<const float> x, Matrix<const float> w, std::span<const float> bias,
            Matrix<float> y, int threads) {
  RequireBias(bias.size(), w.rows, "Linear");
  MatMul(Transpose::kNo, Transpose::kYes, x, w, 0, y, threads,
         [&](int64_t, int64_t col, Matrix<float> block) { AddBias(bias, col, block); });
}

void LinearGelu(Matrix<const float> x, Matrix<const float> w, std::span<const float> bias,
                Matrix<float> slope, Matrix<float> y, int threads) {
  RequireBias(bias.size(), w.rows, "LinearGelu");
  if (slope) RequireShape(slope, y.rows, y.cols, "LinearGelu", "slope");
  MatMul(Transpose::kNo, Transpose::kYes, x, w, 0, y, threads,
         [&](int64_t row, int64_t col, Matrix<float> block) {
           AddBias(bias, col, block);
           Gelu(block,
                slope ? slope.Rows(row, row + block.rows).Cols(col, col + block.cols) : slope,
                block, 1);
         });
}

void LinearBackwardInput(Matrix<const float> d_y, Matrix<const float> w, float beta,
                         Matrix<float> d_x, int threads) {
  MatMul(Transpose::kNo, Transpose::kNo, d_y, w, beta, d_x, threads);
}

void LinearBackwardInput(Matrix<const float> d_y, Matrix<const float> w, Matrix<const float> slope,
                         Matrix<float> d_x, int threads) {
  RequireShape(slope, d_x.rows, d_x.cols, "LinearBackwardInput", "slope");
  MatMul(Transpose::kNo, Transpose::kNo, d_y, w, 0, d_x, threads,
         [&](int64_t row, int64_t col, Matrix<float> block) {
           GeluBackward(slope.Rows(row, row + block.rows).Cols(col, col + block.cols), block, block,
                        1);
         });
}

void LinearBackwardWeight(Matrix<const float> d_y, Matrix<const float> x, Matrix<float> d_w,
                          std::span<float> d_bias, int threads) {
  RequireBias(d_bias.size(), d_w.rows, "LinearBackwardWeight");
  MatMul(Transpose::kYes, Transpose::kNo, d_y, x, 1, d_w, threads);
  for (size_t j = 0; j < d_bias.size(); ++j) {
    double sum = 0;
    for (int64_t i = 0; i < d_y.rows; ++i) sum += static_cast<double>(d_y.Row(i)[j]);
    d_bias[j] += static_cast<float>(sum);
  }
}

}  // namespace rotary
