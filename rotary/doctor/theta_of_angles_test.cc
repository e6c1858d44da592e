// Proves of theta from the angles of one token: found within its deviation at any position up to a
// million, for any theta, head size and quality that decide it; several thetas are said to be
// several; angles of another rule have none; bad input is refused in a sentence.
#include "rotary/doctor/theta_of_angles.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "rotary/base/random.h"
#include "rotary/doctor/test_spectrum.h"

namespace rotary {
namespace {

using Answer = AngleTheta::Answer;

struct Token {
  std::vector<double> angle, deviation;
};

Token At(const std::vector<double>& frequency, double position, double deviation, uint64_t seed) {
  const Random random(seed, 0xa9);
  Token token;
  for (size_t j = 0; j < frequency.size(); ++j) {
    const double turned = position * frequency[j] + deviation * random.Normal(j);
    token.angle.push_back(std::remainder(turned, 2 * std::numbers::pi));
    token.deviation.push_back(deviation);
  }
  return token;
}

TEST(ThetaOfAnglesTest, FindsThetaAtAnyPosition) {
  int found = 0, cases = 0;
  double worst = 0;
  for (const double theta : {1e2, 1e4, 5e5, 1e6, 23456789.0}) {
    for (const double position : {1.0, 7.0, 1000.0, -39001.0, 1000000.0}) {
      for (const int dim : {8, 16, 64, 128, 256}) {
        for (const double deviation : {1e-10, 1e-6, 1e-3}) {
          const auto seed = static_cast<uint64_t>(++cases);
          const Token token = At(PlainSpectrum(dim, theta), position, deviation, seed);
          const AngleTheta result = ThetaOfAngles(dim, token.angle, token.deviation, position);
          ASSERT_NE(result.answer, Answer::kNone) << theta << ' ' << position << ' ' << dim;
          if (result.answer != Answer::kFound) continue;
          ++found;
          const double off = std::abs(result.theta - theta) / result.deviation;
          // A double position times a double frequency is off by 1e-16 of itself.
          EXPECT_LE(std::abs(result.theta - theta), 6 * result.deviation + 1e-12 * theta)
              << theta << ' ' << position << ' ' << dim << ' ' << deviation;
          worst = std::max(worst, off);
        }
      }
    }
  }
  std::printf("theta found in %d of %d cases, off by up to %.1f deviations\n", found, cases, worst);
  EXPECT_GE(found, cases * 95 / 100);
}

TEST(ThetaOfAnglesTest, SaysWhenSeveralThetasAreLeft) {
  // One pair that tells: any number of turns is a theta.
  const Token token = At(PlainSpectrum(4, 1e4), 100000, 1e-3, 2);
  const AngleTheta several = ThetaOfAngles(4, token.angle, token.deviation, 100000);
  EXPECT_EQ(several.answer, Answer::kAmbiguous);
  EXPECT_EQ(several.candidates.size(), 16u);
  // Position 0, one pair, nothing known: nothing is told.
  const double unknown = std::numeric_limits<double>::infinity();
  for (const AngleTheta& nothing :
       {ThetaOfAngles(4, {0, 0}, {1e-3, 1e-3}, 0), ThetaOfAngles(2, {1}, {1e-3}, 1),
        ThetaOfAngles(4, {1, 1}, {1e-3, unknown}, 9)}) {
    EXPECT_EQ(nothing.answer, Answer::kAmbiguous);
    EXPECT_EQ(nothing.theta, 0);
    EXPECT_TRUE(nothing.candidates.empty());
  }
  // Angles so small that they may be zero leave theta open towards infinity.
  const Token small = At(PlainSpectrum(4, 1e6), 1, 1e-2, 3);
  EXPECT_EQ(ThetaOfAngles(4, small.angle, small.deviation, 1).answer, Answer::kAmbiguous);
}

TEST(ThetaOfAnglesTest, AnotherRuleHasNoTheta) {
  for (const double position : {3.0, 5000.0}) {
    Token token = At(PlainSpectrum(128, 1e4, 4), position, 1e-4, 4);
    EXPECT_EQ(ThetaOfAngles(128, token.angle, token.deviation, position).answer, Answer::kNone);
    token = At(YarnSpectrum(128, 1e6, 4, 32768), 16 * position, 1e-6, 5);
    EXPECT_EQ(ThetaOfAngles(128, token.angle, token.deviation, 16 * position).answer,
              Answer::kNone);
  }
}

TEST(ThetaOfAnglesTest, BadInputIsASentence) {
  const auto message = [](const std::vector<double>& angle, const std::vector<double>& deviation,
                          double position) {
    try {
      ThetaOfAngles(4, angle, deviation, position);
    } catch (const std::invalid_argument& error) {
      return std::string(error.what());
    }
    return std::string("none");
  };
  EXPECT_EQ(message({1}, {1, 1}, 1),
            "theta of angles: expected 2 angles and deviations, got 1 and 2");
  EXPECT_EQ(message({1, 1}, {1, -1}, 1),
            "theta of angles: the deviation of pair 1 must not be negative, got -1");
  EXPECT_EQ(message({1, NAN}, {1, 1}, 1),
            "theta of angles: the angle of pair 1 must be finite, got nan");
  EXPECT_EQ(message({1, 1}, {1, 1}, NAN),
            "theta of angles: the position must be within 1e7, got nan");
}

}  // namespace
}  // namespace rotary
