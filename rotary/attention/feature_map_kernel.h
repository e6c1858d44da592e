// The work of a feature map on one head of one batch row. For this room.
#ifndef ROTARY_ATTENTION_FEATURE_MAP_KERNEL_H_
#define ROTARY_ATTENTION_FEATURE_MAP_KERNEL_H_

#include <cmath>
#include <cstdint>

#include "rotary/attention/feature_map.h"
#include "rotary/base/tensor.h"

namespace rotary::feature_map {

inline constexpr int64_t kRows = 32;  // tokens worked on together

inline int64_t Padded(int64_t channels) { return (channels + 15) / 16 * 16; }

// Operands that fit each other; see feature_map.h.
struct Arguments {
  FeatureMap map;
  Side side;
  ConstTensorView x;
  TensorView out;                        // features, or d_x
  ConstTensorView features, d_features;  // the gradient only
  // kPerformer only, padded with zeros: [r, padded head_dim], and [head_dim, padded r].
  Tensor projection, projection_columns;
  int64_t r = 0;

  int64_t head_dim() const { return x.shape(3); }
  bool performer() const { return map == FeatureMap::kPerformer; }
  // What queries and keys are multiplied by, so that scores are divided by sqrt(head_dim).
  float scale() const {
    return static_cast<float>(std::pow(static_cast<double>(head_dim()), -0.25));
  }
};

// The memory of one worker.
struct Scratch {
  explicit Scratch(const Arguments& arguments)
      : head_dim(Padded(arguments.head_dim())),
        r(Padded(arguments.r)),
        memory(DType::kF32, {kRows * (head_dim + 2 * r)}),
        channels(memory.data<float>()),
        features(channels + kRows * head_dim),
        d_features(features + kRows * r) {}

  int64_t head_dim, r;  // padded
  Tensor memory;
  float* channels;               // [kRows, head_dim]
  float *features, *d_features;  // [kRows, r]
};

// Both work on the calling thread and write all rows of this head.
void Forward(const Arguments& arguments, int64_t batch, int64_t head, Scratch& scratch);
void Backward(const Arguments& arguments, int64_t batch, int64_t head, Scratch& scratch);

}  // namespace rotary::feature_map

#endif  // ROTARY_ATTENTION_FEATURE_MAP_KERNEL_H_
