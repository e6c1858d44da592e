// Properties: a layout with one turn for each pair is found with and without a config; so are
// tables in the order of the other layout, which turn the channels of a pair by two angles, and
// outputs that stand in other places than their inputs; parts are judged by an explanation of the
// whole.
#include "rotary/doctor/structures.h"

#include <cmath>

#include "gtest/gtest.h"
#include "rotary/base/error.h"
#include "rotary/doctor/test_samples.h"
#include "rotary/doctor/test_spectrum.h"

namespace rotary {
namespace {

constexpr int kDim = 16;

Simulation Plain(const ChannelLayout& layout, double theta = 10000) {
  return {.tokens = 48,
          .heads = 3,
          .head_dim = kDim,
          .first = layout.first,
          .second = layout.second,
          .frequency = PlainSpectrum(layout.rotary_dim, theta),
          .positions = Counted(48, 2),
          .kept = Precision::kF32};
}

Expectation Asked(const ChannelLayout& layout, double theta = 10000) {
  Expectation expected{.layout = layout, .theta = theta, .by_rule = true};
  expected.rotation =
      MakeRotation({.head_dim = kDim,
                    .rotary_dim = layout.rotary_dim,
                    .offset = layout.offset,
                    .theta = theta,
                    .layout = layout.name == "half" ? Layout::kHalf : Layout::kInterleaved});
  return expected;
}

using Codes = std::vector<std::string>;

TEST(ExplainStructureTest, EveryLayoutWithAndWithoutAConfig) {
  for (const ChannelLayout& layout : {HalfLayout(kDim, 0), InterleavedLayout(kDim, 0),
                                      HalfLayout(8, 4), InterleavedLayout(8, 0)}) {
    const Samples samples = Simulate(Plain(layout));
    for (const bool is_asked : {true, false}) {
      const std::string what = Sentence(layout.name, ' ', layout.rotary_dim, ", asked ", is_asked);
      const auto expected = is_asked ? std::optional(Asked(layout)) : std::nullopt;
      const auto found = ExplainStructure(samples, expected);
      ASSERT_TRUE(found.has_value()) << what;
      EXPECT_EQ(found->layout, layout) << what;
      EXPECT_EQ(found->spectrum.theta, 10000) << what;
      EXPECT_LT(found->Left(), 2) << what;
      EXPECT_EQ(found->codes, Codes()) << what;
      EXPECT_TRUE(found->faults == 0 || !is_asked) << what << found->faults;
    }
    // A config that asks for the other.
    const auto other = ExplainStructure(
        samples, Asked(layout.name == "half" ? InterleavedLayout(kDim, 0) : HalfLayout(kDim, 0)));
    ASSERT_TRUE(other.has_value());
    EXPECT_EQ(other->layout, layout);
    EXPECT_GE(other->faults, 1);
  }
}

TEST(ExplainStructureTest, TablesInTheOtherOrder) {
  const std::vector<double> plain = PlainSpectrum(kDim, 10000);
  for (const bool pairs_are_half : {true, false}) {
    const ChannelLayout layout = pairs_are_half ? HalfLayout(kDim, 0) : InterleavedLayout(kDim, 0);
    Simulation simulation = Plain(layout);
    // Halves read a table whose neighbours are equal; neighbours one that is written twice.
    const auto of_channel = [&](int c) {
      return plain[static_cast<size_t>(pairs_are_half ? c / 2 : c % (kDim / 2))];
    };
    simulation.second_frequency.clear();
    for (size_t j = 0; j < kDim / 2; ++j) {
      simulation.frequency[j] = of_channel(layout.first[j]);
      simulation.second_frequency.push_back(of_channel(layout.second[j]));
    }
    const Samples samples = Simulate(simulation);
    for (const bool is_asked : {true, false}) {
      const auto expected = is_asked ? std::optional(Asked(layout)) : std::nullopt;
      const auto found = ExplainStructure(samples, expected);
      ASSERT_TRUE(found.has_value());
      EXPECT_EQ(found->codes, Codes({"tables-mismatch"}));
      EXPECT_EQ(found->layout.name, layout.name);
      EXPECT_EQ(found->spectrum.theta, 10000);
      EXPECT_LT(found->Left(), 2);
      ASSERT_TRUE(found->whole.has_value());
      EXPECT_FALSE(found->whole->rotation.IsGroup());
    }
  }
}

// Output places[c] of the result is output c.
Samples Permuted(Samples samples, const std::vector<int>& places) {
  const Samples straight = samples;
  for (size_t n = 0; n < samples.after.size(); n += places.size()) {
    for (size_t c = 0; c < places.size(); ++c) {
      samples.after[n + static_cast<size_t>(places[c])] = straight.after[n + c];
    }
  }
  return samples;
}

TEST(ExplainStructureTest, OutputsInOtherPlaces) {
  const ChannelLayout layout = InterleavedLayout(kDim, 0);
  const Samples straight = Simulate(Plain(layout));
  std::vector<int> to_half, any;
  for (int c = 0; c < kDim; ++c) {
    to_half.push_back(c / 2 + c % 2 * (kDim / 2));
    any.push_back(c * 5 % kDim);
  }
  for (const std::vector<int>& places : {to_half, any}) {
    const auto found = ExplainStructure(Permuted(straight, places), Asked(layout));
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(found->codes, Codes({"channels-permuted"}));
    EXPECT_EQ(found->places, places);
    EXPECT_EQ(found->layout, layout);
    EXPECT_EQ(found->faults, 1);
  }
}

TEST(ExplainStructureTest, WhatIsNoRotationIsNotExplained) {
  Samples samples = Simulate(Plain(HalfLayout(kDim, 0)));
  Simulation other = Plain(HalfLayout(kDim, 0));
  other.seed = 9;
  samples.after = Simulate(other).after;
  const auto found = ExplainStructure(samples, Asked(HalfLayout(kDim, 0)));
  EXPECT_TRUE(!found || found->Left() > 1e6);
}

TEST(LeftOfTest, PartsByTheWhole) {
  Samples samples = Simulate(Plain(HalfLayout(kDim, 0)));
  const auto found = ExplainStructure(samples, Asked(HalfLayout(kDim, 0)));
  ASSERT_TRUE(found.has_value());
  for (int64_t head = 0; head < 3; ++head) {
    EXPECT_LT(LeftOf(*found, samples, OfHead(samples, head)), 1.5);
  }
  for (size_t i = 0; i < samples.after.size(); ++i) {  // head 1 comes out as it went in
    if (i / kDim % 3 == 1) samples.after[i] = samples.before[i];
  }
  EXPECT_LT(LeftOf(*found, samples, OfHead(samples, 0)), 1.5);
  EXPECT_GT(LeftOf(*found, samples, OfHead(samples, 1)), 1e6);
}

// An explanation of one row says where the tokens of another stand.
TEST(LeftOfTest, OtherRows) {
  Samples samples = Simulate(Plain(HalfLayout(kDim, 0)));
  for (size_t t = 20; t < 48; ++t) samples.row[t] = 1;
  const Samples first = OfRow(samples, 0), second = OfRow(samples, 1);
  const auto found = ExplainStructure(first, Asked(HalfLayout(kDim, 0)));
  ASSERT_TRUE(found.has_value());
  EXPECT_LT(LeftOf(*found, first, second), 1.5);
  Samples other = second;
  for (double& p : other.positions) ++p;
  EXPECT_GT(LeftOf(*found, first, other), 1e6);
  // Where nothing says where they stand, anywhere.
  Samples unknown = second;
  unknown.positions.clear();
  unknown.token = first.token;
  unknown.token.resize(second.row.size());
  std::iota(unknown.token.begin(), unknown.token.end(), 0);
  EXPECT_LT(LeftOf(*found, first, unknown), 1.5);
  unknown.after[5] += 1;
  EXPECT_GT(LeftOf(*found, first, unknown), 1e6);
}

}  // namespace
}  // namespace rotary
