// Matrices for tests: random contents, gaps between rows that must stay untouched, memory that ends
// with the last element.
#ifndef ROTARY_NN_TEST_MATRIX_H_
#define ROTARY_NN_TEST_MATRIX_H_

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "rotary/base/random.h"
#include "rotary/base/simd.h"
#include "rotary/base/test_thrown.h"
#include "rotary/nn/matrix.h"

namespace rotary {

// Where a test matrix lies: how many elements the rows are apart beyond their length, and how far
// the first element is from the start of its allocation, so from alignment.
struct Placement {
  int64_t gap = 0;
  int64_t offset = 0;
};

template <class T>
class TestMatrix {
 public:
  // Zeros; the gaps and the elements before the first are NaN.
  TestMatrix(int64_t rows, int64_t cols, Placement placement = {})
      : rows_(rows), cols_(cols), placement_(placement) {
    const int64_t stride = cols + placement.gap;
    values_.assign(
        static_cast<size_t>(placement.offset + (rows > 0 ? (rows - 1) * stride + cols : 0)),
        std::numeric_limits<T>::quiet_NaN());
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t j = 0; j < cols; ++j) view().Row(i)[j] = 0;
    }
  }
  // Random normal numbers, the same for the same seed; every number is one of f32.
  static TestMatrix Random(int64_t rows, int64_t cols, uint64_t seed, Placement placement = {}) {
    TestMatrix matrix(rows, cols, placement);
    const rotary::Random random(seed, 0);
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t j = 0; j < cols; ++j) {
        matrix.view().Row(i)[j] =
            static_cast<float>(random.Normal(static_cast<uint64_t>(i * cols + j)));
      }
    }
    return matrix;
  }
  // The same numbers in another type, without gaps.
  template <class Other>
  TestMatrix<Other> As() const {
    TestMatrix<Other> other(rows_, cols_);
    for (int64_t i = 0; i < rows_; ++i) {
      for (int64_t j = 0; j < cols_; ++j)
        other.view().Row(i)[j] = static_cast<Other>(view().Row(i)[j]);
    }
    return other;
  }

  Matrix<T> view() {
    return {values_.data() + placement_.offset, rows_, cols_, cols_ + placement_.gap};
  }
  Matrix<const T> view() const {
    return {values_.data() + placement_.offset, rows_, cols_, cols_ + placement_.gap};
  }
  // The first row.
  std::span<T> row() { return {view().Row(0), static_cast<size_t>(cols_)}; }
  std::span<const T> row() const { return {view().Row(0), static_cast<size_t>(cols_)}; }

  // Whether all bits are alike, those of the gaps too.
  bool SameBits(const TestMatrix& other) const {
    if (values_.size() != other.values_.size()) return false;
    for (size_t i = 0; i < values_.size(); ++i) {
      using Bits = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
      if (std::bit_cast<Bits>(values_[i]) != std::bit_cast<Bits>(other.values_[i])) return false;
    }
    return true;
  }

 private:
  int64_t rows_;
  int64_t cols_;
  Placement placement_;
  std::vector<T> values_;
};

// Expects |actual - expected| <= tolerance everywhere, and that nothing was written into the gaps.
// NaN fails.
inline void ExpectNear(const TestMatrix<float>& actual, const TestMatrix<double>& expected,
                       double tolerance) {
  const Matrix<const float> a = actual.view();
  const Matrix<const double> e = expected.view();
  ASSERT_EQ(a.rows, e.rows);
  ASSERT_EQ(a.cols, e.cols);
  for (int64_t i = 0; i < a.rows; ++i) {
    for (int64_t j = 0; j < a.cols; ++j) {
      const double error = std::abs(static_cast<double>(a.Row(i)[j]) - e.Row(i)[j]);
      ASSERT_TRUE(error <= tolerance)
          << "row " << i << " col " << j << ": " << a.Row(i)[j] << " for " << e.Row(i)[j];
    }
    for (int64_t j = a.cols; j < a.stride && i + 1 < a.rows; ++j) {
      ASSERT_TRUE(std::isnan(a.Row(i)[j])) << "gap after row " << i << " was written to";
    }
  }
}

// Expects make(threads), a TestMatrix, to have the same bits for 1, 2 and 3 threads.
template <class Make>
void ExpectSameBitsForAnyThreads(Make&& make) {
  const auto one = make(1);
  for (const int threads : {2, 3})
    EXPECT_TRUE(make(threads).SameBits(one)) << threads << " threads";
}

// Expects d_x to be the gradient of loss() by x, by central differences in double.
template <class Loss>
void ExpectGradient(TestMatrix<double>& x, const TestMatrix<double>& d_x, Loss&& loss) {
  constexpr double kStep = 1e-4;  // its square and 2^-52 / step both lie below the tolerance
  for (int64_t i = 0; i < x.view().rows; ++i) {
    for (int64_t j = 0; j < x.view().cols; ++j) {
      double& element = x.view().Row(i)[j];
      const double before = element;
      element = before + kStep;
      const double above = loss();
      element = before - kStep;
      const double below = loss();
      element = before;
      const double slope = (above - below) / (2 * kStep), gradient = d_x.view().Row(i)[j];
      ASSERT_TRUE(std::abs(slope - gradient) <= 1e-6 * (1 + std::abs(slope)))
          << "row " << i << " col " << j << ": gradient " << gradient << ", by differences "
          << slope;
    }
  }
}

// sum of x * weight: a loss whose gradient by x is `weight`.
inline double WeightedSum(Matrix<const double> x, Matrix<const double> weight) {
  double sum = 0;
  for (int64_t i = 0; i < x.rows; ++i) {
    for (int64_t j = 0; j < x.cols; ++j) sum += x.Row(i)[j] * weight.Row(i)[j];
  }
  return sum;
}

// Runs `body` on every SIMD target of this machine.
template <class Body>
void OnEverySimdTarget(Body&& body) {
  for (const int64_t target : SimdTargets()) {
    std::printf("on %s\n", SimdTargetName(target).c_str());
    SCOPED_TRACE(SimdTargetName(target));
    const ScopedSimdTarget scoped(target);
    body();
  }
}

}  // namespace rotary

#endif  // ROTARY_NN_TEST_MATRIX_H_
