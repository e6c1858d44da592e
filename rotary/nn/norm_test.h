// What the tests of layer and RMS normalisation share: random operands, and the sum that the twins
// take.
#ifndef ROTARY_NN_NORM_TEST_H_
#define ROTARY_NN_NORM_TEST_H_

#include "rotary/nn/dropout_ref.h"
#include "rotary/nn/layer_norm.h"
#include "rotary/nn/test_matrix.h"

namespace rotary {

inline constexpr DropoutMask kNormDropout = {.probability = 0.2, .seed = 3, .stream = 4};

// The operands of one normalisation, all random.
struct NormOperands {
  NormOperands(int64_t rows, int64_t cols, Placement placement)
      : x(TestMatrix<float>::Random(rows, cols, 1, placement)),
        residual(TestMatrix<float>::Random(rows, cols, 2, placement)),
        d_y(TestMatrix<float>::Random(rows, cols, 3, placement)),
        gain(TestMatrix<float>::Random(1, cols, 4)),
        bias(TestMatrix<float>::Random(1, cols, 5)),
        d_gain(TestMatrix<float>::Random(1, cols, 6)),
        d_bias(TestMatrix<float>::Random(1, cols, 7)),
        sum(rows, cols, placement),
        mean(1, rows),
        rstd(1, rows) {}

  NormSaved saved() { return {.sum = sum.view(), .mean = mean.row(), .rstd = rstd.row()}; }

  // dropout(x) + residual in double; either may be left out.
  TestMatrix<double> Sum(const DropoutMask& dropout, bool with_residual) const {
    auto result = x.As<double>();
    ApplyDropoutRef(dropout, result.view(), result.view());
    for (int64_t i = 0; with_residual && i < result.view().rows; ++i) {
      for (int64_t j = 0; j < result.view().cols; ++j) {
        result.view().Row(i)[j] += static_cast<double>(residual.view().Row(i)[j]);
      }
    }
    return result;
  }

  TestMatrix<float> x, residual, d_y, gain, bias, d_gain, d_bias;
  TestMatrix<float> sum, mean, rstd;
};

// Calls body(rows, cols, placement) for sizes around the vector width, several ranges of rows,
// aligned and not.
template <class Body>
void ForNormShapes(Body&& body) {
  for (const Placement placement : {Placement{}, Placement{.gap = 3, .offset = 1}}) {
    for (const int64_t cols : {2, 3, 8, 15, 16, 17, 33, 64, 100, 129}) {
      for (const int64_t rows : {0, 1, 5, 70}) {
        SCOPED_TRACE(testing::Message() << rows << " x " << cols << ", gap " << placement.gap);
        body(rows, cols, placement);
      }
    }
  }
}

}  // namespace rotary

#endif  // ROTARY_NN_NORM_TEST_H_
