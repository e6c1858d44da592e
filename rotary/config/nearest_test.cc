// Properties: distances count letters put in, left out and replaced; the nearest of several words
// is the first of the closest ones, and none where all are far; a word of megabytes is far at once.
#include "rotary/config/nearest.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace rotary {
namespace {

TEST(NearestTest, DistancesCountLetters) {
  EXPECT_EQ(EditDistance("", ""), 0);
  EXPECT_EQ(EditDistance("yarn", ""), 4);
  EXPECT_EQ(EditDistance("kitten", "sitting"), 3);
  EXPECT_TRUE(IsWithin(3, "kitten", "sitting"));
  EXPECT_FALSE(IsWithin(2, "kitten", "sitting"));
  EXPECT_TRUE(IsWithin(0, "yarn", "yarn"));
}

TEST(NearestTest, TheFirstOfTheClosest) {
  const std::vector<std::string_view> known = {"linear", "yarn", "barn", "llama3"};
  EXPECT_EQ(Nearest("yarn", known), "yarn");
  EXPECT_EQ(Nearest("darn", known), "yarn");
  EXPECT_EQ(Nearest("lama3", known), "llama3");
  EXPECT_EQ(Nearest("dynamic", known), "");
  EXPECT_EQ(Nearest("", known), "");
  EXPECT_EQ(Nearest("yarn", {}), "");
}

TEST(NearestTest, AWordOfMegabytesIsFarAtOnce) {
  const std::vector<std::string_view> known(1000, "original_max_position_embeddings");
  EXPECT_EQ(Nearest(std::string(size_t{1} << 24, 'r'), known), "");
}

}  // namespace
}  // namespace rotary
