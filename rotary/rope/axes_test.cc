// Properties: pairs and angles are those of the pictures in axes.h; sections give each pair the
// axis that published code gives it; positions with equal numbers turn as one number does; a table
// that disagrees with its pairing turns as the table; xPos decays scores as its formula; lists of
// frequencies have the ends and steps of theirs; bad input has its sentence.
#include "rotary/rope/axes.h"

#include <array>
#include <cmath>
#include <numbers>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "rotary/rope/rules.h"
#include "rotary/rope/spectra.h"
#include "rotary/rope/table_form.h"

namespace rotary {
namespace {

using Channels = std::vector<int32_t>;
using Axes = std::vector<int>;

TEST(PairsTest, LayoutsOfThePicture) {
  EXPECT_EQ(PairsOf(8, Layout::kInterleaved).first, (Channels{0, 2, 4, 6}));
  EXPECT_EQ(PairsOf(8, Layout::kHalf, 3).first, (Channels{3, 4, 5, 6}));
  EXPECT_EQ(PairsOf(8, Layout::kHalf, 3).second, (Channels{7, 8, 9, 10}));
  const Pairs blocks = PairsInBlocks(std::array{4, 0, 6}, Layout::kHalf, 1);
  EXPECT_EQ(blocks.first, (Channels{1, 2, 5, 6, 7}));
  EXPECT_EQ(blocks.second, (Channels{3, 4, 8, 9, 10}));
  const Pairs interleaved = PairsInBlocks(std::array{4, 6}, Layout::kInterleaved);
  EXPECT_EQ(interleaved.second, PairsOf(10, Layout::kInterleaved).second);
  EXPECT_TRUE(PairsOf(0, Layout::kHalf).first.empty());
}

TEST(AnglesTest, OrdersOfThePicture) {
  const std::vector<Numbers> blocks = {{1, 2}, {3, 4}};
  EXPECT_EQ(AnglesInBlocks(blocks), (std::vector<Angle>{{0, 1}, {0, 2}, {1, 3}, {1, 4}}));
  EXPECT_EQ(AnglesInTurn(blocks), (std::vector<Angle>{{0, 1}, {1, 3}, {0, 2}, {1, 4}}));
  EXPECT_EQ(AnglesOnAxes(Numbers{1, 2}, Axes{1, 0}), (std::vector<Angle>{{1, 1}, {0, 2}}));
}

TEST(SectionsTest, ContiguousOfQwen2Vl) {
  const Axes axis = ContiguousSections(std::array{16, 24, 24});
  ASSERT_EQ(axis.size(), 64u);
  for (int i = 0; i < 64; ++i) EXPECT_EQ(axis[static_cast<size_t>(i)], (i >= 16) + (i >= 40)) << i;
  EXPECT_EQ(ContiguousSections(std::array{1, 0, 2, 1}), (Axes{0, 2, 2, 3}));
}

TEST(SectionsTest, InterleavedAsQwen3VlWritesThem) {
  // The published way: start with t everywhere, then overwrite slices 1 : 3 h : 3 and 2 : 3 w : 3.
  const auto text = [](int pairs, std::array<int, 3> sections) {
    std::string axes;
    for (const int x : InterleavedSections(pairs, sections)) axes += "thw"[x];
    return axes;
  };
  std::string thw;
  for (int i = 0; i < 10; ++i) thw += "thw";
  EXPECT_EQ(text(64, {24, 20, 20}), thw + thw + "tttt");
  EXPECT_EQ(text(32, {11, 11, 10}), thw + "th");
  EXPECT_EQ(text(32, {8, 12, 12}), thw + "th");
  EXPECT_EQ(text(8, {8, 0, 0}), "tttttttt");
  EXPECT_EQ(text(0, {1, 1, 1}), "");
}

TEST(SectionsTest, ErnieAlternatesHeightAndWidth) {
  const Axes axis = ErnieSections(22, 22, 20);
  ASSERT_EQ(axis.size(), 64u);
  for (int i = 0; i < 64; ++i) {
    EXPECT_EQ(axis[static_cast<size_t>(i)], i >= 44 ? 0 : 1 + i % 2) << i;
  }
}

TEST(OnAxesTest, EqualNumbersTurnAsOne) {
  Rotation text = MakeRotation({.head_dim = 20, .rotary_dim = 16, .offset = 2, .theta = 5e6});
  text.attention_factor = 1.25;
  text.frequency = MakeSpectrum(16, 5e6, LinearRule{4}).frequency;
  const Numbers x = NormalNumbers(20, 9);
  for (const Axes& axis : {ContiguousSections(std::array{2, 3, 3}),
                           InterleavedSections(8, std::array{3, 3, 2}), ErnieSections(3, 3, 2)}) {
    const Rotation rotation = OnAxes(text, 3, axis);
    EXPECT_EQ(rotation.attention_factor, 1.25);
    for (const double p : {0.0, 5.0, 131'071.0, -3.5}) {
      EXPECT_EQ(Turned(rotation, 0, {p, p, p}, x), Turned(text, 0, {p}, x)) << p;
    }
    EXPECT_LT(ChangeUnderTranslation(rotation, 1), 1e-10);
  }
}

TEST(OnAxesTest, EachPairReadsItsAxis) {
  // Qwen2-VL: cosines of three rows, split with sections doubled, piece j of row j mod 3.
  const Numbers position = {100'003, 17, -4};
  const int sections[] = {2, 3, 3};
  Numbers table;
  for (int repeat = 0; repeat < 2; ++repeat) {
    for (int x = 0, i = 0; x < 3; ++x) {
      for (int end = i + sections[x]; i < end; ++i) {
        table.push_back(Outer(position[static_cast<size_t>(x)], 1e6, 16)[static_cast<size_t>(i)]);
      }
    }
  }
  const Rotation text = MakeRotation({.head_dim = 16, .theta = 1e6});
  ExpectTable(OnAxes(text, 3, ContiguousSections(sections)), position, table, Layout::kHalf);
}

TEST(OnAxesTest, HeadsAndSecondFrequenciesComeAlong) {
  Rotation text = MakeRotation({.head_dim = 4});
  text.heads = 2;
  text.frequency = {1, 2, 3, 4};
  text.second_frequency = {5, 6, 7, 8};
  const Rotation rotation = OnAxes(text, 2, Axes{1, 0});
  EXPECT_EQ(rotation.frequency, (Numbers{0, 1, 2, 0, 0, 3, 4, 0}));
  EXPECT_EQ(rotation.second_frequency, (Numbers{0, 5, 6, 0, 0, 7, 8, 0}));
}

TEST(RotationOfAnglesTest, TwoListsTurnTheMembersOfAPairApart) {
  const std::vector<Angle> first = {{0, 0.5}, {1, 0.25}}, second = {{1, 0.125}, {0, 2}};
  const Rotation rotation = RotationOfAngles(4, 2, PairsOf(4, Layout::kInterleaved), first, second);
  EXPECT_FALSE(rotation.IsGroup());
  ExpectTable(rotation, {3, -5}, {1.5, -0.625, -1.25, 6}, Layout::kInterleaved);
}

TEST(XposTest, ScoresDecayByZetaToTheDistance) {
  const Rotation rotation =
      WithXpos(MakeRotation({.head_dim = 8, .layout = Layout::kInterleaved}), 512);
  for (int i = 0; i < 4; ++i) {
    // Only pair i holds anything: its score is zeta_i^(distance / 512) of the plain one.
    Numbers x(8);
    x[static_cast<size_t>(2 * i)] = 1;
    const double zeta = (2 * i + 0.4 * 8) / (1.4 * 8);
    for (const double key : {0.0, 40.0, 700.0}) {
      const double query = 300, centre = 128;
      const Numbers at_query =
          ref::Rotate(rotation, Direction::kForward, Side::kQuery, centre, 0, Numbers{query}, x);
      const Numbers at_key =
          ref::Rotate(rotation, Direction::kForward, Side::kKey, centre, 0, Numbers{key}, x);
      double score = 0;
      for (size_t c = 0; c < 8; ++c) score += at_query[c] * at_key[c];
      const double angle = (query - key) * std::pow(10, -i);
      const double expected = std::pow(zeta, (query - key) / 512) * std::cos(angle);
      EXPECT_TRUE(std::abs(score - expected) < 1e-12) << i << " " << key;
    }
  }
}

TEST(XposTest, ZetaOfTheFirstPairsAndTheLast) {
  const std::vector<double> decay = WithXpos(MakeRotation({.head_dim = 64}), 512).log_decay;
  ASSERT_EQ(decay.size(), 32u);
  for (const auto& [pair, zeta] :
       {std::pair{0u, .285714286}, {1u, .308035714}, {31u, .977678571}}) {
    EXPECT_TRUE(std::abs(std::exp(512 * decay[pair]) - zeta) < 6e-10) << pair;
  }
}

TEST(SpectraTest, EndsAndSteps) {
  // RetNet: 1 / 10000^linspace(0, 1, n), end point included.
  const Numbers retnet = GeometricFrequencies(5, 1, 1e-4);
  for (size_t i = 0; i < 5; ++i) {
    const double expected = std::exp(-0.25 * static_cast<double>(i) * std::log(1e4));
    EXPECT_TRUE(std::abs(retnet[i] / expected - 1) < 1e-14) << i;
  }
  EXPECT_EQ(LinearFrequencies(3, 1, 2), (Numbers{1, 1.5, 2}));
  EXPECT_EQ(LinearFrequencies(1, 7, 2), (Numbers{7}));
  EXPECT_EQ(GeometricFrequencies(1, 7, 2), (Numbers{7}));
  EXPECT_TRUE(GeometricFrequencies(0, 1, 2).empty());
  EXPECT_EQ(FrequenciesOfPeriods(Numbers{4}), (Numbers{std::numbers::pi / 2}));
  EXPECT_EQ(TurnsPerUnit(Numbers{-0.5}), (Numbers{-std::numbers::pi}));
}

TEST(AxesTest, FrequenciesFromElsewhereKeepTheirAxes) {
  Rotation rotation = OnAxes(MakeRotation({.head_dim = 6}), 3, Axes{0, 2, 1});
  rotation.frequency[8] = rotation.frequency[7] = rotation.frequency[6] = 0;  // pair 2 stands still
  const Rotation other = WithFrequencies(rotation, Numbers{3, -4, 5});
  EXPECT_EQ(other.frequency, (Numbers{3, 0, 0, 0, 0, -4, 5, 0, 0}));
  EXPECT_EQ(other.first, rotation.first);
  EXPECT_TRUE(WithFrequencies(Rotation{.head_dim = 1}, {}).frequency.empty());  // no pairs
}

TEST(AxesTest, BadInputIsRefused) {
  const Pairs two = PairsOf(4, Layout::kHalf);
  const Rotation text = MakeRotation({.head_dim = 4});
  EXPECT_EQ(Thrown<std::invalid_argument>([] { PairsOf(3, Layout::kHalf); }),
            "axes: channels must be even in number, got 3");
  EXPECT_EQ(Thrown<std::invalid_argument>([] { PairsOf(2, Layout::kHalf, -1); }),
            "axes: offset must not be negative, got -1");
  EXPECT_EQ(Thrown<std::invalid_argument>([] {
              AnglesOnAxes(Numbers{1, 2}, Axes{0});
            }),
            "axes: 1 axes for 2 frequencies");
  EXPECT_EQ(Thrown<std::invalid_argument>([] {
              AnglesInTurn(std::vector<Numbers>{{1, 2}, {1}});
            }),
            "axes: axes that alternate must have as many frequencies, got 2 and 1");
  EXPECT_EQ(Thrown<std::invalid_argument>([&] {
              RotationOfAngles(4, 2, two, std::vector<Angle>{{0, 1}});
            }),
            "axes: 1 angles for 2 pairs");
  EXPECT_EQ(Thrown<std::invalid_argument>([&] {
              RotationOfAngles(4, 2, two, std::vector<Angle>{{0, 1}, {2, 1}});
            }),
            "axes: an axis must be in [0, 2), got 2");
  EXPECT_EQ(Thrown<std::invalid_argument>([&] { RotationOfAngles(4, 0, two, {}); }),
            "axes: there must be at least one, got 0");
  EXPECT_EQ(
      Thrown<std::invalid_argument>([&] { RotationOfAngles(3, 1, two, std::vector<Angle>(2)); }),
      "rotation: channels must be in [0, 3), got 3");
  EXPECT_EQ(Thrown<std::invalid_argument>([&] {
              OnAxes(text, 3, Axes{0, 1, 2});
            }),
            "axes: 3 axes for 2 pairs");
  EXPECT_EQ(Thrown<std::invalid_argument>([&] {
              OnAxes(text, 2, Axes{0, -1});
            }),
            "axes: an axis must be in [0, 2), got -1");
  EXPECT_EQ(Thrown<std::invalid_argument>([&] {
              OnAxes(OnAxes(text, 2, Axes{0, 1}), 2, Axes{0, 1});
            }),
            "axes: the rotation already has 2 axes");
  EXPECT_EQ(Thrown<std::invalid_argument>([&] { WithFrequencies(text, Numbers{1}); }),
            "frequencies: the rotation has 2 pairs, the list 1");
  Rotation other = OnAxes(text, 2, Axes{0, 1});
  other.frequency[1] = 1;
  EXPECT_EQ(Thrown<std::invalid_argument>([&] {
              WithFrequencies(other, Numbers{1, 2});
            }),
            "frequencies: pair 0 reads several axes");
  other = text;
  other.second_frequency = other.frequency;
  EXPECT_EQ(Thrown<std::invalid_argument>([&] {
              WithFrequencies(other, Numbers{1, 2});
            }),
            "frequencies: one list needs a rotation whose heads are alike, without a second "
            "frequency");
  EXPECT_EQ(Thrown<std::invalid_argument>([] {
              ContiguousSections(std::array{1, -1});
            }),
            "axes: sections must not be negative, got -1");
  EXPECT_EQ(Thrown<std::invalid_argument>([] { ErnieSections(2, 3, 1); }),
            "axes: h and w alternate and must be alike, got 2 and 3");
  EXPECT_EQ(Thrown<std::invalid_argument>([&] { WithXpos(text, 0); }),
            "axes: scale_base of xPos must be positive and finite, got 0");
  EXPECT_EQ(Thrown<std::invalid_argument>([] { GeometricFrequencies(2, 0, 1); }),
            "frequencies: the first must be positive and finite, got 0");
  EXPECT_EQ(Thrown<std::invalid_argument>([] { LinearFrequencies(-1, 0, 1); }),
            "frequencies: their number must not be negative, got -1");
  EXPECT_EQ(Thrown<std::invalid_argument>([] { FrequenciesOfPeriods(Numbers{0}); }),
            "frequencies: periods must be positive and finite, got 0");
}

}  // namespace
}  // namespace rotary
