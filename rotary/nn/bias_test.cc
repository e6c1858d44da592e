// Properties: adding a bias and summing rows agree with double on every SIMD target, for sizes
// around the vector width, unaligned and strided; sums add to what is there, stay exact enough over
// many rows, and have the same bits for any number of threads; NaN stays in its column; bad sizes
// are refused.
#include "rotary/nn/bias.h"

#include "rotary/nn/test_matrix.h"

namespace rotary {
namespace {

TEST(BiasTest, AgreesWithDouble) {
  OnEverySimdTarget([] {
    for (const Placement placement : {Placement{}, Placement{.gap = 3, .offset = 1}}) {
      for (const int64_t cols : {1, 3, 4, 15, 16, 17, 31, 33, 64, 65, 130}) {
        for (const int64_t rows : {0, 1, 5, 65, 200}) {
          SCOPED_TRACE(testing::Message() << rows << " x " << cols);
          auto x = TestMatrix<float>::Random(rows, cols, 1, placement);
          auto bias = TestMatrix<float>::Random(1, cols, 2, placement);
          auto expected_x = x.As<double>(), expected_bias = bias.As<double>();
          for (int64_t i = 0; i < rows; ++i) {
            for (int64_t j = 0; j < cols; ++j) {
              expected_bias.view().Row(0)[j] += expected_x.view().Row(i)[j];
              expected_x.view().Row(i)[j] += static_cast<double>(bias.view().Row(0)[j]);
            }
          }
          auto sums = bias;
          AddRowSums(x.view(), sums.row());
          AddBias(bias.row(), x.view());
          ExpectNear(sums, expected_bias, 1e-5);
          ExpectNear(x, expected_x, 1e-6);
        }
      }
    }
  });
}

TEST(BiasTest, SumsOfManyRowsStayExact) {
  // A plain sum in f32 is off by more than 1e-4 of its value here.
  constexpr int64_t kRows = 1 << 19, kCols = 5;
  TestMatrix<float> x(kRows, kCols), sums(1, kCols);
  for (int64_t i = 0; i < kRows; ++i) std::fill_n(x.view().Row(i), kCols, 1.1f);
  AddRowSums(x.view(), sums.row());
  for (const float sum : sums.row()) EXPECT_NEAR(sum, 1.1 * kRows, 4e-6 * kRows);
}

TEST(BiasTest, SameBitsForAnyThreads) {
  const auto x = TestMatrix<float>::Random(700, 101, 1);
  ExpectSameBitsForAnyThreads([&](int threads) {
    TestMatrix<float> sums(1, 101);
    AddRowSums(x.view(), sums.row(), threads);
    return sums;
  });
  ExpectSameBitsForAnyThreads([&](int threads) {
    auto y = x;
    AddBias(TestMatrix<float>::Random(1, 101, 2).row(), y.view(), threads);
    return y;
  });
}

TEST(BiasTest, NanStaysInItsColumn) {
  OnEverySimdTarget([] {
    auto x = TestMatrix<float>::Random(9, 100, 1);
    for (const int64_t at : {2, 99}) x.view().Row(4)[at] = std::numeric_limits<float>::quiet_NaN();
    TestMatrix<float> sums(1, 100);
    AddRowSums(x.view(), sums.row());
    for (size_t j = 0; j < 100; ++j) EXPECT_EQ(std::isnan(sums.row()[j]), j == 2 || j == 99);
  });
}

TEST(BiasTest, RefusesBadSizes) {
  TestMatrix<float> x(2, 3), bias(1, 4);
  EXPECT_EQ(Thrown<std::invalid_argument>([&] { AddBias(bias.row(), x.view()); }),
            "AddBias: bias must have 3 elements, got 4");
  EXPECT_EQ(Thrown<std::invalid_argument>([&] { AddRowSums(x.view(), bias.row()); }),
            "AddRowSums: d_bias must have 3 elements, got 4");
}

}  // namespace
}  // namespace rotary
