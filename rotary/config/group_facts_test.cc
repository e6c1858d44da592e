// Properties: the picture of channels shows which turn together, in every layout, with partial and
// shifted spans, more pairs than letters, several axes and two angles a pair; ranges of layers;
// the list of LongRoPE that is named is the one whose frequencies turn.
#include "rotary/config/group_facts.h"

#include <cmath>
#include <utility>

#include "gtest/gtest.h"
#include "rotary/config/test_config.h"

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
  EXPECT_EQ(GroupTitle({.part = "text", .name = "nope", .layers = {3}}), "text, nope: 1 layer (3)");
}

TEST(GroupFactsTest, WhichListOfLongRopeIsInUse) {
  const std::string lists = R"("max_position_embeddings": 131072,
      "original_max_position_embeddings": 4096, "rope_scaling": {"type": "longrope",
      "short_factor": [1, 1, 1.5, 2], "long_factor": [1, 2, 4, 8]})";
  const std::string model =
      R"({"model_type": "phi3", "head_dim": 8, "num_hidden_layers": 1, )" + lists + "}";
  for (const Arithmetic arithmetic : {Arithmetic::kExact, Arithmetic::kFloat32}) {
    const auto list = [&](double length) {
      const RopeConfig config =
          ReadText("config.json", model, {.length = length, .arithmetic = arithmetic});
      for (const auto& [name, value] : GroupFacts(config.layers[0])) {
        if (name == "list") return value;
      }
      return std::string();
    };
    EXPECT_EQ(list(4096),
              "short_factor, by the length of the whole text: not more than 4096 tokens");
    EXPECT_EQ(list(4097), "long_factor, by the length of the whole text: more than 4096 tokens");
  }
  EXPECT_EQ(LongRopeList(Of(MakeRotation({.head_dim = 8}))), "");
}

TEST(GroupFactsTest, OneListForAllLengthsIsNotChosen) {
  // As the tensor rope_freqs.weight of a GGUF file is read.
  const RopeConfig config = ReadText("config.json", R"({"model_type": "phi3", "head_dim": 8,
      "num_hidden_layers": 1, "max_position_embeddings": 4096, "rope_scaling": {"type": "longrope",
      "short_factor": [1, 1, 2, 8], "long_factor": [1, 1, 2, 8]}})",
                                     {});
  EXPECT_EQ(LongRopeList(config.layers[0]), "");
  for (const auto& [name, value] : GroupFacts(config.layers[0])) EXPECT_NE(name, "list") << value;
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
