// Properties: every order and width of a table gives the same turns, whatever its dtype, strides
// and axes of length 1; of long tables 256 rows are taken, from the beginning and to the last;
// numbers that are not finite, rows of zeros, and lengths that vary are counted, in all rows;
// shapes that are no tables are refused with their sentence.
#include "rotary/doctor/cos_sin_table.h"

#include <cmath>
#include <limits>
#include <numbers>

#include "gtest/gtest.h"
#include "rotary/io/test_folder.h"

namespace rotary {
namespace {

constexpr int64_t kPairs = 6;

double Angle(int64_t row, int64_t pair) {
  return static_cast<double>(row) * std::pow(10.0, -0.5 * static_cast<double>(pair));
}

// A tensor from a function of its row and column.
template <class F>
Tensor Filled(int64_t rows, int64_t width, const F& number) {
  Tensor tensor(DType::kF64, {rows, width});
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t c = 0; c < width; ++c) tensor.data<double>()[row * width + c] = number(row, c);
  }
  return tensor;
}

double Part(bool sine, double angle) { return sine ? std::sin(angle) : std::cos(angle); }

void ExpectTurns(const CosSinTable& table, TableOrder order, TableWidth width) {
  EXPECT_EQ(Name(table.order), Name(order));
  EXPECT_EQ(Name(table.width), Name(width));
  EXPECT_TRUE(table.form_shows);
  EXPECT_FALSE(table.is_swapped);
  ASSERT_EQ(table.pairs, kPairs);
  for (size_t row = 0; row < table.rows.size(); ++row) {
    for (int64_t j = 0; j < kPairs; ++j) {
      const std::complex<double> turn = std::polar(1.0, Angle(table.rows[row], j));
      ASSERT_TRUE(std::abs(table.At(row, j) - turn) < 1e-12) << row << ' ' << j;
    }
  }
}

// The pair of a column that stands in a row of cosines.
int64_t PairOf(int64_t column, TableWidth width) {
  return width == TableWidth::kEach ? column / 2 : column % kPairs;
}

TEST(CosSinTableTest, EveryForm) {
  for (const TableWidth width : {TableWidth::kHalf, TableWidth::kTwice, TableWidth::kEach}) {
    const int64_t columns = width == TableWidth::kHalf ? kPairs : 2 * kPairs;
    const auto number = [&](int64_t row, int64_t column, bool sine) {
      return Part(sine, Angle(row, PairOf(column, width)));
    };
    const Tensor cos =
        Filled(40, columns, [&](int64_t r, int64_t c) { return number(r, c, false); });
    const Tensor sin =
        Filled(40, columns, [&](int64_t r, int64_t c) { return number(r, c, true); });
    ExpectTurns(ReadCosSinTable(cos.view(), sin.view()), TableOrder::kApart, width);
    for (const bool sines_first : {false, true}) {
      const Tensor both = Filled(40, 2 * columns, [&](int64_t r, int64_t c) {
        return number(r, c % columns, (c >= columns) != sines_first);
      });
      ExpectTurns(ReadCosSinTable(both.view(), {}),
                  sines_first ? TableOrder::kSinCos : TableOrder::kCosSin, width);
    }
    const Tensor complex =
        Filled(40, 2 * columns, [&](int64_t r, int64_t c) { return number(r, c / 2, c % 2 == 1); });
    ExpectTurns(ReadCosSinTable(complex.view(), {}), TableOrder::kComplex, width);
    ExpectTurns(ReadCosSinTable({complex.raw(), DType::kF64, {1, 40, columns, 2}}, {}),
                TableOrder::kComplex, width);
  }
}

TEST(CosSinTableTest, StridesAndNegatedSines) {
  // The columns of a tensor with the rows innermost, and sines whose first copy is negated.
  const Tensor cos = Filled(
      2 * kPairs, 40, [](int64_t c, int64_t row) { return std::cos(Angle(row, c % kPairs)); });
  const Tensor sin = Filled(2 * kPairs, 40, [](int64_t c, int64_t row) {
    return (c < kPairs ? -1 : 1) * std::sin(Angle(row, c % kPairs));
  });
  const Dims shape{40, 1, 2 * kPairs}, strides{1, 7, 40};
  const CosSinTable table =
      ReadCosSinTable({cos.raw(), DType::kF64, shape, strides},
                      ConstTensorView{sin.raw(), DType::kF64, shape, strides});
  ExpectTurns(table, TableOrder::kApart, TableWidth::kTwice);
  EXPECT_TRUE(table.signed_sines);
}

TEST(CosSinTableTest, SwappedNames) {
  for (const int64_t first : {0, 5}) {
    const auto part = [&](bool sine) {
      return Filled(40, kPairs,
                    [&](int64_t r, int64_t c) { return Part(sine, Angle(r + first, c)); });
    };
    const Tensor cos = part(false), sin = part(true);
    EXPECT_FALSE(ReadCosSinTable(cos.view(), sin.view()).is_swapped);
    if (first == 0) {
      EXPECT_TRUE(ReadCosSinTable(sin.view(), cos.view()).is_swapped);
    }
  }
}

