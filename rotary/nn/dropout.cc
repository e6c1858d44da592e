#include "rotary/nn/dropout.h"

#include <cmath>

#include "rotary/base/random.h"

namespace rotary {

void ApplyDropout(const DropoutMask& mask, Matrix<const float> x, Matrix<float> y, int) {
  RequireShape(y, x.rows, x.cols, "ApplyDropout", "y");
  Require(mask.probability >= 0 && mask.probability < 1,
          "ApplyDropout: probability must be in [0, 1), got ", mask.probability);
  const double threshold = std::round(mask.probability * 65536);
  const float scale = static_cast<float>(65536 / (65536 - threshold));
  const Random random(mask.seed, mask.stream);
  for (int64_t i = 0; i < x.rows; ++i) {
    for (int64_t j = 0; j < x.cols; ++j) {
      const int64_t counter = (i * ((x.cols + 127) / 128) + j / 128) * 16 + j % 16;
      const int64_t piece = j % 128 / 16;
      const uint32_t word =
          random.Words(static_cast<uint64_t>(counter))[static_cast<size_t>(piece / 2)];
      const bool keep = ((word >> (16 * (piece % 2))) & 0xffffu) >= threshold;
      y.Row(i)[j] = keep ? x.Row(i)[j] * scale : 0.0f;
    }
  }
}

}  // namespace rotary
