#include "rotary/attention/feature_map.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "rotary/base/error.h"
#include "rotary/base/parallel.h"
#include "rotary/base/random.h"

namespace rotary {
namespace {

const float* Row(ConstTensorView x, int64_t b, int64_t t, int64_t h) {
  return x.As<float>() + b * x.stride(0) + t * x.stride(1) + h * x.stride(2);
}
float* Row(TensorView x, int64_t b, int64_t t, int64_t h) {
  return x.As<float>() + b * x.stride(0) + t * x.stride(1) + h * x.stride(2);
}

// The power of two that brings exp(largest) to about 1.
double Shift(double largest) {
  return std::isfinite(largest) ? std::round(largest / std::log(2.0)) * std::log(2.0) : 0;
}

// Random features of one row before the exponential.
void Exponents(const float* projection, int64_t features, int64_t head_dim, const float* x,
               double* out) {
  const double scale = std::pow(static_cast<double>(head_dim), -0.25);
  double square = 0;
  for (int64_t c = 0; c < head_dim; ++c) square += x[c] * scale * x[c] * scale;
  for (int64_t i = 0; i < features; ++i) {
    double dot = 0;
    for (int64_t c = 0; c < head_dim; ++c) dot += projection[i * head_dim + c] * scale * x[c];
    out[i] = dot - square / 2;
  }
}

}  // namespace

Tensor PerformerProjection(int features, int head_dim, uint64_t seed, uint64_t draw) {
  Require(features > 0 && head_dim > 0,
          "PerformerProjection: features and head_dim must be at least 1, got ", features, " and ",
          head_dim);
  Tensor projection(DType::kF32, {features, head_dim});
  const Random random(seed, draw);
  std::vector<std::vector<double>> block;  // the unit rows that the next one must be orthogonal to
  for (int i = 0; i < features; ++i) {
    if (i % head_dim == 0) block.clear();
    const uint64_t first = uint64_t{2} * static_cast<uint64_t>(i) * static_cast<uint64_t>(head_dim);
    std::vector<double> row(static_cast<size_t>(head_dim));
    double length = 0;  // of another Gaussian vector, so that it is independent of the direction
    for (int c = 0; c < head_dim; ++c) {
      row[c] = random.Normal(first + c);
      const double other = random.Normal(first + head_dim + c);
      length += other * other;
    }
    for (int pass = 0; pass < 2;
         ++pass) {  // twice: once leaves rounding when little of the row remains
      for (const auto& unit : block) {
        double dot = 0;
        for (int c = 0; c < head_dim; ++c) dot += row[c] * unit[c];
        for (int c = 0; c < head_dim; ++c) row[c] -= dot * unit[c];
      }
    }
    double norm = 0;
    for (const double value : row) norm += value * value;
    for (double& value : row) value /= std::sqrt(norm);
    for (int c = 0; c < head_dim; ++c) {
      projection.data<float>()[i * head_dim + c] = static_cast<float>(row[c] * std::sqrt(length));
    }
    block.push_back(std::move(row));
  }
  return projection;
}

void ApplyFeatureMap(FeatureMap map, Side side, ConstTensorView projection, ConstTensorView x,
                     TensorView features, int threads) {
  const int64_t tokens = x.shape(1), heads = x.shape(2), d = x.shape(3), r = features.shape(3);
  ParallelFor(x.shape(0) * heads, threads, 1, [&](int64_t begin, int64_t end) {
    std::vector<double> exponents(static_cast<size_t>(std::max(r, d)));
    for (int64_t task = begin; task < end; ++task) {
      const int64_t b = task / heads, h = task % heads;
      const auto fill = [&](int64_t t) {
        if (map == FeatureMap::kPerformer) {
          Exponents(projection.As<float>(), r, d, Row(x, b, t, h), exponents.data());
        } else {
          std::copy_n(Row(x, b, t, h), d, exponents.begin());
        }
        return *std::max_element(exponents.begin(), exponents.begin() + r);
      };
      double largest = -INFINITY;
      if (side == Side::kKey) {
        for (int64_t t = 0; t < tokens; ++t) largest = std::max(largest, fill(t));
      }
      for (int64_t t = 0; t < tokens; ++t) {
        const double row_largest = fill(t);
        const double shift = Shift(side == Side::kKey ? largest : row_largest);
        float* out = Row(features, b, t, h);
        double sum = 0;
        for (int64_t i = 0; i < r; ++i) sum += std::exp(exponents[i] - shift);
        for (int64_t i = 0; i < r; ++i) {
          const double y = exponents[i];
          double f = std::exp(y - shift);
          if (map == FeatureMap::kEluPlusOne) f = y > 0 ? y + 1 : std::exp(y);
          if (map == FeatureMap::kPerformer) f /= std::sqrt(static_cast<double>(r));
          if (map == FeatureMap::kSoftmaxExp && side == Side::kQuery) f /= sum;
          out[i] = static_cast<float>(f);
        }
      }
    }
  });
}

void ApplyFeatureMapBackward(FeatureMap map, Side side, ConstTensorView projection,
                             ConstTensorView x, ConstTensorView features,
                             ConstTensorView d_features, TensorView d_x, int threads) {
  const int64_t tokens = x.shape(1), heads = x.shape(2), d = x.shape(3), r = features.shape(3);
  ParallelFor(x.shape(0) * heads, threads, 1, [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      const int64_t b = task / heads, h = task % heads;
      for (int64_t t = 0; t < tokens; ++t) {
        const float* in = Row(x, b, t, h);
        const float* f = Row(features, b, t, h);
        const float* d_f = Row(d_features, b, t, h);
        float* out = Row(d_x, b, t, h);
        double mean = 0;
        for (int64_t i = 0; i < r; ++i) mean += static_cast<double>(f[i]) * d_f[i];
        for (int64_t c = 0; c < d; ++c) {
          double sum = 0;
          switch (map) {
            case FeatureMap::kEluPlusOne:
              sum = d_f[c] * std::min(f[c], 1.0f);
              break;
            case FeatureMap::kSoftmaxExp:
              sum = f[c] * (d_f[c] - (side == Side::kQuery ? mean : 0));
              break;
            case FeatureMap::kPerformer: {
              const double scale = std::pow(static_cast<double>(d), -0.25);
              for (int64_t i = 0; i < r; ++i) {
                sum += static_cast<double>(f[i]) * d_f[i] * projection.As<float>()[i * d + c];
              }
              sum = scale * (sum - mean * scale * in[c]);
              break;
            }
          }
          out[c] = static_cast<float>(sum);
        }
      }
    }
  });
}

}  // namespace rotary
