// Properties: the pairs of a rotation come back from what went in and what came out, in every
// layout, with one head as with many, in every dtype, with a factor; channels that are copied,
// silent or of no pair are said to be so; nothing is paired where nothing turned.
#include "rotary/doctor/pairing.h"

#include <algorithm>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "rotary/base/error.h"
#include "rotary/doctor/test_observation.h"

namespace rotary {
namespace {

Pairing PairsOf(const Rotation& rotation, const ObservationShape& shape, double first = 0) {
  TestObservation test(rotation, shape, CountedFrom(first, shape, 1000));
  return FindPairs(TakeSamples(test.observation(), 256));
}

// The pairs that were found are those of the rotation; returns how many.
int ExpectOnlyTrue(const Pairing& found, const Rotation& rotation, const std::string& what) {
  for (const FoundPair& pair : found.pairs) {
    bool is_there = false;
    for (int j = 0; j < rotation.pairs(); ++j) {
      const auto i = static_cast<size_t>(j);
      is_there = is_there || (std::min(rotation.first[i], rotation.second[i]) == pair.first &&
                              std::max(rotation.first[i], rotation.second[i]) == pair.second);
    }
    EXPECT_TRUE(is_there) << what << ": " << pair.first << " and " << pair.second;
  }
  return static_cast<int>(found.pairs.size());
}

TEST(FindPairsTest, EveryLayoutSpanAndDType) {
  for (const Layout layout : {Layout::kHalf, Layout::kInterleaved}) {
    for (const auto& [rotary_dim, offset] : {std::pair{64, 0}, {32, 0}, {32, 32}, {20, 7}}) {
      for (const DType dtype : {DType::kF64, DType::kF32}) {
        for (const int64_t heads : {1, 2, 8}) {
          Rotation rotation = MakeRotation({.head_dim = 64,
                                            .rotary_dim = rotary_dim,
                                            .offset = offset,
                                            .theta = 500,
                                            .layout = layout});
          rotation.attention_factor = heads == 2 ? 1.25 : 1;
          const std::string what = Sentence("layout ", static_cast<int>(layout), ", ", rotary_dim,
                                            " from ", offset, ", ", Name(dtype), ", heads ", heads);
          const Pairing found =
              PairsOf(rotation, {.rows = 2, .tokens = 40, .heads = heads, .dtype = dtype});
          EXPECT_EQ(ExpectOnlyTrue(found, rotation, what), rotary_dim / 2) << what;
          EXPECT_EQ(found.still.size(), static_cast<size_t>(64 - rotary_dim)) << what;
          EXPECT_TRUE(found.unexplained.empty()) << what;
        }
      }
    }
  }
}

TEST(FindPairsTest, SixteenBits) {
  // Slow pairs are not seen in few bits: what is found is right, and fast pairs are found.
  for (const DType dtype : {DType::kBF16, DType::kF16}) {
    const Rotation rotation = MakeRotation({.head_dim = 128, .theta = 10000});
    const Pairing found = PairsOf(rotation, {.tokens = 256, .heads = 4, .dtype = dtype});
    EXPECT_GE(ExpectOnlyTrue(found, rotation, std::string(Name(dtype))), 32);
  }
}

TEST(FindPairsTest, OneTokenOfOneHead) {
  const Rotation rotation = MakeRotation({.head_dim = 64, .theta = 100});
  const Pairing found = PairsOf(rotation, {.tokens = 1, .heads = 1}, 1000);
  EXPECT_EQ(ExpectOnlyTrue(found, rotation, "one token"), 32);
}

TEST(FindPairsTest, NothingTurned) {
  const Pairing found = PairsOf(MakeRotation({.head_dim = 32}), {.tokens = 1, .heads = 4});
  EXPECT_TRUE(found.pairs.empty());
  EXPECT_EQ(found.still.size(), 32u);
}

TEST(FindPairsTest, NoRotationIsNotExplained) {
  const Rotation rotation = MakeRotation({.head_dim = 32, .theta = 100});
  const ObservationShape shape{.tokens = 32, .heads = 4};
  TestObservation test(rotation, shape, CountedFrom(0, shape)),
      other(rotation, {.tokens = 32, .heads = 4, .seed = 2}, CountedFrom(0, shape));
  test.observation().after = other.observation().after;
  const Pairing found = FindPairs(TakeSamples(test.observation(), 256));
  EXPECT_TRUE(found.pairs.empty());
  EXPECT_EQ(found.unexplained.size(), 32u);
}

}  // namespace
}  // namespace rotary
