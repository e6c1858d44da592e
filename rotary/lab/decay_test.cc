// Properties: the curve has the values of an independent calculation (a script in double, two
// decimals) at every tabled distance, head_dim and theta; its rises and falls are counted; it
// bounds random scores as eq. 35-37 say; rotations that have no such curve are refused.
#include "rotary/lab/decay.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <functional>
#include <stdexcept>

#include "gtest/gtest.h"
#include "rotary/base/random.h"
#include "rotary/io/json.h"

namespace rotary {
namespace {

Rotation Plain(int head_dim, double theta = 10000) {
  return MakeRotation({.head_dim = head_dim, .theta = theta});
}

TEST(DecayTest, TableByHeadDim) {
  const int distances[] = {0, 1, 5, 10, 25, 50, 100, 150, 200, 250, 500, 1000, 2000, 5000, 10000};
  const struct {
    int head_dim;
    double bounds[15];
  } rows[] = {{64,
               {16.5, 15.95, 10.43, 8.81, 8.27, 5.73, 7.47, 4.22, 3.86, 3.67, 3.04, 4.09, 2.58,
                6.15, 4.41}},
              {128,
               {32.5, 31.54, 20.85, 17.95, 14.24, 12.63, 10.23, 7.59, 7.24, 6.55, 6.19, 4.47, 5.05,
                7.60, 3.86}},
              {256,
               {64.5, 62.71, 41.75, 36.22, 27.97, 22.63, 18.62, 15.07, 13.83, 12.79, 10.54, 11.25,
                8.30, 7.79, 8.20}}};
  for (const auto& row : rows) {
    for (size_t i = 0; i < std::size(distances); ++i) {
      EXPECT_NEAR(DecayBound(Plain(row.head_dim), distances[i]), row.bounds[i], 0.0051)
          << row.head_dim << " at " << distances[i];
    }
  }
}

TEST(DecayTest, TableByTheta) {
  const int distances[] = {250, 1000, 8192, 32768};
  const struct {
    double theta, bounds[4];
  } rows[] = {{1e4, {6.55, 4.47, 4.90, 3.80}},
              {5e5, {11.43, 10.20, 5.15, 3.77}},
              {1e6, {13.76, 12.50, 6.33, 10.74}},
              {1e7, {14.41, 13.15, 8.27, 5.59}}};
  for (const auto& row : rows) {
    for (size_t i = 0; i < std::size(distances); ++i) {
      EXPECT_NEAR(DecayBound(Plain(128, row.theta), distances[i]), row.bounds[i], 0.0051)
          << row.theta << " at " << distances[i];
    }
  }
}

TEST(DecayTest, FallsAndRises) {
  const DecayCurve curve = MakeDecayCurve("theta 10000", Plain(128), {0, 256});
  EXPECT_EQ(curve.falls, 141);
  EXPECT_EQ(curve.rises, 115);
  EXPECT_NEAR(LongestWavelength(Plain(128)), 54410, 1);
  EXPECT_NEAR(LongestWavelength(Plain(128, 5e5)), 2.56e6, 5e3);
  EXPECT_NEAR(LongestWavelength(Plain(128, 1e6)), 5.06e6, 5e3);
}

TEST(DecayTest, EqualFrequenciesNeverDecay) {
  Rotation rotation = Plain(64);
  rotation.frequency.assign(32, 0.3);
  for (const double distance : {0.0, 1.0, 10.0, 12345.0}) {
    EXPECT_NEAR(DecayBound(rotation, distance), 33.0 / 2, 1e-10);  // the mean of 1 .. 32
  }
}

// |sum_i h_i e^(i t w_i)| <= max |h_{i+1} - h_i| * pairs * the curve, with g on both sides.
TEST(DecayTest, BoundsScores) {
  const Random random(4, 0);
  uint64_t next = 0;
  double closest = 0;
  for (int trial = 0; trial < 2000; ++trial) {
    Rotation rotation = Plain(16, trial % 2 == 0 ? 10000 : 100);
    rotation.attention_factor = trial % 3 == 0 ? 1.3 : 1;
    if (trial % 5 == 0) rotation.log_decay.assign(8, -0.01);
    const double distance = static_cast<double>(random.Below(500, next++));
    std::vector<std::complex<double>> h(9);  // the last one is the 0 beyond the last pair
    for (size_t i = 0; i < 8; ++i) {
      h[i].real(random.Normal(next++));
      h[i].imag(random.Normal(next++));
    }
    if (trial % 2 == 0) std::fill_n(h.begin(), 8, 1.0);  // where the bound is tightest
    std::complex<double> score = 0;
    double most = 0;
    for (size_t i = 0; i < 8; ++i) {
      const double decay = rotation.log_decay.empty() ? 0 : -0.01 * distance;
      score += h[i] * std::polar(std::exp(decay), distance * rotation.frequency[i]);
      most = std::max(most, std::abs(h[i + 1] - h[i]));
    }
    const double g2 = rotation.attention_factor * rotation.attention_factor;
    const double bound = most * 8 * DecayBound(rotation, distance);
    ASSERT_TRUE(g2 * std::abs(score) <= bound * (1 + 1e-12)) << trial;
    closest = std::max(closest, g2 * std::abs(score) / bound);
  }
  EXPECT_GT(closest, 0.2);  // the bound is not empty talk
}

TEST(DecayTest, TextAndJsonHoldTheCurves) {
  const std::vector<DecayCurve> curves = {
      MakeDecayCurve("theta 10000", Plain(128), {0, 1, 250}),
      MakeDecayCurve("theta 500000", Plain(128, 5e5), {0, 1, 250})};
  const std::string text = DecayToText(curves);
  EXPECT_NE(text.find("  distance  theta 10000  theta 500000\n"
                      "         0        32.50         32.50\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("theta 10000: of the 256 steps from 0 to 256, 141 go down and 115 up; the "
                      "slowest pair turns once in 54,410\n"),
            std::string::npos)
      << text;
  const Json json = Json::parse(DecayToJson(curves));
  ASSERT_EQ(json["curves"].size(), 2u);
  const Json& first = json["curves"][0];
  EXPECT_EQ(first["name"], "theta 10000");
  EXPECT_EQ(first["distances"], Json({0, 1, 250}));
  EXPECT_EQ(first["bounds"][0], 32.5);
  EXPECT_EQ(first["falls"], 141);
  EXPECT_EQ(first["rises"], 115);
  EXPECT_EQ(first["steps"], 256);
  EXPECT_EQ(first["rotation"]["head_dim"], 128);
  Rotation still = Plain(4);
  still.frequency[1] = 0;
  const std::vector<DecayCurve> stands = {MakeDecayCurve("still", still, {0})};
  EXPECT_TRUE(Json::parse(DecayToJson(stands))["curves"][0]["longest_wavelength"].is_null());
  EXPECT_NE(DecayToText(stands).find("turns once in no end"), std::string::npos);
}

TEST(DecayTest, ThePageSaysWhatTheNumbersSay) {
  const std::vector<DecayCurve> curves = {MakeDecayCurve("theta 10000", Plain(128), {0, 250})};
  const std::string html = DecayHtml(curves);
  for (const char* part :
       {"The bound goes from 32.50 at distance 0 to 6.54 at 256, but not step by "
        "step: 141 steps go down and 115 up.",
        "<td>32.50</td>", "<td>6.55</td>", "54,410"}) {
    EXPECT_NE(html.find(part), std::string::npos) << part;
  }
}

std::string ErrorOf(const std::function<void(Rotation&)>& change) {
  Rotation rotation = Plain(8);
  change(rotation);
  try {
    DecayBound(rotation, 1);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "";
}

TEST(DecayTest, RefusesWhatHasNoCurve) {
  EXPECT_EQ(ErrorOf([](Rotation& r) { r.first = r.second = {}, r.frequency = {}; }),
            "decay: the rotation turns no pairs");
  EXPECT_EQ(ErrorOf([](Rotation& r) { r.axes = 2, r.frequency.resize(8); }),
            "decay: the rotation must have one axis, got 2");
  EXPECT_EQ(ErrorOf([](Rotation& r) { r.heads = 2, r.frequency.resize(8); }),
            "decay: the rotation must be the same for all heads, got frequencies for 2");
  EXPECT_EQ(ErrorOf([](Rotation& r) { r.second_frequency = r.frequency; }),
            "decay: scores of a rotation with second frequencies depend on more than distance");
}

}  // namespace
}  // namespace rotary
