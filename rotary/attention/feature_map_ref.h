// The slow, obvious twin of feature_map.h: one row of features in double, without any stabiliser.
#ifndef ROTARY_ATTENTION_FEATURE_MAP_REF_H_
#define ROTARY_ATTENTION_FEATURE_MAP_REF_H_

#include <cmath>
#include <cstddef>
#include <vector>

#include "rotary/attention/feature_map.h"

namespace rotary::reference {

// The features of one row `x` of head_dim channels; `projection` [r, head_dim] for kPerformer.
inline std::vector<double> Features(FeatureMap map, Side side,
                                    const std::vector<double>& projection,
                                    const std::vector<double>& x) {
  const size_t head_dim = x.size();
  std::vector<double> f;
  switch (map) {
    case FeatureMap::kEluPlusOne:
      for (const double value : x) f.push_back(value > 0 ? value + 1 : std::exp(value));
      break;
    case FeatureMap::kPerformer: {
      const size_t r = projection.size() / head_dim;
      const double scale = std::pow(static_cast<double>(head_dim), -0.25);
      double square = 0;
      for (const double value : x) square += scale * value * scale * value;
      for (size_t i = 0; i < r; ++i) {
        double dot = 0;
        for (size_t c = 0; c < head_dim; ++c) dot += projection[i * head_dim + c] * scale * x[c];
        f.push_back(std::exp(dot - square / 2) / std::sqrt(static_cast<double>(r)));
      }
      break;
    }
    case FeatureMap::kSoftmaxExp: {
      double sum = 0;
      for (const double value : x) {
        f.push_back(std::exp(value));
        sum += f.back();
      }
      if (side == Side::kQuery) {
        for (double& value : f) value /= sum;
      }
      break;
    }
  }
  return f;
}

}  // namespace rotary::reference

#endif  // ROTARY_ATTENTION_FEATURE_MAP_REF_H_
