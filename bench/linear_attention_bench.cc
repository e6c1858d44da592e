#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "bench/arithmetic.h"
#include "bench/attention_bench.h"
#include "rotary/attention/linear_attention.h"
#include "rotary/attention/linear_attention_ref.h"
#include "rotary/attention/softmax_attention_ref.h"
#include "rotary/rope/phases.h"
#include "rotary/rope/rotate.h"

namespace rotary {
namespace {

struct Shape {
  std::string name;
  int64_t tokens = 2048;
  int64_t head_dim = 128;  // features and value channels
  int64_t heads = 32, kv_heads = 8;
  int64_t batch = 1;
  bool causal = true;
};

std::vector<Shape> Shapes() {
  return {
      {.name = "f32/2048"},
      {.name = "f32/2048/head-dim-64", .head_dim = 64},
      {.name = "f32/2048/bidirectional", .causal = false},
      {.name = "f32/1000", .tokens = 1000},
      {.name = "f32/17", .tokens = 17},
      {.name = "f32/128/train-4x32-batch-32",
       .tokens = 128,
       .head_dim = 32,
       .heads = 4,
       .kv_heads = 4,
       .batch = 32},
  };
}

// Features as elu + 1 makes them of normally distributed channels.
void FillFeatures(Tensor& x, uint64_t stream) {
  FillNormal(x, stream);
  for (float& value : x.span<float>()) value = value > 0 ? value + 1 : std::exp(value);
}

// The two inputs with features, turned and not, and the values; or room for their gradients.
struct Inputs {
  explicit Inputs(const Shape& s)
      : q(DType::kF32, {s.batch, s.tokens, s.heads, s.head_dim}),
        k(DType::kF32, {s.batch, s.tokens, s.kv_heads, s.head_dim}),
        rotated_q(DType::kF32, q.shape()),
        rotated_k(DType::kF32, k.shape()),
        v(DType::kF32, k.shape()) {}
  // q, k and their turned forms, v.
  Tensor q, k, rotated_q, rotated_k, v;
};

class Call {
 public:
  Call(const Shape& shape, const BenchOptions& options)
      : shape_(shape),
        in_(shape),
        gradient_(shape),
        out_(DType::kF32, in_.q.shape()),
        d_out_(DType::kF32, in_.q.shape()),
        options_{.causal = shape.causal, .threads = options.threads} {
    FillFeatures(in_.q, 1);
    FillFeatures(in_.k, 2);
    FillNormal(in_.v, 3);
    FillNormal(d_out_, 4);
    const PhaseTable table(MakeRotation({.head_dim = static_cast<int>(shape.head_dim)}));
    Tensor positions(DType::kI64, {shape.tokens});
    for (int64_t t = 0; t < shape.tokens; ++t) positions.data<int64_t>()[t] = t;
    in_.rotated_q = in_.q.Clone();
    in_.rotated_k = in_.k.Clone();
    RotateQK(table, positions.view(), in_.rotated_q.view(), in_.rotated_k.view(), {});
  }

  void Forward() {
    LinearAttention(in_.q.view(), in_.k.view(), in_.rotated_q.view(), in_.rotated_k.view(),
                    in_.v.view(), out_.view(), options_);
  }
  void Backward() {
    LinearAttentionBackward(in_.q.view(), in_.k.view(), in_.rotated_q.view(), in_.rotated_k.view(),
                            in_.v.view(), d_out_.view(), gradient_.q.view(), gradient_.k.view(),
                            gradient_.rotated_q.view(), gradient_.rotated_k.view(),
                            gradient_.v.view(), options_);
  }

