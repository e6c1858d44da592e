// Properties: layouts list the pairs that their names say; what was found fits a layout unless it
// pairs otherwise or changes what the layout copies; of pairs that were found come the layouts that
// have them, the simplest first, also where slow pairs were not seen.
#include "rotary/doctor/layout.h"

#include "gtest/gtest.h"

namespace rotary {
namespace {

using Channels = std::vector<int>;

Pairing Found(const std::vector<std::pair<int, int>>& pairs, Channels still = {},
              Channels unexplained = {}) {
  Pairing found{.still = std::move(still), .unexplained = std::move(unexplained)};
  for (const auto& [first, second] : pairs) found.pairs.push_back({first, second, 0, 1});
  return found;
}

TEST(LayoutTest, PairsOfBothLayouts) {
  const ChannelLayout half = HalfLayout(6, 2);
  EXPECT_EQ(half.name, "half");
  EXPECT_EQ(half.rotary_dim, 6);
  EXPECT_EQ(half.offset, 2);
  EXPECT_EQ(half.first, Channels({2, 3, 4}));
  EXPECT_EQ(half.second, Channels({5, 6, 7}));
  const ChannelLayout interleaved = InterleavedLayout(6, 1);
  EXPECT_EQ(interleaved.name, "interleaved");
  EXPECT_EQ(interleaved.first, Channels({1, 3, 5}));
  EXPECT_EQ(interleaved.second, Channels({2, 4, 6}));
}

TEST(LayoutTest, AllowsWhatItHas) {
  const ChannelLayout half = HalfLayout(4, 2);  // (2, 4), (3, 5)
  EXPECT_TRUE(Allows(half, Found({{2, 4}, {3, 5}}, {0, 1, 6, 7})));
  EXPECT_TRUE(Allows(half, Found({{2, 4}}, {0, 1, 3, 5, 6, 7})));  // one turned too little
  EXPECT_TRUE(Allows(half, Found({{2, 4}}, {}, {3, 5})));
  EXPECT_TRUE(Allows(half, Found({})));
  EXPECT_FALSE(Allows(half, Found({{2, 3}})));
  EXPECT_FALSE(Allows(half, Found({{2, 4}, {0, 1}})));
  EXPECT_FALSE(Allows(half, Found({{2, 4}}, {}, {6})));  // a copy that changed
}

TEST(LayoutsOfTest, Half) {
  EXPECT_EQ(LayoutsOf(Found({{0, 4}, {1, 5}, {2, 6}, {3, 7}}), 8),
            std::vector<ChannelLayout>({HalfLayout(8, 0)}));
  // Slow pairs that nothing shows are of the span.
  EXPECT_EQ(LayoutsOf(Found({{0, 4}, {1, 5}}, {2, 3, 6, 7}), 8),
            std::vector<ChannelLayout>({HalfLayout(8, 0)}));
  EXPECT_EQ(LayoutsOf(Found({{0, 2}, {1, 3}}, {4, 5, 6, 7}), 8),
            std::vector<ChannelLayout>({HalfLayout(4, 0)}));
  EXPECT_EQ(LayoutsOf(Found({{3, 5}, {4, 6}}, {0, 1, 2, 7}), 8),
            std::vector<ChannelLayout>({HalfLayout(4, 3)}));
}

TEST(LayoutsOfTest, InterleavedMayGoOnUnseen) {
  EXPECT_EQ(LayoutsOf(Found({{0, 1}, {2, 3}}, {4, 5, 6, 7}), 8),
            std::vector<ChannelLayout>({InterleavedLayout(4, 0), InterleavedLayout(8, 0)}));
  EXPECT_EQ(LayoutsOf(Found({{2, 3}, {4, 5}}, {0, 1, 6, 7}), 8),
            std::vector<ChannelLayout>(
                {InterleavedLayout(4, 2), InterleavedLayout(6, 2), InterleavedLayout(8, 0)}));
  EXPECT_EQ(LayoutsOf(Found({{1, 2}, {3, 4}}, {0, 5, 6, 7}), 8),
            std::vector<ChannelLayout>({InterleavedLayout(4, 1), InterleavedLayout(6, 1)}));
  // A channel behind the span that changed is of it.
  EXPECT_EQ(LayoutsOf(Found({{0, 1}, {2, 3}}, {}, {4, 5}), 6),
            std::vector<ChannelLayout>({InterleavedLayout(6, 0)}));
}

TEST(LayoutsOfTest, TwoChannelsAreBoth) {
  EXPECT_EQ(LayoutsOf(Found({{0, 1}}), 2),
            std::vector<ChannelLayout>({HalfLayout(2, 0), InterleavedLayout(2, 0)}));
}

TEST(LayoutsOfTest, OthersAreListed) {
  const std::vector<ChannelLayout> layouts = LayoutsOf(Found({{0, 7}, {1, 6}, {3, 4}}), 8);
  ASSERT_EQ(layouts.size(), 1u);
  EXPECT_EQ(layouts[0].name, "other");
  EXPECT_EQ(layouts[0].rotary_dim, 6);
  EXPECT_EQ(layouts[0].first, Channels({0, 1, 3}));
  EXPECT_EQ(layouts[0].second, Channels({7, 6, 4}));
  EXPECT_TRUE(LayoutsOf(Found({}, {0, 1, 2, 3}), 4).empty());
}

}  // namespace
}  // namespace rotary
