// Properties: sums agree with double on every SIMD target, for sizes around the vector width,
// unaligned and strided; the same bits for any number of threads; NaN stays where it is; bad shapes
// are refused and the sum stays untouched.
#include "rotary/nn/add.h"

#include "rotary/nn/test_matrix.h"

namespace rotary {
namespace {

TEST(AddTest, AgreesWithDouble) {
  OnEverySimdTarget([] {
    for (const Placement placement : {Placement{}, Placement{.gap = 3, .offset = 1}}) {
      for (const int64_t cols : {1, 3, 15, 16, 17, 33, 64, 130}) {
        for (const int64_t rows : {0, 1, 5}) {
          SCOPED_TRACE(testing::Message() << rows << " x " << cols << ", gap " << placement.gap);
          const auto x = TestMatrix<float>::Random(rows, cols, 1, placement);
          auto sum = TestMatrix<float>::Random(rows, cols, 2);
          auto expected = sum.As<double>();
          for (int64_t i = 0; i < rows; ++i) {
            for (int64_t j = 0; j < cols; ++j)
              expected.view().Row(i)[j] += static_cast<double>(x.view().Row(i)[j]);
          }
          AddTo(x.view(), sum.view());
          ExpectNear(sum, expected, 1e-6);
        }
      }
    }
  });
}

TEST(AddTest, SameBitsForAnyThreads) {
  const auto x = TestMatrix<float>::Random(700, 101, 1);
  ExpectSameBitsForAnyThreads([&](int threads) {
    auto sum = TestMatrix<float>::Random(700, 101, 2);
    AddTo(x.view(), sum.view(), threads);
    return sum;
  });
}

TEST(AddTest, NanStaysWhereItIs) {
  OnEverySimdTarget([] {
    auto x = TestMatrix<float>::Random(3, 35, 1), sum = TestMatrix<float>::Random(3, 35, 2);
    x.view().Row(1)[34] = std::numeric_limits<float>::quiet_NaN();
    AddTo(x.view(), sum.view());
    for (int64_t i = 0; i < 3; ++i) {
      for (int64_t j = 0; j < 35; ++j)
        EXPECT_EQ(std::isnan(sum.view().Row(i)[j]), i == 1 && j == 34);
    }
  });
}

TEST(AddTest, RefusesBadShapes) {
  const TestMatrix<float> x(3, 2);
  auto sum = TestMatrix<float>::Random(2, 3, 1);
  const auto before = sum;
  EXPECT_EQ(Thrown<std::invalid_argument>([&] { AddTo(x.view(), sum.view()); }),
            "AddTo: x must be [2, 3], got [3, 2]");
  EXPECT_TRUE(sum.SameBits(before));
}

}  // namespace
}  // namespace rotary
