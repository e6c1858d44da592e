#include "rotary/attention/attention_arguments.h"

#include <cmath>
#include <string_view>

#include "rotary/base/error.h"

namespace rotary {
namespace {

constexpr std::string_view kForward = "softmax_attention";
constexpr std::string_view kBackward = "softmax_attention_backward";

// Without elements there is nothing to point at.
void CheckData(std::string_view operation, std::string_view name, ConstTensorView x) {
  Require(x.data() != nullptr || x.count() == 0, operation, ": ", name, " has no data");
}

void CheckShape(std::string_view operation, std::string_view name, std::string_view axes,
                ConstTensorView x, const Dims& shape) {
  Require(x.shape() == shape, operation, ": ", name, " must be ", axes, " = ", shape.ToString(),
          ", got ", x.shape().ToString());
  CheckData(operation, name, x);
}

// A tensor of rows of channels with the dtype of q.
void CheckRows(std::string_view operation, std::string_view name, ConstTensorView x, DType dtype) {
  Require(x.dtype() == dtype, operation, ": ", name, " must have the dtype of q (", Name(dtype),
          "), got ", Name(x.dtype()));
  Require(x.stride(3) == 1 || x.shape(3) <= 1, operation, ": the channel stride of ", name,
          " must be 1, got ", x.stride(3));
}

void CheckMask(std::string_view operation, const AttentionMask& mask, int64_t batch,
               int64_t queries, int64_t heads, int64_t keys) {
  Require(mask.window >= 0, operation, ": window must be 0 (none) or more, got ", mask.window);
  if (!mask.key_lengths.empty()) {
    Require(static_cast<int64_t>(mask.key_lengths.size()) == batch, operation,
            ": key_lengths must have one length for each batch row (", batch, "), got ",
            mask.key_lengths.size());
    for (size_t b = 0; b < mask.key_lengths.size(); ++b) {
      Require(mask.key_lengths[b] >= 0 && mask.key_lengths[b] <= keys, operation, ": key_lengths[",
              b, "] must be in [0, ", keys, "], got ", mask.key_lengths[b]);
    }
  }
  if (mask.key_padding.data() != nullptr) {
    Require(mask.key_padding.dtype() == DType::kU8, operation, ": key_padding must be u8, got ",
            Name(mask.key_padding.dtype()));
    CheckShape(operation, "key_padding", "[batch, keys]", mask.key_padding, {batch, keys});
  }
  const bool query_documents = mask.query_documents.data() != nullptr;
  const bool key_documents = mask.key_documents.data() != nullptr;
  Require(query_documents == key_documents, operation,
          ": query_documents and key_documents come together, got only ",
          query_documents ? "query_documents" : "key_documents");
  if (query_documents) {
    Require(mask.query_documents.dtype() == DType::kI32, operation,
            ": query_documents must be i32, got ", Name(mask.query_documents.dtype()));
    Require(mask.key_documents.dtype() == DType::kI32, operation,
            ": key_documents must be i32, got ", Name(mask.key_documents.dtype()));
    CheckShape(operation, "query_documents", "[batch, queries]", mask.query_documents,
               {batch, queries});
    CheckShape(operation, "key_documents", "[batch, keys]", mask.key_documents, {batch, keys});
  }
  if (!mask.alibi_slopes.empty()) {
    Require(static_cast<int64_t>(mask.alibi_slopes.size()) == heads, operation,
            ": alibi_slopes must have one slope for each query head (", heads, "), got ",
            mask.alibi_slopes.size());
    for (const float slope : mask.alibi_slopes) {
      Require(std::isfinite(slope), operation, ": alibi_slopes must be finite, got ", slope);
    }
  }
}

void CheckInputs(std::string_view operation, ConstTensorView q, ConstTensorView k,
                 ConstTensorView v, const AttentionOptions& options) {
  Require(q.rank() == 4, operation, ": q must be [batch, queries, heads, head_dim], got ",
          q.shape().ToString());
  Require(k.rank() == 4, operation, ": k must be [batch, keys, kv_heads, head_dim], got ",
          k.shape().ToString());
  Require(v.rank() == 4, operation, ": v must be [batch, keys, kv_heads, value_dim], got ",
          v.shape().ToString());
  Require(q.dtype() == DType::kF32 || q.dtype() == DType::kBF16 || q.dtype() == DType::kF16,
          operation, ": q must be f32, bf16 or f16, got ", Name(q.dtype()));
  const int64_t batch = q.shape(0), heads = q.shape(2), head_dim = q.shape(3);
  const int64_t keys = k.shape(1), kv_heads = k.shape(2);
  Require(heads >= 1 && head_dim >= 1, operation, ": heads and head_dim must be at least 1, got ",
          q.shape().ToString());
  Require(kv_heads >= 1 && heads % kv_heads == 0, operation, ": heads (", heads,
          ") must be a multiple of kv_heads (", kv_heads, ")");
  Require(v.shape(3) >= 1, operation, ": value_dim must be at least 1, got ", v.shape().ToString());
  CheckShape(operation, "k", "[batch, keys, kv_heads, head_dim]", k,
             {batch, keys, kv_heads, head_dim});
  CheckShape(operation, "v", "[batch, keys, kv_heads, value_dim]", v,
             {batch, keys, kv_heads, v.shape(3)});
  CheckData(operation, "q", q);
  CheckRows(operation, "q", q, q.dtype());
  CheckRows(operation, "k", k, q.dtype());
  CheckRows(operation, "v", v, q.dtype());
  Require(std::isfinite(options.scale), operation, ": scale must be finite, got ", options.scale);
  CheckMask(operation, options.mask, batch, q.shape(1), heads, keys);
}

void CheckOut(std::string_view operation, std::string_view name, ConstTensorView q,
              ConstTensorView v, ConstTensorView out) {
  CheckShape(operation, name, "[batch, queries, heads, value_dim]", out,
             {q.shape(0), q.shape(1), q.shape(2), v.shape(3)});
  CheckRows(operation, name, out, q.dtype());
}

void CheckLse(std::string_view operation, ConstTensorView q, ConstTensorView lse) {
  Require(lse.dtype() == DType::kF32, operation, ": lse must be f32, got ", Name(lse.dtype()));
  CheckShape(operation, "lse", "[batch, heads, queries]", lse,
             {q.shape(0), q.shape(2), q.shape(1)});
}

void CheckGradient(std::string_view name, std::string_view like, ConstTensorView d_x,
                   ConstTensorView x) {
  CheckShape(kBackward, name, like, d_x, x.shape());
  CheckRows(kBackward, name, d_x, x.dtype());
}

}  // namespace

void CheckAttention(ConstTensorView q, ConstTensorView k, ConstTensorView v, ConstTensorView out,
                    ConstTensorView lse, const AttentionOptions& options) {
  CheckInputs(kForward, q, k, v, options);
  CheckOut(kForward, "out", q, v, out);
  if (lse.data() != nullptr) CheckLse(kForward, q, lse);
}

void CheckAttentionBackward(ConstTensorView q, ConstTensorView k, ConstTensorView v,
                            ConstTensorView out, ConstTensorView lse, ConstTensorView d_out,
                            ConstTensorView d_q, ConstTensorView d_k, ConstTensorView d_v,
                            const AttentionOptions& options) {
  CheckInputs(kBackward, q, k, v, options);
  CheckOut(kBackward, "out", q, v, out);
  CheckLse(kBackward, q, lse);
  CheckOut(kBackward, "d_out", q, v, d_out);
  CheckGradient("d_q", "the shape of q", d_q, q);
  CheckGradient("d_k", "the shape of k", d_k, k);
  CheckGradient("d_v", "the shape of v", d_v, v);
}

}  // namespace rotary
