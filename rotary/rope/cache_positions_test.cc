// Properties: a streaming cache holds the sinks and the window, each token moves to its index when
// the text grows, and moving step by step ends where the text does; self-extend keeps near
// distances and follows the paper's example for far ones, in order.
#include "rotary/rope/cache_positions.h"

#include <algorithm>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>

#include "gtest/gtest.h"

namespace rotary {
namespace {

using Numbers = std::vector<int64_t>;

TEST(CachePositionsTest, TheFirstAndTheLastStay) {
  EXPECT_EQ(StreamingTokens(9, 2, 3), (Numbers{0, 1, 6, 7, 8}));
  EXPECT_EQ(StreamingTokens(5, 2, 3), (Numbers{0, 1, 2, 3, 4}));
  EXPECT_EQ(StreamingTokens(4, 2, 3), (Numbers{0, 1, 2, 3}));
  EXPECT_EQ(StreamingTokens(1, 2, 3), (Numbers{0}));
  EXPECT_EQ(StreamingTokens(9, 0, 2), (Numbers{7, 8}));
  EXPECT_EQ(StreamingTokens(9, 2, 0), (Numbers{0, 1}));
  EXPECT_TRUE(StreamingTokens(0, 4, 4).empty());
}

TEST(CachePositionsTest, DeltasBringEachTokenToItsIndex) {
  EXPECT_EQ(StreamingDeltas(9, 10, 2, 3), (Numbers{0, 0, -1, -1, 0}));
  EXPECT_EQ(StreamingDeltas(9, 9, 2, 3), (Numbers{0, 0, 0, 0, 0}));
  EXPECT_EQ(StreamingDeltas(4, 5, 2, 3), (Numbers{0, 0, 0, 0, 0}));
  // By steps of several sizes, every key is always at its index.
  std::map<int64_t, int64_t> position;
  int64_t tokens = 0;
  for (const int64_t grown : {3, 4, 8, 9, 30, 31, 100'003}) {
    const Numbers kept = StreamingTokens(grown, 4, 8);
    const Numbers deltas = StreamingDeltas(tokens, grown, 4, 8);
    ASSERT_EQ(kept.size(), deltas.size());
    std::map<int64_t, int64_t> next;
    for (size_t i = 0; i < kept.size(); ++i) {
      const auto old = position.find(kept[i]);
      next[kept[i]] = old == position.end() ? static_cast<int64_t>(i) : old->second + deltas[i];
      EXPECT_EQ(next[kept[i]], static_cast<int64_t>(i)) << kept[i] << " of " << grown;
    }
    position = next;
    tokens = grown;
  }
}

TEST(CachePositionsTest, SelfExtend) {
  // The example of the paper's figure 3: 10 tokens, groups of 2, a window of 4.
  const SelfExtend map(2, 4);
  const Numbers last_row = {6, 6, 5, 5, 4, 4, 3, 2, 1, 0};
  for (int64_t key = 0; key < 10; ++key) {
    EXPECT_EQ(map.Distance(9, key), last_row[static_cast<size_t>(key)]) << key;
  }
  for (const auto& [group, window] :
       {std::pair<int64_t, int64_t>{4, 16}, {3, 10}, {8, 0}, {1, 7}}) {
    const SelfExtend other(group, window);
    for (const int64_t query : {int64_t{63}, int64_t{100'003}}) {
      int64_t before = -1;
      for (int64_t key = query; key >= query - 60; --key) {
        const int64_t distance = other.Distance(query, key);
        EXPECT_GE(distance, before);
        EXPECT_LE(distance, query - key + 1);
        const bool keeps = query - key < window || group == 1;
        EXPECT_EQ(keeps ? distance : query - key, query - key);
        before = distance;
      }
    }
  }
  EXPECT_EQ(SelfExtend(4, 16).FarKey(-1), -1);
}

TEST(CachePositionsTest, BadInputIsRefused) {
  const auto sentence = [](const std::function<void()>& call) -> std::string {
    try {
      call();
    } catch (const std::invalid_argument& error) {
      return error.what();
    }
    return "nothing was thrown";
  };
  EXPECT_EQ(sentence([] { StreamingTokens(1, -1, 2); }),
            "cache: tokens, sinks and window must not be negative, got 1, -1 and 2");
  EXPECT_EQ(sentence([] { StreamingDeltas(3, 2, 1, 1); }),
            "cache: a text of 3 tokens cannot grow to 2");
  EXPECT_EQ(sentence([] { SelfExtend(0, 4); }),
            "self-extend: a group must have at least 1 token, got 0");
  EXPECT_EQ(sentence([] { SelfExtend(2, -4); }),
            "self-extend: the window must not be negative, got -4");
}

}  // namespace
}  // namespace rotary
