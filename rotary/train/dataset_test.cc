// Proves: a batch depends on (seed, step) only and its rows on their number, so a large batch is
// its small ones side by side; causal targets are the next tokens; windows begin everywhere in the
// text and nowhere else; held-out windows are the same each time and reach from the first token to
// the last; texts that are too short give one sentence.
#include "rotary/train/dataset.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace rotary {
namespace {

constexpr Masking kMasking{.mask_id = 5000, .words = 5000};

// Token i is i, so that a row shows where it was cut.
std::vector<int32_t> Counting(int32_t length) {
  std::vector<int32_t> tokens(static_cast<size_t>(length));
  std::iota(tokens.begin(), tokens.end(), 0);
  return tokens;
}

TEST(DatasetTest, HoldsOutTheTail) {
  const Corpus corpus = HoldOutTail(Counting(25), 0.1);
  EXPECT_EQ(corpus.training, Counting(23));
  EXPECT_EQ(corpus.held_out, (std::vector<int32_t>{23, 24}));
}

TEST(DatasetTest, CausalTargetsAreTheNextTokens) {
  const auto tokens = Counting(40);
  const WindowSource source(tokens, Objective::kCausal, 8, {}, "the text");
  std::set<int32_t> starts;
  for (int64_t step = 1; step <= 200; ++step) {
    const TokenBatch batch = source.Draw(1, step, 0, 4);
    ASSERT_EQ(batch.rows, 4);
    ASSERT_EQ(batch.target_count, 32);
    for (size_t i = 0; i < 32; ++i) {
      ASSERT_EQ(batch.ids[i], batch.ids[i / 8 * 8] + static_cast<int32_t>(i % 8));
      ASSERT_EQ(batch.targets[i], batch.ids[i] + 1);
    }
    for (size_t row = 0; row < 4; ++row) starts.insert(batch.ids[8 * row]);
  }
  EXPECT_EQ(starts.size(), 32u);  // tokens 0 .. 31; the window at 31 has its last target at 39
  EXPECT_EQ(*starts.rbegin(), 31);
}

TEST(DatasetTest, MaskedRowsShowWhatWasThere) {
  const auto tokens = Counting(1000);
  const WindowSource source(tokens, Objective::kMasked, 100, kMasking, "the text");
  const TokenBatch batch = source.Draw(1, 2, 0, 3);
  int64_t targets = 0;
  for (size_t row = 0; row < 3; ++row) {
    std::vector<int32_t> ids(batch.ids.begin() + 100 * row, batch.ids.begin() + 100 * (row + 1));
    for (size_t i = 0; i < 100; ++i) {
      if (batch.targets[100 * row + i] == kNoTarget) continue;
      ++targets;
      ids[i] = batch.targets[100 * row + i];
    }
    for (size_t i = 1; i < 100; ++i) ASSERT_EQ(ids[i], ids[0] + static_cast<int32_t>(i)) << row;
  }
  EXPECT_EQ(batch.target_count, targets);
  EXPECT_GT(targets, 15);
}

TEST(DatasetTest, BatchesDependOnSeedAndStepOnly) {
  const auto tokens = Counting(4000);
  for (const Objective objective : {Objective::kCausal, Objective::kMasked}) {
    const WindowSource source(tokens, objective, 16, kMasking, "the text");
    const TokenBatch batch = source.Draw(3, 7, 0, 6);
    source.Draw(3, 8, 0, 6);
    const WindowSource other(tokens, objective, 16, kMasking, "the text");
    EXPECT_EQ(other.Draw(3, 7, 0, 6).ids, batch.ids);
    EXPECT_EQ(other.Draw(3, 7, 0, 6).targets, batch.targets);
    EXPECT_NE(source.Draw(3, 8, 0, 6).ids, batch.ids);
    EXPECT_NE(source.Draw(4, 7, 0, 6).ids, batch.ids);

    TokenBatch joined = source.Draw(3, 7, 0, 2);
    for (const int64_t first : {2, 4}) {
      const TokenBatch part = source.Draw(3, 7, first, 2);
      joined.ids.insert(joined.ids.end(), part.ids.begin(), part.ids.end());
      joined.targets.insert(joined.targets.end(), part.targets.begin(), part.targets.end());
    }
    EXPECT_EQ(joined.ids, batch.ids);
    EXPECT_EQ(joined.targets, batch.targets);
  }
}

TEST(DatasetTest, HeldOutWindowsReachFromTheFirstTokenToTheLast) {
  const auto tokens = Counting(101);
  const WindowSource source(tokens, Objective::kCausal, 10, {}, "the text");
  const TokenBatch batch = source.Spread(4);
  EXPECT_EQ(batch.rows, 4);
  EXPECT_EQ(batch.ids[0], 0);
  EXPECT_EQ(batch.ids[10], 30);
  EXPECT_EQ(batch.ids[20], 60);
  EXPECT_EQ(batch.targets.back(), 100);

  const WindowSource masked(tokens, Objective::kMasked, 100, kMasking, "the text");
  EXPECT_EQ(masked.Spread(9).rows, 2);
  EXPECT_EQ(masked.Spread(9).ids, masked.Spread(9).ids);
}

std::string Complaint(int32_t length, Objective objective, int64_t context) {
  try {
    const auto tokens = Counting(length);
    const WindowSource source(tokens, objective, context, kMasking, "the text");
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "";
}

TEST(DatasetTest, TextsMustHoldAWindow) {
  EXPECT_EQ(Complaint(9, Objective::kCausal, 8), "");
  EXPECT_EQ(Complaint(8, Objective::kMasked, 8), "");
  EXPECT_EQ(Complaint(8, Objective::kCausal, 8),
            "train: a context of 8 tokens needs 9 tokens, but the text has 8");
  EXPECT_EQ(Complaint(0, Objective::kMasked, 8),
            "train: a context of 8 tokens needs 8 tokens, but the text has 0");
  EXPECT_EQ(Complaint(9, Objective::kMasked, 0),
            "train: the context must be at least 1 token, got 0");
  for (const double fraction : {0.0, 1.0, -0.5}) {
    EXPECT_THROW(HoldOutTail(Counting(9), fraction), std::invalid_argument) << fraction;
  }
}

}  // namespace
}  // namespace rotary
