// Properties: samples hold the numbers of the tensors, whatever dtype and strides; the first half
// of them are neighbours, the others reach the last token of the last row; the unit is that of the
// shortest format that holds all outputs; heads and rows are cut out whole; what cannot be looked
// at is refused with its place.
#include "rotary/doctor/samples.h"

#include <cmath>
#include <limits>
#include <numeric>
#include <string>

#include "gtest/gtest.h"
#include "rotary/base/dtype.h"
#include "rotary/doctor/precision.h"
#include "rotary/io/test_folder.h"

namespace rotary {
namespace {

// [rows, tokens, heads, head_dim] of 0, 1, 2 .. before, and their negatives after; positions
// [rows, tokens, axes] of 0.5, 1.5 ..
struct Tensors {
  Tensors(DType dtype, Dims shape, int axes = 1) : before(dtype, shape), after(dtype, shape) {
    DispatchFloat(dtype, "test", [&]<class T>() {
      for (size_t i = 0; i < before.span<T>().size(); ++i) {
        before.span<T>()[i] = FromFloat<T>(static_cast<float>(i));
        after.span<T>()[i] = FromFloat<T>(-static_cast<float>(i));
      }
    });
    observation = {before.view(), after.view(), {}, axes};
    for (int64_t i = 0; i < shape[0] * shape[1] * axes; ++i) {
      observation.positions.push_back(static_cast<double>(i) + 0.5);
    }
  }
  Tensor before, after;
  Observation observation;
};

TEST(TakeSamplesTest, AllNumbersOfAllDTypes) {
  for (const DType dtype : {DType::kF64, DType::kF32, DType::kF16, DType::kBF16}) {
    const Tensors tensors(dtype, {2, 3, 2, 5}, 2);
    const Samples samples = TakeSamples(tensors.observation, 6);
    EXPECT_EQ(samples.tokens, 6);
    EXPECT_EQ(samples.heads, 2);
    EXPECT_EQ(samples.head_dim, 5);
    EXPECT_EQ(samples.axes, 2);
    ASSERT_EQ(samples.before.size(), 60u);
    for (size_t i = 0; i < 60; ++i) {
      EXPECT_EQ(samples.before[i], static_cast<double>(i)) << Name(dtype);
      EXPECT_EQ(samples.after[i], -static_cast<double>(i)) << Name(dtype);
    }
    EXPECT_EQ(samples.positions, tensors.observation.positions);
    EXPECT_EQ(samples.row, std::vector<int64_t>({0, 0, 0, 1, 1, 1}));
    EXPECT_EQ(samples.token, std::vector<int64_t>({0, 1, 2, 0, 1, 2}));
    EXPECT_EQ(samples.Before(4)[3], 43);
    EXPECT_EQ(samples.After(4)[3], -43);
  }
}

TEST(TakeSamplesTest, Strides) {
  // [heads, tokens, head_dim] in memory, seen as [1, tokens, heads, head_dim].
  std::vector<double> numbers(2 * 3 * 4);
  std::iota(numbers.begin(), numbers.end(), 0);
  const ConstTensorView view(numbers.data(), DType::kF64, {1, 3, 2, 4}, {24, 4, 12, 1});
  const Samples samples = TakeSamples({view, view, {}}, 10);
  for (size_t t = 0; t < 3; ++t) {
    for (size_t h = 0; h < 2; ++h) {
      for (size_t c = 0; c < 4; ++c) {
        EXPECT_EQ(samples.before[t * 8 + h * 4 + c], static_cast<double>(h * 12 + t * 4 + c));
      }
    }
  }
  EXPECT_TRUE(samples.positions.empty());
}

TEST(TakeSamplesTest, NeighboursThenTheRestEvenly) {
  const Tensors tensors(DType::kF32, {3, 100, 1, 1});
  const Samples samples = TakeSamples(tensors.observation, 20);
  ASSERT_EQ(samples.tokens, 20);
  std::vector<int64_t> index;
  for (size_t t = 0; t < 20; ++t) {
    index.push_back(samples.row[t] * 100 + samples.token[t]);
    EXPECT_EQ(samples.before[t], static_cast<double>(index[t]));
    EXPECT_EQ(samples.positions[t], static_cast<double>(index[t]) + 0.5);
  }
  for (size_t t = 0; t < 10; ++t) EXPECT_EQ(index[t], static_cast<int64_t>(t));
  for (size_t t = 10; t < 20; ++t) EXPECT_EQ(index[t] - index[t - 1], 29);
  EXPECT_EQ(index.back(), 299);
}

TEST(TakeSamplesTest, UnitIsThatOfTheShortestFormat) {
  const auto unit_of = [](DType dtype, double y) {
    Tensors tensors(dtype, {1, 1, 1, 2});
    DispatchFloat(dtype, "test", [&]<class T>() {
      tensors.after.span<T>()[0] = FromFloat<T>(1.5F);
      if constexpr (std::is_same_v<T, double>) {
        tensors.after.span<T>()[1] = y;
      } else {
        tensors.after.span<T>()[1] = FromFloat<T>(static_cast<float>(y));
      }
    });
    return TakeSamples(tensors.observation, 1).unit;
  };
  EXPECT_EQ(unit_of(DType::kF64, 0.1), 0x1p-53);
  EXPECT_EQ(unit_of(DType::kF64, double{0.1F}), 0x1p-24);
  EXPECT_EQ(unit_of(DType::kF32, 0.1), 0x1p-24);
  EXPECT_EQ(unit_of(DType::kF16, 0.1), 0x1p-11);
  EXPECT_EQ(unit_of(DType::kF32, RoundedTo(Precision::kF16, 0.1)), 0x1p-11);
  EXPECT_EQ(unit_of(DType::kBF16, 0.1), 0x1p-8);
  EXPECT_EQ(unit_of(DType::kF32, RoundedTo(Precision::kBF16, 0.1)), 0x1p-8);
  EXPECT_EQ(unit_of(DType::kF32, 0), 0x1p-8);
}

TEST(SamplesTest, HeadsAndRows) {
  const Tensors tensors(DType::kF32, {2, 2, 3, 2}, 2);
  const Samples samples = TakeSamples(tensors.observation, 4);
  const Samples head = OfHead(samples, 1);
  EXPECT_EQ(head.heads, 1);
  EXPECT_EQ(head.tokens, 4);
  EXPECT_EQ(head.before, std::vector<double>({2, 3, 8, 9, 14, 15, 20, 21}));
  EXPECT_EQ(head.after, std::vector<double>({-2, -3, -8, -9, -14, -15, -20, -21}));
  EXPECT_EQ(head.positions, samples.positions);
  const Samples row = OfRow(samples, 1);
  EXPECT_EQ(row.tokens, 2);
  EXPECT_EQ(row.before.front(), 12);
  EXPECT_EQ(row.before.size(), 12u);
  EXPECT_EQ(row.after.back(), -23);
  EXPECT_EQ(row.positions, std::vector<double>({4.5, 5.5, 6.5, 7.5}));
  EXPECT_EQ(row.row, std::vector<int64_t>({1, 1}));
  EXPECT_EQ(row.token, std::vector<int64_t>({0, 1}));
  EXPECT_EQ(row.unit, samples.unit);
  EXPECT_EQ(OfRow(samples, 2).tokens, 0);
  const Samples rows = OfRows(samples, {0, 1});
  EXPECT_EQ(rows.before, samples.before);
  EXPECT_EQ(rows.row, samples.row);
}

std::string Refused(const Observation& observation) {
  return Thrown<std::invalid_argument>([&] { TakeSamples(observation, 100); });
}

TEST(TakeSamplesTest, RefusesWhatIsNotFinite) {
  Tensors one(DType::kF32, {1, 3, 2, 4});
  one.before.span<float>()[8 + 4 + 3] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(Refused(one.observation),
            "doctor: before has a number that is not finite, at token 1, head 1, channel 3");
  Tensors two(DType::kBF16, {2, 3, 2, 4});
  two.after.span<BF16>()[24 + 16] = FromFloat<BF16>(std::numeric_limits<float>::infinity());
  EXPECT_EQ(Refused(two.observation),
            "doctor: after has a number that is not finite, at row 1, token 2, head 0, channel 0");
}

TEST(TakeSamplesTest, RefusesOtherShapes) {
  const Tensors tensors(DType::kF32, {1, 3, 2, 4}), other(DType::kF32, {1, 3, 1, 4}),
      empty(DType::kF32, {1, 0, 2, 4});
  Observation observation = tensors.observation;
  observation.after = other.after.view();
  EXPECT_EQ(
      Refused(observation),
      "doctor: before and after must be two [rows, tokens, heads, head_dim] of one shape, got "
      "[1, 3, 2, 4] and [1, 3, 1, 4]");
  const ConstTensorView flat(tensors.before.const_view().data(), DType::kF32, {3, 2, 4});
  EXPECT_EQ(
      Refused({flat, flat, {}}),
      "doctor: before and after must be two [rows, tokens, heads, head_dim] of one shape, got "
      "[3, 2, 4] and [3, 2, 4]");
  EXPECT_EQ(Refused(empty.observation), "doctor: there are no numbers: [1, 0, 2, 4]");
  observation = tensors.observation;
  observation.axes = 2;
  EXPECT_EQ(Refused(observation),
            "doctor: positions must be 6 numbers, one for each token and axis, got 3");
}

TEST(GivenPositionsTest, CountedWhereNoneAreKnown) {
  Samples samples{.tokens = 3, .axes = 1, .positions = {7, 8, 9.5}, .token = {0, 1, 5}};
  EXPECT_EQ(GivenPositions(samples), samples.positions);
  samples.positions.clear();
  EXPECT_EQ(GivenPositions(samples), std::vector<double>({0, 1, 5}));
  samples.axes = 2;
  EXPECT_EQ(GivenPositions(samples), std::vector<double>({0, 0, 1, 1, 5, 5}));
}

}  // namespace
}  // namespace rotary
