// Properties: products agree with double for every transposition, beta, odd size and stride, above
// and below the sizes where blocks and copies start; the bits do not depend on the number of
// threads; `done` sees every block once, finished; beta 0 does not read c; NaN reaches exactly the
// rows and columns it belongs to; bad shapes are refused and c stays untouched.
#include "rotary/nn/matmul.h"

#include <cstdio>
#include <vector>

#include "rotary/nn/matmul_ref.h"
#include "rotary/nn/test_matrix.h"

namespace rotary {
namespace {

struct Sizes {
  int64_t m, n, k;
};

TestMatrix<float> Operand(Transpose transpose, int64_t rows, int64_t cols, uint64_t seed,
                          Placement placement) {
  return transpose == Transpose::kYes ? TestMatrix<float>::Random(cols, rows, seed, placement)
                                      : TestMatrix<float>::Random(rows, cols, seed, placement);
}

void CheckProduct(Sizes sizes, Transpose ta, Transpose tb, float beta, Placement placement) {
  SCOPED_TRACE(testing::Message() << sizes.m << " x " << sizes.n << " x " << sizes.k
                                  << ", transposed " << (ta == Transpose::kYes)
                                  << (tb == Transpose::kYes) << ", beta " << beta << ", gap "
                                  << placement.gap);
  const auto a = Operand(ta, sizes.m, sizes.k, 1, placement);
  const auto b = Operand(tb, sizes.k, sizes.n, 2, placement);
  const auto before = TestMatrix<float>::Random(sizes.m, sizes.n, 3, placement);
  auto expected = before.As<double>();
  MatMulRef(ta, tb, a.As<double>().view(), b.As<double>().view(), beta, expected.view());
  auto one = before;
  MatMul(ta, tb, a.view(), b.view(), beta, one.view(), 1);
  // Partial sums of normal products are about sqrt(k), and each of k roundings adds half an ulp of
  // them in a random walk.
  ExpectNear(one, expected, 3e-6 + 0x1p-24 * static_cast<double>(sizes.k));
  for (const int threads : {2, 3}) {
    auto other = before;
    MatMul(ta, tb, a.view(), b.view(), beta, other.view(), threads);
    EXPECT_TRUE(other.SameBits(one)) << threads << " threads";
  }
}

TEST(MatMulTest, AgreesWithDouble) {
  std::printf("matrix products by %s\n", MatMulBackend());
  for (const Transpose ta : {Transpose::kNo, Transpose::kYes}) {
    for (const Transpose tb : {Transpose::kNo, Transpose::kYes}) {
      for (const float beta : {0.0f, 1.0f}) {
        CheckProduct({70, 50, 30}, ta, tb, beta, {});
        CheckProduct({70, 50, 30}, ta, tb, beta, {.gap = 3, .offset = 1});
        CheckProduct({1, 1, 1}, ta, tb, beta, {});
        CheckProduct({1, 33, 17}, ta, tb, beta, {});
        CheckProduct({33, 1, 17}, ta, tb, beta, {});
        CheckProduct({5, 7, 1}, ta, tb, beta, {});
        CheckProduct({641, 515, 9}, ta, tb, beta, {});                          // several blocks
        CheckProduct({1025, 37, 11}, ta, tb, beta, {});                         // b is turned
        CheckProduct({1025, 19, 3}, ta, tb, beta, {.gap = 1005, .offset = 3});  // strides of 4 KiB
        CheckProduct({17, 5, 2048}, ta, tb, beta, {});                          // long sums
      }
    }
  }
}

TEST(MatMulTest, AnEmptySumIsZero) {
  for (const float beta : {0.0f, 1.0f})
    CheckProduct({5, 6, 0}, Transpose::kNo, Transpose::kNo, beta, {});
  for (const Sizes sizes : {Sizes{0, 6, 4}, Sizes{5, 0, 4}, Sizes{0, 0, 0}}) {
    TestMatrix<float> a(sizes.m, sizes.k), b(sizes.k, sizes.n), c(sizes.m, sizes.n);
    EXPECT_NO_THROW(MatMul(Transpose::kNo, Transpose::kNo, a.view(), b.view(), 0, c.view()));
  }
}

TEST(MatMulTest, BetaZeroDoesNotReadC) {
  const auto a = TestMatrix<float>::Random(9, 4, 1), b = TestMatrix<float>::Random(4, 8, 2);
  TestMatrix<float> c(9, 8);
  for (int64_t i = 0; i < 9; ++i) {
    for (int64_t j = 0; j < 8; ++j) c.view().Row(i)[j] = std::numeric_limits<float>::quiet_NaN();
  }
  MatMul(Transpose::kNo, Transpose::kNo, a.view(), b.view(), 0, c.view());
  TestMatrix<double> expected(9, 8);
  MatMulRef(Transpose::kNo, Transpose::kNo, a.As<double>().view(), b.As<double>().view(), 0,
            expected.view());
  ExpectNear(c, expected, 1e-5);
}

TEST(MatMulTest, NanReachesItsRowAndItsColumn) {
  for (const int64_t m : {40, 1030}) {
    auto a = TestMatrix<float>::Random(m, 20, 1), b = TestMatrix<float>::Random(20, 30, 2);
    a.view().Row(7)[3] = std::numeric_limits<float>::quiet_NaN();
    b.view().Row(2)[11] = std::numeric_limits<float>::quiet_NaN();
    TestMatrix<float> c(m, 30);
    MatMul(Transpose::kNo, Transpose::kNo, a.view(), b.view(), 0, c.view());
    for (int64_t i = 0; i < m; ++i) {
      for (int64_t j = 0; j < 30; ++j) {
        ASSERT_EQ(std::isnan(c.view().Row(i)[j]), i == 7 || j == 11) << i << ", " << j;
      }
    }
  }
}

TEST(MatMulTest, DoneSeesEveryBlockOnceAndFinished) {
  for (const Sizes sizes :
       {Sizes{300, 700, 5}, Sizes{1500, 20, 0}, Sizes{1300, 900, 4}, Sizes{3, 2, 1}}) {
    for (const Blocks blocks : {Blocks::kAny, Blocks::kWholeRows}) {
      const auto a = TestMatrix<float>::Random(sizes.m, sizes.k, 1);
      const auto b = TestMatrix<float>::Random(sizes.n, sizes.k, 2);
      TestMatrix<float> plain(sizes.m, sizes.n), c(sizes.m, sizes.n), visits(sizes.m, sizes.n);
      const auto multiply = [&](Matrix<float> out,
                                FunctionRef<void(int64_t, int64_t, Matrix<float>)> done) {
        MatMul(Transpose::kNo, Transpose::kYes, a.view(), b.view(), 0, out, 2, blocks, done);
      };
      multiply(plain.view(), [](int64_t, int64_t, Matrix<float>) {});
      multiply(c.view(), [&](int64_t row, int64_t col, Matrix<float> block) {
        if (blocks == Blocks::kWholeRows) {
          EXPECT_EQ(block.cols, sizes.n);
        }
        for (int64_t i = 0; i < block.rows; ++i) {
          for (int64_t j = 0; j < block.cols; ++j) {
            ASSERT_EQ(block.Row(i)[j], plain.view().Row(row + i)[col + j]);
            ASSERT_EQ(block.Row(i) + j, c.view().Row(row + i) + col + j);
            visits.view().Row(row + i)[col + j] += 1;
          }
        }
      });
      for (int64_t i = 0; i < sizes.m; ++i) {
        for (int64_t j = 0; j < sizes.n; ++j) ASSERT_EQ(visits.view().Row(i)[j], 1);
      }
    }
  }
}

TEST(MatMulTest, RefusesBadShapes) {
  const auto product = [](Sizes a, Sizes b, Sizes c, float beta, int64_t c_stride) {
    std::vector<float> memory(1000, 5);
    std::string sentence = Thrown<std::invalid_argument>([&] {
      MatMul(Transpose::kNo, Transpose::kYes, {memory.data(), a.m, a.n}, {memory.data(), b.m, b.n},
             beta, {memory.data() + 500, c.m, c.n, c_stride});
    });
    EXPECT_EQ(memory, std::vector<float>(1000, 5));
    return sentence;
  };
  EXPECT_EQ(product({4, 3, 0}, {5, 3, 0}, {6, 5, 0}, 0, 5), "MatMul: a must be [6, 3], got [4, 3]");
  EXPECT_EQ(product({4, 3, 0}, {5, 2, 0}, {4, 5, 0}, 0, 5), "MatMul: b must be [5, 3], got [5, 2]");
  EXPECT_EQ(product({4, 3, 0}, {5, 3, 0}, {4, 5, 0}, 0, 4),
            "MatMul: c has 5 columns but a stride of 4");
  EXPECT_EQ(product({4, 3, 0}, {5, 3, 0}, {4, 5, 0}, 0.5f, 5),
            "MatMul: beta must be 0 or 1, got 0.5");
}

}  // namespace
}  // namespace rotary
