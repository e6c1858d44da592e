// Properties: each scheme turns channels as its published code does, which builds an angle for each
// channel (written out again here), also where table and pairing disagree; moving the whole video
// leaves scores as they were, except with the two tables that disagree; bad input has its sentence.
#include "rotary/rope/video_rotations.h"

#include <cmath>
#include <numbers>

#include "gtest/gtest.h"
#include "rotary/rope/table_form.h"

namespace rotary {
namespace {

const Numbers kPosition = {100'003, 17, -40.5};

TEST(VideoRotationTest, Blocks) {
  const Numbers table = RepeatEach(Cat(
      {Outer(kPosition[0], 256, 16), Outer(kPosition[1], 256, 56), Outer(kPosition[2], 256, 56)}));
  ExpectTable(BlockRotation(128, std::array{16, 56, 56}, 256), kPosition, table,
              Layout::kInterleaved);
  EXPECT_EQ(WanBlocks(128), (std::array{44, 42, 42}));
  EXPECT_EQ(CogVideoXBlocks(64), (std::array{16, 24, 24}));
  EXPECT_EQ(VJepa2Blocks(64), (std::array{20, 20, 20}));
  EXPECT_EQ(VJepa2Blocks(88), (std::array{28, 28, 28}));
}

TEST(VideoRotationTest, BlocksInHalvesLeaveTheRestOfTheHead) {
  Numbers angles;
  for (const double p : kPosition) angles = Cat({angles, Outer(p, 1e4, 20)});
  const Rotation rotation = BlockRotation(64, VJepa2Blocks(64), 1e4, Layout::kHalf);
  ExpectTable(rotation, kPosition, Tile(angles), Layout::kHalf);
}

TEST(VideoRotationTest, CosmosStretchesEachAxis) {
  const std::array<double, 3> scale = {2, 1, 3};
  Numbers angles;
  const std::array<int, 3> channels = {44, 42, 42};
  for (size_t axis = 0; axis < 3; ++axis) {
    const double c = channels[axis];
    const double theta = 1e4 * std::pow(scale[axis], c / (c - 2));
    angles = Cat({angles, Outer(kPosition[axis], theta, channels[axis])});
  }
  ExpectTable(Cosmos(128, scale), kPosition, Tile(angles), Layout::kHalf);
}

TEST(VideoRotationTest, VJepa2TilesItsTableAndPairsNeighbours) {
  const Rotation rotation = VJepa2(32);  // blocks of 10: an odd number of pairs
  const Numbers x = NormalNumbers(32, 4);
  Numbers expected = x;
  for (size_t axis = 0; axis < 3; ++axis) {
    RotateByTable(Tile(Outer(kPosition[axis], 1e4, 10)), Layout::kInterleaved, 10 * axis, expected);
  }
  const Numbers got = Turned(rotation, 0, kPosition, x);
  for (size_t c = 0; c < 32; ++c) EXPECT_TRUE(std::abs(got[c] - expected[c]) < 1e-9) << c;
}

TEST(VideoRotationTest, ErnieImageRepeatsItsTableAndPairsHalves) {
  const Numbers table = RepeatEach(Cat(
      {Outer(kPosition[0], 256, 32), Outer(kPosition[1], 256, 48), Outer(kPosition[2], 256, 48)}));
  ExpectTable(ErnieImage(128), kPosition, table, Layout::kHalf);
}

TEST(VideoRotationTest, LtxRunsOverAllHeads) {
  // 3 heads of 14 channels: 21 pairs, 7 frequencies a axis; 2 heads of 10: 3 a axis, 1 pair still.
  for (const auto& [head_dim, heads] : {std::pair{14, 3}, {10, 2}}) {
    const int inner = head_dim * heads, n = inner / 6;
    const Numbers position = {-1, 0.25, 0.8125};  // 2 g - 1
    Numbers angles(static_cast<size_t>(inner % 6) / 2, 0.0);
    for (int k = 0; k < n; ++k) {
      const double w = std::exp(std::log(1e4) * k / (n - 1)) * std::numbers::pi / 2;
      for (const double p : position) angles.push_back(p * w);
    }
    ASSERT_EQ(angles.size(), static_cast<size_t>(inner / 2));
    for (int head = 0; head < heads; ++head) {
      const auto begin = angles.begin() + head * head_dim / 2;
      const Numbers of_head(begin, begin + head_dim / 2);
      ExpectTable(Ltx(head_dim, heads), position, RepeatEach(of_head), Layout::kInterleaved, head);
      ExpectTable(Ltx(head_dim, heads, 3, 1e4, Layout::kHalf), position, Tile(of_head),
                  Layout::kHalf, head);
    }
  }
}

TEST(VideoRotationTest, MovingTheVideoChangesNoScore) {
  for (const Rotation& rotation : {BlockRotation(128, WanBlocks(128), 1e4),
                                   BlockRotation(32, std::array{8, 8, 8, 8}, 2000), Cosmos(64)}) {
    EXPECT_LT(ChangeUnderTranslation(rotation, 1), 1e-10);
  }
  EXPECT_LT(ChangeUnderTranslation(Ltx(16, 3), 0.01), 1e-8);
  // What makes these two other than rotations.
  EXPECT_GT(ChangeUnderTranslation(VJepa2(64), 1), 1e-3);
  EXPECT_GT(ChangeUnderTranslation(ErnieImage(128), 1), 1e-3);
}

TEST(VideoRotationTest, BadInputIsRefused) {
  EXPECT_EQ(
      Thrown<std::invalid_argument>([] {
        BlockRotation(8, std::array{4, 3}, 1e4);
      }),
      "video rotation: an axis must have an even number of channels up to head_dim (8), got 3");
  EXPECT_EQ(Thrown<std::invalid_argument>([] { ErnieImage(32); }),
            "video rotation: an axis must have an even number of channels up to head_dim (32), got "
            "48");
  EXPECT_EQ(Thrown<std::invalid_argument>([] {
              BlockRotation(8, std::array{4, 6}, 1e4);
            }),
            "rotation: channels must be in [0, 8), got 8");
  EXPECT_EQ(Thrown<std::invalid_argument>([] { WanBlocks(5); }),
            "video rotation: head_dim of Wan must be even and at least 6, got 5");
  EXPECT_EQ(Thrown<std::invalid_argument>([] { CogVideoXBlocks(40); }),
            "video rotation: head_dim of CogVideoX must be a positive multiple of 16, got 40");
  EXPECT_EQ(Thrown<std::invalid_argument>([] {
              Cosmos(64, {1, 0, 1});
            }),
            "rope rule ntk-alpha: alpha must be positive and finite, got 0");
  EXPECT_EQ(Thrown<std::invalid_argument>([] { ErnieImage(64); }),
            "video rotation: the blocks of ERNIE-Image must have head_dim (64) channels in all, "
            "got 128");
  EXPECT_EQ(Thrown<std::invalid_argument>([] { Ltx(8, 0); }),
            "video rotation: LTX needs heads and axes, got 0 and 3");
}

}  // namespace
}  // namespace rotary
