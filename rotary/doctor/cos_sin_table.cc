#include "rotary/doctor/cos_sin_table.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <type_traits>
#include <utility>

#include "rotary/base/error.h"

namespace rotary {
namespace {

constexpr int64_t kMostRows = 256;
constexpr int64_t kTelling = 16;  // numbers that make a format more than chance
// Columns are the same where they differ by no more than two roundings of f32 by chance would.
constexpr double kSame = 0x1p-22;
// Rows whose lengths vary by more are noise: bf16 varies them by 2e-3.
constexpr double kNoise = 0.05;

double ToDouble(auto x) {
  if constexpr (std::is_same_v<decltype(x), double>) {
    return x;
  } else {
    return ToFloat(x);
  }
}

int SignificantBits(double value) {
  if (value == 0) return 0;
  int exponent = 0;
  const double mantissa = std::abs(std::frexp(value, &exponent));
  return 53 - std::countr_zero(static_cast<uint64_t>(std::ldexp(mantissa, 53)));
}

// Numbers of the rows that are taken.
struct Block {
  int64_t width = 0;
  std::vector<double> numbers;  // [rows taken, width]
};

ConstTensorView WithoutOnes(const ConstTensorView& view) {
  Dims shape, strides;
  std::vector<int64_t> lengths, steps;
  for (int axis = 0; axis < view.rank(); ++axis) {
    if (view.shape(axis) == 1) continue;
    lengths.push_back(view.shape(axis));
    steps.push_back(view.stride(axis));
  }
  shape = Dims(std::span<const int64_t>(lengths));
  strides = Dims(std::span<const int64_t>(steps));
  return {view.data(), view.dtype(), shape, strides};
}

// [rows, width] of a view without axes of length 1; [width] is one row.
ConstTensorView AsMatrix(const ConstTensorView& view) {
  if (view.rank() == 2) return view;
  const bool is_row = view.rank() == 1;
  return {view.data(), view.dtype(), Dims{1, is_row ? view.shape(0) : 1},
          Dims{0, is_row ? view.stride(0) : 0}};
}

// [rows, pairs, 2] and [rows, 2, width] as [rows, 2 pairs]: where a view has no gaps there.
ConstTensorView Flattened(const ConstTensorView& view) {
  Require(view.stride(1) == view.stride(2) * view.shape(2),
          "doctor: a table of three axes must have no gaps");
  return {view.data(), view.dtype(), Dims{view.shape(0), view.shape(1) * view.shape(2)},
          Dims{view.stride(0), view.stride(2)}};
}

std::vector<int64_t> RowsToTake(int64_t rows) {
  std::vector<int64_t> taken;
  const int64_t near = rows <= kMostRows ? rows : kMostRows / 2;
  for (int64_t i = 0; i < near; ++i) taken.push_back(i);
  const int64_t far = std::min(rows, kMostRows) - near;
  for (int64_t i = 1; i <= far; ++i) taken.push_back(near - 1 + (rows - near) * i / far);
  return taken;
}

// Looks at all numbers and takes those of the table's rows.
//   is_zero  [rows]: stays where the row holds zeros only
Block Take(const ConstTensorView& view, CosSinTable& table, std::vector<char>& is_zero,
           int64_t& telling) {
  Block block{.width = view.shape(1)};
  block.numbers.reserve(table.rows.size() * static_cast<size_t>(block.width));
  size_t next = 0;
  DispatchFloat(view.dtype(), "doctor", [&]<class T>() {
    for (int64_t row = 0; row < view.shape(0); ++row) {
      const T* from = view.As<T>() + row * view.stride(0);
      const bool is_taken = next < table.rows.size() && table.rows[next] == row;
      char& zero = is_zero[static_cast<size_t>(row)];
      for (int64_t c = 0; c < block.width; ++c) {
        const double x = ToDouble(from[c * view.stride(1)]);
        if (!std::isfinite(x)) {
          TableFlaws& flaws = table.flaws;
          if (flaws.not_finite++ == 0 || row < flaws.bad_row) {
            flaws.bad_row = row;
            flaws.bad_column = c;
          }
          continue;
        }
        if (x != 0) zero = 0;
        if (x != 0 && std::abs(x) != 1) {
          ++telling;
          table.bits = std::max(table.bits, SignificantBits(x));
        }
        if (is_taken) block.numbers.push_back(x);
      }
      if (is_taken) ++next;
    }
  });
  return block;
}

// Columns begin, begin + step .. of both, as turns of `columns` columns.
std::vector<std::complex<double>> Turns(const Block& cos, const Block& sin, int64_t cos_begin,
                                        int64_t sin_begin, int64_t step, int64_t columns) {
  std::vector<std::complex<double>> turns;
  const size_t rows = cos.numbers.size() / static_cast<size_t>(cos.width);
  turns.reserve(rows * static_cast<size_t>(columns));
  for (size_t row = 0; row < rows; ++row) {
    const double* c = &cos.numbers[row * static_cast<size_t>(cos.width)] + cos_begin;
    const double* s = &sin.numbers[row * static_cast<size_t>(sin.width)] + sin_begin;
    for (int64_t i = 0; i < columns; ++i) turns.emplace_back(c[i * step], s[i * step]);
  }
  return turns;
}

double Unevenness(const std::vector<std::complex<double>>& turns) {
  std::vector<double> lengths;
  lengths.reserve(turns.size());
  for (const auto& turn : turns) lengths.push_back(std::abs(turn));
  std::vector<double> sorted = lengths;
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
  std::nth_element(sorted.begin(), middle, sorted.end());
  if (*middle == 0) return 1;
  double sum = 0;
  for (const double length : lengths) sum += (length / *middle - 1) * (length / *middle - 1);
  return std::sqrt(sum / static_cast<double>(lengths.size()));
}

// Whether what came as cosines are sines: cos a + i sin a would then be sin a + i cos a, which
// turns backwards and begins near i where it should begin near 1.
bool AreSwapped(const std::vector<std::complex<double>>& turns, size_t columns) {
  const size_t rows = turns.size() / columns;
  double begin = 0, step = 0;
  for (size_t i = 0; i < columns; ++i) begin += turns[i].real() - turns[i].imag();
  for (size_t i = columns; i < std::min<size_t>(rows, kMostRows / 2) * columns; ++i) {
    step += (turns[i] * std::conj(turns[i - columns])).imag();
  }
  return begin < 0 && (step < 0 || rows == 1);
}

// Takes cosines for sines and the other way round, where that is what they are.
bool SwapBack(CosSinTable& table, int64_t columns) {
  table.is_swapped = AreSwapped(table.turn, static_cast<size_t>(columns));
  if (table.is_swapped) {
    for (std::complex<double>& turn : table.turn) turn = {turn.imag(), turn.real()};
  }
  return table.is_swapped;
}

// Of one block that holds both: cosines before sines in halves, or in turn.
void ChooseOrder(const Block& block, CosSinTable& table) {
  Require(block.width % 2 == 0, "doctor: a table of cosines and sines has an even width, got ",
          block.width);
  const int64_t half = block.width / 2;
  std::vector<std::complex<double>> in_halves = Turns(block, block, 0, half, 1, half);
  std::vector<std::complex<double>> in_turn = Turns(block, block, 0, 1, 2, half);
  const double of_halves = Unevenness(in_halves), of_turn = Unevenness(in_turn);
  const bool is_complex = of_turn < of_halves;
  table.turn = is_complex ? std::move(in_turn) : std::move(in_halves);
  table.order = is_complex ? TableOrder::kComplex : TableOrder::kCosSin;
  // One row that turns nothing, [1 1 0 0], fits one of them alone; a constant fits both.
  table.form_shows = std::min(of_halves, of_turn) < kNoise && of_halves != of_turn;
  if (SwapBack(table, half) && !is_complex) {
    table.order = TableOrder::kSinCos;
    table.is_swapped = false;  // nobody said otherwise
  }
}

// Whether columns `a` and `b` are the same, the sines up to `sign`.
bool AreSame(const CosSinTable& table, int64_t a, int64_t b, double sign) {
  for (size_t row = 0; row < table.rows.size(); ++row) {
    const std::complex<double> x = table.At(row, a), y = table.At(row, b);
    if (!(std::abs(x.real() - y.real()) <= kSame && std::abs(x.imag() - sign * y.imag()) <= kSame))
      return false;
  }
  return true;
}

// Leaves one column a pair where there are two.
void ChooseWidth(CosSinTable& table) {
  const int64_t columns = table.pairs;
  if (columns % 2 != 0) return;
  const int64_t half = columns / 2;
  std::vector<std::pair<TableWidth, double>> fitting;
  for (const double sign : {1.0, -1.0}) {
    bool twice = true, each = true;
    for (int64_t i = 0; i < half && (twice || each); ++i) {
      twice = twice && AreSame(table, i, i + half, sign);
      each = each && AreSame(table, 2 * i, 2 * i + 1, sign);
    }
    if (twice) fitting.emplace_back(TableWidth::kTwice, sign);
    if (each) fitting.emplace_back(TableWidth::kEach, sign);
  }
  if (fitting.size() != 1) {  // several: nothing turns far enough to tell
    table.form_shows = table.form_shows && fitting.empty();
    return;
  }
  table.width = fitting[0].first;
  table.signed_sines = fitting[0].second < 0;
  const bool twice = table.width == TableWidth::kTwice;
  std::vector<std::complex<double>> turns;
  for (size_t row = 0; row < table.rows.size(); ++row) {
    for (int64_t i = 0; i < half; ++i) {
      // Operators without a minus, y = x cos + partner(x) sin, negate the sine of the first.
      const std::complex<double> turn = table.At(row, twice ? i : 2 * i);
      turns.push_back(table.signed_sines ? std::conj(turn) : turn);
    }
  }
  table.turn = std::move(turns);
  table.pairs = half;
}

}  // namespace

std::string Name(TableOrder order) {
  switch (order) {
    case TableOrder::kApart:
      return "cos, sin";
    case TableOrder::kCosSin:
      return "cos-sin";
    case TableOrder::kSinCos:
      return "sin-cos";
    case TableOrder::kComplex:
      break;
  }
  return "complex";
}

std::string Name(TableWidth width) {
  switch (width) {
    case TableWidth::kHalf:
      return "half";
    case TableWidth::kTwice:
      return "twice";
    case TableWidth::kEach:
      break;
  }
  return "each";
}

CosSinTable ReadCosSinTable(const ConstTensorView& cos, const std::optional<ConstTensorView>& sin) {
  ConstTensorView first = WithoutOnes(cos);
  std::optional<ConstTensorView> second;
  if (sin) {
    second = WithoutOnes(*sin);
    Require(first.shape() == second->shape(), "doctor: cosines and sines must have one shape, got ",
            cos.shape().ToString(), " and ", sin->shape().ToString());
  } else if (first.rank() == 3 && first.shape(0) == 2 && first.shape(2) != 2) {
    second = WithoutOnes(first.Slice(0, 1, 2));
    first = WithoutOnes(first.Slice(0, 0, 1));
  } else if (first.rank() == 3 && (first.shape(1) == 2 || first.shape(2) == 2)) {
    first = Flattened(first);
  }
  Require(first.rank() <= 2 && first.count() > 0, "doctor: a table is [rows, width], got ",
          cos.shape().ToString());
  first = AsMatrix(first);
  CosSinTable table{.all_rows = first.shape(0), .rows = RowsToTake(first.shape(0))};
  int64_t telling = 0;
  std::vector<char> is_zero(static_cast<size_t>(table.all_rows), 1);
  const Block cosines = Take(first, table, is_zero, telling);
  std::optional<Block> sines;
  if (second) sines = Take(AsMatrix(*second), table, is_zero, telling);
  table.flaws.zero_rows = std::count(is_zero.begin(), is_zero.end(), 1);
  table.flaws.zero_row = std::find(is_zero.begin(), is_zero.end(), 1) - is_zero.begin();
  if (telling < kTelling) table.bits = 0;
  if (table.flaws.not_finite > 0) return table;
  if (sines) {
    table.turn = Turns(cosines, *sines, 0, 0, 1, cosines.width);
    table.pairs = cosines.width;
    table.form_shows = Unevenness(table.turn) < kNoise;
    SwapBack(table, cosines.width);
  } else {
    ChooseOrder(cosines, table);
    table.pairs = cosines.width / 2;
  }
  table.unevenness = Unevenness(table.turn);
  ChooseWidth(table);
  return table;
}

}  // namespace rotary
