// Properties: measured angles are those of the rotation that was applied, of the tokens and rows
// that are named; what they are off by is the difference from what was asked for, 0 for the same
// rotation; few enough cells for any size; the head that is looked at is the one that differs.
#include "rotary/doctor/turn_pictures.h"

#include <cmath>
#include <numbers>
#include <vector>

#include "gtest/gtest.h"
#include "rotary/doctor/output_fit.h"

namespace rotary {
namespace {

struct Case {
  Tensor before, after;
  Observation observation;
};

// [rows, tokens, heads, 8] with positions 100 row + 3 token, as `applied` turns them; heads from
// `untouched` on stay.
Case Turned(int64_t rows, int64_t tokens, int64_t heads, const Rotation& applied,
            int64_t untouched = -1) {
  Case made{.before = Tensor(DType::kF64, {rows, tokens, heads, 8})};
  Samples samples{.tokens = rows * tokens, .heads = heads, .head_dim = 8};
  for (int64_t i = 0; i < made.before.count(); ++i) {
    samples.before.push_back(1 + std::sin(1.7 * static_cast<double>(i)));
    made.before.data<double>()[i] = samples.before.back();
  }
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t token = 0; token < tokens; ++token) {
      made.observation.positions.push_back(static_cast<double>(100 * row + 3 * token));
    }
  }
  made.after = Tensor(DType::kF64, made.before.shape());
  const std::vector<double> y =
      Predicted(samples, {.rotation = applied}, made.observation.positions);
  for (size_t i = 0; i < y.size(); ++i) {
    const bool stays = untouched >= 0 && static_cast<int64_t>(i) / 8 % heads >= untouched;
    made.after.data<double>()[i] = stays ? samples.before[i] : y[i];
  }
  made.observation.before = made.before.const_view();
  made.observation.after = made.after.const_view();
  return made;
}

double Wrapped(double angle) { return std::remainder(angle, 2 * std::numbers::pi); }

Expectation Asked(const Rotation& rotation) { return {.rotation = rotation}; }

TEST(TurnPicturesTest, AnglesAreThoseOfTheRotation) {
  const Rotation applied = MakeRotation({.head_dim = 8, .theta = 50});
  const Rotation asked = MakeRotation({.head_dim = 8, .theta = 400});
  const Case made = Turned(2, 5, 3, applied);
  Diagnosis diagnosis;
  diagnosis.rotation = applied;
  const auto pictures = DrawTurns(made.observation, Asked(asked), diagnosis, 65536);
  ASSERT_TRUE(pictures);
  EXPECT_EQ(pictures->row, (std::vector<int64_t>{0, 0, 0, 0, 0, 1, 1, 1, 1, 1}));
  EXPECT_EQ(pictures->token, (std::vector<int64_t>{0, 1, 2, 3, 4, 0, 1, 2, 3, 4}));
  EXPECT_EQ(pictures->position, made.observation.positions);
  EXPECT_EQ(pictures->head, -1);
  EXPECT_EQ(pictures->measured.first, (std::vector<int>{0, 1, 2, 3}));
  ASSERT_EQ(pictures->measured.angle.size(), 40u);
  for (size_t j = 0; j < 4; ++j) {
    for (size_t t = 0; t < 10; ++t) {
      const double p = pictures->position[t], w = applied.frequency[j], v = asked.frequency[j];
      EXPECT_LE(std::abs(Wrapped(pictures->measured.angle[10 * j + t] - w * p)), 1e-12);
      EXPECT_LE(std::abs(Wrapped(pictures->off.angle[10 * j + t] - (w - v) * p)), 1e-12);
    }
  }
  // Without a config: against what was found.
  const auto own = DrawTurns(made.observation, {}, diagnosis, 65536);
  for (const double angle : own->off.angle) EXPECT_LE(std::abs(angle), 1e-12);
  EXPECT_FALSE(DrawTurns(made.observation, {}, {}, 65536));
}

