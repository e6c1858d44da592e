#include "bench/attention_bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "bench/arithmetic.h"
#include "bench/limits.h"
#include "rotary/attention/softmax_attention.h"
#include "rotary/attention/softmax_attention_ref.h"

namespace rotary {
namespace {

struct Shape {
  std::string name;
  DType dtype = DType::kF32;
  int64_t queries = 2048;
  int64_t keys = 2048;
  int64_t head_dim = 128;
  int64_t heads = 32, kv_heads = 8;
  int64_t batch = 1;
  bool causal = true;
};

constexpr DType kDTypes[] = {DType::kF32, DType::kBF16, DType::kF16};
constexpr int64_t kOtherHeadDims[] = {64, 80, 96, 256};

// `suffix` says what differs from f32 and 128 channels.
void Add(std::vector<Shape>& shapes, Shape shape, const std::string& suffix) {
  shape.name = fmt::format("{}/{}{}", Name(shape.dtype), shape.keys, suffix);
  shapes.push_back(shape);
}

// The shapes of which both directions are timed.
std::vector<Shape> PrefillShapes() {
  std::vector<Shape> shapes;
  Add(shapes, {}, "");
  for (const int64_t tokens : {1000, 17}) Add(shapes, {.queries = tokens, .keys = tokens}, "");
  // With fewer heads, to save time: heads do not share work beyond a key head's group.
  for (const DType dtype : {DType::kBF16, DType::kF16}) {
    Add(shapes, {.dtype = dtype, .heads = 8, .kv_heads = 2}, "");
  }
  for (const int64_t head_dim : kOtherHeadDims) {
    Add(shapes, {.head_dim = head_dim, .heads = 8, .kv_heads = 2},
        fmt::format("/head-dim-{}", head_dim));
  }
  Add(shapes, {.heads = 8, .kv_heads = 2, .causal = false}, "/bidirectional");
  // The layers of small trained models.
  Add(shapes, {.queries = 128, .keys = 128, .head_dim = 32, .heads = 4, .kv_heads = 4, .batch = 32},
      "/train-4x32-batch-32");
  Add(shapes,
      {.queries = 256,
       .keys = 256,
       .head_dim = 64,
       .heads = 8,
       .kv_heads = 8,
       .batch = 16,
       .causal = false},
      "/train-8x64-batch-16");
  return shapes;
}

std::vector<Shape> DecodeShapes() {
  std::vector<Shape> shapes;
  for (const DType dtype : kDTypes) {
    for (const int64_t keys : {16384, 4096}) {
      Add(shapes, {.dtype = dtype, .queries = 1, .keys = keys}, "");
    }
  }
  for (const int64_t head_dim : kOtherHeadDims) {
    Add(shapes, {.queries = 1, .keys = 16384, .head_dim = head_dim},
        fmt::format("/head-dim-{}", head_dim));
  }
  Add(shapes, {.queries = 1, .keys = 16384, .kv_heads = 32}, "/kv-heads-32");
  Add(shapes, {.queries = 1, .keys = 2048, .batch = 8}, "/batch-8");
  return shapes;
}

// q, and keys and values one behind the other in one block, so that a limit can read both in one
// loop; or room for their gradients.
struct Inputs {
  explicit Inputs(const Shape& s)
      : queries(s.dtype, {s.batch, s.queries, s.heads, s.head_dim}),
        keys_values(s.dtype, {2 * s.batch, s.keys, s.kv_heads, s.head_dim}) {
    FillNormal(queries, 1);
    FillNormal(keys_values, 2);
    q = queries.view();
    k = keys_values.view().Slice(0, 0, s.batch);
    v = keys_values.view().Slice(0, s.batch, 2 * s.batch);
  }
  Tensor queries, keys_values;
  TensorView q, k, v;
};

// The shape's call of attention.
class Call {
 public:
  Call(const Shape& shape, const BenchOptions& options)
      : shape_(shape),
        in_(shape),
        gradient_(shape),
        d_out_(shape.dtype, {shape.batch, shape.queries, shape.heads, shape.head_dim}),
        out_(shape.dtype, d_out_.shape()),
        lse_(DType::kF32, {shape.batch, shape.heads, shape.queries}),
        options_{.mask = {.causal = shape.causal}, .threads = options.threads} {
    FillNormal(d_out_, 3);
  }

  void Forward() { SoftmaxAttention(in_.q, in_.k, in_.v, out_.view(), lse_.view(), options_); }
  void Backward() {
    SoftmaxAttentionBackward(in_.q, in_.k, in_.v, out_.view(), lse_.view(), d_out_.view(),
                             gradient_.q, gradient_.k, gradient_.v, options_);
  }

  // Where the twin is quick: the last queries of the first and of the last key head, the last batch
  // row; and of the gradients by keys and values those which no other query has a part in.
  void Check(bool backward) {
    Forward();
    if (backward) Backward();
    for (const int64_t kv_head : {int64_t{0}, shape_.kv_heads - 1}) CheckHead(kv_head, backward);
  }

  const Tensor& keys_values() const { return in_.keys_values; }

