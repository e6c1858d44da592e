// Properties: the table of a rotation is its rotation again, to the bit at theta 10,000 and to the
// table's own rounding elsewhere; what turns unevenly is refused.
#include "rotary/model/hf_position_table.h"

#include <cmath>

#include "gtest/gtest.h"
#include "rotary/io/test_folder.h"

namespace rotary {
namespace {

Rotation Interleaved(int head_dim, double theta) {
  return MakeRotation({.head_dim = head_dim, .theta = theta, .layout = Layout::kInterleaved});
}

TEST(PositionTableTest, RowsAreSinesThenCosines) {
  const Tensor table = MakePositionTable(Interleaved(4, 10000), 3);
  EXPECT_EQ(table.shape(), (Dims{3, 4}));
  const std::vector<double> expected = {0,
                                        0,
                                        1,
                                        1,
                                        std::sin(1.0),
                                        std::sin(0.01),
                                        std::cos(1.0),
                                        std::cos(0.01),
                                        std::sin(2.0),
                                        std::sin(0.02),
                                        std::cos(2.0),
                                        std::cos(0.02)};
  for (size_t i = 0; i < expected.size(); ++i)
    EXPECT_EQ(table.span<float>()[i], static_cast<float>(expected[i]));
}

TEST(PositionTableTest, TheFormulaComesBackToTheBit) {
  for (const int head_dim : {2, 6, 64, 128}) {
    for (const int64_t rows : {1, 2, 512}) {
      const Tensor table = MakePositionTable(Interleaved(head_dim, 10000), rows);
      EXPECT_EQ(RotationOfPositionTable(table.span<float>(), head_dim, 1e-6),
                Interleaved(head_dim, 10000));
      // Rounded to 16 bits it is still meant to be the formula.
      std::vector<float> rounded;
      for (const float value : table.span<float>()) rounded.push_back(ToFloat(ToBF16(value)));
      EXPECT_EQ(RotationOfPositionTable(rounded, head_dim, 0x1p-8), Interleaved(head_dim, 10000));
    }
  }
}

TEST(PositionTableTest, OtherFrequenciesAreFound) {
  for (const int64_t rows : {2, 3, 64, 1000, 4096}) {
    Rotation rotation = Interleaved(8, 500);
    rotation.frequency[0] = 3.1;
    rotation.frequency[1] = -0.7;
    rotation.frequency[2] = 0;
    const Tensor table = MakePositionTable(rotation, rows);
    const Rotation found = RotationOfPositionTable(table.span<float>(), 8, 1e-6);
    for (size_t j = 0; j < 4; ++j) {
      // Two numbers of f32 make an angle to about 1e-7, and the last power of two below `rows`
      // divides it.
      EXPECT_NEAR(found.frequency[j], rotation.frequency[j], 4e-7 / static_cast<double>(rows))
          << rows;
    }
  }
}

TEST(PositionTableTest, WhatIsNoRotationIsRefused) {
  Tensor table = MakePositionTable(Interleaved(4, 10000), 20);
  table.span<float>()[17 * 4 + 1] += 1e-4f;
  EXPECT_EQ(
      Thrown<std::invalid_argument>([&] { RotationOfPositionTable(table.span<float>(), 4, 1e-6); }),
      "its rows do not turn by the same angle each, see row 17");
  table.span<float>()[17 * 4 + 1] = std::nanf("");
  EXPECT_THROW(RotationOfPositionTable(table.span<float>(), 4, 1e-6), std::invalid_argument);
  table.span<float>()[4] = std::nanf("");
  EXPECT_THROW(RotationOfPositionTable(table.span<float>(), 4, 1e-6), std::invalid_argument);
}

}  // namespace
}  // namespace rotary
