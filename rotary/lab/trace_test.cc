// Properties: the worked example of 30 degrees a position; lengths of pairs are kept and channels
// in no pair stay, at positions far out too; text and JSON hold the numbers; each pair has its
// picture; bad input is refused in one sentence.
#include "rotary/lab/trace.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <stdexcept>

#include "gtest/gtest.h"
#include "rotary/base/test_thrown.h"
#include "rotary/io/json.h"
#include "rotary/lab/test_page.h"

namespace rotary {
namespace {

Trace Example(std::vector<int64_t> positions) {
  return MakeTrace(RotationByDegrees(4, 30, Layout::kInterleaved), {1, 0, 0, 1},
                   std::move(positions));
}

TEST(TraceTest, ThirtyDegreesAPosition) {
  const Trace trace = Example({0, 1, 2, 12});
  const double root = std::sqrt(3.0) / 2;
  const double want[][4] = {
      {1, 0, 0, 1}, {root, 0.5, -0.5, root}, {0.5, root, -root, 0.5}, {1, 0, 0, 1}};
  for (size_t row = 0; row < 4; ++row) {
    for (size_t i = 0; i < 4; ++i) {
      EXPECT_TRUE(std::abs(trace.rows[row][i] - want[row][i]) <= 1e-8) << row << " " << i;
    }
  }
}

TEST(TraceTest, KeepsLengthsAndLeavesOthersAlone) {
  const Rotation rotation =
      MakeRotation({.head_dim = 8, .rotary_dim = 4, .offset = 2, .layout = Layout::kHalf});
  const std::vector<double> x = {1, 2, 3, 4, 5, 6, 7, 8};
  const Trace trace = MakeTrace(rotation, x, {-5, 0, 131071, 1048575});
  for (size_t row = 0; row < trace.rows.size(); ++row) {
    for (const size_t i : {0, 1, 6, 7}) EXPECT_EQ(trace.rows[row][i], x[i]);
    for (const size_t i : {2, 3}) {
      const double angle = static_cast<double>(trace.positions[row]) * rotation.frequency[i - 2];
      EXPECT_NEAR(trace.rows[row][i], x[i] * std::cos(angle) - x[i + 2] * std::sin(angle), 2e-8);
      EXPECT_NEAR(std::hypot(trace.rows[row][i], trace.rows[row][i + 2]),
                  std::hypot(x[i], x[i + 2]), 2e-8);
    }
  }
}

TEST(TraceTest, Text) {
  EXPECT_EQ(TraceToText(Example({0, 1, 2, 3})),
            "position     [0]     [1]     [2]     [3]\n"
            "       0   1.000   0.000   0.000   1.000\n"
            "       1   0.866   0.500  -0.500   0.866\n"
            "       2   0.500   0.866  -0.866   0.500\n"
            "       3   0.000   1.000  -1.000   0.000\n");
}

TEST(TraceTest, Json) {
  const Json json = Json::parse(TraceToJson(Example({0, 2})));
  EXPECT_EQ(json["vector"], Json({1.0, 0.0, 0.0, 1.0}));
  EXPECT_EQ(json["rows"][1]["position"], 2);
  EXPECT_NEAR(json["rows"][1]["vector"][0].get<double>(), 0.5, 1e-8);
  EXPECT_NEAR(json["rotation"]["frequency"][0][0].get<double>(), std::numbers::pi / 6, 1e-15);
}

TEST(TraceTest, PageHasAPictureOfEachPair) {
  const std::string html = TraceHtml(Example({0, 1, 2, 12}));
  EXPECT_EQ(Count(html, "<svg"), 2u);
  EXPECT_EQ(Count(html, "30\u00B0 a position"), 2u);
  EXPECT_EQ(Count(html, ">0, 12</text>"), 2u);  // where they meet again
  EXPECT_EQ(Count(html, "<circle cx="), 8u);
  EXPECT_EQ(Count(html, "<td>0.866</td>"), 3u);

  std::vector<double> wide(64, 1);
  const std::string many = TraceHtml(MakeTrace(MakeRotation({.head_dim = 64}), wide, {0, 1}));
  EXPECT_EQ(Count(many, "<svg"), 12u);
  EXPECT_EQ(Count(many, "The first 12 of 32 pairs are drawn."), 1u);

  const std::string longer = TraceHtml(Example(std::vector<int64_t>(501, 1)));
  EXPECT_EQ(Count(longer, "The page shows the first 500 of 501 positions."), 1u);
  EXPECT_EQ(Count(longer, "<tr>"), 501u);  // with the header

  const std::string zero = TraceHtml(MakeTrace(MakeRotation({.head_dim = 2}), {0, 0}, {0, 1}));
  EXPECT_EQ(Count(zero, "\"nan"), 0u);
  EXPECT_EQ(Count(zero, " nan"), Count(TraceHtml(Example({0})), " nan"));  // none but the library's
  EXPECT_EQ(Count(zero, "both are 0 and stay so"), 1u);
}

TEST(TraceTest, ParsesVectors) {
  EXPECT_EQ(ParseVector("1,0,-0.5,1e2"), (std::vector<double>{1, 0, -0.5, 100}));
  EXPECT_EQ(ParseVector("7"), (std::vector<double>{7}));
}

TEST(TraceTest, BadInputGetsItsSentence) {
  for (const char* text : {"", "1,", ",1", "1,,2", "one", "1 2", "inf", "1,nan", "1e999"}) {
    EXPECT_EQ(Thrown<std::invalid_argument>([&] { ParseVector(text); }),
              "trace: \"" + std::string(text) + "\" is no vector such as 1,0,-0.5,1");
  }
  EXPECT_EQ(Thrown<std::invalid_argument>([] {
              MakeTrace(MakeRotation({.head_dim = 4}), {1, 2}, {0});
            }),
            "trace: the rotation takes 4 channels, got 2");
  EXPECT_EQ(Thrown<std::invalid_argument>([] {
              MakeTrace(MakeRotation({.head_dim = 2}), {1, NAN}, {0});
            }),
            "trace: the vector must be finite, got nan");
  EXPECT_EQ(Thrown<std::invalid_argument>([] { RotationByDegrees(2, INFINITY, Layout::kHalf); }),
            "trace: degrees must be a number, got inf");
  Rotation two_axes = MakeRotation({.head_dim = 2});
  two_axes.axes = 2;
  two_axes.frequency = {1, 1};
  EXPECT_EQ(Thrown<std::invalid_argument>([&] {
              MakeTrace(two_axes, {1, 2}, {0});
            }),
            "trace: the rotation must have one axis, got 2");
  Rotation two_heads = MakeRotation({.head_dim = 2});
  two_heads.heads = 2;
  two_heads.frequency = {1, 1};
  EXPECT_EQ(Thrown<std::invalid_argument>([&] {
              MakeTrace(two_heads, {1, 2}, {0});
            }),
            "trace: the rotation must be the same for all heads, got frequencies for 2");
}

}  // namespace
}  // namespace rotary
