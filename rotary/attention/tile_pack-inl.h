// Rows of channels from and to the caller's tensors: converted to f32, padded, or transposed.
// Compiled once for each SIMD target.
#if defined(ROTARY_ATTENTION_TILE_PACK_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ROTARY_ATTENTION_TILE_PACK_INL_H_
#undef ROTARY_ATTENTION_TILE_PACK_INL_H_
#else
#define ROTARY_ATTENTION_TILE_PACK_INL_H_
#endif

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "hwy/highway.h"
#include "rotary/attention/attention_plan.h"
#include "rotary/base/dtype.h"
#include "rotary/base/load_store-inl.h"

HWY_BEFORE_NAMESPACE();
namespace rotary {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// to[0, dim) = scale * from[0, dim)
template <class From, class To>
void ConvertRow(const From* from, int64_t dim, float scale, To* to) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto factor = hn::Set(d, scale);
  int64_t c = 0;
  for (; c + lanes <= dim; c += lanes) {
    StoreMath(d, hn::Mul(factor, LoadMath(d, from + c)), to + c);
  }
  for (; c < dim; ++c) to[c] = FromFloat<To>(scale * ToFloat(from[c]));
}

// The rows `from[t * stride]`, t in [0, rows), each of `dim` channels, to packed rows `ld` floats
// apart; zeros fill each row up to a multiple of kPad. A row t with hidden[t] != 0 is not read and
// becomes zeros; `hidden` may be null.
template <class T>
void PackRows(const T* from, int64_t stride, int64_t rows, int64_t dim, const float* hidden,
              float* to, int64_t ld) {
  for (int64_t t = 0; t < rows; ++t) {
    float* row = to + t * ld;
    if (hidden != nullptr && hidden[t] != 0) {
      std::fill(row, row + RoundUp(dim, kPad), 0.0f);
      continue;
    }
    ConvertRow(from + t * stride, dim, 1.0f, row);
    std::fill(row + dim, row + RoundUp(dim, kPad), 0.0f);
  }
}

#if HWY_TARGET != HWY_SCALAR

// 128-bit block i of the result is rows[first + i * step][c, c + 4).
template <class D>
HWY_INLINE hn::VFromD<D> LoadBlocks(D d, const float* const* rows, size_t first, size_t step,
                                    int64_t c) {
  if constexpr (hn::MaxLanes(D()) == 4) {
    return hn::LoadU(d, rows[first] + c);
  } else {
    const hn::Half<D> half;
    constexpr size_t kHalfBlocks = hn::MaxLanes(D()) / 8;
    return hn::Combine(d, LoadBlocks(half, rows, first + kHalfBlocks * step, step, c),
                       LoadBlocks(half, rows, first, step, c));
  }
}

// to[(c + n) * ld + t] = scale * rows[t][c + n] for n in [0, 4) and every lane t.
HWY_INLINE void TransposeFourChannels(const float* const* rows, int64_t c, float scale, float* to,
                                      int64_t ld) {
  const hn::ScalableTag<float> d;
  const hn::RepartitionToWide<decltype(d)> wide;
  const auto factor = hn::Set(d, scale);
  // x_i holds channels c .. c + 3 of rows i, 4 + i, 8 + i, ..: a 4 x 4 transposition in each block.
  const auto x0 = LoadBlocks(d, rows, 0, 4, c);
  const auto x1 = LoadBlocks(d, rows, 1, 4, c);
  const auto x2 = LoadBlocks(d, rows, 2, 4, c);
  const auto x3 = LoadBlocks(d, rows, 3, 4, c);
  const auto low01 = hn::BitCast(wide, hn::InterleaveLower(d, x0, x1));
  const auto low23 = hn::BitCast(wide, hn::InterleaveLower(d, x2, x3));
  const auto high01 = hn::BitCast(wide, hn::InterleaveUpper(d, x0, x1));
  const auto high23 = hn::BitCast(wide, hn::InterleaveUpper(d, x2, x3));
  const auto store = [&](auto v, int64_t n) HWY_ATTR {
    hn::StoreU(hn::Mul(factor, hn::BitCast(d, v)), d, to + (c + n) * ld);
  };
  store(hn::InterleaveLower(wide, low01, low23), 0);
  store(hn::InterleaveUpper(wide, low01, low23), 1);
  store(hn::InterleaveLower(wide, high01, high23), 2);
  store(hn::InterleaveUpper(wide, high01, high23), 3);
}

#endif

// The same rows transposed: to[c * ld + t] = scale * from[t * stride + c]. Columns t up to a
// multiple of kPad are filled with zeros.
//   staging  kPad * ld_staging floats, not used for f32; zeros  `dim` zeros
template <class T>
void PackTransposed(const T* from, int64_t stride, int64_t rows, int64_t dim, const float* hidden,
                    float scale, float* staging, int64_t ld_staging, const float* zeros, float* to,
                    int64_t ld) {
  constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(hn::ScalableTag<float>()));
  for (int64_t t = 0; t < RoundUp(rows, kPad); t += kLanes) {
    std::array<const float*, static_cast<size_t>(kLanes)> lane_rows;
    for (int64_t n = 0; n < kLanes; ++n) {
      const bool absent = t + n >= rows || (hidden != nullptr && hidden[t + n] != 0);
      const float*& row = lane_rows[static_cast<size_t>(n)];
      if (absent) {
        row = zeros;
      } else if constexpr (std::is_same_v<T, float>) {
        row = from + (t + n) * stride;
      } else {
        ConvertRow(from + (t + n) * stride, dim, 1.0f, staging + n * ld_staging);
        row = staging + n * ld_staging;
      }
    }
    int64_t c = 0;
#if HWY_TARGET != HWY_SCALAR
    for (; c + 4 <= dim; c += 4) TransposeFourChannels(lane_rows.data(), c, scale, to + t, ld);
#endif
    for (; c < dim; ++c) {
      for (int64_t n = 0; n < kLanes; ++n) {
        to[c * ld + t + n] = scale * lane_rows[static_cast<size_t>(n)][c];
      }
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace rotary
HWY_AFTER_NAMESPACE();

#endif  // ROTARY_ATTENTION_TILE_PACK_INL_H_
