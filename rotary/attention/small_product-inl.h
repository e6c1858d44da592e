// Products of small matrices that lie in a worker's scratch memory: packed rows, padded with zeros
// to whole blocks, so that no loop has a tail. Compiled once per SIMD target.
#if defined(ROTARY_ATTENTION_SMALL_PRODUCT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ROTARY_ATTENTION_SMALL_PRODUCT_INL_H_
#undef ROTARY_ATTENTION_SMALL_PRODUCT_INL_H_
#else
#define ROTARY_ATTENTION_SMALL_PRODUCT_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace rotary {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Columns come in blocks of 16 floats, one vector of the widest target; rows in blocks of 4.
using Floats = hn::CappedTag<float, 16>;

// A matrix operand that is read element by element: element (i, k) at data[i * row + k * column].
struct Scalars {
  const float* data;
  size_t row;
  size_t column;
};

// kRows rows and kVectors vectors of columns: c (+)= a b with the sums in registers.
template <int kRows, int kVectors>
HWY_INLINE void ProductTile(size_t depth, Scalars a, const float* HWY_RESTRICT b, size_t b_row,
                            float* HWY_RESTRICT c, size_t c_row, bool add) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  hn::Vec<Floats> sum[kRows][kVectors];
  for (int i = 0; i < kRows; ++i) {
    for (int j = 0; j < kVectors; ++j) sum[i][j] = hn::Zero(d);
  }
  for (size_t k = 0; k < depth; ++k) {
    hn::Vec<Floats> column[kVectors];
    for (int j = 0; j < kVectors; ++j) column[j] = hn::Load(d, b + k * b_row + j * lanes);
    for (int i = 0; i < kRows; ++i) {
      const auto factor = hn::Set(d, a.data[i * a.row + k * a.column]);
      for (int j = 0; j < kVectors; ++j) sum[i][j] = hn::MulAdd(factor, column[j], sum[i][j]);
    }
  }
  for (int i = 0; i < kRows; ++i) {
    for (int j = 0; j < kVectors; ++j) {
      float* at = c + i * c_row + j * lanes;
      hn::Store(add ? hn::Add(hn::Load(d, at), sum[i][j]) : sum[i][j], d, at);
    }
  }
}

// c[rows, columns] = a[rows, depth] b[depth, columns], or += with `add`.
//   rows     a multiple of 4;  columns  a multiple of 16;  b and c aligned, as are their rows
// The sum over depth is formed apart and added last, so that long sums over many calls stay
// accurate.
inline void Product(size_t rows, size_t depth, size_t columns, Scalars a,
                    const float* HWY_RESTRICT b, size_t b_row, float* HWY_RESTRICT c, size_t c_row,
                    bool add) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  // As many sums as the registers of a target hold beside the operands: 16 of 32, 8 of 16.
  constexpr int kVectors = HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_NEON ? 4 : 2;
  size_t j = 0;
  for (; j + kVectors * lanes <= columns; j += kVectors * lanes) {
    for (size_t i = 0; i < rows; i += 4) {
      ProductTile<4, kVectors>(depth, {a.data + i * a.row, a.row, a.column}, b + j, b_row,
                               c + i * c_row + j, c_row, add);
    }
  }
  for (; j < columns; j += lanes) {
    for (size_t i = 0; i < rows; i += 4) {
      ProductTile<4, 1>(depth, {a.data + i * a.row, a.row, a.column}, b + j, b_row,
                        c + i * c_row + j, c_row, add);
    }
  }
}

// to[column, row] = from[row, column]; rows and columns are multiples of 4.
inline void Transpose(size_t rows, size_t columns, const float* HWY_RESTRICT from, size_t from_row,
                      float* HWY_RESTRICT to, size_t to_row) {
#if HWY_TARGET == HWY_SCALAR
  for (size_t i = 0; i < rows; ++i) {
    for (size_t j = 0; j < columns; ++j) to[j * to_row + i] = from[i * from_row + j];
  }
#else
  const hn::FixedTag<float, 4> d;
  const hn::Repartition<uint64_t, decltype(d)> pairs;
  for (size_t i = 0; i < rows; i += 4) {
    for (size_t j = 0; j < columns; j += 4) {
      const float* block = from + i * from_row + j;
      const auto row0 = hn::LoadU(d, block), row1 = hn::LoadU(d, block + from_row);
      const auto row2 = hn::LoadU(d, block + 2 * from_row);
      const auto row3 = hn::LoadU(d, block + 3 * from_row);
      const auto low01 = hn::BitCast(pairs, hn::InterleaveLower(d, row0, row1));
      const auto low23 = hn::BitCast(pairs, hn::InterleaveLower(d, row2, row3));
      const auto high01 = hn::BitCast(pairs, hn::InterleaveUpper(d, row0, row1));
      const auto high23 = hn::BitCast(pairs, hn::InterleaveUpper(d, row2, row3));
      float* out = to + j * to_row + i;
      hn::StoreU(hn::BitCast(d, hn::InterleaveLower(pairs, low01, low23)), d, out);
      hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(pairs, low01, low23)), d, out + to_row);
      hn::StoreU(hn::BitCast(d, hn::InterleaveLower(pairs, high01, high23)), d, out + 2 * to_row);
      hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(pairs, high01, high23)), d, out + 3 * to_row);
    }
  }
#endif
}

// The functions below work on `count` floats, a multiple of 16, at aligned addresses.

inline float Dot(const float* HWY_RESTRICT a, const float* HWY_RESTRICT b, size_t count) {
  const Floats d;
  auto sum = hn::Zero(d);
  for (size_t i = 0; i < count; i += hn::Lanes(d)) {
    sum = hn::MulAdd(hn::Load(d, a + i), hn::Load(d, b + i), sum);
  }
  return hn::GetLane(hn::SumOfLanes(d, sum));
}

inline float Sum(const float* a, size_t count) {
  const Floats d;
  auto sum = hn::Zero(d);
  for (size_t i = 0; i < count; i += hn::Lanes(d)) sum = hn::Add(sum, hn::Load(d, a + i));
  return hn::GetLane(hn::SumOfLanes(d, sum));
}

// to = factor * from; `to` may be `from`.
inline void Scale(float factor, const float* from, float* to, size_t count) {
  const Floats d;
  for (size_t i = 0; i < count; i += hn::Lanes(d)) {
    hn::Store(hn::Mul(hn::Set(d, factor), hn::Load(d, from + i)), d, to + i);
  }
}

// to += factor * from
inline void AddScaled(float factor, const float* HWY_RESTRICT from, float* HWY_RESTRICT to,
                      size_t count) {
  const Floats d;
  for (size_t i = 0; i < count; i += hn::Lanes(d)) {
    const auto sum = hn::MulAdd(hn::Set(d, factor), hn::Load(d, from + i), hn::Load(d, to + i));
    hn::Store(sum, d, to + i);
  }
}

// to = from + number
inline void AddNumber(float number, const float* from, float* to, size_t count) {
  const Floats d;
  for (size_t i = 0; i < count; i += hn::Lanes(d)) {
    hn::Store(hn::Add(hn::Set(d, number), hn::Load(d, from + i)), d, to + i);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace rotary
HWY_AFTER_NAMESPACE();

#endif  // ROTARY_ATTENTION_SMALL_PRODUCT_INL_H_
