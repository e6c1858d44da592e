// Properties: every broken rule is refused with its own sentence, and the outputs are then
// untouched.
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "rotary/attention/softmax_attention.h"
#include "rotary/base/test_thrown.h"

namespace rotary {
namespace {

// A good call, for each test to spoil in one place.
struct Call {
  Tensor q{DType::kF32, {2, 3, 4, 8}}, k{DType::kF32, {2, 5, 2, 8}}, v{DType::kF32, {2, 5, 2, 6}};
  Tensor out{DType::kF32, {2, 3, 4, 6}}, lse{DType::kF32, {2, 4, 3}};
  Tensor other{DType::kF32, {2, 5, 2, 9}}, half{DType::kBF16, {2, 5, 2, 8}};
  Tensor bytes{DType::kU8, {2, 5}}, key_documents{DType::kI32, {2, 5}};
  Tensor query_documents{DType::kI32, {2, 3}};
  TensorView q_view = q.view(), k_view = k.view(), v_view = v.view(), out_view = out.view();
  TensorView lse_view = lse.view(), d_q_view = q.view();
  std::vector<int32_t> lengths;
  std::vector<float> slopes;
  AttentionOptions options;
};

struct BadCall {
  std::function<void(Call&)> spoil;
  std::string sentence;  // after "softmax_attention: "
};

const std::vector<BadCall>& BadCalls() {
  static const std::vector<BadCall> calls = {
      {[](Call& c) { c.q_view = c.bytes.view(); },
       "q must be [batch, queries, heads, head_dim], got [2, 5]"},
      {[](Call& c) { c.k_view = c.bytes.view(); },
       "k must be [batch, keys, kv_heads, head_dim], got [2, 5]"},
      {[](Call& c) { c.v_view = c.bytes.view(); },
       "v must be [batch, keys, kv_heads, value_dim], got [2, 5]"},
      {[](Call& c) { c.q_view = TensorView(c.q.raw(), DType::kI32, c.q.shape()); },
       "q must be f32, bf16 or f16, got i32"},
      {[](Call& c) { c.k_view = c.half.view(); }, "k must have the dtype of q (f32), got bf16"},
      {[](Call& c) { c.k_view = c.other.view(); },
       "k must be [batch, keys, kv_heads, head_dim] = [2, 5, 2, 8], got [2, 5, 2, 9]"},
      {[](Call& c) { c.v_view = c.v.view().Slice(1, 0, 4); },
       "v must be [batch, keys, kv_heads, value_dim] = [2, 5, 2, 6], got [2, 4, 2, 6]"},
      {[](Call& c) { c.v_view = c.v.view().Slice(3, 0, 0); },
       "value_dim must be at least 1, got [2, 5, 2, 0]"},
      {[](Call& c) { c.q_view = c.q.view().Slice(2, 0, 3); },
       "heads (3) must be a multiple of kv_heads (2)"},
      {[](Call& c) { c.k_view = c.k.view().Slice(2, 0, 0); },
       "heads (4) must be a multiple of kv_heads (0)"},
      {[](Call& c) { c.q_view = c.q.view().Slice(3, 0, 0); },
       "heads and head_dim must be at least 1, got [2, 3, 4, 0]"},
      {[](Call& c) {
         c.q_view = TensorView(c.q.raw(), DType::kF32, c.q.shape(), {1, 1, 1, 2});
       },
       "the channel stride of q must be 1, got 2"},
      {[](Call& c) { c.q_view = TensorView(nullptr, DType::kF32, c.q.shape()); }, "q has no data"},
      {[](Call& c) { c.out_view = c.out.view().Slice(1, 0, 2); },
       "out must be [batch, queries, heads, value_dim] = [2, 3, 4, 6], got [2, 2, 4, 6]"},
      {[](Call& c) { c.lse_view = c.lse.view().Slice(2, 0, 2); },
       "lse must be [batch, heads, queries] = [2, 4, 3], got [2, 4, 2]"},
      {[](Call& c) { c.lse_view = TensorView(c.lse.raw(), DType::kI32, c.lse.shape()); },
       "lse must be f32, got i32"},
      {[](Call& c) { c.options.scale = std::numeric_limits<double>::infinity(); },
       "scale must be finite, got inf"},
      {[](Call& c) { c.options.mask.window = -1; }, "window must be 0 (none) or more, got -1"},
      {[](Call& c) { c.options.mask.key_lengths = c.lengths = {5}; },
       "key_lengths must have one length for each batch row (2), got 1"},
      {[](Call& c) {
         c.options.mask.key_lengths = c.lengths = {5, 6};
       },
       "key_lengths[1] must be in [0, 5], got 6"},
      {[](Call& c) { c.options.mask.key_padding = c.key_documents.view(); },
       "key_padding must be u8, got i32"},
      {[](Call& c) { c.options.mask.key_padding = c.bytes.view().Slice(1, 0, 4); },
       "key_padding must be [batch, keys] = [2, 5], got [2, 4]"},
      {[](Call& c) { c.options.mask.key_documents = c.key_documents.view(); },
       "query_documents and key_documents come together, got only key_documents"},
      {[](Call& c) {
         c.options.mask.query_documents = c.bytes.view();
         c.options.mask.key_documents = c.key_documents.view();
       },
       "query_documents must be i32, got u8"},
      {[](Call& c) {
         c.options.mask.query_documents = c.query_documents.view();
         c.options.mask.key_documents = c.bytes.view();
       },
       "key_documents must be i32, got u8"},
      {[](Call& c) {
         c.options.mask.query_documents = c.key_documents.view();
         c.options.mask.key_documents = c.key_documents.view();
       },
       "query_documents must be [batch, queries] = [2, 3], got [2, 5]"},
      {[](Call& c) {
         c.options.mask.query_documents = c.query_documents.view();
         c.options.mask.key_documents = c.query_documents.view();
       },
       "key_documents must be [batch, keys] = [2, 5], got [2, 3]"},
      {[](Call& c) {
         c.options.mask.alibi_slopes = c.slopes = {1, 2};
       },
       "alibi_slopes must have one slope for each query head (4), got 2"},
      {[](Call& c) {
         c.options.mask.alibi_slopes = c.slopes = {1, 2, std::numeric_limits<float>::infinity(), 4};
       },
       "alibi_slopes must be finite, got inf"},
  };
  return calls;
}

TEST(AttentionArgumentsTest, BadCallsAreRefusedInOneSentence) {
  for (const BadCall& bad : BadCalls()) {
    Call c;
    c.out.data<float>()[0] = 42;
    bad.spoil(c);
    EXPECT_EQ(Thrown<std::invalid_argument>([&] {
                SoftmaxAttention(c.q_view, c.k_view, c.v_view, c.out_view, c.lse_view, c.options);
              }),
              "softmax_attention: " + bad.sentence);
    EXPECT_EQ(c.out.data<float>()[0], 42);
    EXPECT_EQ(Thrown<std::invalid_argument>([&] {
                SoftmaxAttentionBackward(c.q_view, c.k_view, c.v_view, c.out_view, c.lse_view,
                                         c.out.view(), c.q.view(), c.k.view(), c.v.view(),
                                         c.options);
              }),
              "softmax_attention_backward: " + bad.sentence);
  }
}

TEST(AttentionArgumentsTest, BadGradientsAreRefused) {
  Call c;
  const auto sentence = [&](ConstTensorView lse, TensorView d_out, TensorView d_q, TensorView d_k) {
    return Thrown<std::invalid_argument>([&] {
      SoftmaxAttentionBackward(c.q.view(), c.k.view(), c.v.view(), c.out.view(), lse, d_out, d_q,
                               d_k, c.v.view());
    });
  };
  EXPECT_EQ(sentence({}, c.out.view(), c.q.view(), c.k.view()),
            "softmax_attention_backward: lse must be [batch, heads, queries] = [2, 4, 3], got []");
  EXPECT_EQ(sentence(c.lse.view(), c.q.view(), c.q.view(), c.k.view()),
            "softmax_attention_backward: d_out must be [batch, queries, heads, value_dim] = "
            "[2, 3, 4, 6], got [2, 3, 4, 8]");
  EXPECT_EQ(sentence(c.lse.view(), c.out.view(), c.k.view(), c.k.view()),
            "softmax_attention_backward: d_q must be the shape of q = [2, 3, 4, 8], got "
            "[2, 5, 2, 8]");
  EXPECT_EQ(sentence(c.lse.view(), c.out.view(), c.q.view(), c.half.view()),
            "softmax_attention_backward: d_k must have the dtype of q (f32), got bf16");
}

TEST(AttentionArgumentsTest, NegativeThreadsAreRefused) {
  Call c;
  c.options.threads = -1;
  EXPECT_EQ(Thrown<std::invalid_argument>([&] {
              SoftmaxAttention(c.q.view(), c.k.view(), c.v.view(), c.out.view(), {}, c.options);
            }),
            "threads must be 0 (all cores) or more, got -1");
}

}  // namespace
}  // namespace rotary
