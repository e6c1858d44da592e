// Arithmetic on rows in a worker's scratch memory, which are aligned and padded with zeros to whole
// blocks of 16, so that no loop has a tail. Compiled once for each SIMD target.
#if defined(ROTARY_ATTENTION_PADDED_ROWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ROTARY_ATTENTION_PADDED_ROWS_INL_H_
#undef ROTARY_ATTENTION_PADDED_ROWS_INL_H_
#else
#define ROTARY_ATTENTION_PADDED_ROWS_INL_H_
#endif

#include <cstdint>

#include "hwy/highway.h"
#include "rotary/attention/tile_product-inl.h"

HWY_BEFORE_NAMESPACE();
namespace rotary {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// c[rows, columns] = a b, or += with `add`; `depth` is not 0, `columns` a multiple of 16. The sum
// over depth is formed apart and added last, so that long sums over many calls stay accurate.
inline void Product(int64_t rows, int64_t depth, int64_t columns, TileA a, const float* b,
                    int64_t b_step, float* c, int64_t c_row, bool add) {
  BlockProduct(
      a, b, b_step, rows, columns, add, c, c_row,
      [columns](int64_t, int64_t) {
        return Range{0, columns};
      },
      [depth](int64_t, int64_t) {
        return Range{0, depth};
      });
}

// to[column, row] = from[row, column]; rows and columns are multiples of 4.
inline void Transpose(int64_t rows, int64_t columns, const float* HWY_RESTRICT from,
                      int64_t from_row, float* HWY_RESTRICT to, int64_t to_row) {
#if HWY_TARGET == HWY_SCALAR
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < columns; ++j) to[j * to_row + i] = from[i * from_row + j];
  }
#else
  const hn::FixedTag<float, 4> d;
  const hn::Repartition<uint64_t, decltype(d)> pairs;
  for (int64_t i = 0; i < rows; i += 4) {
    for (int64_t j = 0; j < columns; j += 4) {
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

inline float Dot(const float* HWY_RESTRICT a, const float* HWY_RESTRICT b, int64_t count) {
  const F32 d;
  auto sum = hn::Zero(d);
  for (int64_t i = 0; i < count; i += kLanes) {
    sum = hn::MulAdd(hn::Load(d, a + i), hn::Load(d, b + i), sum);
  }
  return hn::GetLane(hn::SumOfLanes(d, sum));
}

inline float Sum(const float* a, int64_t count) {
  const F32 d;
  auto sum = hn::Zero(d);
  for (int64_t i = 0; i < count; i += kLanes) sum = hn::Add(sum, hn::Load(d, a + i));
  return hn::GetLane(hn::SumOfLanes(d, sum));
}

// to = factor * from; `to` may be `from`.
inline void Scale(float factor, const float* from, float* to, int64_t count) {
  const F32 d;
  for (int64_t i = 0; i < count; i += kLanes) {
    hn::Store(hn::Mul(hn::Set(d, factor), hn::Load(d, from + i)), d, to + i);
  }
}

// to += factor * from
inline void AddScaled(float factor, const float* HWY_RESTRICT from, float* HWY_RESTRICT to,
                      int64_t count) {
  const F32 d;
  for (int64_t i = 0; i < count; i += kLanes) {
    const auto sum = hn::MulAdd(hn::Set(d, factor), hn::Load(d, from + i), hn::Load(d, to + i));
    hn::Store(sum, d, to + i);
  }
}

// to = from + number
inline void AddNumber(float number, const float* from, float* to, int64_t count) {
  const F32 d;
  for (int64_t i = 0; i < count; i += kLanes) {
    hn::Store(hn::Add(hn::Set(d, number), hn::Load(d, from + i)), d, to + i);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace rotary
HWY_AFTER_NAMESPACE();

#endif  // ROTARY_ATTENTION_PADDED_ROWS_INL_H_
