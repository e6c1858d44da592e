#include "rotary/attention/linear_attention.h"

#include <vector>

#include "rotary/attention/linear_attention_ref.h"
#include "rotary/base/error.h"

namespace rotary {
namespace {

using reference::LinearAttentionInputs;
using reference::LinearAttentionShape;

LinearAttentionShape CheckShapes(ConstTensorView q, ConstTensorView k, ConstTensorView rotated_q,
                                 ConstTensorView rotated_k, ConstTensorView v, ConstTensorView out,
                                 const LinearAttentionOptions& options) {
  for (const ConstTensorView* x : {&q, &k, &rotated_q, &rotated_k, &v, &out}) {
    Require(x->rank() == 4 && x->dtype() == DType::kF32,
            "linear attention: inputs must be f32 of four axes, got ", Name(x->dtype()), " of ",
            x->shape().ToString());
  }
  const LinearAttentionShape s{.batch = q.shape(0),
                               .queries = q.shape(1),
                               .keys = k.shape(1),
                               .heads = q.shape(2),
                               .kv_heads = k.shape(2),
                               .features = q.shape(3),
                               .value_dim = v.shape(3)};
  Require(rotated_q.shape() == q.shape() && rotated_k.shape() == k.shape() &&
              k.shape() == Dims({s.batch, s.keys, s.kv_heads, s.features}) &&
              v.shape() == Dims({s.batch, s.keys, s.kv_heads, s.value_dim}) &&
              out.shape() == Dims({s.batch, s.queries, s.heads, s.value_dim}),
          "linear attention: q ", q.shape().ToString(), ", k ", k.shape().ToString(), ", v ",
          v.shape().ToString(), " and out ", out.shape().ToString(), " do not belong together");
  Require(s.kv_heads > 0 && s.heads % s.kv_heads == 0, "linear attention: heads (", s.heads,
          ") must be a multiple of kv_heads (", s.kv_heads, ")");
  Require(!options.causal || s.queries <= s.keys, "linear attention: causal needs as many keys (",
          s.keys, ") as queries (", s.queries, ") or more");
  return s;
}

template <class Visit>
void ForEach(ConstTensorView x, Visit visit) {
  size_t i = 0;
  for (int64_t b = 0; b < x.shape(0); ++b) {
    for (int64_t t = 0; t < x.shape(1); ++t) {
      for (int64_t h = 0; h < x.shape(2); ++h) {
        for (int64_t c = 0; c < x.shape(3); ++c) {
          visit(i++, b * x.stride(0) + t * x.stride(1) + h * x.stride(2) + c * x.stride(3));
        }
      }
    }
  }
}

std::vector<double> Read(ConstTensorView x) {
  std::vector<double> values(static_cast<size_t>(x.count()));
  ForEach(x, [&](size_t i, int64_t at) { values[i] = x.As<float>()[at]; });
  return values;
}

void Write(const std::vector<double>& values, TensorView x) {
  ForEach(x, [&](size_t i, int64_t at) { x.As<float>()[at] = static_cast<float>(values[i]); });
}

reference::Sees Mask(const LinearAttentionShape& s, const LinearAttentionOptions& options) {
  return [&s, &options](int64_t b, int64_t m, int64_t n) {
    if (options.causal && n > m + s.keys - s.queries) return false;
    if (!options.key_lengths.empty() && n >= options.key_lengths[static_cast<size_t>(b)]) {
      return false;
    }
    const ConstTensorView& padding = options.key_padding;
    return padding.data() == nullptr ||
           padding.As<uint8_t>()[b * padding.stride(0) + n * padding.stride(1)] != 0;
  };
}

}  // namespace

void LinearAttention(ConstTensorView q, ConstTensorView k, ConstTensorView rotated_q,
                     ConstTensorView rotated_k, ConstTensorView v, TensorView out,
                     const LinearAttentionOptions& options) {
  const LinearAttentionShape s = CheckShapes(q, k, rotated_q, rotated_k, v, out, options);
  const LinearAttentionInputs x{Read(q), Read(k), Read(rotated_q), Read(rotated_k), Read(v)};
  Write(reference::LinearAttention(s, x, Mask(s, options), options.epsilon), out);
}

void LinearAttentionBackward(ConstTensorView q, ConstTensorView k, ConstTensorView rotated_q,
                             ConstTensorView rotated_k, ConstTensorView v, ConstTensorView d_out,
                             TensorView d_q, TensorView d_k, TensorView d_rotated_q,
                             TensorView d_rotated_k, TensorView d_v,
                             const LinearAttentionOptions& options) {
  const LinearAttentionShape s = CheckShapes(q, k, rotated_q, rotated_k, v, d_out, options);
  const LinearAttentionInputs x{Read(q), Read(k), Read(rotated_q), Read(rotated_k), Read(v)};
  const LinearAttentionInputs d =
      reference::LinearAttentionBackward(s, x, Read(d_out), Mask(s, options), options.epsilon);
  Write(d.q, d_q);
  Write(d.k, d_k);
  Write(d.rotated_q, d_rotated_q);
  Write(d.rotated_k, d_rotated_k);
  Write(d.v, d_v);
}

void CheckLinearRotation(const Rotation& rotation, int features) {
  Require(features % 2 == 0, "linear attention: rotary needs an even number of features, got ",
          features);
  Require(rotation.head_dim == features, "linear attention: the rotation turns ", rotation.head_dim,
          " channels, the feature map makes ", features);
  Require(rotation.attention_factor == 1,
          "linear attention: the attention factor must be 1 (it would scale the numerator and not "
          "the denominator), got ",
          rotation.attention_factor);
  Require(rotation.log_decay.empty(),
          "linear attention: xPos decay would scale the numerator and not the denominator");
}

void CheckLinearBias(std::span<const float> alibi_slopes) {
  Require(alibi_slopes.empty(),
          "linear attention: ALiBi adds to the scores under a softmax and linear attention forms "
          "none; choose rotary, sinusoidal, learned or none");
}

}  // namespace rotary
