// Properties of the twin: a case worked by hand, and gradients that agree with central differences
// under every mask.
#include "rotary/attention/softmax_attention_ref.h"

#include <cmath>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "rotary/base/random.h"

namespace rotary {
namespace {

Tensor RandomF64(Dims shape, uint64_t stream) {
  Tensor x(DType::kF64, shape);
  const Random random(7, stream);
  for (int64_t i = 0; i < x.count(); ++i) {
    x.data<double>()[i] = random.Normal(static_cast<uint64_t>(i));
  }
  return x;
}

TEST(SoftmaxAttentionRefTest, WorkedByHand) {
  // One head of one channel, two keys, scale 1: scores are 0 and ln 3, so the weights are 1/4 and
  // 3/4.
  Tensor q(DType::kF64, {1, 1, 1, 1}), k(DType::kF64, {1, 2, 1, 1}), v(DType::kF64, {1, 2, 1, 1});
  Tensor out(DType::kF64, {1, 1, 1, 1}), lse(DType::kF64, {1, 1, 1});
  q.data<double>()[0] = 1;
  k.data<double>()[1] = std::log(3.0);
  v.data<double>()[0] = 10;
  v.data<double>()[1] = 20;
  reference::SoftmaxAttention(q.view(), k.view(), v.view(), out.view(), lse.view(), {.scale = 1});
  EXPECT_NEAR(out.data<double>()[0], 17.5, 1e-14);
  EXPECT_NEAR(lse.data<double>()[0], std::log(4.0), 1e-15);
}

struct MaskCase {
  std::string name;
  AttentionMask mask;
};

TEST(SoftmaxAttentionRefTest, GradientsAgreeWithCentralDifferences) {
  constexpr int64_t kBatch = 2, kQueries = 4, kKeys = 6, kHeads = 4, kKvHeads = 2;
  Tensor q = RandomF64({kBatch, kQueries, kHeads, 3}, 1);
  Tensor k = RandomF64({kBatch, kKeys, kKvHeads, 3}, 2);
  Tensor v = RandomF64({kBatch, kKeys, kKvHeads, 5}, 3);
  const Tensor d_out = RandomF64({kBatch, kQueries, kHeads, 5}, 4);
  const std::vector<int32_t> lengths = {6, 3};
  Tensor padding(DType::kU8, {kBatch, kKeys});
  for (int64_t j = 0; j < padding.count(); ++j) padding.data<uint8_t>()[j] = j % 3 != 1;
  Tensor query_documents(DType::kI32, {kBatch, kQueries}),
      key_documents(DType::kI32, {kBatch, kKeys});
  for (int64_t i = 0; i < 2 * kQueries; ++i) query_documents.data<int32_t>()[i] = i % kQueries / 2;
  for (int64_t j = 0; j < 2 * kKeys; ++j) key_documents.data<int32_t>()[j] = j % kKeys / 3;
  const std::vector<float> slopes = AlibiSlopes(kHeads);
  const std::vector<MaskCase> cases = {
      {"none", {}},
      {"causal", {.causal = true}},
      {"causal, top left", {.causal = true, .alignment = Alignment::kTopLeft}},
      {"window", {.window = 2}},
      {"causal window", {.causal = true, .window = 3}},
      {"key_lengths", {.key_lengths = lengths}},
      {"key_padding", {.key_padding = padding.view()}},
      {"documents",
       {.query_documents = query_documents.view(), .key_documents = key_documents.view()}},
      {"causal ALiBi", {.causal = true, .alibi_slopes = slopes}},
      {"symmetric ALiBi", {.alibi_slopes = slopes}},
  };
  for (const MaskCase& c : cases) {
    SCOPED_TRACE(c.name);
    const AttentionOptions options{.mask = c.mask, .scale = 0.7};
    const auto loss = [&] {
      Tensor out(DType::kF64, d_out.shape());
      reference::SoftmaxAttention(q.view(), k.view(), v.view(), out.view(), {}, options);
      double sum = 0;
      for (int64_t i = 0; i < out.count(); ++i) {
        sum += out.data<double>()[i] * d_out.data<double>()[i];
      }
      return sum;
    };
    Tensor d_q(DType::kF64, q.shape()), d_k(DType::kF64, k.shape()), d_v(DType::kF64, v.shape());
    reference::SoftmaxAttentionBackward(q.view(), k.view(), v.view(), d_out.view(), d_q.view(),
                                        d_k.view(), d_v.view(), options);
    const auto check = [&](Tensor& x, const Tensor& d_x) {
      for (int64_t i = 0; i < x.count(); ++i) {
        double& value = x.data<double>()[i];
        const double before = value;
        constexpr double kStep = 1e-5;
        value = before + kStep;
        const double above = loss();
        value = before - kStep;
        const double below = loss();
        value = before;
        // The truncation error is kStep^2 times a third derivative of order 10.
        const double difference = (above - below) / (2 * kStep);
        ASSERT_TRUE(std::abs(d_x.data<double>()[i] - difference) <= 1e-8)
            << i << ": " << d_x.data<double>()[i] << " against " << difference;
      }
    };
    check(q, d_q);
    check(k, d_k);
    check(v, d_v);
  }
}

}  // namespace
}  // namespace rotary
