// Properties: each scheme turns channels as its published code does, which builds an angle for each
// channel by concatenating, tiling and repeating (written out again here); moving the whole image
// leaves scores as they were; the two axes are told apart; bad input has its sentence.
#include "rotary/rope/image_rotations.h"

#include <cmath>
#include <numbers>

#include "gtest/gtest.h"
#include "rotary/rope/spectra.h"
#include "rotary/rope/table_form.h"

namespace rotary {
namespace {

constexpr int kHead = 24;
const double kRow = 3, kColumn = 100'017;

// Numbers begin, begin + 2 .. of a list.
Numbers EveryOther(const Numbers& list, size_t begin) {
  Numbers chosen;
  for (size_t i = begin; i < list.size(); i += 2) chosen.push_back(list[i]);
  return chosen;
}

TEST(ImageRotationTest, SamLlama4RopeVitAndEva) {
  for (const double theta : {100.0, 10000.0}) {
    const Numbers table =
        RepeatEach(Cat({Outer(kColumn, theta, kHead / 2), Outer(kRow, theta, kHead / 2)}));
    ExpectTable(AxialInterleaved(kHead, theta), {kColumn, kRow}, table, Layout::kInterleaved);
  }
}

TEST(ImageRotationTest, QwenVision) {
  const Numbers table = Tile(Cat({Outer(kRow, 1e4, kHead / 2), Outer(kColumn, 1e4, kHead / 2)}));
  ExpectTable(AxialHalf(kHead, 1e4), {kRow, kColumn}, table, Layout::kHalf);
}

// One 1-D rotation by halves for each slice of the head.
void ExpectSlices(const Rotation& rotation, double theta, int block, const Numbers& position) {
  const Numbers x = NormalNumbers(rotation.head_dim, 5);
  Numbers expected = x;
  for (size_t axis = 0; axis < position.size(); ++axis) {
    RotateByTable(Tile(Outer(position[axis], theta, block)), Layout::kHalf,
                  axis * static_cast<size_t>(block), expected);
  }
  const Numbers got = Turned(rotation, 0, position, x);
  for (size_t c = 0; c < x.size(); ++c) {
    EXPECT_TRUE(std::abs(got[c] - expected[c]) < 1e-9) << c;
  }
}

TEST(ImageRotationTest, CrocoGemmaAndChatGlmTurnSlicesOfTheHead) {
  ExpectSlices(AxialHalfInBlocks(kHead, 100), 100, 12, {kRow, kColumn});
  ExpectSlices(AxialHalfInBlocks(26, 100), 100, 12, {kRow, kColumn});  // two channels left alone
  ExpectSlices(AxialHalfInBlocks(64, 1e4, 3), 1e4, 20, {5, kRow, kColumn});
}

TEST(ImageRotationTest, Pixtral) {
  const Numbers rows = EveryOther(Outer(kRow, 1e4, kHead), 0);
  const Numbers columns = EveryOther(Outer(kColumn, 1e4, kHead), 1);
  const Numbers angles = Cat({rows, columns});
  ExpectTable(Pixtral(kHead), {kRow, kColumn}, Tile(angles), Layout::kHalf);
  ExpectTable(Pixtral(kHead, 1e4, Layout::kInterleaved), {kRow, kColumn}, RepeatEach(angles),
              Layout::kInterleaved);
}

TEST(ImageRotationTest, MoonVitAlternates) {
  Numbers angles;
  for (int i = 0; i < kHead / 4; ++i) {
    const double w = std::pow(1e4, -4.0 * i / kHead);
    angles.insert(angles.end(), {kColumn * w, kRow * w});
  }
  ExpectTable(MoonVit(kHead), {kColumn, kRow}, RepeatEach(angles), Layout::kInterleaved);
  ExpectTable(MoonVit(kHead, 1e4, Layout::kHalf), {kColumn, kRow}, Tile(angles), Layout::kHalf);
}

TEST(ImageRotationTest, Dinov3) {
  const double y = 2 * (2 + 0.5) / 7 - 1, x = 2 * (4 + 0.5) / 5 - 1;
  const auto angles = [&](const Numbers& periods) {
    Numbers all;
    for (const double c : {y, x}) {
      for (const double period : periods) all.push_back(2 * std::numbers::pi * c / period);
    }
    return all;
  };
  Numbers periods;  // base^(2j / (D / 2))
  for (int j = 0; j < kHead / 4; ++j) periods.push_back(std::pow(100, 2.0 * j / (kHead / 2)));
  ExpectTable(Dinov3(kHead, Dinov3Periods(kHead)), {y, x}, Tile(angles(periods)), Layout::kHalf);
  Numbers between;  // 0.5 (90 / 0.5)^linspace(0, 1, 6)
  for (int j = 0; j < 6; ++j) between.push_back(0.5 * std::exp(std::log(180.0) * j / 5));
  ExpectTable(Dinov3(kHead, GeometricFrequencies(6, 0.5, 90)), {y, x}, Tile(angles(between)),
              Layout::kHalf);
}

TEST(ImageRotationTest, PixelBands) {
  const double y = -1, x = 0.25;
  for (const bool linear : {false, true}) {
    Numbers angles;
    for (const double c : {y, x}) {
      for (int i = 0; i < 6; ++i) {  // linspace(1, 112, 6), or 2^linspace(0, log2(224) - 1, 6)
        const double band = linear ? 1 + 22.2 * i : std::exp2((std::log2(224.0) - 1) * i / 5);
        angles.push_back(std::numbers::pi * band * c);
      }
    }
    ExpectTable(PixelBands(kHead, 224, linear), {y, x}, RepeatEach(angles), Layout::kInterleaved);
  }
}

TEST(ImageRotationTest, MixedStartsAtRightAngles) {
  const Numbers direction = {0.4, 5.1};
  const Rotation rotation = LearnedRotation(kHead, 2, 2, MixedFrequencies(kHead, direction));
  for (int head = 0; head < 2; ++head) {
    const double phi = direction[static_cast<size_t>(head)];
    Numbers angles;
    for (const double turned : {phi, std::numbers::pi / 2 + phi}) {
      for (int j = 0; j < kHead; j += 4) {
        const double m = 1 / std::pow(10, static_cast<double>(j) / kHead);
        angles.push_back(kColumn * m * std::cos(turned) + kRow * m * std::sin(turned));
      }
    }
    ExpectTable(rotation, {kColumn, kRow}, RepeatEach(angles), Layout::kInterleaved, head);
  }
}

TEST(ImageRotationTest, LearnedFrequenciesAreContractedWithThePosition) {
  // Mochi: angle[head, pair] = sum over t, h, w of position times frequency.
  const Numbers frequency = NormalNumbers(2 * 3 * 3, 8);
  const Rotation rotation = LearnedRotation(6, 2, 3, frequency);
  const Numbers position = {4, -17.5, 30.25};
  for (int head = 0; head < 2; ++head) {
    Numbers angles;
    for (int pair = 0; pair < 3; ++pair) {
      const size_t at = static_cast<size_t>((head * 3 + pair) * 3);
      angles.push_back(4 * frequency[at] - 17.5 * frequency[at + 1] + 30.25 * frequency[at + 2]);
    }
    ExpectTable(rotation, position, RepeatEach(angles), Layout::kInterleaved, head);
  }
}

TEST(ImageRotationTest, FalconOcrTurnsHalfByTokensAndHalfByTheImage) {
  const Numbers frequency = NormalNumbers(2 * (kHead / 4) * 2, 9);
  const Rotation rotation = FalconOcr(kHead, 2, frequency, 500);
  for (int head = 0; head < 2; ++head) {
    Numbers angles;
    for (int j = 0; j < kHead / 2; j += 2) {
      angles.push_back(4097 / std::pow(500, static_cast<double>(j) / (kHead / 2)));
    }
    for (int i = 0; i < kHead / 4; ++i) {
      const size_t at = static_cast<size_t>((head * kHead / 4 + i) * 2);
      angles.push_back(-0.75 * frequency[at] + 1.25 * frequency[at + 1]);
    }
    ExpectTable(rotation, {4097, -0.75, 1.25}, RepeatEach(angles), Layout::kInterleaved, head);
  }
  EXPECT_EQ(Thrown<std::invalid_argument>([&] { FalconOcr(kHead, 3, frequency); }),
            "image rotation: 24 frequencies for 3 heads of 24 channels, which take 36");
  EXPECT_EQ(Thrown<std::invalid_argument>([&] { FalconOcr(kHead, 0, {}); }),
            "image rotation: 0 frequencies for 0 heads of 24 channels, which take 0");
}

TEST(ImageRotationTest, MovingTheImageChangesNoScore) {
  const Numbers directions = {0.1, 2.2, 4};
  for (const Rotation& rotation :
       {AxialInterleaved(kHead, 100), AxialHalf(kHead, 1e4), AxialHalfInBlocks(26, 100),
        Pixtral(kHead), MoonVit(kHead),
        LearnedRotation(kHead, 3, 2, MixedFrequencies(kHead, directions))}) {
    EXPECT_LT(ChangeUnderTranslation(rotation, 1), 1e-10) << RotationToText(rotation);
    // And the axes are not the same.
    EXPECT_GT(std::abs(Score(rotation, 0, {2, 9}, {0, 0}) - Score(rotation, 0, {9, 2}, {0, 0})),
              1e-3);
  }
  EXPECT_LT(ChangeUnderTranslation(Dinov3(kHead, Dinov3Periods(kHead)), 0.03), 1e-10);
  EXPECT_LT(ChangeUnderTranslation(PixelBands(kHead), 0.03), 1e-10);
}

TEST(ImageRotationTest, BadInputIsRefused) {
  for (const int head_dim : {0, -4, 6}) {
    const std::string expected =
        Sentence("image rotation: head_dim must be a positive multiple of 4, got ", head_dim);
    EXPECT_EQ(Thrown<std::invalid_argument>([&] { AxialInterleaved(head_dim, 100); }), expected);
    EXPECT_EQ(Thrown<std::invalid_argument>([&] { AxialHalf(head_dim, 100); }), expected);
    EXPECT_EQ(Thrown<std::invalid_argument>([&] { Pixtral(head_dim); }), expected);
    EXPECT_EQ(Thrown<std::invalid_argument>([&] { MoonVit(head_dim); }), expected);
    EXPECT_EQ(Thrown<std::invalid_argument>([&] { Dinov3Periods(head_dim); }), expected);
    EXPECT_EQ(Thrown<std::invalid_argument>([&] { PixelBands(head_dim); }), expected);
  }
  EXPECT_EQ(Thrown<std::invalid_argument>([] { AxialHalf(8, -1); }),
            "rope rule default: theta must be positive and finite, got -1");
  EXPECT_EQ(Thrown<std::invalid_argument>([] { AxialHalfInBlocks(3, 100); }),
            "image rotation: head_dim must be at least 4 for 2 axes, got 3");
  EXPECT_EQ(Thrown<std::invalid_argument>([] {
              Dinov3(16, Numbers{1, 2});
            }),
            "image rotation: 2 periods for a head of 16 channels, which takes 4");
  EXPECT_EQ(Thrown<std::invalid_argument>([] {
              LearnedRotation(4, 1, 2, {1, 2});
            }),
            "rotation: frequency must have 4 values (heads x pairs x axes), got 2");
}

}  // namespace
}  // namespace rotary