TEST(CosSinTableTest, LongTablesAreSampled) {
  const Tensor cos =
      Filled(5000, kPairs, [](int64_t r, int64_t c) { return std::cos(Angle(r, c)); });
  const Tensor sin =
      Filled(5000, kPairs, [](int64_t r, int64_t c) { return std::sin(Angle(r, c)); });
  const CosSinTable table = ReadCosSinTable(cos.view(), sin.view());
  EXPECT_EQ(table.all_rows, 5000);
  ASSERT_EQ(table.rows.size(), 256u);
  for (size_t i = 0; i < 128; ++i) EXPECT_EQ(table.rows[i], static_cast<int64_t>(i));
  for (size_t i = 1; i < 256; ++i) EXPECT_LT(table.rows[i - 1], table.rows[i]);
  EXPECT_EQ(table.rows.back(), 4999);
  ExpectTurns(table, TableOrder::kApart, TableWidth::kHalf);
}

TEST(CosSinTableTest, FlawsOfAnyRow) {
  Tensor cos = Filled(5000, kPairs, [](int64_t r, int64_t c) { return std::cos(Angle(r, c)); });
  Tensor sin = Filled(5000, kPairs, [](int64_t r, int64_t c) { return std::sin(Angle(r, c)); });
  EXPECT_LT(ReadCosSinTable(cos.view(), sin.view()).unevenness, 1e-12);
  EXPECT_EQ(ReadCosSinTable(cos.view(), sin.view()).flaws.zero_rows, 0);
  for (const int64_t row : {3001, 3002}) {
    for (int64_t c = 0; c < kPairs; ++c) {
      cos.data<double>()[row * kPairs + c] = sin.data<double>()[row * kPairs + c] = 0;
    }
  }
  const CosSinTable zeros = ReadCosSinTable(cos.view(), sin.view());
  EXPECT_EQ(zeros.flaws.zero_rows, 2);
  EXPECT_EQ(zeros.flaws.zero_row, 3001);
  cos.data<double>()[4000 * kPairs + 2] = std::numeric_limits<double>::quiet_NaN();
  sin.data<double>()[3500 * kPairs + 4] = std::numeric_limits<double>::infinity();
  const CosSinTable holes = ReadCosSinTable(cos.view(), sin.view());
  EXPECT_EQ(holes.flaws.not_finite, 2);
  EXPECT_EQ(holes.flaws.bad_row, 3500);
  EXPECT_EQ(holes.flaws.bad_column, 4);
  EXPECT_TRUE(holes.turn.empty());
}

TEST(CosSinTableTest, BitsOfTheNumbers) {
  const auto bits = [](DType dtype) {
    Tensor cos(dtype, {40, kPairs}), sin(dtype, {40, kPairs});
    DispatchFloat(dtype, "test", [&]<class T>() {
      for (int64_t i = 0; i < cos.count(); ++i) {
        const double a = Angle(i / kPairs, i % kPairs);
        if constexpr (std::is_same_v<T, double>) {
          cos.data<T>()[i] = std::cos(a);
          sin.data<T>()[i] = std::sin(a);
        } else {
          cos.data<T>()[i] = FromFloat<T>(static_cast<float>(std::cos(a)));
          sin.data<T>()[i] = FromFloat<T>(static_cast<float>(std::sin(a)));
        }
      }
    });
    return ReadCosSinTable(cos.view(), sin.view()).bits;
  };
  EXPECT_EQ(bits(DType::kBF16), 8);
  EXPECT_EQ(bits(DType::kF16), 11);
  EXPECT_EQ(bits(DType::kF32), 24);
  EXPECT_EQ(bits(DType::kF64), 53);
  // A row that turns nothing holds ones and zeros, which are numbers of every format.
  const Tensor ones = Filled(1, 64, [](int64_t, int64_t c) { return c < 32 ? 1.0 : 0.0; });
  EXPECT_EQ(ReadCosSinTable(ones.view(), {}).bits, 0);
}

TEST(CosSinTableTest, RefusesOtherShapes) {
  const Tensor x(DType::kF32, {4, 3, 5});
  const auto sentence = [](const ConstTensorView& cos, const std::optional<ConstTensorView>& sin) {
    return Thrown<std::invalid_argument>([&] { ReadCosSinTable(cos, sin); });
  };
  const auto shaped = [&](const Dims& shape) {
    return ConstTensorView(x.raw(), DType::kF32, shape);
  };
  EXPECT_EQ(sentence(x.view(), {}), "doctor: a table is [rows, width], got [4, 3, 5]");
  EXPECT_EQ(sentence(shaped({0, 4}), {}), "doctor: a table is [rows, width], got [0, 4]");
  EXPECT_EQ(sentence(shaped({4, 5}), {}),
            "doctor: a table of cosines and sines has an even width, got 5");
  EXPECT_EQ(sentence(shaped({4, 4}), shaped({4, 2})),
            "doctor: cosines and sines must have one shape, got [4, 4] and [4, 2]");
  EXPECT_EQ(sentence({x.raw(), DType::kI32, {4, 4}}, {}),
            "doctor: dtype must be f64, f32, bf16 or f16, got i32");
}

}  // namespace
}  // namespace rotary
