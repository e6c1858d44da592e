// Proves: 15% are chosen and of these 80% hidden, 10% replaced, 10% kept, each within five standard
// errors; replacements come from all words; a token's fate depends on its index alone, not on the
// span it is in; a row is never left without a target.
#include "rotary/train/masking.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace rotary {
namespace {

constexpr int32_t kMask = 256;
constexpr Masking kMasking{.mask_id = kMask, .words = 256};

struct Row {
  std::vector<int32_t> ids, targets;
};

Row Masked(std::vector<int32_t> ids, const Random& random, uint64_t first) {
  std::vector<int32_t> targets(ids.size());
  MaskTokens(kMasking, random, first, ids, targets);
  return {ids, targets};
}

void ExpectShare(double found, double share, double of) {
  EXPECT_LE(std::abs(found / of - share), 5 * std::sqrt(share * (1 - share) / of))
      << found << " of " << of;
}

TEST(MaskingTest, KeepsTheProportions) {
  constexpr int32_t kText =
      300;  // no word, so that a replacement never looks like the token that was there
  const std::vector<int32_t> text(1'000'000, kText);
  const Row row = Masked(text, Random(1, 2), 0);
  double chosen = 0, hidden = 0, replaced = 0, kept = 0;
  std::vector<double> words(256);
  for (size_t i = 0; i < text.size(); ++i) {
    if (row.targets[i] == kNoTarget) {
      ASSERT_EQ(row.ids[i], kText);
      continue;
    }
    ASSERT_EQ(row.targets[i], kText);
    ++chosen;
    if (row.ids[i] == kMask) {
      ++hidden;
    } else if (row.ids[i] == kText) {
      ++kept;
    } else {
      ++replaced;
      ++words.at(static_cast<size_t>(row.ids[i]));
    }
  }
  ExpectShare(chosen, 0.15, static_cast<double>(text.size()));
  ExpectShare(hidden, 0.8, chosen);
  ExpectShare(replaced, 0.1, chosen);
  ExpectShare(kept, 0.1, chosen);
  for (const double count : words) ExpectShare(count, 1.0 / 256, replaced);
}

TEST(MaskingTest, DependsOnTheIndexAlone) {
  std::vector<int32_t> text(400);
  for (size_t i = 0; i < text.size(); ++i) text[i] = static_cast<int32_t>(i % 256);
  const Random random(7, 8);
  const Row whole = Masked(text, random, 1000);
  const Row tail = Masked({text.begin() + 150, text.end()}, random, 1150);
  EXPECT_TRUE(std::equal(tail.ids.begin(), tail.ids.end(), whole.ids.begin() + 150));
  EXPECT_TRUE(std::equal(tail.targets.begin(), tail.targets.end(), whole.targets.begin() + 150));
  EXPECT_NE(Masked(text, Random(7, 9), 1000).targets, whole.targets);
  EXPECT_NE(Masked(text, Random(8, 8), 1000).targets, whole.targets);
}

TEST(MaskingTest, NoRowIsLeftWithoutATarget) {
  int rescued = 0;
  std::vector<int> places(3);
  for (uint64_t row = 0; row < 1000; ++row) {
    std::vector<int32_t> ids = {5, 6, 7}, targets(3);
    const int64_t count = MaskRow(kMasking, Random(3, row), 0, ids, targets);
    ASSERT_EQ(count, 3 - std::count(targets.begin(), targets.end(), kNoTarget));
    ASSERT_GE(count, 1);
    if (Masked({5, 6, 7}, Random(3, row), 0).targets == std::vector<int32_t>(3, kNoTarget)) {
      ++rescued;
      const auto place = std::find(ids.begin(), ids.end(), kMask) - ids.begin();
      ASSERT_LT(place, 3);
      ASSERT_EQ(targets[static_cast<size_t>(place)], 5 + place);
      ++places[static_cast<size_t>(place)];
    }
  }
  ExpectShare(rescued, 0.85 * 0.85 * 0.85, 1000);
  for (const int count : places) ExpectShare(count, 1.0 / 3, rescued);
}

}  // namespace
}  // namespace rotary
