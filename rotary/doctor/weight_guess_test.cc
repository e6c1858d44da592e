// Properties: rows whose lengths follow the pairs of a layout are told, whatever the number of
// channels, heads and layers, and also where layers follow other curves; random weights get no
// layout, over many seeds and distributions, nor do rows of one length or too few; mirrored pairs
// (swapped members) are the same layout; heads without a length are left out.
#include "rotary/doctor/weight_guess.h"

#include <cmath>
#include <functional>
#include <limits>

#include "gtest/gtest.h"
#include "rotary/base/random.h"

namespace rotary {
namespace {

using Curve = std::function<double(double)>;  // ln length by pair / pairs

// A head of rows that follow `curve` but for normal noise.
void AddHeadOf(Layout layout, size_t channels, const Curve& curve, double noise, uint64_t stream,
               RowLengths& rows) {
  const Random random(5, stream);
  std::vector<double> lengths;
  for (size_t c = 0; c < channels; ++c) {
    const size_t pair = layout == Layout::kHalf ? c % (channels / 2) : c / 2;
    const double place = 2 * static_cast<double>(pair) / static_cast<double>(channels);
    lengths.push_back(std::exp(curve(place) + noise * random.Normal(c)));
  }
  AddHead(lengths, rows);
}

std::vector<RowLengths> Trained(Layout layout, size_t channels, int layers, int heads,
                                const Curve& curve, double noise, uint64_t seed) {
  std::vector<RowLengths> all;
  for (int i = 0; i < 2 * layers; ++i) {
    RowLengths rows{.layer = i / 2, .is_key = i % 2 == 1};
    // Every second layer falls where the others rise.
    const double sign = i / 2 % 2 == 0 ? 1 : -0.5;
    for (int h = 0; h < heads; ++h) {
      const uint64_t stream = seed * 1000 + static_cast<uint64_t>(i * heads + h);
      AddHeadOf(
          layout, channels, [&](double x) { return sign * curve(x); }, noise, stream, rows);
    }
    all.push_back(std::move(rows));
  }
  return all;
}

TEST(WeightGuessTest, CurvesOfPairsAreTold) {
  const std::vector<Curve> curves = {[](double x) { return 0.5 * x; },
                                     [](double x) { return x * x; },
                                     [](double x) { return 0.6 / (1 + std::exp(20 * (x - 0.6))); },
                                     [](double x) { return 3 * x * (1 - x); }};
  for (const Layout layout : {Layout::kHalf, Layout::kInterleaved}) {
    for (const size_t channels : {32, 64, 128}) {
      for (const Curve& curve : curves) {
        const LayoutGuess guess = GuessLayout(Trained(layout, channels, 2, 4, curve, 0.2, 1));
        ASSERT_TRUE(guess.layout.has_value()) << channels;
        EXPECT_EQ(*guess.layout, layout) << channels;
        EXPECT_EQ(guess.permutations, 10000);
        const double right =
            layout == Layout::kHalf ? guess.left_by_half : guess.left_by_interleaved;
        const double wrong =
            layout == Layout::kHalf ? guess.left_by_interleaved : guess.left_by_half;
        EXPECT_TRUE(right < wrong);
      }
    }
    const LayoutGuess plain = GuessLayout(Trained(layout, 128, 2, 4, curves[0], 0.1, 2));
    EXPECT_EQ(plain.certainty, Certainty::kCertain);
    EXPECT_EQ(plain.as_far, 0);
  }
}

TEST(WeightGuessTest, RandomWeightsGetNoLayout) {
  int named = 0, cases = 0;
  for (uint64_t seed = 0; seed < 60; ++seed) {
    for (const size_t channels : {16, 64}) {
      // Log lengths of rows of normal numbers, and ones with heavy tails.
      const double noise = seed % 2 == 0 ? 0.06 : 1.5;
      const std::vector<RowLengths> rows = Trained(
          Layout::kHalf, channels, 1 + static_cast<int>(seed % 3), 1 + static_cast<int>(seed % 4),
          [](double) { return 0.0; }, noise, 100 + seed);
      const LayoutGuess guess = GuessLayout(rows);
      named += guess.layout ? 1 : 0;
      ++cases;
      EXPECT_EQ(guess.layout.has_value(), guess.certainty != Certainty::kCannotTell);
    }
  }
  EXPECT_EQ(named, 0) << "of " << cases;
}

TEST(WeightGuessTest, NothingIsLearnedFromNothing) {
  EXPECT_FALSE(GuessLayout({}).layout);
  RowLengths even;
  AddHead(std::vector<double>(64, 2.0), even);
  EXPECT_FALSE(GuessLayout({even}).layout);
  // Three pairs: any parabola goes through them.
  RowLengths few;
  AddHead({1, 1, 2, 2, 4, 4}, few);
  EXPECT_FALSE(GuessLayout({few}).layout);
}

TEST(WeightGuessTest, HeadsWithoutALengthAreLeftOut) {
  RowLengths rows;
  AddHead({1, 1, 2, 2, 3, 3, 4, 4}, rows);
  const std::vector<double> before = rows.log_length;
  AddHead({1, 0, 2, 2, 3, 3, 4, 4}, rows);
  AddHead({1, 1, 2, 2, std::numeric_limits<double>::infinity(), 3, 4, 4}, rows);
  AddHead({1, 1, 2, 2, std::nan(""), 3, 4, 4}, rows);
  EXPECT_EQ(rows.heads, 1);
  EXPECT_EQ(rows.log_length, before);
  // A head ten times as long says the same.
  AddHead({10, 10, 20, 20, 30, 30, 40, 40}, rows);
  EXPECT_EQ(rows.heads, 2);
  for (size_t c = 0; c < before.size(); ++c) EXPECT_NEAR(rows.log_length[c], before[c], 1e-12);
}

}  // namespace
}  // namespace rotary
