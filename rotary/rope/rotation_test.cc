// Properties: a rotation is the pairs that its layout promises at the frequencies of eq. 15; a list
// that breaks a rule is refused with the rule, and nothing else is.
#include "rotary/rope/rotation.h"

#include <cmath>
#include <functional>
#include <limits>
#include <stdexcept>

#include "gtest/gtest.h"
#include "rotary/base/test_thrown.h"

namespace rotary {
namespace {

using Channels = std::vector<int32_t>;

TEST(MakeRotationTest, LayoutsOfThePicture) {
  const Rotation half = MakeRotation({.head_dim = 8, .rotary_dim = 6});
  EXPECT_EQ(half.first, (Channels{0, 1, 2}));
  EXPECT_EQ(half.second, (Channels{3, 4, 5}));
  const Rotation interleaved =
      MakeRotation({.head_dim = 8, .rotary_dim = 6, .layout = Layout::kInterleaved});
  EXPECT_EQ(interleaved.first, (Channels{0, 2, 4}));
  EXPECT_EQ(interleaved.second, (Channels{1, 3, 5}));
  const Rotation shifted = MakeRotation({.head_dim = 8, .rotary_dim = 4, .offset = 3});
  EXPECT_EQ(shifted.first, (Channels{3, 4}));
  EXPECT_EQ(shifted.second, (Channels{5, 6}));
}

TEST(MakeRotationTest, FrequenciesOfEquation15) {
  // The denominator of the exponent is rotary_dim, not head_dim.
  const Rotation rotation = MakeRotation({.head_dim = 128, .rotary_dim = 64, .theta = 500000});
  ASSERT_EQ(rotation.pairs(), 32);
  for (int i = 0; i < 32; ++i) {
    EXPECT_DOUBLE_EQ(rotation.frequency[static_cast<size_t>(i)],
                     std::exp(-2.0 * i / 64 * std::log(500000.0)));
  }
  EXPECT_EQ(rotation.frequency[0], 1.0);
  EXPECT_TRUE(rotation.IsGroup());
  CheckRotation(rotation);
}

TEST(MakeRotationTest, OddHeadsTurnTheirEvenPart) {
  const Rotation rotation = MakeRotation({.head_dim = 7, .rotary_dim = 6});
  EXPECT_EQ(rotation.pairs(), 3);
  CheckRotation(rotation);
}

TEST(MakeRotationTest, BadOptionsAreRefused) {
  const auto error = [](const RotationOptions& options) {
    return Thrown<std::invalid_argument>([&] { MakeRotation(options); });
  };
  EXPECT_EQ(error({}), "rotation: head_dim must be at least 1, got 0");
  EXPECT_EQ(error({.head_dim = 64, .rotary_dim = 63}),
            "rotation: rotary_dim must be even and at most head_dim (64), got 63");
  EXPECT_EQ(error({.head_dim = 63}),
            "rotation: rotary_dim must be even and at most head_dim (63), got 63");
  EXPECT_EQ(error({.head_dim = 64, .rotary_dim = 66}),
            "rotation: rotary_dim must be even and at most head_dim (64), got 66");
  EXPECT_EQ(error({.head_dim = 64, .rotary_dim = -2}),
            "rotation: rotary_dim must be even and at most head_dim (64), got -2");
  EXPECT_EQ(error({.head_dim = 64, .rotary_dim = 32, .offset = 33}),
            "rotation: offset + rotary_dim must be at most head_dim (64), got 33 + 32");
  EXPECT_EQ(error({.head_dim = 64, .rotary_dim = 32, .offset = -1}),
            "rotation: offset + rotary_dim must be at most head_dim (64), got -1 + 32");
  EXPECT_EQ(error({.head_dim = 64, .theta = -1}),
            "rotation: theta must be positive and finite, got -1");
  EXPECT_EQ(error({.head_dim = 64, .theta = std::numeric_limits<double>::quiet_NaN()}),
            "rotation: theta must be positive and finite, got nan");
}

TEST(CheckRotationTest, BrokenRulesAreNamed) {
  const auto error = [](const std::function<void(Rotation&)>& breaks) {
    Rotation rotation = MakeRotation({.head_dim = 8, .rotary_dim = 4});
    breaks(rotation);
    return Thrown<std::invalid_argument>([&] { CheckRotation(rotation); });
  };
  EXPECT_EQ(error([](Rotation&) {}), "nothing was thrown");
  EXPECT_EQ(error([](Rotation& r) { r.head_dim = 0; }),
            "rotation: head_dim must be at least 1, got 0");
  EXPECT_EQ(error([](Rotation& r) { r.axes = 0; }), "rotation: axes must be at least 1, got 0");
  EXPECT_EQ(error([](Rotation& r) { r.heads = -1; }), "rotation: heads must be at least 1, got -1");
  EXPECT_EQ(error([](Rotation& r) { r.attention_factor = 0; }),
            "rotation: attention_factor must be positive and finite, got 0");
  EXPECT_EQ(error([](Rotation& r) { r.first.pop_back(); }),
            "rotation: first and second must have the same length, got 1 and 2");
  EXPECT_EQ(error([](Rotation& r) { r.second[1] = 8; }),
            "rotation: channels must be in [0, 8), got 8");
  EXPECT_EQ(error([](Rotation& r) { r.first[1] = -1; }),
            "rotation: channels must be in [0, 8), got -1");
  EXPECT_EQ(error([](Rotation& r) { r.second[1] = 0; }),
            "rotation: a channel may be in one pair only, got 0 twice");
  EXPECT_EQ(error([](Rotation& r) { r.axes = 2; }),
            "rotation: frequency must have 4 values (heads x pairs x axes), got 2");
  EXPECT_EQ(error([](Rotation& r) { r.frequency[1] = std::numeric_limits<double>::infinity(); }),
            "rotation: frequency must be finite, got inf");
  EXPECT_EQ(error([](Rotation& r) { r.second_frequency = {1}; }),
            "rotation: second_frequency must have 2 values (heads x pairs x axes), got 1");
  EXPECT_EQ(error([](Rotation& r) {
              r.log_decay = {1, 2, 3};
            }),
            "rotation: log_decay must have 2 values (pairs), got 3");
  EXPECT_EQ(error([](Rotation& r) {
              r.log_decay = {1, std::numeric_limits<double>::quiet_NaN()};
            }),
            "rotation: log_decay must be finite, got nan");
}

TEST(RotationToTextTest, PrintsEveryPair) {
  Rotation rotation = MakeRotation({.head_dim = 4, .theta = 100});
  rotation.frequency[1] = 0;
  EXPECT_EQ(RotationToText(rotation),
            "head_dim 4, 2 pairs, 1 axis, attention factor 1\n"
            "pair 0  channels 0 2  frequency 1  wavelength 6.28319\n"
            "pair 1  channels 1 3  frequency 0  stands still\n");
  rotation.second_frequency = {0.5, 0};
  rotation.log_decay = {0.25, 0};
  EXPECT_EQ(
      RotationToText(rotation),
      "head_dim 4, 2 pairs, 1 axis, attention factor 1\n"
      "pair 0  channels 0 2  frequency 1  wavelength 6.28319  second  frequency 0.5  wavelength "
      "12.5664  log decay 0.25\n"
      "pair 1  channels 1 3  frequency 0  stands still  second  frequency 0  stands still  log "
      "decay 0\n");
}

}  // namespace
}  // namespace rotary
