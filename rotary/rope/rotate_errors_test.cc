// Properties: what the caller got wrong is named in one sentence, for tables and for ready phases,
// and neither tensor has changed then; what is merely unusual is done.
#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "rotary/rope/rotate.h"

namespace rotary {
namespace {

constexpr int64_t kTokens = 3, kHeads = 2, kHeadDim = 8;

// A buffer of numbers that a call must leave alone when it throws, and views of it.
class Buffer {
 public:
  Buffer() : x_(1000) {
    for (size_t i = 0; i < x_.size(); ++i) x_[i] = static_cast<float>(i);
  }
  TensorView At(int64_t offset, Dims shape = {kTokens, kHeads, kHeadDim}) {
    return {x_.data() + offset, DType::kF32, shape};
  }
  TensorView Strided(int64_t offset, Dims strides) {
    return {x_.data() + offset, DType::kF32, {kTokens, kHeads, kHeadDim}, strides};
  }
  TensorView As(DType dtype) { return {x_.data(), dtype, {kTokens, kHeads, kHeadDim}}; }
  bool IsUntouched() const {
    for (size_t i = 0; i < x_.size(); ++i) {
      if (x_[i] != static_cast<float>(i)) return false;
    }
    return true;
  }

 private:
  std::vector<float> x_;
};

class RotateErrorsTest : public testing::Test {
 protected:
  // The sentence of a call that must throw and leave the buffer alone.
  std::string ErrorOf(const std::function<void()>& call) {
    try {
      call();
    } catch (const std::invalid_argument& error) {
      EXPECT_TRUE(buffer_.IsUntouched()) << error.what();
      return error.what();
    }
    return "nothing thrown";
  }
  // The sentence of a call with the table, which must be that of the call with ready phases.
  std::string ErrorOf(ConstTensorView x, TensorView y, const RotateOptions& options = {}) {
    std::string with_table = ErrorOf([&] { Rotate(table_, positions_, x, y, options); });
    EXPECT_EQ(ErrorOf([&] { Rotate(phases_, x, y, options); }), with_table);
    return with_table;
  }
  std::string ErrorOfQK(TensorView q, TensorView k) {
    std::string with_table = ErrorOf([&] { RotateQK(table_, positions_, q, k); });
    EXPECT_EQ(ErrorOf([&] { RotateQK(phases_, q, k); }), with_table);
    return with_table;
  }

