// Properties: every 16-bit value survives the way to f32 and back; rounding is to nearest, ties to
// even, at every exponent; infinities, NaN, overflow and subnormals keep their meaning.
#include "rotary/base/dtype.h"

#include <cmath>
#include <limits>

#include "gtest/gtest.h"

namespace rotary {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

// Every finite pair of neighbours: their middle goes to the even one, and a float next to the
// middle to the nearer one.
template <class T, class Round>
void CheckNeighbours(uint16_t largest_finite, Round round) {
  for (uint32_t bits = 0; bits < largest_finite; ++bits) {
    const T low{static_cast<uint16_t>(bits)};
    const T high{static_cast<uint16_t>(bits + 1)};
    const float a = ToFloat(low);
    const float b = ToFloat(high);
    ASSERT_LT(a, b);
    ASSERT_EQ(round(a), low);
    const double exact_middle = (static_cast<double>(a) + b) / 2;
    const float middle = static_cast<float>(exact_middle);
    if (static_cast<double>(middle) == exact_middle) {
      ASSERT_EQ(round(middle), bits % 2 == 0 ? low : high) << bits;
      ASSERT_EQ(round(std::nextafter(middle, -kInf)), low) << bits;
      ASSERT_EQ(round(std::nextafter(middle, kInf)), high) << bits;
      ASSERT_EQ(round(-middle).bits, (bits % 2 == 0 ? low : high).bits | 0x8000u) << bits;
    }
  }
}

TEST(DTypeTest, BF16RoundsToNearestEven) { CheckNeighbours<BF16>(0x7f7f, ToBF16); }

TEST(DTypeTest, F16RoundsToNearestEven) { CheckNeighbours<F16>(0x7bff, ToF16); }

TEST(DTypeTest, SpecialValues) {
  EXPECT_EQ(ToFloat(ToBF16(kInf)), kInf);
  EXPECT_EQ(ToFloat(ToF16(-kInf)), -kInf);
  EXPECT_EQ(ToFloat(ToBF16(std::numeric_limits<float>::max())), kInf);
  EXPECT_EQ(ToFloat(ToF16(65519.0f)), 65504.0f);
  EXPECT_EQ(ToFloat(ToF16(65520.0f)), kInf);
  EXPECT_TRUE(std::signbit(ToFloat(ToF16(-0.0f))));
  // A NaN whose payload lies in the bits that are dropped must not become infinity.
  const float quiet = std::bit_cast<float>(0x7f800001u);
  EXPECT_TRUE(std::isnan(ToFloat(ToBF16(quiet))));
  EXPECT_TRUE(std::isnan(ToFloat(ToF16(quiet))));
  EXPECT_EQ(ToFloat(ToF16(0x1p-25f)), 0.0f);  // a tie, to even
  EXPECT_EQ(ToFloat(ToF16(std::nextafter(0x1p-25f, 1.0f))), 0x1p-24f);
}

TEST(DTypeTest, DispatchNamesTheOperation) {
  try {
    DispatchFloat(DType::kI64, "rotate", []<class T>() { return 0; });
    FAIL() << "nothing thrown";
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(), "rotate: dtype must be f64, f32, bf16 or f16, got i64");
  }
}

}  // namespace
}  // namespace rotary
