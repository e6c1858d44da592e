// Properties: grids list every combination in the order of tokens, for axes in either order; each
// list of coordinates has the numbers of its published formula; merge blocks are the published
// reshape and transpose; positions reach Rotate as they are, and an image that is moved keeps its
// scores; bad input has its sentence.
#include "rotary/rope/grid_positions.h"

#include <cmath>
#include <limits>

#include "gtest/gtest.h"
#include "rotary/rope/image_rotations.h"
#include "rotary/rope/table_form.h"

namespace rotary {
namespace {

Numbers All(const Tensor& positions) {
  return {positions.span<double>().begin(), positions.span<double>().end()};
}

TEST(GridTest, RowsThenColumnsInEitherOrderOfAxes) {
  const Tensor yx = Grid({{0, 1}, {5, 6, 7}});
  EXPECT_EQ(yx.shape().ToString(), "[1, 6, 2]");
  EXPECT_EQ(All(yx), (Numbers{0, 5, 0, 6, 0, 7, 1, 5, 1, 6, 1, 7}));
  EXPECT_EQ(All(Grid({{0, 1}, {5, 6, 7}}, AxisOrder::kReversed)),
            (Numbers{5, 0, 6, 0, 7, 0, 5, 1, 6, 1, 7, 1}));
  EXPECT_EQ(All(Grid({Steps(2), {9}, Steps(2, 3)})), (Numbers{0, 9, 3, 0, 9, 4, 1, 9, 3, 1, 9, 4}));
  EXPECT_EQ(Grid({Steps(3), {}}).shape().ToString(), "[1, 0, 2]");
}

TEST(CoordinatesTest, OfThePublishedFormulas) {
  EXPECT_EQ(Steps(3, 1), (Numbers{1, 2, 3}));
  EXPECT_EQ(Steps(3, -1, 0.25), (Numbers{-1, -0.75, -0.5}));
  // Qwen-Image: the last n - n/2 of the negative numbers, then n/2 from 0.
  EXPECT_EQ(Centred(4), (Numbers{-2, -1, 0, 1}));
  EXPECT_EQ(Centred(5), (Numbers{-3, -2, -1, 0, 1}));
  // EVA: x / f * r, the 24 x 24 patches of a larger image over the range of 16.
  const Numbers rescaled = Rescaled(24, 16, 1);
  for (size_t i = 0; i < 24; ++i) {
    EXPECT_TRUE(std::abs(rescaled[i] - (static_cast<double>(i) + 1) * 2 / 3) < 1e-14) << i;
  }
  // DINOv3: arange(0.5, n) / n from [0, 1] to [-1, 1].
  EXPECT_EQ(PatchCentres(4, 4), (Numbers{-0.75, -0.25, 0.25, 0.75}));
  EXPECT_EQ(PatchCentres(2, 4), (Numbers{-0.75, -0.25}));
  EXPECT_EQ(PatchCentres(3, 1), (Numbers{0, 2, 4}));
  EXPECT_EQ(EvenlySpaced(5, -1, 1), (Numbers{-1, -0.5, 0, 0.5, 1}));
  EXPECT_EQ(EvenlySpaced(1, 7, 9), (Numbers{7}));
  // Mochi: middles between n + 1 edges from -n s / 2 to n s / 2.
  const double s = std::sqrt(192.0 * 192 / (30 * 53));
  const Numbers centres = Steps(30, (1 - 30) / 2.0 * s, s);
  for (int i = 0; i < 30; ++i) {
    const double edge = -15 * s + i * s, next = -15 * s + (i + 1) * s;
    EXPECT_TRUE(std::abs(centres[static_cast<size_t>(i)] - (edge + next) / 2) < 1e-12) << i;
  }
}

TEST(InMergeBlocksTest, IsTheReshapeAndTranspose) {
  // (rows/m, m, columns/m, m) with the middle two swapped, in each of two frames.
  constexpr int kRows = 4, kColumns = 6, kMerge = 2;
  const Tensor blocks =
      InMergeBlocks(Grid({Steps(2, 10), Steps(kRows), Steps(kColumns)}), kRows, kColumns, kMerge);
  Numbers expected;
  for (int frame = 0; frame < 2; ++frame) {
    for (int token = 0; token < kRows * kColumns; ++token) {
      const int column_in = token % kMerge, row_in = token / kMerge % kMerge;
      const int block = token / (kMerge * kMerge);
      const int block_column = block % (kColumns / kMerge), block_row = block / (kColumns / kMerge);
      expected.insert(expected.end(), {10.0 + frame, 1.0 * block_row * kMerge + row_in,
                                       1.0 * block_column * kMerge + column_in});
    }
  }
  EXPECT_EQ(All(blocks), expected);
  EXPECT_EQ(All(InMergeBlocks(Grid({Steps(3), Steps(5)}), 3, 5, 1)),
            All(Grid({Steps(3), Steps(5)})));
}

TEST(JoinedTest, TextBesideAnImage) {
  const Tensor text = EqualOnAxes(2, 3, 2), image = Grid({Steps(1), Steps(2)});
  const Tensor still = EqualOnAxes(1, 0, 2, 0);
  EXPECT_EQ(All(Joined({&still, &image, &text})), (Numbers{0, 0, 0, 0, 0, 1, 3, 3, 4, 4}));
  EXPECT_EQ(Joined({}).shape().ToString(), "[1, 0, 0]");
}

// Scores of all pairs of patches, of queries and keys that differ from patch to patch.
Numbers Scores(const PhaseTable& table, const Tensor& positions) {
  const int64_t tokens = positions.shape(1), head_dim = table.rotation().head_dim;
  Tensor q(DType::kF64, {2, tokens, 1, head_dim}), k(DType::kF64, {2, tokens, 1, head_dim});
  const Numbers random = NormalNumbers(static_cast<int>(2 * q.count()), 6);
  std::copy_n(random.begin(), q.count(), q.data<double>());
  std::copy_n(random.begin() + q.count(), k.count(), k.data<double>());
  RotateQK(table, positions.view(), q.view(), k.view());
  Numbers scores;
  for (int64_t batch = 0; batch < 2; ++batch) {
    for (int64_t i = 0; i < tokens; ++i) {
      for (int64_t j = 0; j < tokens; ++j) {
        const double* a = q.data<double>() + (batch * tokens + i) * head_dim;
        const double* b = k.data<double>() + (batch * tokens + j) * head_dim;
        double sum = 0;
        for (int64_t c = 0; c < head_dim; ++c) sum += a[c] * b[c];
        scores.push_back(sum);
      }
    }
  }
  return scores;
}

TEST(GridTest, AMovedImageKeepsItsScores) {
  for (const Rotation& rotation : {AxialHalf(16, 1e4), MoonVit(16), AxialHalfInBlocks(16, 100)}) {
    const PhaseTable table(rotation);
    const Numbers here = Scores(table, Grid({Steps(3), Steps(4)}));
    const Numbers there = Scores(table, Grid({Steps(3, 100'003), Steps(4, -77)}));
    const Numbers turned = Scores(table, Grid({Steps(3), Steps(4)}, AxisOrder::kReversed));
    double difference = 0, of_turned = 0;
    for (size_t i = 0; i < here.size(); ++i) {
      difference = std::max(difference, std::abs(here[i] - there[i]));
      of_turned = std::max(of_turned, std::abs(here[i] - turned[i]));
    }
    EXPECT_TRUE(difference < 1e-10) << difference;
    EXPECT_GT(of_turned, 1e-2);
  }
}

TEST(GridPositionsTest, BadInputIsRefused) {
  const Tensor grid = Grid({Steps(4), Steps(6)}), line = Grid({Steps(3)});
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(Thrown<std::invalid_argument>([] { Steps(-1); }),
            "positions: their number must not be negative, got -1");
  EXPECT_EQ(Thrown<std::invalid_argument>([&] { Steps(2, nan); }),
            "positions: coordinates must be finite, got nan");
  EXPECT_EQ(Thrown<std::invalid_argument>([&] {
              Grid({{1, nan}});
            }),
            "positions: coordinates must be finite, got nan");
  EXPECT_EQ(Thrown<std::invalid_argument>([] { PatchCentres(2, 0); }),
            "positions: the extent must be at least 1 patch, got 0");
  EXPECT_EQ(Thrown<std::invalid_argument>([] { Grid({}); }),
            "positions: a grid needs at least one axis");
  EXPECT_EQ(Thrown<std::invalid_argument>([] { EqualOnAxes(1, 0, 0); }),
            "positions: there must be at least one axis, got 0");
  EXPECT_EQ(Thrown<std::invalid_argument>([&] { InMergeBlocks(grid, 4, 6, 4); }),
            "positions: blocks of 4 x 4 patches do not fill 4 x 6");
  EXPECT_EQ(Thrown<std::invalid_argument>([&] { InMergeBlocks(grid, 4, 4, 2); }),
            "positions: 24 are no whole frames of 4 x 4");
  EXPECT_EQ(Thrown<std::invalid_argument>([&] {
              InMergeBlocks(Tensor(DType::kI64, {1, 4, 2}), 2, 2, 2);
            }),
            "positions: they must be f64 [1, tokens, axes], got i64 [1, 4, 2]");
  EXPECT_EQ(Thrown<std::invalid_argument>([&] {
              Joined({&grid, &line});
            }),
            "positions: parts of 2 and of 1 axes cannot be joined");
}

}  // namespace
}  // namespace rotary
