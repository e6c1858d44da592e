// Properties: a moved key is the key rotated at its new position, whatever the attention factor,
// the layout, the axes or the decay; a re-based key is the key as the other rotation rotates it;
// both against the double reference, on every SIMD target, in place, by batch rows, for any number
// of threads; a way there and back changes nothing but the last bits; a rotation that is no group,
// a table with the factor still in it and other pairs are refused. How errors grow over 1,000 moves
// is printed and bounded.
#include "rotary/rope/key_shift.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "rotary/base/random.h"
#include "rotary/base/simd.h"
#include "rotary/base/test_thrown.h"
#include "rotary/rope/axes.h"
#include "rotary/rope/rotate_ref.h"

namespace rotary {
namespace {

constexpr int64_t kBatch = 2, kTokens = 5, kHeads = 3;

std::vector<float> Normals(size_t count) {
  const Random random(11, 0);
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i) values[i] = static_cast<float>(random.Normal(i));
  return values;
}

// Keys rotated at positions[token] (of all axes alike) by the reference.
std::vector<double> Rotated(const Rotation& rotation, const std::vector<double>& positions,
                            const std::vector<float>& keys, double centre = 0) {
  const auto d = static_cast<size_t>(rotation.head_dim);
  std::vector<double> result;
  for (size_t row = 0; row < keys.size() / d; ++row) {
    const double position = positions[row / kHeads];
    const std::vector<double> at(static_cast<size_t>(rotation.axes), position);
    const std::vector<double> x(keys.begin() + static_cast<int64_t>(row * d),
                                keys.begin() + static_cast<int64_t>((row + 1) * d));
    const auto y = ref::Rotate(rotation, Direction::kForward, Side::kKey, centre,
                               static_cast<int>(row % kHeads), at, x);
    result.insert(result.end(), y.begin(), y.end());
  }
  return result;
}

double WorstDifference(const std::vector<float>& got, const std::vector<double>& wanted) {
  double worst = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    const double error = std::abs(got[i] - wanted[i]);
    if (!(error <= worst)) worst = std::isnan(error) ? INFINITY : error;
  }
  return worst;
}

std::vector<float> ToFloats(const std::vector<double>& values) {
  return {values.begin(), values.end()};
}

Rotation Yarn() {
  Rotation rotation = MakeRotation({.head_dim = 12, .rotary_dim = 8, .offset = 2});
  rotation.attention_factor = 1.2079441541679836;
  return rotation;
}

std::vector<Rotation> Rotations() {
  Rotation heads = MakeRotation({.head_dim = 4});
  heads.heads = kHeads;
  heads.frequency = {1, 0.1, 2, 0.2, -3, 0.3};
  return {Yarn(), MakeRotation({.head_dim = 128, .layout = Layout::kInterleaved}),
          OnAxes(MakeRotation({.head_dim = 6}), 2, std::vector<int>{0, 1, 1}), heads,
          WithXpos(MakeRotation({.head_dim = 8}), 512)};
}

