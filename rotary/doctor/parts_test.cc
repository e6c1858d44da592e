// Properties: the fewer heads, or rows, are the odd ones, by their numbers; parts alike are not
// split; a row that came out as it went in is odd where the rotation of the others turns it, and
// not where it stands at position 0.
#include "rotary/doctor/parts.h"

#include <algorithm>
#include <cmath>

#include "gtest/gtest.h"
#include "rotary/doctor/test_samples.h"

namespace rotary {
namespace {

constexpr int kDim = 32;

std::vector<double> Frequencies(double theta) {
  std::vector<double> frequency;
  for (int j = 0; j < kDim / 2; ++j) frequency.push_back(std::pow(theta, -2.0 * j / kDim));
  return frequency;
}

// Three rows of ten tokens, three heads.
Samples Turned(double theta, std::vector<double> positions = Counted(30, 5)) {
  Samples samples = Simulate({.tokens = 30,
                              .heads = 3,
                              .head_dim = kDim,
                              .frequency = Frequencies(theta),
                              .positions = std::move(positions),
                              .kept = Precision::kF32});
  for (size_t t = 0; t < 30; ++t) {
    samples.row[t] = static_cast<int64_t>(t / 10);
    samples.token[t] = static_cast<int64_t>(t % 10);
  }
  return samples;
}

// Takes from `other` what came out of the numbers that `is_odd` says: (row, head).
template <class IsOdd>
Samples Mixed(Samples samples, const std::vector<double>& other, const IsOdd& is_odd) {
  for (size_t i = 0; i < samples.after.size(); ++i) {
    if (is_odd(i / kDim / 3 / 10, i / kDim % 3)) samples.after[i] = other[i];
  }
  return samples;
}

TEST(SplitTest, TheFewerAreTheOddOnes) {
  const Samples one = Turned(10000), other = Turned(500);
  EXPECT_FALSE(SplitIntoHeads(one, std::nullopt).has_value());
  EXPECT_FALSE(SplitIntoRows(one, std::nullopt).has_value());
  for (size_t odd = 0; odd < 3; ++odd) {
    const auto heads = SplitIntoHeads(
        Mixed(one, other.after, [&](size_t, size_t head) { return head == odd; }), std::nullopt);
    ASSERT_TRUE(heads.has_value()) << odd;
    EXPECT_EQ(heads->odd, std::vector<int64_t>({static_cast<int64_t>(odd)}));
    EXPECT_FALSE(heads->odd_untouched);
    EXPECT_EQ(heads->common.spectrum.theta, 10000);
    const auto rows = SplitIntoRows(
        Mixed(one, other.after, [&](size_t row, size_t) { return row == odd; }), std::nullopt);
    ASSERT_TRUE(rows.has_value()) << odd;
    EXPECT_EQ(rows->odd, std::vector<int64_t>({static_cast<int64_t>(odd)}));
    EXPECT_EQ(rows->common.spectrum.theta, 10000);
  }
}

TEST(SplitTest, RowsThatCameOutAsTheyWentIn) {
  const Samples one = Turned(10000);
  EXPECT_FALSE(SplitUntouchedRows(one, std::nullopt).has_value());
  const auto rows = SplitUntouchedRows(
      Mixed(one, one.before, [](size_t row, size_t) { return row != 1; }), std::nullopt);
  ASSERT_TRUE(rows.has_value());
  EXPECT_EQ(rows->odd, std::vector<int64_t>({0, 2}));
  EXPECT_TRUE(rows->odd_untouched);
  // At position 0 nothing turns.
  std::vector<double> positions = Counted(30, 5);
  std::fill(positions.begin(), positions.begin() + 10, 0.0);
  const Samples still = Turned(10000, positions);
  ASSERT_TRUE(IsUntouched(OfRow(still, 0)));
  EXPECT_FALSE(SplitUntouchedRows(still, std::nullopt).has_value());
}

}  // namespace
}  // namespace rotary
