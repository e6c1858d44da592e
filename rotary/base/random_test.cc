// Properties: the generator is Philox4x32-10 to the bit (the vectors that its authors publish);
// uniform and normal numbers have the moments they promise.
#include "rotary/base/random.h"

#include "gtest/gtest.h"

namespace rotary {
namespace {

// Source: kat_vectors of the Random123 library, philox4x32 10.
TEST(RandomTest, KnownAnswers) {
  using Words = std::array<uint32_t, 4>;
  EXPECT_EQ(Philox({0, 0, 0, 0}, {0, 0}),
            (Words{0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u}));
  EXPECT_EQ(Philox({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}),
            (Words{0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu}));
  EXPECT_EQ(
      Philox({0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u}, {0xa4093822u, 0x299f31d0u}),
      (Words{0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u}));
}

TEST(RandomTest, Moments) {
  const Random random(7, 3);
  constexpr int kCount = 200000;
  double uniform = 0, uniform2 = 0, normal = 0, normal2 = 0;
  for (uint64_t i = 0; i < kCount; ++i) {
    const double u = random.Uniform(i);
    ASSERT_GE(u, 0.0);
    ASSERT_LT(u, 1.0);
    uniform += u;
    uniform2 += u * u;
    const double n = random.Normal(i);
    normal += n;
    normal2 += n * n;
  }
  // Five standard errors of each mean.
  const double error = 5 / std::sqrt(static_cast<double>(kCount));
  EXPECT_NEAR(uniform / kCount, 0.5, error * 0.2887);
  EXPECT_NEAR(uniform2 / kCount, 1.0 / 3, error * 0.2982);
  EXPECT_NEAR(normal / kCount, 0.0, error);
  EXPECT_NEAR(normal2 / kCount, 1.0, error * 1.4143);
}

TEST(RandomTest, BelowCoversItsRange) {
  const Random random(1, 2);
  std::array<int, 7> seen{};
  for (uint64_t i = 0; i < 700; ++i) ++seen.at(random.Below(7, i));
  for (const int count : seen) EXPECT_GT(count, 50);
}

}  // namespace
}  // namespace rotary
