// Properties: rules in 200 bits give the numbers that the literature states and that another
// program worked out; rounding to narrow types is to nearest, ties to even, subnormals included,
// and not the rounding of a rounded number.
#include <cmath>
#include <string>

#include "gtest/gtest.h"
#include "rotary/golden/exact_rules.h"

namespace rotary {
namespace {

void ExpectDigits(const Exact& actual, double expected) {
  EXPECT_TRUE(std::abs(actual.Double() / expected - 1) < 6e-10) << actual.Double() << expected;
}

TEST(ExactTest, RulesGiveTheValuesOfTheLiterature) {
  ExpectDigits(exact::Plain(128, 10000)[31], 1.154781985e-2);
  const exact::Frequencies llama3 = exact::Llama3(128, 500000, 8, 1, 4, 8192);
  ExpectDigits(llama3[28], 3.211445995e-3);
  ExpectDigits(llama3[29], 2.166570764e-3);
  ExpectDigits(llama3[35], 9.556212354e-5);
  const exact::Scaled yarn = exact::ByYarn(128, 1e6, {.factor = 4, .trained = 32768});
  ExpectDigits(yarn.frequency[23], 6.978305849e-3);
  ExpectDigits(yarn.frequency[31], 8.029597275e-4);
  ExpectDigits(yarn.frequency[40], 4.445698525e-5);
  ExpectDigits(yarn.attention_factor, 1.138629436);
  const exact::Scaled raw =
      exact::ByYarn(64, 150000, {.factor = 32, .trained = 4096, .truncate = false});
  ExpectDigits(raw.frequency[12], 6.794959490e-3);
  ExpectDigits(raw.frequency[17], 1.293187012e-4);
  const auto dynamic = [](double length) {
    return exact::Plain(128, exact::NtkTheta(128, 10000, exact::DynamicAlpha(2, 4096, length)));
  };
  ExpectDigits(dynamic(8192)[63], 3.849273282e-5);
  EXPECT_EQ(dynamic(100)[63].Double(), exact::Plain(128, 10000)[63].Double());
  ExpectDigits(exact::ByLongRope(4, 10000, {1, 1}, 32, 4096).attention_factor, 1.190238071);
  ExpectDigits(exact::Proportional(512, 1e6, 0.25)[63], 3.337624694e-2);
  EXPECT_EQ(exact::Proportional(512, 1e6, 0.25)[64].Double(), 0);
}

TEST(ExactTest, RoundsOnceToNearestEven) {
  const Exact tiny = Pow(2, -120);
  EXPECT_EQ(Exact(257).Rounded(8, -126), 256);  // a tie, to even
  EXPECT_EQ(Exact(259).Rounded(8, -126), 260);
  EXPECT_EQ((Exact(257) + tiny).Rounded(8, -126), 258);  // a double would have lost it
  EXPECT_EQ(Exact(-257).Rounded(8, -126), -256);
  EXPECT_EQ(Exact(0x1.8p-25).Rounded(11, -14), 0x1p-24);  // the smallest subnormal of f16
  EXPECT_EQ(Exact(0x1p-25).Rounded(11, -14), 0);
  EXPECT_EQ(Exact(0).Rounded(11, -14), 0);
  EXPECT_EQ(Exact(1.0 / 3).Rounded(24, -126), static_cast<double>(1.0f / 3));
}

}  // namespace
}  // namespace rotary
