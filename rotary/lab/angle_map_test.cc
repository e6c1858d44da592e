// Properties: angles are written in 16 bits, unknown ones apart; text from outside stays text; what
// does not fit together is refused. tests/page_test.py looks at maps in a browser.
#include "rotary/lab/angle_map.h"

#include <limits>
#include <numbers>
#include <stdexcept>

#include "gtest/gtest.h"
#include "rotary/lab/test_page.h"

namespace rotary {
namespace {

constexpr double kPi = std::numbers::pi;

AngleMap Small(std::vector<double> angle) {
  return {.title = "map",
          .rows = {"pair 0"},
          .columns = std::vector<std::string>(angle.size(), "token"),
          .angle = std::move(angle)};
}

TEST(AngleMapTest, AnglesIn16Bits) {
  // 0, 32767, 16384, -16384, unknown: little endian.
  const std::string html =
      AngleMaps({Small({0, kPi, kPi / 2, -kPi / 2, std::numeric_limits<double>::quiet_NaN()})});
  EXPECT_EQ(Count(html, "\"angle\":\"AAD/fwBAAMAAgA==\""), 1u);
  // Whole turns count nothing.
  EXPECT_EQ(Count(AngleMaps({Small({6 * kPi + kPi / 2})}), "\"angle\":\"AEA=\""), 1u);
  EXPECT_EQ(Count(AngleMaps({Small({0, 0, 0})}), "\"angle\":\"AAAAAAAA\""), 1u);
}

TEST(AngleMapTest, AFigureForEachMapAndOneScript) {
  const std::string html = AngleMaps({Small({0}), Small({1})});
  EXPECT_EQ(Count(html, "<figure>"), 2u);
  EXPECT_EQ(Count(html, "id=\"angles-2\""), 1u);
  EXPECT_EQ(Count(html, "<script"), 2u);  // the data and the code
}

TEST(AngleMapTest, TextStaysText) {
  const std::string evil = "</script><img src=x onerror=alert(1)>";
  AngleMap map = Small({0});
  map.title = map.note = map.x_label = map.y_label = map.right_label = map.quantity = map.zero =
      evil;
  map.rows = map.columns = {evil};
  map.x_ticks = map.y_ticks = map.right_ticks = {{0, evil}};
  const std::string html = AngleMaps({map});
  EXPECT_EQ(Count(html, "<img"), 0u);
  EXPECT_EQ(Count(html, "</script>"), 2u);
}

TEST(AngleMapTest, WhatDoesNotFitTogetherIsRefused) {
  const auto said = [](const AngleMap& map) {
    try {
      AngleMaps({map});
    } catch (const std::invalid_argument& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  AngleMap map = Small({0, 1});
  map.columns.pop_back();
  EXPECT_EQ(said(map), "angle map: \"map\" has 2 angles for 1 rows of 1");
  map = Small({0});
  map.right_ticks = {{1, "slow"}};
  EXPECT_EQ(said(map), "angle map: there is no row or column 1 for the tick \"slow\"");
}

}  // namespace
}  // namespace rotary
