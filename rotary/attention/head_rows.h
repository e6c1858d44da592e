// Rows of channels on their way between tensors and a worker's scratch memory. For this room.
#ifndef ROTARY_ATTENTION_HEAD_ROWS_H_
#define ROTARY_ATTENTION_HEAD_ROWS_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "hwy/cache_control.h"
#include "rotary/base/tensor.h"

namespace rotary {

// Channels of row (batch, token, head) of an f32 tensor [batch, tokens, heads, channels].
inline const float* RowOf(const ConstTensorView& x, int64_t batch, int64_t token, int64_t head) {
  return static_cast<const float*>(x.data()) + batch * x.stride(0) + token * x.stride(1) +
         head * x.stride(2);
}
inline float* RowOf(const TensorView& x, int64_t batch, int64_t token, int64_t head) {
  return static_cast<float*>(x.data()) + batch * x.stride(0) + token * x.stride(1) +
         head * x.stride(2);
}

// Copies a row and fills it up to `padded` floats with zeros. The row `ahead` tokens on, if there
// is one, is called into the cache: the rows of one head lie too far apart for the hardware to
// foresee.
inline void ReadRow(const ConstTensorView& x, int64_t batch, int64_t token, int64_t head,
                    int64_t ahead, float* to, int64_t padded) {
  const float* from = RowOf(x, batch, token, head);
  const int64_t channels = x.shape(3);
  std::memcpy(to, from, static_cast<size_t>(channels) * sizeof(float));
  std::fill_n(to + channels, padded - channels, 0.0f);
  if (token + ahead < 0 || token + ahead >= x.shape(1)) return;
  constexpr int64_t kLine = 64 / sizeof(float);
  const float* next = from + ahead * x.stride(1);
  for (int64_t i = 0; i < channels; i += kLine) hwy::Prefetch(next + i);
}

inline void WriteRow(const float* from, const TensorView& x, int64_t batch, int64_t token,
                     int64_t head) {
  std::memcpy(RowOf(x, batch, token, head), from, static_cast<size_t>(x.shape(3)) * sizeof(float));
}

}  // namespace rotary

#endif  // ROTARY_ATTENTION_HEAD_ROWS_H_