  // Where the twin is quick: the last queries of the last key head, the last batch row; and of the
  // gradients by keys and values those which no other query has a part in.
  void Check(bool backward) {
    Forward();
    if (backward) Backward();
    const int64_t group = shape_.heads / shape_.kv_heads;
    const int64_t queries = std::min<int64_t>(shape_.tokens, 8);
    const auto query = [&](const Tensor& x) {
      return x.view()
          .Slice(0, shape_.batch - 1, shape_.batch)
          .Slice(1, shape_.tokens - queries, shape_.tokens)
          .Slice(2, shape_.heads - group, shape_.heads);
    };
    const auto key = [&](const Tensor& x) {
      return x.view()
          .Slice(0, shape_.batch - 1, shape_.batch)
          .Slice(2, shape_.kv_heads - 1, shape_.kv_heads);
    };
    const auto check = [&](ConstTensorView x, const std::vector<double>& twin) {
      // Sums over all tokens and their gradients: relative to the largest number.
      const std::vector<double> ours = reference::ToDoubles(x);
      const size_t skip = twin.size() - ours.size();
      double error = 0, most = 0;
      for (size_t i = 0; i < ours.size(); ++i) {
        most = std::max(most, std::abs(twin[skip + i]));
        const double difference = std::abs(ours[i] - twin[skip + i]);
        if (!(difference <= error)) error = difference;
        if (std::isnan(error)) break;
      }
      CheckAnswer(shape_.name, error / most, 1e-4);
    };
    const reference::LinearAttentionShape sizes{.batch = 1,
                                                .queries = queries,
                                                .keys = shape_.tokens,
                                                .heads = group,
                                                .kv_heads = 1,
                                                .features = shape_.head_dim,
                                                .value_dim = shape_.head_dim};
    const reference::LinearAttentionInputs x{
        reference::ToDoubles(query(in_.q)), reference::ToDoubles(key(in_.k)),
        reference::ToDoubles(query(in_.rotated_q)), reference::ToDoubles(key(in_.rotated_k)),
        reference::ToDoubles(key(in_.v))};
    const reference::Sees sees = [&](int64_t, int64_t m, int64_t n) {
      return !shape_.causal || n <= m + shape_.tokens - queries;
    };
    check(query(out_), reference::LinearAttention(sizes, x, sees, options_.epsilon));
    if (!backward) return;
    const reference::LinearAttentionInputs twin = reference::LinearAttentionBackward(
        sizes, x, reference::ToDoubles(query(d_out_)), sees, options_.epsilon);
    check(query(gradient_.q), twin.q);
    check(query(gradient_.rotated_q), twin.rotated_q);
    if (!shape_.causal && queries < shape_.tokens) return;
    const auto last = [&](const Tensor& gradient) {
      return key(gradient).Slice(1, shape_.tokens - queries, shape_.tokens);
    };
    check(last(gradient_.k), twin.k);
    check(last(gradient_.rotated_k), twin.rotated_k);
    check(last(gradient_.v), twin.v);
  }

  // Of the inputs and outputs of one call.
  double Bytes(bool backward) const {
    const double inputs = static_cast<double>(2 * in_.q.bytes() + 3 * in_.k.bytes());
    const auto out = static_cast<double>(out_.bytes());
    return backward ? 2 * (inputs + out) + inputs : inputs + out;
  }

 private:
  const Shape shape_;
  Inputs in_, gradient_;
  Tensor out_, d_out_;
  LinearAttentionOptions options_;
};

BenchResult BenchShape(const Shape& shape, bool backward, const BenchOptions& options) {
  Call call(shape, options);
  call.Check(backward);
  // Products of a row of features with the state, or of features with a value: forward one a key
  // head makes the state, one a query head reads it; backward, key heads make it again and read two
  // gradients, query heads read theirs and make the gradient of the state.
  const auto products = static_cast<double>(backward ? 3 * shape.heads + 4 * shape.kv_heads
                                                     : shape.heads + shape.kv_heads);
  const double work = products * 2 * static_cast<double>(shape.head_dim * shape.head_dim) *
                      static_cast<double>(shape.batch * shape.tokens);
  const Workload candidate{work, [&, backward] {
                             call.Forward();
                             if (backward) call.Backward();
                           }};
  const ArithmeticLimits limits(options.threads);
  const BenchRow row{
      shape.name, "GFLOP/s",
      fmt::format("2 head_dim^2 operations a token for each of {} products with the state, {:.0f} "
                  "for each byte of inputs and results, so that not memory binds but arithmetic; "
                  "limit: {}",
                  backward ? "3 heads + 4 kv_heads" : "heads + kv_heads",
                  work / call.Bytes(backward), ArithmeticLimits::kName)};
  return Measure(row, candidate, limits.workloads(), options);
}

}  // namespace

std::vector<BenchResult> BenchLinearAttention(const BenchOptions& options) {
  std::vector<BenchResult> results;
  for (const bool backward : {false, true}) {
    for (Shape shape : Shapes()) {
      shape.name =
          fmt::format("attention/{}/{}", backward ? "linear-backward" : "linear", shape.name);
      if (Wanted(options, shape.name)) results.push_back(BenchShape(shape, backward, options));
    }
  }
  return results;
}

}  // namespace rotary
