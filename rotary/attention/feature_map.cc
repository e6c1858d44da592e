#include "rotary/attention/feature_map.h"

#include "rotary/attention/feature_map_kernel.h"
#include "rotary/attention/for_each_head.h"
#include "rotary/base/error.h"

namespace rotary {
namespace {

using feature_map::Arguments;
using feature_map::Padded;
using feature_map::Scratch;

void CheckTensor(const char* name, ConstTensorView x) {
  Require(x.rank() == 4 && x.dtype() == DType::kF32, "feature map: ", name,
          " must be f32 of four axes, got ", Name(x.dtype()), " ", x.shape().ToString());
  Require(x.shape(3) <= 1 || x.stride(3) == 1, "feature map: the channel stride of ", name,
          " must be 1, got ", x.stride(3));
}

Arguments MakeArguments(FeatureMap map, Side side, ConstTensorView projection, ConstTensorView x,
                        ConstTensorView features) {
  CheckTensor("x", x);
  CheckTensor("features", features);
  Arguments a{.map = map, .side = side, .x = x};
  a.r = features.shape(3);
  int64_t r = a.head_dim();
  if (a.performer()) {
    Require(projection.rank() == 2 && projection.dtype() == DType::kF32 &&
                projection.shape(0) > 0 && projection.shape(1) == a.head_dim(),
            "feature map: Performer's projection must be f32 [r, ", a.head_dim(), "], got ",
            Name(projection.dtype()), " ", projection.shape().ToString());
    r = projection.shape(0);
    a.projection = Tensor(DType::kF32, {r, Padded(a.head_dim())});
    a.projection_columns = Tensor(DType::kF32, {a.head_dim(), Padded(r)});
    const float* from = projection.As<float>();
    float* rows = a.projection.data<float>();
    float* columns = a.projection_columns.data<float>();
    for (int64_t i = 0; i < r; ++i) {
      for (int64_t c = 0; c < a.head_dim(); ++c) {
        const float value = from[i * projection.stride(0) + c * projection.stride(1)];
        rows[i * Padded(a.head_dim()) + c] = value;
        columns[c * Padded(r) + i] = value;
      }
    }
  } else {
    Require(projection.data() == nullptr, "feature map: only Performer takes a projection");
  }
  const Dims shape = {x.shape(0), x.shape(1), x.shape(2), r};
  Require(features.shape() == shape, "feature map: features must be ", shape.ToString(), ", got ",
          features.shape().ToString());
  return a;
}

void ForEachHead(const Arguments& arguments, int threads,
                 void (*body)(const Arguments&, int64_t, int64_t, Scratch&)) {
  const int64_t each = arguments.performer() ? arguments.r : 16;  // a channel's multiplications
  rotary::ForEachHead(
      arguments.x.shape(0), arguments.x.shape(2), arguments.x.count() * each, threads,
      [&] { return Scratch(arguments); },
      [&](int64_t batch, int64_t head, Scratch& scratch) {
        body(arguments, batch, head, scratch);
      });
}

}  // namespace

void ApplyFeatureMap(FeatureMap map, Side side, ConstTensorView projection, ConstTensorView x,
                     TensorView features, int threads) {
  Arguments arguments = MakeArguments(map, side, projection, x, features);
  arguments.out = features;
  ForEachHead(arguments, threads, feature_map::Forward);
}

void ApplyFeatureMapBackward(FeatureMap map, Side side, ConstTensorView projection,
                             ConstTensorView x, ConstTensorView features,
                             ConstTensorView d_features, TensorView d_x, int threads) {
  Arguments arguments = MakeArguments(map, side, projection, x, features);
  CheckTensor("d_features", d_features);
  CheckTensor("d_x", d_x);
  Require(d_features.shape() == features.shape() && d_x.shape() == x.shape(),
          "feature map: gradients must have the shapes of features ", features.shape().ToString(),
          " and x ", x.shape().ToString(), ", got ", d_features.shape().ToString(), " and ",
          d_x.shape().ToString());
  arguments.features = features;
  arguments.d_features = d_features;
  arguments.out = d_x;
  ForEachHead(arguments, threads, feature_map::Backward);
}

}  // namespace rotary
