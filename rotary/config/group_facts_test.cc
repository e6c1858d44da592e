// Properties: the picture of channels shows which turn together, in every layout, with partial and
// shifted spans, more pairs than letters, several axes and two angles a pair; ranges of layers.
#include "rotary/config/group_facts.h"

#include <cmath>
#include <utility>

#include "gtest/gtest.h"

namespace rotary {
namespace {

LayerRope Of(Rotation rotation) {
  LayerRope group{.part = "text", .name = "all"};
  group.query = std::move(rotation);
  return group;
}

TEST(GroupFactsTest, Ranges) {
  EXPECT_EQ(RangesText({}), "");
  EXPECT_EQ(RangesText({3}), "3");
  EXPECT_EQ(RangesText({0, 1, 2, 5, 7, 8}), "0-2, 5, 7-8");
  EXPECT_EQ(GroupTitle({.part = "text", .name = "nope", .layers = {3, 7}}),
            "text, nope: 2 layers (3, 7)");
}

TEST(GroupFactsTest, PictureOfEveryLayout) {
  EXPECT_EQ(ChannelPicture(Of(MakeRotation({.head_dim = 8, .layout = Layout::kHalf})), 2),
            "      0  abcdabcd\n");
  EXPECT_EQ(ChannelPicture(Of(MakeRotation({.head_dim = 8, .layout = Layout::kInterleaved})), 0),
            "    0  aabbccdd\n");
  EXPECT_EQ(ChannelPicture(Of(MakeRotation({.head_dim = 12, .rotary_dim = 4, .offset = 6})), 0),
            "    0  ......abab..\n");
  EXPECT_EQ(ChannelPicture(Of(Rotation{.head_dim = 4}), 0), "    0  . to 3, copied\n");
}

TEST(GroupFactsTest, CopiedRowsBecomeOneAndLongHeadsShareLetters) {
  EXPECT_EQ(ChannelPicture(Of(MakeRotation({.head_dim = 576, .rotary_dim = 8, .offset = 512})), 0),
            "    0  . to 511, copied\n"
            "  512  abcdabcd........................................................\n");
  const std::string letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+*";
  EXPECT_EQ(ChannelPicture(Of(MakeRotation({.head_dim = 256})), 0),
            "    0  " + letters + "\n  128  " + letters +
                "\n       each letter is 2 channels beside each other\n");
  // However long a head is, a page of text stays one.
  const std::string longest = ChannelPicture(Of(MakeRotation({.head_dim = 65536})), 0);
  EXPECT_LT(longest.size(), 1000u);
}

TEST(GroupFactsTest, PictureOfAxes) {
  LayerRope group = Of({.head_dim = 8,
                        .axes = 2,
                        .first = {0, 1, 2, 3},
                        .second = {4, 5, 6, 7},
                        .frequency = {1, 0, 0, 2, 3, 4, 0, 0}});
  EXPECT_EQ(ChannelPicture(group, 0), "    0  abcdabcd\n axis  01*-01*-\n");
  group.axis_names = {"row", "column"};
  EXPECT_EQ(ChannelPicture(group, 0), "    0  abcdabcd\n axis  rc*-rc*-\n");
  group.query->second_frequency = {0, 1, 2, 0, 3, 4, 0, 1};
  EXPECT_EQ(ChannelPicture(group, 0), "    0  abcdabcd\n axis  rc*-cr*c\n");
  EXPECT_TRUE(std::isinf(Wavelength(*group.query, 3)));
  EXPECT_EQ(AxisName(Of(*group.query), 1), "axis 1");
}

}  // namespace
}  // namespace rotary
