#include "rotary/attention/linear_attention.h"

#include <cmath>

#include "rotary/attention/for_each_head.h"
#include "rotary/attention/linear_attention_kernel.h"
#include "rotary/base/error.h"

namespace rotary {
namespace {

void CheckTensor(const char* name, ConstTensorView x, const Dims& shape) {
  Require(x.dtype() == DType::kF32, "linear attention: ", name, " must be f32, got ",
          Name(x.dtype()));
  Require(x.shape() == shape, "linear attention: ", name, " must be ", shape.ToString(), ", got ",
          x.shape().ToString());
  Require(x.shape(3) <= 1 || x.stride(3) == 1, "linear attention: the channel stride of ", name,
          " must be 1, got ", x.stride(3));
}

void CheckMask(const LinearAttentionOptions& options, int64_t batch, int64_t queries,
               int64_t keys) {
  Require(!options.causal || queries <= keys,
          "linear attention: causal needs at least as many keys as queries, got ", keys, " and ",
          queries);
  Require(options.key_lengths.empty() || std::ssize(options.key_lengths) == batch,
          "linear attention: key_lengths must hold ", batch, " lengths, got ",
          options.key_lengths.size());
  for (const int32_t length : options.key_lengths) {
    Require(length >= 0 && length <= keys, "linear attention: a key length must be in [0, ", keys,
            "], got ", length);
  }
  const ConstTensorView& padding = options.key_padding;
  Require(padding.data() == nullptr ||
              (padding.dtype() == DType::kU8 && padding.shape() == Dims({batch, keys})),
          "linear attention: key_padding must be u8 ", Dims({batch, keys}).ToString(), ", got ",
          Name(padding.dtype()), " ", padding.shape().ToString());
  Require(options.epsilon >= 0 && std::isfinite(options.epsilon),
          "linear attention: epsilon must be 0 or more, got ", options.epsilon);
}

linear::Problem MakeProblem(ConstTensorView q, ConstTensorView k, ConstTensorView rotated_q,
                            ConstTensorView rotated_k, ConstTensorView v,
                            const LinearAttentionOptions& options) {
  for (const ConstTensorView* x : {&q, &k, &v}) {
    Require(x->rank() == 4, "linear attention: q, k and v must have four axes, got ",
            x->shape().ToString());
  }
  const int64_t batch = q.shape(0), keys = k.shape(1), kv_heads = k.shape(2), r = q.shape(3);
  Require(r > 0, "linear attention: at least one feature is needed");
  CheckTensor("q", q, q.shape());
  CheckTensor("k", k, {batch, keys, kv_heads, r});
  CheckTensor("rotated_q", rotated_q, q.shape());
  CheckTensor("rotated_k", rotated_k, k.shape());
  CheckTensor("v", v, {batch, keys, kv_heads, v.shape(3)});
  Require(kv_heads > 0 && q.shape(2) % kv_heads == 0, "linear attention: heads (", q.shape(2),
          ") must be a multiple of kv_heads (", kv_heads, ")");
  CheckMask(options, batch, q.shape(1), keys);
  return {.q = q,
          .k = k,
          .rotated_q = rotated_q,
          .rotated_k = rotated_k,
          .v = v,
          .causal = options.causal,
          .key_lengths = options.key_lengths,
          .key_padding = options.key_padding,
          .floor = static_cast<float>(options.epsilon / static_cast<double>(r))};
}

// Calls body(batch row, key head, scratch) for all of them.
template <class Body>
void ForEachKeyHead(const linear::Problem& problem, bool gradient, int threads, const Body& body) {
  ForEachHead(
      problem.k.shape(0), problem.k.shape(2),
      (problem.q.count() + problem.k.count()) * problem.v.shape(3), threads,
      [&] { return linear::Scratch(problem, gradient); }, body);
}

}  // namespace

void LinearAttention(ConstTensorView q, ConstTensorView k, ConstTensorView rotated_q,
                     ConstTensorView rotated_k, ConstTensorView v, TensorView out,
                     const LinearAttentionOptions& options) {
  const linear::Problem problem = MakeProblem(q, k, rotated_q, rotated_k, v, options);
  CheckTensor("out", out, {q.shape(0), q.shape(1), q.shape(2), v.shape(3)});
  ForEachKeyHead(problem, /*gradient=*/false, options.threads,
                 [&](int64_t batch, int64_t kv_head, linear::Scratch& scratch) {
                   linear::Forward(problem, batch, kv_head, scratch, out);
                 });
}

void LinearAttentionBackward(ConstTensorView q, ConstTensorView k, ConstTensorView rotated_q,
                             ConstTensorView rotated_k, ConstTensorView v, ConstTensorView d_out,
                             TensorView d_q, TensorView d_k, TensorView d_rotated_q,
                             TensorView d_rotated_k, TensorView d_v,
                             const LinearAttentionOptions& options) {
  const linear::Problem problem = MakeProblem(q, k, rotated_q, rotated_k, v, options);
  CheckTensor("d_out", d_out, {q.shape(0), q.shape(1), q.shape(2), v.shape(3)});
  CheckTensor("d_q", d_q, q.shape());
  CheckTensor("d_k", d_k, k.shape());
  CheckTensor("d_rotated_q", d_rotated_q, q.shape());
  CheckTensor("d_rotated_k", d_rotated_k, k.shape());
  CheckTensor("d_v", d_v, v.shape());
  const linear::Gradients gradients{d_out, d_q, d_k, d_rotated_q, d_rotated_k, d_v};
  ForEachKeyHead(problem, /*gradient=*/true, options.threads,
                 [&](int64_t batch, int64_t kv_head, linear::Scratch& scratch) {
                   linear::Backward(problem, batch, kv_head, scratch, gradients);
                 });
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
