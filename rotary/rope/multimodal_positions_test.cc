// Properties: runs of text, images and videos get the numbers of the published rules, also in both
// roundings of time and both ways to go on after a video; pure text counts as usual on all axes;
// the difference for generation is the published one; bad input has its sentence.
#include "rotary/rope/multimodal_positions.h"

#include <limits>
#include <string>

#include "gtest/gtest.h"
#include "rotary/rope/table_form.h"

namespace rotary {
namespace {

using Row = std::vector<int64_t>;

// The numbers on one axis.
Row On(const MultimodalPositions& p, int64_t axis) {
  Row row;
  const int64_t axes = p.positions.shape(2);
  for (int64_t i = 0; i < p.positions.shape(1); ++i) {
    row.push_back(p.positions.data<int64_t>()[i * axes + axis]);
  }
  return row;
}

TEST(MropePositionsTest, ThePictureOfTheHeader) {
  const MultimodalPositions p =
      MropePositions({{.text = 2}, {.frames = 1, .rows = 2, .columns = 3}, {.text = 2}});
  EXPECT_EQ(p.positions.shape().ToString(), "[1, 10, 3]");
  EXPECT_EQ(On(p, 0), (Row{0, 1, 2, 2, 2, 2, 2, 2, 5, 6}));
  EXPECT_EQ(On(p, 1), (Row{0, 1, 2, 2, 2, 3, 3, 3, 5, 6}));
  EXPECT_EQ(On(p, 2), (Row{0, 1, 2, 3, 4, 2, 3, 4, 5, 6}));
  EXPECT_EQ(p.next, 7);
  EXPECT_EQ(p.Delta(), -3);
}

TEST(MropePositionsTest, TextAloneCounts) {
  const MultimodalPositions p = MropePositions({{.text = 3}, {.text = 1}});
  for (int64_t axis = 0; axis < 3; ++axis) EXPECT_EQ(On(p, axis), (Row{0, 1, 2, 3}));
  EXPECT_EQ(p.Delta(), 0);
  EXPECT_EQ(MropePositions({}).positions.shape().ToString(), "[1, 0, 3]");
  EXPECT_EQ(MropePositions({}).next, 0);
}

TEST(MropePositionsTest, VideosAsTheirDocumentationPutsThem) {
  // 3 frames of 2 x 2 that are 2 seconds apart, 25 numbers a second: t is 0, 50, 100.
  const std::vector<TokenRun> runs = {
      {.frames = 3, .rows = 2, .columns = 2, .seconds_per_frame = 2}, {.text = 2}};
  const MultimodalPositions p = MropePositions(runs, {.tokens_per_second = 25});
  EXPECT_EQ(On(p, 0), (Row{0, 0, 0, 0, 50, 50, 50, 50, 100, 100, 100, 100, 101, 102}));
  EXPECT_EQ(On(p, 1), (Row{0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 101, 102}));
  EXPECT_EQ(On(p, 2), (Row{0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 101, 102}));
  EXPECT_EQ(p.next, 103);
  // The larger side is 2, so text begins at 2 while time runs to 100: generation goes on at 101.
  const MultimodalPositions side =
      MropePositions(runs, {.tokens_per_second = 25, .next = MropeOptions::Next::kPastLargerSide});
  EXPECT_EQ(On(side, 0), (Row{0, 0, 0, 0, 50, 50, 50, 50, 100, 100, 100, 100, 2, 3}));
  EXPECT_EQ(side.next, 101);
  EXPECT_EQ(side.Delta(), 101 - 14);
}

TEST(MropePositionsTest, FramesCountByOneWithoutTime) {
  const MultimodalPositions p =
      MropePositions({{.text = 1}, {.frames = 4, .rows = 1, .columns = 2}, {.text = 1}});
  EXPECT_EQ(On(p, 0), (Row{0, 1, 1, 2, 2, 3, 3, 4, 4, 5}));
  EXPECT_EQ(On(p, 2), (Row{0, 1, 2, 1, 2, 1, 2, 1, 2, 5}));
}

TEST(MropePositionsTest, FractionsOfSecondsAreRoundedInTwoWays) {
  const std::vector<TokenRun> runs = {
      {.text = 1}, {.frames = 5, .rows = 1, .columns = 1, .seconds_per_frame = 1.6}};
  // i * 1.6 * 2 = 0, 3.2, 6.4, 9.6, 12.8
  EXPECT_EQ(On(MropePositions(runs), 0), (Row{0, 1, 4, 7, 10, 13}));
  // i * 1 * 2
  EXPECT_EQ(On(MropePositions(runs, {.rounding = MropeOptions::Rounding::kWholeSeconds}), 0),
            (Row{0, 1, 3, 5, 7, 9}));
}

TEST(XdropePositionsTest, ImagesHaveALineBreakInEachRow) {
  const MultimodalPositions p = XdropePositions({{.text = 2},
                                                 {.frames = 1, .rows = 2, .columns = 2},
                                                 {.text = 1},
                                                 {.frames = 1, .rows = 1, .columns = 1}});
  EXPECT_EQ(p.positions.shape().ToString(), "[1, 11, 4]");
  EXPECT_EQ(On(p, 0), (Row{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}));
  EXPECT_EQ(On(p, 1), (Row{0, 1, 0, 1, 2, 0, 1, 2, 8, 0, 1}));
  EXPECT_EQ(On(p, 2), (Row{0, 1, 0, 0, 0, 1, 1, 1, 8, 0, 0}));
  EXPECT_EQ(On(p, 3), (Row{0, 1, 0, 0, 0, 0, 0, 0, 8, 1, 1}));
  EXPECT_EQ(p.next, 11);
}

TEST(MultimodalPositionsTest, BadInputIsRefused) {
  const auto error = [](const TokenRun& run) {
    return Thrown<std::invalid_argument>([&] { MropePositions({run}); });
  };
  EXPECT_EQ(error({.text = -1}),
            "mrope positions: numbers of tokens must not be negative, got text -1, frames 0, rows "
            "0, columns 0");
  EXPECT_EQ(error({.text = 2, .frames = 1, .rows = 1, .columns = 1}),
            "mrope positions: a run is text or frames, got 2 tokens of text and 1 frames");
  EXPECT_EQ(error({.frames = 1, .rows = 2}),
            "mrope positions: frames must have rows and columns, got 2 x 0");
  EXPECT_EQ(error({.frames = 1, .rows = 1, .columns = 1, .seconds_per_frame = -1}),
            "mrope positions: seconds_per_frame must be finite and not negative, got -1");
  EXPECT_EQ(error({.frames = 2, .rows = 1, .columns = 1, .seconds_per_frame = 1e30}),
            "mrope positions: times must be at most 2^53, got 2e+30");
  EXPECT_EQ(Thrown<std::invalid_argument>([] {
              MropePositions({}, {.tokens_per_second = std::numeric_limits<double>::infinity()});
            }),
            "mrope positions: tokens_per_second must be finite and not negative, got inf");
  EXPECT_EQ(Thrown<std::invalid_argument>(
                [] { XdropePositions({{.frames = 2, .rows = 1, .columns = 1}}); }),
            "xdrope positions: an image has one frame, got 2");
}

}  // namespace
}  // namespace rotary