TEST(KeyShiftTest, AMovedKeyIsTheKeyAtItsNewPosition) {
  const std::vector<double> before = {0, 1, 7, 131071, 2049, 5, 0, -3, 100'000, 4};
  const std::vector<double> deltas = {5, -1, 131064, -131071, 0.5, 0, 0, 3, -99'999, -4};
  for (const int64_t target : SimdTargets()) {
    const ScopedSimdTarget scope(target);
    double worst = 0;
    for (const Rotation& rotation : Rotations()) {
      if (!rotation.log_decay.empty()) continue;  // overflows at such positions
      const auto keys = Normals(static_cast<size_t>(kBatch * kTokens * kHeads * rotation.head_dim));
      const std::vector<float> cached = ToFloats(Rotated(rotation, before, keys));
      std::vector<double> after, all_deltas;
      for (size_t i = 0; i < before.size(); ++i) {
        after.push_back(before[i] + deltas[i]);
        for (int axis = 0; axis < rotation.axes; ++axis) all_deltas.push_back(deltas[i]);
      }
      const Dims shape{kBatch, kTokens, kHeads, rotation.head_dim};
      std::vector<float> moved = cached;
      const TensorView view(moved.data(), DType::kF32, shape);
      ShiftKeys(ShiftTable(rotation),
                ConstTensorView(all_deltas.data(), DType::kF64, {kBatch, kTokens, rotation.axes}),
                view, view, 1);
      const double error = WorstDifference(moved, Rotated(rotation, after, keys));
      EXPECT_LE(error, 2e-6) << rotation.head_dim;
      worst = std::max(worst, error);

      std::vector<float> again(cached.size());
      ShiftKeys(ShiftTable(rotation),
                ConstTensorView(all_deltas.data(), DType::kF64, {kBatch, kTokens, rotation.axes}),
                ConstTensorView(cached.data(), DType::kF32, shape),
                TensorView(again.data(), DType::kF32, shape), 3);
      EXPECT_EQ(again, moved);
    }
    std::printf("%s: worst error of a moved key %.2g\n", SimdTargetName(target).c_str(), worst);
  }
}

TEST(KeyShiftTest, XposMovesWithItsDecay) {
  const Rotation rotation = WithXpos(MakeRotation({.head_dim = 8}), 512);
  const std::vector<double> before = {0, 1, 7, 300, 20, 5, 0, -3, 100, 4};
  std::vector<double> after = before;
  const std::vector<int64_t> deltas = {17, 17, 17, 17, 17};  // for all batch rows
  for (double& position : after) position += 17;
  const auto keys = Normals(static_cast<size_t>(kBatch * kTokens * kHeads * 8));
  std::vector<float> moved = ToFloats(Rotated(rotation, before, keys, 100));
  const TensorView view(moved.data(), DType::kF32, {kBatch, kTokens, kHeads, 8});
  ShiftKeys(ShiftTable(rotation), ConstTensorView(deltas.data(), DType::kI64, {kTokens}), view,
            view);
  EXPECT_LE(WorstDifference(moved, Rotated(rotation, after, keys, 100)), 2e-6);
}

TEST(KeyShiftTest, ARebasedKeyIsTheKeyOfTheOtherRotation) {
  const std::vector<double> before = {0, 1, 7, 131071, 2049, 5, 0, -3, 100'000, 4};
  const std::vector<double> after = {3, 1, 7, 1000, 2048.5, 5, 1, 3, 0, 1'000'000};
  for (const int64_t target : SimdTargets()) {
    const ScopedSimdTarget scope(target);
    for (const Rotation& from : Rotations()) {
      if (!from.log_decay.empty() || from.axes > 1) continue;
      Rotation to = from;
      for (double& w : to.frequency) w *= 0.25;
      to.attention_factor = 1.5;
      const auto keys = Normals(static_cast<size_t>(kBatch * kTokens * kHeads * from.head_dim));
      std::vector<float> cached = ToFloats(Rotated(from, before, keys));
      const TensorView view(cached.data(), DType::kF32, {kBatch, kTokens, kHeads, from.head_dim});
      RebaseKeys(PhaseTable(from), ConstTensorView(before.data(), DType::kF64, {kBatch, kTokens}),
                 PhaseTable(to), ConstTensorView(after.data(), DType::kF64, {kBatch, kTokens}),
                 view, view);
      EXPECT_LE(WorstDifference(cached, Rotated(to, after, keys)), 3e-6) << from.head_dim;
    }
    std::printf("%s ran\n", SimdTargetName(target).c_str());
  }
}

TEST(KeyShiftTest, RebasingTakesBackTheArithmeticOfFrameworks) {
  // Keys of a framework, at a position where its phases are off by more than 1e-3.
  const Rotation rotation = MakeRotation({.head_dim = 64});
  const PhaseTable float32(rotation, Arithmetic::kFloat32), exact(rotation);
  const std::vector<int64_t> at = {1'048'575};
  const ConstTensorView positions(at.data(), DType::kI64, {1});
  std::vector<float> keys = Normals(64), wanted(64);
  const TensorView view(keys.data(), DType::kF32, {1, 1, 64});
  const TensorView wanted_view(wanted.data(), DType::kF32, {1, 1, 64});
  Rotate(exact, positions, view, wanted_view, {}, Side::kKey);
  Rotate(float32, positions, view, view, {}, Side::kKey);
  const auto difference = [&] {
    return WorstDifference(keys, std::vector<double>(wanted.begin(), wanted.end()));
  };
  EXPECT_GT(difference(), 1e-3);
  RebaseKeys(float32, positions, exact, positions, view, view);
  EXPECT_LE(difference(), 2e-6);
}

TEST(KeyShiftTest, SixteenBitsAndDoubles) {
  const Rotation rotation = Yarn();
  const std::vector<int64_t> deltas = {-3, 9, 131072};
  const ConstTensorView by(deltas.data(), DType::kI64, {3});
  const std::vector<float> values = Normals(3 * 2 * 12);
  std::vector<double> wide(values.begin(), values.end()), wide_moved(values.size());
  std::vector<BF16> narrow, narrow_moved(values.size());
  for (const float value : values) narrow.push_back(ToBF16(value));
  const Dims shape{3, 2, 12};
  const PhaseTable table = ShiftTable(rotation);
  ShiftKeys(table, by, ConstTensorView(wide.data(), DType::kF64, shape),
            TensorView(wide_moved.data(), DType::kF64, shape));
  ShiftKeys(table, by, ConstTensorView(narrow.data(), DType::kBF16, shape),
            TensorView(narrow_moved.data(), DType::kBF16, shape));
  Rotation unit = rotation;
  unit.attention_factor = 1;
  for (size_t row = 0; row < 6; ++row) {
    const std::vector<double> at = {static_cast<double>(deltas[row / 2])};
    const auto begin = static_cast<int64_t>(row * 12);
    const auto wanted = ref::Rotate(unit, Direction::kForward, Side::kKey, 0, 0, at,
                                    {wide.begin() + begin, wide.begin() + begin + 12});
    for (size_t c = 0; c < 12; ++c) {
      EXPECT_NEAR(wide_moved[row * 12 + c], wanted[c], 1e-14);
      EXPECT_NEAR(ToFloat(narrow_moved[row * 12 + c]), wanted[c], 0.03);
    }
  }
  // Nothing to do.
  ShiftKeys(table, ConstTensorView(deltas.data(), DType::kI64, {0}),
            ConstTensorView(wide.data(), DType::kF64, {0, 2, 12}),
            TensorView(wide.data(), DType::kF64, {0, 2, 12}));
}

// One token at a time, as a cache that slides: the error of keys moved `moves` times by -1, of the
// pair's length; the largest and the root of the mean square.
struct Drift {
  double largest = 0, root_mean_square = 0;
};

template <class T>
Drift DriftAfter(int moves, DType dtype) {
  constexpr int64_t kRows = 64, kDim = 128;
  const Rotation rotation = MakeRotation({.head_dim = kDim, .theta = 500000});
  const std::vector<float> values = Normals(kRows * kDim);
  std::vector<T> keys(values.size());
  std::transform(values.begin(), values.end(), keys.begin(), FromFloat<T>);
  std::vector<T> moved = keys;
  const TensorView view(moved.data(), dtype, {kRows, 1, kDim});
  const PhaseTable table = ShiftTable(rotation);
  const std::vector<int64_t> deltas(kRows, -1);
  const ConstTensorView by(deltas.data(), DType::kI64, {kRows});
  for (int i = 0; i < moves; ++i) ShiftKeys(table, by, view, view, 1);
  Drift drift;
  for (size_t row = 0; row < kRows; ++row) {
    std::vector<double> start;
    for (size_t c = 0; c < kDim; ++c) start.push_back(ToFloat(keys[row * kDim + c]));
    const std::vector<double> at = {static_cast<double>(-moves)};
    const auto wanted = ref::Rotate(rotation, Direction::kForward, Side::kKey, 0, 0, at, start);
    for (size_t j = 0; j < kDim / 2; ++j) {
      const size_t other = j + kDim / 2;
      const double error = std::hypot(ToFloat(moved[row * kDim + j]) - wanted[j],
                                      ToFloat(moved[row * kDim + other]) - wanted[other]) /
                           std::hypot(wanted[j], wanted[other]);
      if (!(error <= drift.largest)) drift.largest = std::isnan(error) ? INFINITY : error;
      drift.root_mean_square += error * error * 2 / (kRows * kDim);
    }
  }
  drift.root_mean_square = std::sqrt(drift.root_mean_square);
  return drift;
}

TEST(KeyShiftTest, ErrorsOfAThousandMoves) {
  const auto print = [](const char* name, int moves, const Drift& drift) {
    std::printf("%-4s %4d moves by -1: error %.2g of the pair at most, %.2g root mean square\n",
                name, moves, drift.largest, drift.root_mean_square);
  };
  for (const int moves : {1, 10, 100, 1000}) {
    const Drift f32 = DriftAfter<float>(moves, DType::kF32);
    const Drift bf16 = DriftAfter<BF16>(moves, DType::kBF16);
    const Drift f16 = DriftAfter<F16>(moves, DType::kF16);
    print("f32", moves, f32);
    print("bf16", moves, bf16);
    print("f16", moves, f16);
    // Half an ulp each time, all in one direction, is the worst that can be: moves * 2^-24 and so
    // on.
    EXPECT_LE(f32.largest, moves * 2e-7);
    EXPECT_LE(f16.largest, moves * 0x1p-10 + 2e-3);
    EXPECT_LE(bf16.root_mean_square, moves * 0x1p-8);
  }
}

TEST(KeyShiftTest, BadInputIsRefusedAndTheKeysStay) {
  const Rotation yarn = Yarn();
  Rotation mismatch = yarn;
  mismatch.second_frequency = mismatch.frequency;
  const std::vector<float> values = Normals(3 * 2 * 12);
  std::vector<float> keys = values;
  const TensorView view(keys.data(), DType::kF32, {3, 2, 12});
  const std::vector<int64_t> at = {0, 1, 2, 3, 4, 5};
  const ConstTensorView three(at.data(), DType::kI64, {3}), two(at.data(), DType::kI64, {2});
  const ConstTensorView rows(at.data(), DType::kI64, {2, 3});
  const std::vector<double> nan = {0, NAN, 0};
  const PhaseTable table(yarn), unit = ShiftTable(yarn), second(mismatch);
  const char* no_group =
      ": a rotation with a second frequency is no group, its keys cannot be moved";

  EXPECT_EQ(Thrown<std::invalid_argument>([&] { ShiftTable(mismatch); }),
            std::string("shift") + no_group);
  EXPECT_EQ(Thrown<std::invalid_argument>([&] { ShiftKeys(second, three, view, view); }),
            std::string("shift") + no_group);
  EXPECT_EQ(
      Thrown<std::invalid_argument>([&] { ShiftKeys(table, three, view, view); }),
      "shift: the table has an attention factor of 1.20794, which the keys already hold; make "
      "the table by ShiftTable");
  EXPECT_EQ(Thrown<std::invalid_argument>([&] { ShiftKeys(unit, two, view, view); }),
            "rotate: 2 positions for 3 tokens");
  EXPECT_EQ(
      Thrown<std::invalid_argument>([&] { RebaseKeys(second, three, table, three, view, view); }),
      std::string("rebase") + no_group);
  EXPECT_EQ(
      Thrown<std::invalid_argument>([&] { RebaseKeys(table, three, second, three, view, view); }),
      std::string("rebase") + no_group);
  EXPECT_EQ(Thrown<std::invalid_argument>([&] {
              RebaseKeys(table, three, PhaseTable(MakeRotation({.head_dim = 12})), three, view,
                         view);
            }),
            "rebase: the two rotations pair other channels");
  Rotation heads = yarn;
  heads.heads = 2;
  heads.frequency.insert(heads.frequency.end(), yarn.frequency.begin(), yarn.frequency.end());
  EXPECT_EQ(Thrown<std::invalid_argument>(
                [&] { RebaseKeys(table, three, PhaseTable(heads), three, view, view); }),
            "rebase: the rotations are for 1 and 2 heads");
  EXPECT_EQ(
      Thrown<std::invalid_argument>([&] { RebaseKeys(table, three, table, two, view, view); }),
      "rebase: the positions before and after must be alike in shape, got [3] and [2]");
  EXPECT_EQ(
      Thrown<std::invalid_argument>([&] { RebaseKeys(table, rows, table, rows, view, view); }),
      "rebase: 2 rows of positions for keys [3, 2, 12]");
  EXPECT_EQ(Thrown<std::invalid_argument>([&] {
              RebaseKeys(table, three, table, three, view,
                         TensorView(keys.data(), DType::kF32, {3, 1, 12}));
            }),
            "rebase: the keys are [3, 2, 12], the output [3, 1, 12]");
  EXPECT_NE(Thrown<std::invalid_argument>([&] {
              RebaseKeys(table, ConstTensorView(nan.data(), DType::kF64, {3}), table, three, view,
                         view);
            }),
            "nothing was thrown");
  EXPECT_EQ(keys, values);
}

}  // namespace
}  // namespace rotary
