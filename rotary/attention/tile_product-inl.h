// The matrix product of one tile, held in registers: what every kernel of softmax attention is made
// of. Compiled once for each SIMD target.
//
//        vectors of B           Each step k loads a row of B into registers once and multiplies it
//     +---+---+---+---+         with one broadcast number of A for every row of C. C stays in
//   A | C   C   C   C | rows    registers from the first step to the last. A may lie either way
//   k +---+---+---+---+         round (its two strides are free), so no product needs A transposed.
#if defined(ROTARY_ATTENTION_TILE_PRODUCT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ROTARY_ATTENTION_TILE_PRODUCT_INL_H_
#undef ROTARY_ATTENTION_TILE_PRODUCT_INL_H_
#else
#define ROTARY_ATTENTION_TILE_PRODUCT_INL_H_
#endif

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "hwy/highway.h"
#include "rotary/attention/attention_band.h"

HWY_BEFORE_NAMESPACE();
namespace rotary {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using F32 = hn::ScalableTag<float>;
inline constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(F32()));

// The most vectors of B and, for each number of vectors, the most rows of C that fit the registers:
// rows * vectors accumulators, the vectors of B, and one for A. Two multiply-adds a cycle with a
// latency of four need at least eight accumulators.
#if HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64
inline constexpr int64_t kTileVectors = 4;  // 32 registers
inline constexpr std::array<int64_t, 5> kTileRows = {0, 12, 12, 8, 6};
#else
inline constexpr int64_t kTileVectors = 2;  // 16 registers
inline constexpr std::array<int64_t, 3> kTileRows = {0, 8, 6};
#endif
inline constexpr int64_t kMostTileRows = 12;

// Numbers at a[row * row_stride + k * step].
struct TileA {
  const float* data;
  int64_t row_stride, step;
};

// C[r][n] = sum over k in [0, depth) of A(r, k) * b[k * b_step + n]; added to C where `add`.
template <size_t kRows, size_t kVectors>
void TileProduct(TileA a, const float* HWY_RESTRICT b, int64_t b_step, int64_t depth, bool add,
                 float* HWY_RESTRICT c, int64_t c_row) {
  const F32 d;
  hn::VFromD<F32> sum[kRows][kVectors];
  for (size_t r = 0; r < kRows; ++r) {
    for (size_t n = 0; n < kVectors; ++n) sum[r][n] = hn::Zero(d);
  }
  const float* HWY_RESTRICT a_k = a.data;
  for (int64_t k = 0; k < depth; ++k) {
    hn::VFromD<F32> b_k[kVectors];
    for (size_t n = 0; n < kVectors; ++n) b_k[n] = hn::LoadU(d, b + n * kLanes);
    for (size_t r = 0; r < kRows; ++r) {
      const auto a_rk = hn::Set(d, a_k[static_cast<int64_t>(r) * a.row_stride]);
      for (size_t n = 0; n < kVectors; ++n) sum[r][n] = hn::MulAdd(a_rk, b_k[n], sum[r][n]);
    }
    a_k += a.step;
    b += b_step;
  }
  for (size_t r = 0; r < kRows; ++r) {
    float* HWY_RESTRICT c_r = c + static_cast<int64_t>(r) * c_row;
    for (size_t n = 0; n < kVectors; ++n) {
      float* at = c_r + n * kLanes;
      hn::StoreU(add ? hn::Add(sum[r][n], hn::LoadU(d, at)) : sum[r][n], d, at);
    }
  }
}

using TileFunction = void (*)(TileA, const float*, int64_t, int64_t, bool, float*, int64_t);
using TileTable = std::array<std::array<TileFunction, kMostTileRows + 1>, kTileVectors + 1>;

template <size_t kVectors, size_t... kRows>
constexpr void FillTileRow(TileTable& table, std::index_sequence<kRows...>) {
  ((table[kVectors][kRows + 1] = &TileProduct<kRows + 1, kVectors>), ...);
}

template <size_t... kVectors>
constexpr TileTable MakeTileTable(std::index_sequence<kVectors...>) {
  TileTable table{};
  (FillTileRow<kVectors + 1>(table, std::make_index_sequence<kTileRows[kVectors + 1]>()), ...);
  return table;
}

inline constexpr TileTable kTileTable = MakeTileTable(std::make_index_sequence<kTileVectors>());

// The same product for any size. Rows of C come in steps of a tile; for the rows [r, r + m) of one,
// columns(r, m) and depth(r, m) say which columns of C and which k are needed: the rest of A and B
// is not read, the rest of C not written but for columns that share a vector with needed ones.
template <class Columns, class Depth>
void BlockProduct(TileA a, const float* b, int64_t b_step, int64_t rows, int64_t column_count,
                  bool add, float* c, int64_t c_row, const Columns& columns, const Depth& depth) {
  const int64_t vectors = (column_count + kLanes - 1) / kLanes;
  const int64_t panels = (vectors + kTileVectors - 1) / kTileVectors;
  for (int64_t panel = 0; panel < panels; ++panel) {
    // Panels of like width: five vectors make 3 + 2, not 4 + 1.
    const int64_t begin = panel * vectors / panels;
    const int64_t end = (panel + 1) * vectors / panels;
    const int64_t step = kTileRows[static_cast<size_t>(end - begin)];
    for (int64_t r = 0; r < rows; r += step) {
      const int64_t m = std::min(step, rows - r);
      const Range column_range = columns(r, m);
      const Range k = depth(r, m);
      const int64_t from = std::max(begin, column_range.begin / kLanes);
      const int64_t to = std::min(end, (column_range.end + kLanes - 1) / kLanes);
      if (from >= to || k.begin >= k.end) continue;
      kTileTable[static_cast<size_t>(to - from)][static_cast<size_t>(m)](
          {a.data + r * a.row_stride + k.begin * a.step, a.row_stride, a.step},
          b + k.begin * b_step + from * kLanes, b_step, k.end - k.begin, add,
          c + r * c_row + from * kLanes, c_row);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace rotary
HWY_AFTER_NAMESPACE();

#endif  // ROTARY_ATTENTION_TILE_PRODUCT_INL_H_
