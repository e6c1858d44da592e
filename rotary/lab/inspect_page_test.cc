// Properties: the page has a section for each group of layers, an arc for each pair, the trained
// length, warnings; text from a config stays text.
#include "rotary/lab/inspect_page.h"

#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "rotary/lab/test_page.h"

namespace rotary {
namespace {

LayerRope Group(const std::string& name, std::vector<int> layers, double theta) {
  LayerRope group{.part = "text", .name = name, .layers = std::move(layers)};
  group.query = group.key = MakeRotation({.head_dim = 16, .rotary_dim = 12, .theta = theta});
  group.layout = "half";
  group.rotary_dim = 12;
  group.theta = theta;
  return group;
}

TEST(InspectPageTest, SectionsArcsAndCells) {
  RopeConfig config{.model_type = "model", .trained_length = 2048, .length = 4096};
  config.layers = {Group("sliding_attention", {0, 1, 3}, 1e4), Group("full_attention", {2}, 1e6)};
  const std::string html = InspectHtml(config);
  EXPECT_EQ(Count(html, "<h2>"), 3u);
  EXPECT_EQ(Count(html, "Trained on 2,048 tokens, shown for a text of 4,096."), 1u);
  EXPECT_EQ(Count(html, "<path class=\"s0\""), 12u);
  EXPECT_EQ(Count(html, "</span>turns fully within the trained length"), 2u);
  EXPECT_EQ(Count(html, "</span>copied"), 2u);
  EXPECT_EQ(Count(html, "<rect"), 2u * 16 + 4);
  EXPECT_EQ(Count(html, "\"trained on 2,048\""), 3u);
  // Without a rule there is nothing to compare with.
  EXPECT_EQ(Count(html, "without the rule"), 0u);
  config.layers[0].rule = LinearRule{.factor = 2};
  EXPECT_EQ(Count(InspectHtml(config), "\"without the rule\""), 1u);
}

TEST(InspectPageTest, NothingRotatesAndNothingIsKnown) {
  RopeConfig config{.model_type = "<b>&", .warnings = {"<script>alert(1)</script>"}};
  config.layers = {{.part = "text", .name = "<i>", .layers = {0}}};
  config.layers.push_back(Group("still", {1}, 1e4));
  config.layers[1].query->frequency.assign(6, 0);
  config.layers.push_back({.part = "text", .name = "no pair"});
  config.layers[2].query = config.layers[2].key = Rotation{.head_dim = 4};
  const std::string html = InspectHtml(config);
  EXPECT_EQ(Count(html, "<b>"), 0u);
  EXPECT_EQ(Count(html, "<i>"), 0u);
  EXPECT_EQ(Count(html, "alert(1)</script>"), 0u);
  EXPECT_EQ(Count(html, "&lt;script&gt;alert(1)"), 1u);
  EXPECT_EQ(Count(html, "none (NoPE)"), 1u);
  EXPECT_EQ(Count(html, "stands still"), 1u);
  EXPECT_EQ(Count(html, "<canvas"), 0u);
  EXPECT_EQ(InspectHtml({.model_type = "empty"}).find("<canvas"), std::string::npos);
}

}  // namespace
}  // namespace rotary