TEST(TurnPicturesTest, OtherPairsAreLookedAtToo) {
  const Rotation applied = MakeRotation({.head_dim = 8, .layout = Layout::kInterleaved});
  const Rotation asked = MakeRotation({.head_dim = 8, .rotary_dim = 4});
  const Case made = Turned(1, 9, 4, applied);
  Diagnosis diagnosis;
  diagnosis.rotation = applied;
  const auto pictures = DrawTurns(made.observation, Asked(asked), diagnosis, 65536);
  EXPECT_EQ(pictures->measured.second, (std::vector<int>{1, 3, 5, 7}));
  EXPECT_EQ(pictures->off.second, (std::vector<int>{2, 3}));
  EXPECT_EQ(pictures->off.angle.size(), 18u);
  double most = 0;
  for (const double angle : pictures->off.angle) most = std::max(most, std::abs(angle));
  EXPECT_GT(most, 0.5);
}

TEST(TurnPicturesTest, FewCellsOfManyTokens) {
  const Rotation rotation = MakeRotation({.head_dim = 8});
  Diagnosis diagnosis;
  diagnosis.rotation = rotation;
  for (const auto& [rows, tokens, cells, most] :
       {std::tuple(1, 1000, 65536, 256), std::tuple(1, 1000, 100, 25), std::tuple(7, 100, 400, 100),
        std::tuple(500, 1, 400, 100), std::tuple(3, 10, 2, 1)}) {
    const Case made = Turned(rows, tokens, 1, rotation);
    const auto pictures = DrawTurns(made.observation, {}, diagnosis, cells);
    const size_t columns = pictures->token.size();
    EXPECT_LE(columns, static_cast<size_t>(most)) << rows << " " << tokens;
    EXPECT_GE(3 * columns, static_cast<size_t>(most)) << rows << " " << tokens;
    EXPECT_EQ(pictures->all_tokens, rows * tokens);
    EXPECT_EQ(pictures->off.angle.size(), 4 * columns);
    for (size_t t = 0; t < columns; ++t) {
      EXPECT_EQ(pictures->position[t], 100.0 * static_cast<double>(pictures->row[t]) +
                                           3.0 * static_cast<double>(pictures->token[t]));
    }
    for (const double angle : pictures->off.angle) EXPECT_LE(std::abs(angle), 1e-12);
  }
}

TEST(TurnPicturesTest, PositionsThatNobodyGave) {
  const Rotation rotation = MakeRotation({.head_dim = 8});
  Case made = Turned(1, 6, 2, rotation);
  Diagnosis diagnosis;
  diagnosis.rotation = rotation;
  diagnosis.position_shift = 7;
  made.observation.positions.clear();
  const auto pictures = DrawTurns(made.observation, {}, diagnosis, 65536);
  EXPECT_EQ(pictures->position, (std::vector<double>{7, 8, 9, 10, 11, 12}));
}

TEST(TurnPicturesTest, TheHeadThatDiffers) {
  const Rotation rotation = MakeRotation({.head_dim = 8});
  const Case made = Turned(1, 6, 3, rotation, 2);
  Diagnosis diagnosis;
  diagnosis.rotation = rotation;
  diagnosis.findings = {{"heads-differ", Severity::kFault, "", {{"odd", {2}}}}};
  const auto pictures = DrawTurns(made.observation, Asked(rotation), diagnosis, 65536);
  EXPECT_EQ(pictures->head, 2);
  for (const double angle : pictures->measured.angle) EXPECT_EQ(angle, 0);
  EXPECT_NEAR(pictures->off.angle[1], -3, 1e-12);
}

TEST(TurnPicturesTest, WhatIsZeroHasNoAngle) {
  const Rotation rotation = MakeRotation({.head_dim = 8});
  Case made = Turned(1, 3, 2, rotation);
  for (int64_t i = 16; i < 32; ++i) made.after.data<double>()[i] = 0;  // token 1
  Diagnosis diagnosis;
  diagnosis.rotation = rotation;
  const auto pictures = DrawTurns(made.observation, {}, diagnosis, 65536);
  for (size_t i = 0; i < 12; ++i) {
    EXPECT_EQ(std::isnan(pictures->measured.angle[i]), i % 3 == 1) << i;
    EXPECT_EQ(std::isnan(pictures->off.angle[i]), i % 3 == 1) << i;
  }
}

}  // namespace
}  // namespace rotary