  Buffer buffer_;
  const std::vector<int64_t> numbers_ = {5, 6, 7, 8, 9, 10};
  const ConstTensorView positions_{numbers_.data(), DType::kI64, {kTokens}};
  const PhaseTable table_{MakeRotation({.head_dim = kHeadDim})};
  const Phases phases_{table_, positions_};
};

TEST_F(RotateErrorsTest, ShapesAndTypes) {
  const TensorView x = buffer_.At(0);
  EXPECT_EQ(ErrorOf(buffer_.At(0, {kTokens, 16}), buffer_.At(0, {kTokens, 16})),
            "rotate: a tensor must be [tokens, heads, head_dim] or [batch, tokens, heads, "
            "head_dim], got [3, 16]");
  EXPECT_EQ(ErrorOf(x, buffer_.At(500, {kTokens, 3, kHeadDim})),
            "rotate: the input is f32 [1, 3, 2, 8], the output f32 [1, 3, 3, 8]");
  EXPECT_EQ(ErrorOf(x, buffer_.As(DType::kBF16)),
            "rotate: the input is f32 [1, 3, 2, 8], the output bf16 [1, 3, 2, 8]");
  EXPECT_EQ(ErrorOf(buffer_.At(0, {kTokens, kHeads, 6}), buffer_.At(0, {kTokens, kHeads, 6})),
            "rotate: the rotation is for head_dim 8, the tensor has 6");
  EXPECT_EQ(ErrorOf(buffer_.At(0, {4, kHeads, kHeadDim}), buffer_.At(0, {4, kHeads, kHeadDim})),
            "rotate: 3 positions for 4 tokens");
  EXPECT_EQ(ErrorOf(buffer_.Strided(0, {40, 20, 2}), buffer_.Strided(0, {40, 20, 2})),
            "rotate: the channel stride must be 1, got 2 and 2");
  EXPECT_EQ(ErrorOf(x, x, {.threads = -1}), "threads must be 0 (all cores) or more, got -1");
  const TensorView whole = buffer_.As(DType::kI64);
  EXPECT_EQ(ErrorOf(whole, whole), "rotate: dtype must be f64, f32, bf16 or f16, got i64");
}

TEST_F(RotateErrorsTest, RowsOfPositions) {
  const ConstTensorView two_rows(numbers_.data(), DType::kI64, {2, kTokens});
  const TensorView three_rows = buffer_.At(0, {3, kTokens, kHeads, kHeadDim});
  EXPECT_EQ(ErrorOf([&] { Rotate(table_, two_rows, three_rows, three_rows); }),
            "rotate: 2 rows of positions for a batch of 3");
  const ConstTensorView floats(numbers_.data(), DType::kF32, {kTokens});
  EXPECT_EQ(ErrorOf([&] { Rotate(table_, floats, buffer_.At(0), buffer_.At(0)); }),
            "rotate: positions must be i64 or f64, got f32");
}

TEST_F(RotateErrorsTest, PhasesOfAnotherType) {
  const Phases doubles(table_, positions_, DType::kF64);
  EXPECT_EQ(ErrorOf([&] { Rotate(doubles, buffer_.At(0), buffer_.At(0)); }),
            "rotate: f32 needs phases of f32, got f64");
}

TEST_F(RotateErrorsTest, RotationsThatCannot) {
  Rotation second = table_.rotation();
  second.second_frequency = {1, 2, 3, 4};
  const PhaseTable no_group(second);
  EXPECT_EQ(ErrorOf([&] {
              Rotate(no_group, positions_, buffer_.At(0), buffer_.At(0),
                     {.direction = Direction::kInverse});
            }),
            "rotate: a rotation with a second frequency has no inverse");
  Rotation by_head = table_.rotation();
  by_head.heads = 3;
  by_head.frequency.assign(12, 0.5);
  const PhaseTable three_heads(by_head);
  EXPECT_EQ(ErrorOf([&] { Rotate(three_heads, positions_, buffer_.At(0), buffer_.At(0)); }),
            "rotate: the rotation has 3 heads, the tensor 2");
}

TEST_F(RotateErrorsTest, ViewsThatOverlap) {
  const std::string not_the_same = "rotate: the output overlaps the input and is not the same view";
  EXPECT_EQ(ErrorOf(buffer_.At(0), buffer_.At(1)), not_the_same);
  EXPECT_EQ(ErrorOf(buffer_.At(0), buffer_.At(kTokens * kHeads * kHeadDim - 1)), not_the_same);
  EXPECT_EQ(ErrorOf(buffer_.At(0), buffer_.Strided(0, {kHeadDim, kTokens * kHeadDim, 1})),
            not_the_same);
  EXPECT_EQ(ErrorOf(buffer_.At(500), buffer_.Strided(0, {16, 0, 1})),
            "rotate: elements of the output lie on one another");
  EXPECT_EQ(ErrorOfQK(buffer_.At(0), buffer_.At(40)), "rotate: q and k overlap");
}

TEST_F(RotateErrorsTest, QueriesAndKeysThatDoNotGoTogether) {
  EXPECT_EQ(ErrorOfQK(buffer_.At(0), buffer_.At(100, {2, kTokens, kHeads, kHeadDim})),
            "rotate: q has a batch of 1, k of 2");
  const TensorView keys = buffer_.As(DType::kBF16);
  EXPECT_EQ(ErrorOf([&] { RotateQK(table_, positions_, buffer_.At(500), keys); }),
            "rotate: q is f32, k is bf16");
}

TEST_F(RotateErrorsTest, UnusualViewsAreFine) {
  // Beside one another, inputs that lie on one another, interleaved in one buffer, empty.
  EXPECT_NO_THROW(Rotate(table_, positions_, buffer_.At(0), buffer_.At(48)));
  EXPECT_NO_THROW(Rotate(table_, positions_, buffer_.Strided(200, {0, 0, 1}), buffer_.At(48)));
  EXPECT_NO_THROW(RotateQK(table_, positions_, buffer_.Strided(0, {32, 8, 1}),
                           buffer_.Strided(16, {32, 8, 1})));
  const ConstTensorView no_positions(numbers_.data(), DType::kI64, {0});
  Buffer untouched;
  const TensorView empty = untouched.At(0, {0, kHeads, kHeadDim});
  EXPECT_NO_THROW(Rotate(table_, no_positions, empty, empty));
  const TensorView headless = untouched.At(0, {kTokens, 0, kHeadDim});
  EXPECT_NO_THROW(Rotate(table_, positions_, headless, headless));
  EXPECT_TRUE(untouched.IsUntouched());
}

}  // namespace
}  // namespace rotary
