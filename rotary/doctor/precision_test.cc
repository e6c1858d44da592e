// Properties: numbers are rounded to the nearest of each format, ties to even, as the conversions
// of dtype.h and of the processor round them; a number near the middle of two goes to the one that
// was seen, and no other does.
#include "rotary/doctor/precision.h"

#include <bit>
#include <cmath>
#include <limits>

#include "gtest/gtest.h"
#include "rotary/base/dtype.h"
#include "rotary/base/random.h"

namespace rotary {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(RoundedToTest, WrittenDown) {
  const struct {
    Precision precision;
    double x, rounded;
  } rows[] = {
      {Precision::kBF16, 1 + 0x1p-8, 1},  // a tie, to even
      {Precision::kBF16, 1 + 0x3p-8, 1 + 0x1p-6},
      {Precision::kBF16, 1 + 0x1.001p-8, 1 + 0x1p-7},
      {Precision::kBF16, 257, 256},
      {Precision::kBF16, 259, 260},
      {Precision::kBF16, -131071, -131072},
      {Precision::kBF16, 3e38, 0x1.c4p127},
      {Precision::kF16, 1 + 0x1p-11, 1},
      {Precision::kF16, 1 + 0x3p-11, 1 + 0x1p-9},
      {Precision::kF16, 2049, 2048},
      {Precision::kF16, 2051, 2052},
      {Precision::kF16, 65519.9, 65504},
      {Precision::kF16, -65520, -kInfinity},
      {Precision::kF16, 0x1p-24, 0x1p-24},  // the least subnormal
      {Precision::kF16, 0x1p-25, 0},
      {Precision::kF16, 0x3p-25, 0x1p-23},
      {Precision::kF16, 0x1p-14 + 0x1p-24, 0x1p-14 + 0x1p-24},
      {Precision::kTF32, 2049, 2048},
      {Precision::kTF32, 65520, 65536},
      {Precision::kF32, 16777217, 16777216},
      {Precision::kF32, -16777219, -16777220},
      {Precision::kDouble, 0.1, 0.1},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(RoundedTo(row.precision, row.x), row.rounded) << Name(row.precision) << ' ' << row.x;
  }
  for (const Precision precision :
       {Precision::kDouble, Precision::kF32, Precision::kTF32, Precision::kF16, Precision::kBF16}) {
    EXPECT_EQ(RoundedTo(precision, 0), 0);
    EXPECT_EQ(RoundedTo(precision, -1.5), -1.5);
    EXPECT_EQ(RoundedTo(precision, kInfinity), kInfinity);
    EXPECT_TRUE(std::isnan(RoundedTo(precision, std::nan(""))));
  }
}

TEST(RoundedToTest, AsConversionsRound) {
  const Random random(1, 1);
  for (uint64_t i = 0; i < 20000; ++i) {
    const double exact = std::ldexp(random.Normal(i), static_cast<int>(random.Below(80, i)) - 40);
    const auto x = static_cast<float>(exact);
    EXPECT_EQ(RoundedTo(Precision::kF32, exact), x) << exact;
    EXPECT_EQ(RoundedTo(Precision::kBF16, x), ToFloat(ToBF16(x))) << x;
    EXPECT_EQ(RoundedTo(Precision::kF16, x), ToFloat(ToF16(x))) << x;
    const uint32_t bits = std::bit_cast<uint32_t>(x);
    const float tf32 = std::bit_cast<float>((bits + 0xfff + (bits >> 13 & 1)) & ~0x1fffu);
    EXPECT_EQ(RoundedTo(Precision::kTF32, x), tf32) << x;
  }
}

TEST(RoundedEitherWayTest, NearTheMiddleBothNumbers) {
  constexpr double kUnit = 0x1p-7;  // of bf16, from 1 to 2
  using Both = std::pair<double, double>;
  const auto both = [](double x, double slack) {
    return RoundedEitherWay(Precision::kBF16, x, slack);
  };
  for (const double sign : {1.0, -1.0}) {
    const double low = sign, high = sign * (1 + kUnit), middle = sign * (1 + kUnit / 2);
    const double below = middle - sign * 1e-6, above = middle + sign * 1e-6;
    EXPECT_EQ(both(below, 2e-6), Both(low, high));
    EXPECT_EQ(both(above, 2e-6), Both(high, low));
    EXPECT_EQ(both(middle, 0), Both(low, high));   // ties to even, or the other way
    EXPECT_EQ(both(below, 5e-7), Both(low, low));  // too far from the middle
    EXPECT_EQ(both(above, 5e-7), Both(high, high));
    // However much is allowed, a sixteenth of a unit and no more.
    EXPECT_EQ(both(middle - sign * kUnit / 17, 1), Both(low, high));
    EXPECT_EQ(both(middle - sign * kUnit / 15, 1), Both(low, low));
    EXPECT_EQ(both(low, 1), Both(low, low));  // numbers of the format stay
  }
  EXPECT_EQ(RoundedEitherWay(Precision::kDouble, 1.1, 1), Both(1.1, 1.1));
}

}  // namespace
}  // namespace rotary
