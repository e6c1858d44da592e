// Properties: the slopes are the paper's for powers of two, and those of its published code for
// other numbers of heads.
#include <cmath>

#include "gtest/gtest.h"
#include "rotary/attention/softmax_attention.h"

namespace rotary {
namespace {

TEST(AlibiSlopesTest, EightHeadsAreThePapers) {
  // "for 8 heads the slopes are 1/2^1, 1/2^2, ..., 1/2^8"
  const std::vector<float> slopes = AlibiSlopes(8);
  ASSERT_EQ(slopes.size(), 8u);
  for (int i = 0; i < 8; ++i) EXPECT_EQ(slopes[static_cast<size_t>(i)], std::ldexp(1.0f, -1 - i));
}

TEST(AlibiSlopesTest, SixteenHeadsFillTheGaps) {
  const std::vector<float> slopes = AlibiSlopes(16);
  ASSERT_EQ(slopes.size(), 16u);
  EXPECT_FLOAT_EQ(slopes[0], 0.70710678f);
  EXPECT_EQ(slopes[1], 0.5f);
  EXPECT_EQ(slopes[15], 1.0f / 256);
}

TEST(AlibiSlopesTest, TwelveHeadsAddEverySecondOfSixteen) {
  const std::vector<float> eight = AlibiSlopes(8), sixteen = AlibiSlopes(16),
                           slopes = AlibiSlopes(12);
  ASSERT_EQ(slopes.size(), 12u);
  for (size_t i = 0; i < 8; ++i) EXPECT_EQ(slopes[i], eight[i]);
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(slopes[8 + i], sixteen[2 * i]);
}

TEST(AlibiSlopesTest, OneHeadAndNone) {
  EXPECT_EQ(AlibiSlopes(1), std::vector<float>{1.0f / 256});
  EXPECT_THROW(AlibiSlopes(0), std::invalid_argument);
}

}  // namespace
}  // namespace rotary
