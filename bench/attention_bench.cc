#include "bench/attention_bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "bench/limits.h"
#include "rotary/attention/softmax_attention.h"
#include "rotary/attention/softmax_attention_ref.h"
#include "rotary/base/random.h"
#include "rotary/nn/matmul.h"

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
  // Against the bytes of keys and values instead of operations: forward only.
  bool decode = false;
};

// `suffix` says what differs from 32 + 8 heads of 128 channels.
void AddPrefill(std::vector<Shape>& shapes, Shape shape, const std::string& suffix) {
  shape.name = fmt::format("{}/{}{}", Name(shape.dtype), shape.keys, suffix);
  shapes.push_back(shape);
}

std::vector<Shape> PrefillShapes() {
  std::vector<Shape> shapes;
  for (const DType dtype : {DType::kF32, DType::kBF16, DType::kF16}) {
    AddPrefill(shapes, {.dtype = dtype}, "");
  }
  for (const int64_t head_dim : {64, 80, 96, 256}) {
    AddPrefill(shapes, {.head_dim = head_dim}, fmt::format("/head-dim-{}", head_dim));
  }
  AddPrefill(shapes, {.queries = 1000, .keys = 1000}, "");
  AddPrefill(shapes, {.causal = false}, "/bidirectional");
  // The layers of small trained models, their q, k and v side by side in one tensor.
  AddPrefill(shapes,
             {.queries = 128, .keys = 128, .head_dim = 32, .heads = 4, .kv_heads = 4, .batch = 32},
             "/train-4x32-batch-32");
  AddPrefill(shapes,
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

std::vector<Shape> ForwardShapes() {
  std::vector<Shape> shapes = PrefillShapes();
  AddPrefill(shapes, {.queries = 17, .keys = 4096}, "/last-17");
  for (Shape& shape : shapes) shape.name = "attention/prefill/" + shape.name;
  for (const DType dtype : {DType::kF32, DType::kBF16, DType::kF16}) {
    for (const int64_t keys : {16384, 4096}) {
      shapes.push_back({.name = fmt::format("attention/decode/{}/{}", Name(dtype), keys),
                        .dtype = dtype,
                        .queries = 1,
                        .keys = keys,
                        .decode = true});
    }
  }
  for (const int64_t head_dim : {64, 80, 96, 256}) {
    shapes.push_back({.name = fmt::format("attention/decode/f32/16384/head-dim-{}", head_dim),
                      .queries = 1,
                      .keys = 16384,
                      .head_dim = head_dim,
                      .decode = true});
  }
  return shapes;
}

std::vector<Shape> BackwardShapes() {
  std::vector<Shape> shapes = PrefillShapes();
  for (Shape& shape : shapes) shape.name = "attention/prefill-backward/" + shape.name;
  return shapes;
}

void FillNormal(Tensor& x, uint64_t stream) {
  // Numbers repeat: drawing each would take longer than most measurements.
  constexpr size_t kDistinct = 65537;
  const Random random(1, stream);
  std::vector<float> values(kDistinct);
  for (size_t i = 0; i < kDistinct; ++i) values[i] = static_cast<float>(random.Normal(i));
  DispatchFloat(x.dtype(), "bench", [&]<class T>() {
    const auto elements = x.span<T>();
    for (size_t i = 0; i < elements.size(); ++i) {
      elements[i] = FromFloat<T>(values[i % kDistinct]);
    }
  });
}

// q, k and v of a shape side by side, as one product makes them: [batch, tokens, heads, channels]
// where there are as many queries as keys; else k and v side by side and q apart.
struct Inputs {
  explicit Inputs(const Shape& s)
      : shared(s.dtype,
               {s.batch, s.keys, 2 * s.kv_heads + (s.queries == s.keys ? s.heads : 0), s.head_dim}),
        apart(s.dtype, {s.queries == s.keys ? 0 : s.batch, s.queries, s.heads, s.head_dim}) {
    FillNormal(shared, 1);
    FillNormal(apart, 2);
    const int64_t first = s.queries == s.keys ? s.heads : 0;
    q = s.queries == s.keys ? shared.view().Slice(2, 0, s.heads) : apart.view();
    k = shared.view().Slice(2, first, first + s.kv_heads);
    v = shared.view().Slice(2, first + s.kv_heads, first + 2 * s.kv_heads);
  }
  Tensor shared, apart;
  TensorView q, k, v;
};

double LargestDifference(ConstTensorView x, ConstTensorView y) {
  const std::vector<double> a = reference::ToDoubles(x), b = reference::ToDoubles(y);
  double most = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double difference = std::abs(a[i] - b[i]);
    if (!(difference <= most)) most = difference;
  }
  return most;
}

// The shape's call of attention, with its answer checked where the twin is quick: the last query of
// the last key head's first query head.
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

  void Check(bool backward) {
    Forward();
    const int64_t head = (shape_.kv_heads - 1) * (shape_.heads / shape_.kv_heads);
    const auto query = [&](ConstTensorView x) {
      return x.Slice(0, 0, 1).Slice(1, shape_.queries - 1, shape_.queries).Slice(2, head, head + 1);
    };
    const auto keys = [&](ConstTensorView x) {
      return x.Slice(0, 0, 1).Slice(2, shape_.kv_heads - 1, shape_.kv_heads);
    };
    const Dims one = {1, 1, 1, shape_.head_dim}, all = {1, shape_.keys, 1, shape_.head_dim};
    Tensor out(DType::kF64, one), d_q(DType::kF64, one);
    Tensor d_k(DType::kF64, all), d_v(DType::kF64, all);
    const double tolerance = shape_.dtype == DType::kF32 ? 1e-5 : 0x1p-6;
    reference::SoftmaxAttention(query(in_.q), keys(in_.k), keys(in_.v), out.view(), {});
    CheckAnswer(shape_.name, LargestDifference(query(out_.view()), out.view()), tolerance);
    if (!backward) return;
    Backward();
    reference::SoftmaxAttentionBackward(query(in_.q), keys(in_.k), keys(in_.v),
                                        query(d_out_.view()), d_q.view(), d_k.view(), d_v.view());
    CheckAnswer(shape_.name, LargestDifference(query(gradient_.q), d_q.view()), tolerance);
  }

  ConstTensorView keys_and_values() const { return in_.shared.view(); }

 private:
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

// The fastest way to multiply and add: registers alone, or a matrix product of a good shape.
struct ComputeLimits {
  explicit ComputeLimits(int threads)
      : a(DType::kF32, {kSize, kSize}),
        b(DType::kF32, {kSize, kSize}),
        c(DType::kF32, {kSize, kSize}) {
    FillNormal(a, 4);
    FillNormal(b, 5);
    const double work = 2.0 * kSize * kSize * kSize;
    workloads[0] = FmaWorkload(threads);
    workloads[1] = {work, [this, threads] {
                      MatMul(Transpose::kNo, Transpose::kNo, {a.data<float>(), kSize, kSize},
                             {b.data<float>(), kSize, kSize}, 0, {c.data<float>(), kSize, kSize},
                             threads);
                    }};
  }
  static constexpr int64_t kSize = 1024;
  Tensor a, b, c;
  Workload workloads[2];
};

BenchResult BenchOperations(const Shape& shape, bool backward, const BenchOptions& options) {
  Call call(shape, options);
  call.Check(backward);
  const double products = backward ? 14 : 4;
  const Workload candidate{products * static_cast<double>(shape.head_dim) * Pairs(shape),
                           [&, backward] {
                             call.Forward();
                             if (backward) call.Backward();
                           }};
  const ComputeLimits limits(options.threads);
  const BenchRow row{
      shape.name, "GFLOP/s",
      fmt::format("{} head_dim operations for each query and a key that it sees ({}); limit: f32 "
                  "multiply-adds, or a matrix product of 1024^3 where that is faster",
                  products,
                  backward ? "2 forward products and 5 backward, one of them the scores again"
                           : "2 products")};
  return Measure(row, candidate, limits.workloads, options);
}

BenchResult BenchBytes(const Shape& shape, const BenchOptions& options) {
  Call call(shape, options);
  call.Check(false);
  const ConstTensorView bytes = call.keys_and_values();
  const auto size = static_cast<size_t>(bytes.count()) * SizeOf(bytes.dtype());
  const Workload candidate{static_cast<double>(size), [&] { call.Forward(); }};
  const Workload limit =
      ReadWorkload({static_cast<const std::byte*>(bytes.data()), size}, options.threads);
  const BenchRow row{shape.name, "GB/s",
                     "bytes of keys and values, read once; limit: reading the same bytes"};
  return Measure(row, candidate, {&limit, 1}, options);
}

}  // namespace

std::vector<BenchResult> BenchAttention(const BenchOptions& options) {
  std::vector<BenchResult> results;
  for (const Shape& shape : ForwardShapes()) {
    if (!Wanted(options, shape.name)) continue;
    results.push_back(shape.decode ? BenchBytes(shape, options)
                                   : BenchOperations(shape, false, options));
  }
  for (const Shape& shape : BackwardShapes()) {
    if (Wanted(options, shape.name)) results.push_back(BenchOperations(shape, true, options));
  }
  return results;
}

}  // namespace rotary