 private:
  void CheckHead(int64_t kv_head, bool backward) const {
    const int64_t group = shape_.heads / shape_.kv_heads;
    const int64_t queries = std::min<int64_t>(shape_.queries, 8);
    const auto query = [&](ConstTensorView x) {
      return x.Slice(0, shape_.batch - 1, shape_.batch)
          .Slice(1, shape_.queries - queries, shape_.queries)
          .Slice(2, kv_head * group, (kv_head + 1) * group);
    };
    const auto key = [&](ConstTensorView x) {
      return x.Slice(0, shape_.batch - 1, shape_.batch).Slice(2, kv_head, kv_head + 1);
    };
    const auto check = [&](ConstTensorView x, ConstTensorView twin) {
      CheckAnswer(shape_.name, LargestDifference(x, twin),
                  shape_.dtype == DType::kF32 ? 2e-5 : 0x1p-5);
    };
    const ConstTensorView q = query(in_.q), k = key(in_.k), v = key(in_.v);
    const AttentionOptions options{.mask = {.causal = shape_.causal}};
    Tensor out(DType::kF64, q.shape());
    reference::SoftmaxAttention(q, k, v, out.view(), {}, options);
    check(query(out_.view()), out.view());
    if (!backward) return;
    Tensor d_q(DType::kF64, q.shape()), d_k(DType::kF64, k.shape()), d_v(DType::kF64, v.shape());
    reference::SoftmaxAttentionBackward(q, k, v, query(d_out_.view()), d_q.view(), d_k.view(),
                                        d_v.view(), options);
    check(query(gradient_.q), d_q.view());
    if (!shape_.causal && queries < shape_.queries) return;
    const auto last = [&](ConstTensorView x) {
      return x.Slice(1, shape_.keys - queries, shape_.keys);
    };
    check(last(key(gradient_.k)), last(d_k.view()));
    check(last(key(gradient_.v)), last(d_v.view()));
  }

  const Shape shape_;
  const Inputs in_;
  const Inputs gradient_;
  Tensor d_out_, out_, lse_;
  AttentionOptions options_;
};

// Pairs of a query and a key that see each other.
double Pairs(const Shape& s) {
  const auto q = static_cast<double>(s.queries), k = static_cast<double>(s.keys);
  const double of_head = s.causal ? q * (k - q) + q * (q + 1) / 2 : q * k;
  return static_cast<double>(s.batch * s.heads) * of_head;
}

BenchResult BenchOperations(const Shape& shape, bool backward, const BenchOptions& options) {
  Call call(shape, options);
  call.Check(backward);
  const double products = backward ? 7 : 2;
  const Workload candidate{products * 2 * static_cast<double>(shape.head_dim) * Pairs(shape),
                           [&, backward] {
                             call.Forward();
                             if (backward) call.Backward();
                           }};
  const ArithmeticLimits limits(options.threads);
  const BenchRow row{
      shape.name, "GFLOP/s",
      fmt::format("2 head_dim operations for each score that exists, by {}; limit: {}",
                  backward ? "7 products (2 forward, 5 backward: one of them the scores again)"
                           : "2 products",
                  ArithmeticLimits::kName)};
  return Measure(row, candidate, limits.workloads(), options);
}

BenchResult BenchDecode(const Shape& shape, const BenchOptions& options) {
  Call call(shape, options);
  call.Check(/*backward=*/false);
  const Tensor& bytes = call.keys_values();
  const Workload candidate{static_cast<double>(bytes.bytes()), [&] { call.Forward(); }};
  const Workload limit = ReadWorkload({bytes.raw(), bytes.bytes()}, options.threads);
  const BenchRow row{shape.name, "GB/s",
                     "bytes of keys and values, read once; limit: reading the same bytes"};
  return Measure(row, candidate, {&limit, 1}, options);
}

}  // namespace

std::vector<BenchResult> BenchSoftmaxAttention(const BenchOptions& options) {
  std::vector<BenchResult> results;
  const auto add = [&](const char* kind, Shape shape, const auto& bench) {
    shape.name = fmt::format("attention/{}/{}", kind, shape.name);
    if (Wanted(options, shape.name)) results.push_back(bench(shape));
  };
  std::vector<Shape> forward = PrefillShapes();
  Add(forward, {.queries = 17, .keys = 4096}, "/last-17");
  for (const Shape& shape : forward) {
    add("prefill", shape, [&](const Shape& s) { return BenchOperations(s, false, options); });
  }
  for (const Shape& shape : PrefillShapes()) {
    add("prefill-backward", shape,
        [&](const Shape& s) { return BenchOperations(s, true, options); });
  }
  for (const Shape& shape : DecodeShapes()) {
    add("decode", shape, [&](const Shape& s) { return BenchDecode(s, options); });
  }
  return results;
}

std::vector<BenchResult> BenchAttention(const BenchOptions& options) {
  std::vector<BenchResult> results = BenchSoftmaxAttention(options);
  for (BenchResult& result : BenchLinearAttention(options)) results.push_back(std::move(result));
  return results;
}

}  // namespace rotary
