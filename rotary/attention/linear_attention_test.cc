// Properties: linear attention and its gradient are those of the twin, which writes the weights one
// by one and whose gradient is that of finite differences, for every mask, shape and SIMD target;
// the paper's worked example; a causal query sees nothing later, to the bit; a factor on features
// cancels; absent keys are not read; memory is linear in tokens; any number of threads gives the
// same bits.
#include "rotary/attention/linear_attention.h"

#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>
#include <numbers>
#include <vector>

#include "gtest/gtest.h"
#include "rotary/attention/linear_attention_kernel.h"
#include "rotary/attention/linear_attention_ref.h"
#include "rotary/base/random.h"
#include "rotary/base/simd.h"
#include "rotary/base/test_thrown.h"
#include "rotary/rope/rotate.h"

namespace rotary {
namespace {

using reference::LinearAttentionInputs;
using reference::LinearAttentionShape;

constexpr std::vector<double> LinearAttentionInputs::*kParts[] = {
    &LinearAttentionInputs::q, &LinearAttentionInputs::k, &LinearAttentionInputs::rotated_q,
    &LinearAttentionInputs::rotated_k, &LinearAttentionInputs::v};

constexpr double kUlp = 0x1p-24;  // half a unit in the last place of 1

// A tensor inside a larger one, so that its rows are neither packed nor aligned.
class Strided {
 public:
  Strided(int64_t batch, int64_t tokens, int64_t heads, int64_t channels)
      : memory_(DType::kF32, {batch, tokens + 1, heads + 1, channels + 3}),
        shape_{batch, tokens, heads, channels} {
    for (float& value : memory_.span<float>()) value = std::numeric_limits<float>::quiet_NaN();
  }
  TensorView view() {
    return {memory_.data<float>() + 1, DType::kF32, shape_, memory_.view().strides()};
  }

  template <class Body>
  void ForEach(Body body) {
    const TensorView x = view();
    for (int64_t b = 0; b < shape_[0]; ++b) {
      for (int64_t t = 0; t < shape_[1]; ++t) {
        for (int64_t h = 0; h < shape_[2]; ++h) {
          for (int64_t c = 0; c < shape_[3]; ++c) {
            body(x.As<float>()[b * x.stride(0) + t * x.stride(1) + h * x.stride(2) + c], b, t);
          }
        }
      }
    }
  }
  std::vector<double> Values() {
    std::vector<double> values;
    ForEach([&](float x, int64_t, int64_t) { values.push_back(x); });
    return values;
  }

 private:
  Tensor memory_;
  Dims shape_;
};

struct Case {
  LinearAttentionShape shape;
  bool causal = false;
  bool lengths = false;
  bool padding = false;
  double epsilon = 1e-6;
};

std::ostream& operator<<(std::ostream& out, const Case& c) {
  const auto& s = c.shape;
  return out << s.batch << " rows, " << s.queries << " x " << s.keys << " tokens, " << s.heads
             << ":" << s.kv_heads << " heads, " << s.features << " features, " << s.value_dim
             << " channels" << (c.causal ? ", causal" : "") << (c.lengths ? ", lengths" : "")
             << (c.padding ? ", padding" : "") << ", epsilon " << c.epsilon;
}

// Random operands, rotated by positions that start elsewhere in each batch row.
struct Operands {
  Operands(const Case& c, uint64_t seed)
      : kase(c),
        q(c.shape.batch, c.shape.queries, c.shape.heads, c.shape.features),
        k(c.shape.batch, c.shape.keys, c.shape.kv_heads, c.shape.features),
        rotated_q(c.shape.batch, c.shape.queries, c.shape.heads, c.shape.features),
        rotated_k(c.shape.batch, c.shape.keys, c.shape.kv_heads, c.shape.features),
        v(c.shape.batch, c.shape.keys, c.shape.kv_heads, c.shape.value_dim),
        d_out(c.shape.batch, c.shape.queries, c.shape.heads, c.shape.value_dim) {
    const Random random(seed, 1);
    uint64_t next = 0;
    const auto positive = [&](float& x, int64_t, int64_t) {
      x = static_cast<float>(0.1 + random.Uniform(next++));
    };
    const auto normal = [&](float& x, int64_t, int64_t) {
      x = static_cast<float>(random.Normal(next++));
    };
    q.ForEach(positive);
    k.ForEach(positive);
    v.ForEach(normal);
    d_out.ForEach(normal);
    const int features = static_cast<int>(c.shape.features);
    Rotation rotation;  // of most features; of none where there is one feature
    rotation.head_dim = features;
    if (features > 1) {
      rotation = MakeRotation(
          {.head_dim = features, .rotary_dim = features > 4 ? features / 2 * 2 - 2 : 2});
    }
    const PhaseTable table(rotation);
    const auto rotate = [&](Strided& from, Strided& to, int64_t tokens, int64_t offset) {
      Tensor positions(DType::kI64, {c.shape.batch, tokens});
      for (int64_t b = 0; b < c.shape.batch; ++b) {
        for (int64_t t = 0; t < tokens; ++t) {
          positions.data<int64_t>()[b * tokens + t] = 130000 * b + t + offset;
        }
      }
      Rotate(table, positions.view(), from.view(), to.view());
    };
    rotate(q, rotated_q, c.shape.queries, c.shape.keys - c.shape.queries);
    rotate(k, rotated_k, c.shape.keys, 0);
    for (int64_t b = 0; b < c.shape.batch; ++b) {
      lengths.push_back(static_cast<int32_t>(b == 0 ? c.shape.keys : c.shape.keys * 2 / 3));
    }
    padding = Tensor(DType::kU8, {c.shape.batch, c.shape.keys});
    for (int64_t i = 0; i < padding.count(); ++i) padding.data<uint8_t>()[i] = i % 5 != 1;
    exists = padding.data<uint8_t>();
    options.causal = c.causal;
    options.epsilon = c.epsilon;
    if (c.lengths) options.key_lengths = lengths;
    if (c.padding) options.key_padding = padding.const_view();
  }

  bool KeyExists(int64_t b, int64_t n) const {
    return (!kase.lengths || n < lengths[b]) &&
           (!kase.padding || exists[b * kase.shape.keys + n] != 0);
  }
  reference::Sees Sees() const {
    return [this](int64_t b, int64_t m, int64_t n) {
      return KeyExists(b, n) && (!kase.causal || n <= m + kase.shape.keys - kase.shape.queries);
    };
  }
  // What the library must not read becomes NaN.
  void SpoilAbsentKeys() {
    const auto spoil = [&](float& x, int64_t b, int64_t t) {
      if (!KeyExists(b, t)) x = std::numeric_limits<float>::quiet_NaN();
    };
    k.ForEach(spoil);
    rotated_k.ForEach(spoil);
    v.ForEach(spoil);
  }
  LinearAttentionInputs Doubles() {
    return {q.Values(), k.Values(), rotated_q.Values(), rotated_k.Values(), v.Values()};
  }

  std::vector<double> Run() {
    const auto& s = kase.shape;
    Strided out(s.batch, s.queries, s.heads, s.value_dim);
    LinearAttention(q.view(), k.view(), rotated_q.view(), rotated_k.view(), v.view(), out.view(),
                    options);
    return out.Values();
  }
  LinearAttentionInputs RunBackward() {
    const auto& s = kase.shape;
    Strided d_q(s.batch, s.queries, s.heads, s.features),
        d_rq(s.batch, s.queries, s.heads, s.features);
    Strided d_k(s.batch, s.keys, s.kv_heads, s.features),
        d_rk(s.batch, s.keys, s.kv_heads, s.features);
    Strided d_v(s.batch, s.keys, s.kv_heads, s.value_dim);
    LinearAttentionBackward(q.view(), k.view(), rotated_q.view(), rotated_k.view(), v.view(),
                            d_out.view(), d_q.view(), d_k.view(), d_rq.view(), d_rk.view(),
                            d_v.view(), options);
    return {d_q.Values(), d_k.Values(), d_rq.Values(), d_rk.Values(), d_v.Values()};
  }

  Case kase;
  Strided q, k, rotated_q, rotated_k, v, d_out;
  std::vector<int32_t> lengths;
  Tensor padding;
  const uint8_t* exists = nullptr;  // its data
  LinearAttentionOptions options;
};

std::vector<double> Abs(std::vector<double> x) {
  for (double& value : x) value = std::abs(value);
  return x;
}
LinearAttentionInputs Abs(const LinearAttentionInputs& x) {
  return {Abs(x.q), Abs(x.k), Abs(x.rotated_q), Abs(x.rotated_k), Abs(x.v)};
}

// The largest |got - want| / (ulps of magnitude), where magnitude is the same sum with every term
// made positive: what rounding errors are relative to.
double WorstUlps(const std::vector<double>& got, const std::vector<double>& want,
                 const std::vector<double>& magnitude) {
  EXPECT_EQ(got.size(), want.size());
  double worst = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    const double error = std::abs(got[i] - want[i]) / (kUlp * std::abs(magnitude[i]) + 1e-300);
    if (!(error <= worst)) worst = error;  // NaN stays
  }
  return worst;
}

// One axis varied at a time from the first.
std::vector<Case> Cases() {
  const LinearAttentionShape base{.batch = 2,
                                  .queries = 70,
                                  .keys = 70,
                                  .heads = 4,
                                  .kv_heads = 2,
                                  .features = 20,
                                  .value_dim = 12};
  std::vector<Case> cases;
  const auto add = [&](auto change) {
    for (const bool causal : {false, true}) {
      Case c{base, causal};
      change(c);
      cases.push_back(c);
    }
  };
  add([](Case&) {});
  add([](Case& c) { c.lengths = true; });
  add([](Case& c) { c.padding = true; });
  add([](Case& c) { c.lengths = c.padding = true; });
  for (const int64_t tokens : {1, 2, 17, 63, 64, 65, 200}) {
    add([&](Case& c) { c.shape.queries = c.shape.keys = tokens; });
  }
  for (const int64_t queries : {1, 5, 69}) add([&](Case& c) { c.shape.queries = queries; });
  for (const int64_t features : {1, 2, 15, 16, 64, 100}) {
    add([&](Case& c) { c.shape.features = features; });
  }
  for (const int64_t channels : {1, 16, 33, 64, 128}) {
    add([&](Case& c) { c.shape.value_dim = channels; });
  }
  add([](Case& c) { c.shape.heads = c.shape.kv_heads = 3; });
  add([](Case& c) { c.shape.kv_heads = 1; });
  add([](Case& c) { c.epsilon = 0.3; });
  cases.push_back({base});  // more queries than keys, which only makes sense without causality
  cases.back().shape.queries = 100;
  return cases;
}

TEST(LinearAttentionTest, IsTheTwinOnEveryTarget) {
  const auto targets = SimdTargets();
  std::vector<double> worst(targets.size()), worst_gradient(targets.size());
  for (const Case& c : Cases()) {
    SCOPED_TRACE(testing::Message() << c);
    Operands x(c, 5);
    x.options.threads = 1;  // small work
    const auto doubles = x.Doubles();
    const auto d_out = x.d_out.Values();
    const double epsilon = x.options.epsilon;
    const auto want = reference::LinearAttention(c.shape, doubles, x.Sees(), epsilon);
    const auto size = reference::LinearAttention(c.shape, Abs(doubles), x.Sees(), epsilon);
    const auto want_d =
        reference::LinearAttentionBackward(c.shape, doubles, d_out, x.Sees(), epsilon);
    const auto size_d =
        reference::LinearAttentionBackward(c.shape, Abs(doubles), Abs(d_out), x.Sees(), epsilon);
    x.SpoilAbsentKeys();
    for (size_t i = 0; i < targets.size(); ++i) {
      const ScopedSimdTarget scoped(targets[i]);
      const double error = WorstUlps(x.Run(), want, size);
      ASSERT_TRUE(error <= 16) << error << " on " << SimdTargetName(targets[i]);
      worst[i] = std::max(worst[i], error);
      const auto d = x.RunBackward();
      for (const auto part : kParts) {
        const double d_error = WorstUlps(d.*part, want_d.*part, size_d.*part);
        ASSERT_TRUE(d_error <= 16) << d_error << " on " << SimdTargetName(targets[i]);
        worst_gradient[i] = std::max(worst_gradient[i], d_error);
      }
    }
  }
  for (size_t i = 0; i < targets.size(); ++i) {
    std::printf("%s: within %.1f (gradient %.1f) x 2^-24 of the twin, relative to its |terms|\n",
                SimdTargetName(targets[i]).c_str(), worst[i], worst_gradient[i]);
  }
}

// The twin is judged by finite differences of the twin's forward pass, in double.
TEST(LinearAttentionTest, TheTwinsGradientIsThatOfFiniteDifferences) {
  for (const bool causal : {false, true}) {
    Operands x({{2, 4, 5, 4, 2, 6, 3}, causal, true, true}, 9);
    auto inputs = x.Doubles();
    const auto d_out = x.d_out.Values();
    const auto& s = x.kase.shape;
    const double epsilon = 0.01;  // large, so that its part of the gradient is seen
    const auto loss = [&] {
      const auto out = reference::LinearAttention(s, inputs, x.Sees(), epsilon);
      double sum = 0;
      for (size_t i = 0; i < out.size(); ++i) sum += out[i] * d_out[i];
      return sum;
    };
    const auto d = reference::LinearAttentionBackward(s, inputs, d_out, x.Sees(), epsilon);
    for (const auto part : kParts) {
      for (size_t i = 0; i < (inputs.*part).size(); ++i) {
        const double before = (inputs.*part)[i], step = 1e-6;
        (inputs.*part)[i] = before + step;
        const double up = loss();
        (inputs.*part)[i] = before - step;
        const double down = loss();
        (inputs.*part)[i] = before;
        const double error = std::abs((up - down) / (2 * step) - (d.*part)[i]);
        ASSERT_TRUE(error <= 1e-7 * (1 + std::abs((d.*part)[i]))) << "at " << i;
      }
    }
  }
}

// d = 2, 60 degrees a position, phi(q) = (1, 0) at position 2, keys (1, 0) at 0 and (0.6, 0.8) at
// 1: the weights are cos(120) / 1.6 and (0.6 cos 60 + 0.8 sin 60) / 1.6.
TEST(LinearAttentionTest, WorkedExample) {
  Rotation rotation;
  rotation.head_dim = 2;
  rotation.first = {0};
  rotation.second = {1};
  rotation.frequency = {std::numbers::pi / 3};
  const PhaseTable table(rotation);
  Tensor q(DType::kF32, {1, 1, 1, 2}), k(DType::kF32, {1, 2, 1, 2}), v(DType::kF32, {1, 2, 1, 2});
  q.data<float>()[0] = 1;
  const float keys[] = {1, 0, 0.6f, 0.8f};
  std::memcpy(k.raw(), keys, sizeof(keys));
  v.data<float>()[0] = v.data<float>()[3] = 1;  // so that out holds the weights
  Tensor rotated_q = q.Clone(), rotated_k = k.Clone(), out(DType::kF32, {1, 1, 1, 2});
  Tensor at2(DType::kI64, {1}), at01(DType::kI64, {2});
  at2.data<int64_t>()[0] = 2;
  at01.data<int64_t>()[1] = 1;
  Rotate(table, at2.view(), q.view(), rotated_q.view());
  Rotate(table, at01.view(), k.view(), rotated_k.view());
  for (const bool causal : {false, true}) {
    LinearAttention(q.view(), k.view(), rotated_q.view(), rotated_k.view(), v.view(), out.view(),
                    {.causal = causal, .epsilon = 0});
    EXPECT_NEAR(out.data<float>()[0], -0.3125, 1e-7);
    EXPECT_NEAR(out.data<float>()[1], (0.3 + 0.4 * std::sqrt(3.0)) / 1.6, 1e-7);  // 0.6205
    EXPECT_NEAR(out.data<float>()[0] + out.data<float>()[1], 0.308, 5e-4);
  }
}

// Scores depend on distances only: moving all positions together changes nothing but rounding.
TEST(LinearAttentionTest, OnlyDistancesCount) {
  const int64_t tokens = 50;
  Tensor q(DType::kF32, {1, tokens, 1, 8}), v(DType::kF32, {1, tokens, 1, 4});
  const Random random(3, 0);
  for (int64_t i = 0; i < q.count(); ++i)
    q.data<float>()[i] = static_cast<float>(random.Uniform(i));
  for (int64_t i = 0; i < v.count(); ++i) v.data<float>()[i] = static_cast<float>(random.Normal(i));
  const PhaseTable table(MakeRotation({.head_dim = 8}));
  std::vector<Tensor> outs;
  for (const int64_t offset : {0, 131071}) {
    Tensor positions(DType::kI64, {tokens}), rotated = q.Clone();
    for (int64_t t = 0; t < tokens; ++t) positions.data<int64_t>()[t] = t + offset;
    Rotate(table, positions.view(), q.view(), rotated.view());
    outs.emplace_back(DType::kF32, v.shape());
    LinearAttention(q.view(), q.view(), rotated.view(), rotated.view(), v.view(),
                    outs.back().view(), {.causal = true});
  }
  for (int64_t i = 0; i < v.count(); ++i) {
    const double error = std::abs(outs[0].data<float>()[i] - outs[1].data<float>()[i]);
    ASSERT_TRUE(error <= 1e-5) << error;
  }
}

TEST(LinearAttentionTest, ACausalQuerySeesNothingLater) {
  Operands x({{1, 150, 150, 2, 1, 8, 8}, true}, 2);
  const auto before = x.Run();
  const int64_t changed = 100;
  const auto change = [&](float& value, int64_t, int64_t t) {
    if (t >= changed) value = 3 * value + 1;
  };
  for (Strided* tensor : {&x.k, &x.rotated_k, &x.v}) tensor->ForEach(change);
  const auto after = x.Run();
  const size_t row = 2 * 8;
  for (size_t i = 0; i < before.size(); ++i) {
    if (i < changed * row) {
      ASSERT_EQ(before[i], after[i]) << i;
    } else if (i % row == 0) {
      ASSERT_NE(before[i], after[i]) << i;
    }
  }
}

// The features of a query, and those of all keys of a head, may carry any factor.
TEST(LinearAttentionTest, AFactorOnFeaturesCancels) {
  for (const bool causal : {false, true}) {
    Operands x({{2, 80, 80, 4, 2, 10, 6}, causal}, 4);
    x.options.epsilon = 0.1;
    const auto before = x.Run();
    for (Strided* tensor : {&x.q, &x.rotated_q}) {
      tensor->ForEach(
          [](float& v, int64_t b, int64_t t) { v *= b == 0 ? 0x1p-30f : t * 16.0f + 1; });
      tensor->ForEach([](float& v, int64_t b, int64_t t) { v /= b == 0 ? 1 : t * 16.0f + 1; });
    }
    for (Strided* tensor : {&x.k, &x.rotated_k}) {
      tensor->ForEach([](float& v, int64_t b, int64_t) { v *= b == 0 ? 0x1p20f : 0x1p-20f; });
    }
    const auto after = x.Run();
    for (size_t i = 0; i < before.size(); ++i) {
      ASSERT_TRUE(std::abs(before[i] - after[i]) <= 1e-5 * (1 + std::abs(before[i])));
    }
  }
}

TEST(LinearAttentionTest, NothingToSeeGivesZero) {
  for (const bool causal : {false, true}) {
    Operands x({{2, 3, 3, 2, 1, 4, 5}, causal, true}, 6);
    x.lengths = {0, 2};
    x.options.key_lengths = x.lengths;
    x.SpoilAbsentKeys();
    const auto out = x.Run();
    const auto d = x.RunBackward();
    for (size_t i = 0; i < out.size() / 2; ++i) ASSERT_EQ(out[i], 0);
    for (const auto part : kParts) {
      for (size_t i = 0; i < (d.*part).size() / 2; ++i) ASSERT_EQ((d.*part)[i], 0);
    }
    for (size_t i = out.size() / 2; i < out.size(); ++i) ASSERT_NE(out[i], 0);
  }
}

TEST(LinearAttentionTest, EmptyOperands) {
  for (const Case& c : {Case{{0, 3, 3, 2, 1, 4, 5}}, Case{{2, 0, 3, 2, 1, 4, 5}},
                        Case{{2, 3, 0, 2, 1, 4, 5}}, Case{{2, 3, 3, 2, 1, 4, 0}},
                        Case{{2, 70, 70, 2, 1, 4, 0}, true}, Case{{2, 0, 0, 2, 1, 4, 5}, true}}) {
    SCOPED_TRACE(testing::Message() << c);
    Operands x(c, 6);
    for (const double value : x.Run()) ASSERT_EQ(value, 0);
    const auto d = x.RunBackward();
    for (const auto part : kParts) {
      for (const double value : d.*part) ASSERT_EQ(value, 0);
    }
  }
}

TEST(LinearAttentionTest, AnyNumberOfThreadsGivesTheSameBits) {
  for (const bool causal : {false, true}) {
    Operands x({{3, 130, 130, 4, 2, 24, 16}, causal, true}, 8);
    x.options.threads = 1;
    const auto out = x.Run();
    const auto d = x.RunBackward();
    for (const int threads : {2, 3, 7}) {
      x.options.threads = threads;
      EXPECT_EQ(x.Run(), out);
      const auto again = x.RunBackward();
      for (const auto part : kParts) EXPECT_EQ(again.*part, d.*part);
    }
  }
}

// What a worker holds does not grow with the tokens, but for two floats a query in the gradient;
// and the process does not either: the weights of 30,000 tokens would be 3.6 GB.
TEST(LinearAttentionTest, MemoryIsLinearInTokens) {
  const auto bytes = [](int64_t tokens, bool gradient) {
    const Tensor x(DType::kF32, {1, tokens, 1, 4});
    const linear::Problem problem{
        .q = x.view(), .k = x.view(), .rotated_q = x.view(), .rotated_k = x.view(), .v = x.view()};
    return linear::Scratch(problem, gradient).bytes();
  };
  EXPECT_EQ(bytes(10, false), bytes(100000, false));
  EXPECT_EQ(bytes(100000, true) - bytes(10, true), 99990 * 2 * 4);

  Operands x({{1, 30000, 30000, 1, 1, 4, 4}, true}, 1);
  rusage before{}, after{};
  getrusage(RUSAGE_SELF, &before);
  x.Run();
  x.RunBackward();
  getrusage(RUSAGE_SELF, &after);
  EXPECT_LT(after.ru_maxrss - before.ru_maxrss, 200 * 1024);  // KiB
}

TEST(LinearAttentionTest, BadInputGetsItsSentence) {
  const auto error = [](auto change) {
    Operands x({{2, 3, 3, 4, 2, 6, 5}, true}, 1);
    Tensor out(DType::kF32, {2, 3, 4, 5});
    struct Arguments {
      ConstTensorView q, k, rotated_q, rotated_k, v;
      TensorView out;
      LinearAttentionOptions options;
    } a{x.q.view(), x.k.view(), x.rotated_q.view(), x.rotated_k.view(),
        x.v.view(), out.view(), x.options};
    change(a);
    for (float& value : out.span<float>()) value = 7;
    std::string sentence = Thrown<std::invalid_argument>(
        [&] { LinearAttention(a.q, a.k, a.rotated_q, a.rotated_k, a.v, a.out, a.options); });
    const bool untouched = std::ranges::all_of(out.span<float>(), [](float y) { return y == 7; });
    EXPECT_TRUE(untouched) << sentence;
    return sentence;
  };
  const Tensor small(DType::kF32, {2, 3, 3}), half(DType::kBF16, {2, 3, 2, 5});
  const Tensor five(DType::kF32, {2, 2, 2, 6}), other(DType::kF32, {2, 3, 2, 5});
  const Tensor three(DType::kF32, {2, 3, 3, 6});
  const Tensor long_mask(DType::kU8, {2, 4}), none(DType::kF32, {2, 3, 4, 0});
  EXPECT_EQ(error([&](auto& a) { a.q = small.view(); }),
            "linear attention: q, k and v must have four axes, got [2, 3, 3]");
  EXPECT_EQ(error([&](auto& a) { a.q = none.view(); }),
            "linear attention: at least one feature is needed");
  EXPECT_EQ(error([&](auto& a) { a.v = half.view(); }),
            "linear attention: v must be f32, got bf16");
  EXPECT_EQ(error([&](auto& a) { a.k = other.view(); }),
            "linear attention: k must be [2, 3, 2, 6], got [2, 3, 2, 5]");
  EXPECT_EQ(error([&](auto& a) { a.rotated_q = other.view(); }),
            "linear attention: rotated_q must be [2, 3, 4, 6], got [2, 3, 2, 5]");
  EXPECT_EQ(error([&](auto& a) { a.rotated_k = five.view(); }),
            "linear attention: rotated_k must be [2, 3, 2, 6], got [2, 2, 2, 6]");
  EXPECT_EQ(error([&](auto& a) { a.v = five.view(); }),
            "linear attention: v must be [2, 3, 2, 6], got [2, 2, 2, 6]");
  EXPECT_EQ(error([&](auto& a) {
              a.k = a.rotated_k = three.view();
              a.v = three.view();
            }),
            "linear attention: heads (4) must be a multiple of kv_heads (3)");
  EXPECT_EQ(error([&](auto& a) {
              a.q = {a.q.data(), DType::kF32, a.q.shape(), {6, 3, 1, 2}};
            }),
            "linear attention: the channel stride of q must be 1, got 2");
  EXPECT_EQ(error([&](auto& a) { a.k = a.rotated_k = a.v = five.view(); }),
            "linear attention: causal needs at least as many keys as queries, got 2 and 3");
  const std::vector<int32_t> one{1}, beyond{1, 4}, negative{-1, 3};
  EXPECT_EQ(error([&](auto& a) { a.options.key_lengths = one; }),
            "linear attention: key_lengths must hold 2 lengths, got 1");
  EXPECT_EQ(error([&](auto& a) { a.options.key_lengths = beyond; }),
            "linear attention: a key length must be in [0, 3], got 4");
  EXPECT_EQ(error([&](auto& a) { a.options.key_lengths = negative; }),
            "linear attention: a key length must be in [0, 3], got -1");
  EXPECT_EQ(error([&](auto& a) { a.options.key_padding = long_mask.view(); }),
            "linear attention: key_padding must be u8 [2, 3], got u8 [2, 4]");
  EXPECT_EQ(error([&](auto& a) { a.options.epsilon = -1; }),
            "linear attention: epsilon must be 0 or more, got -1");
  EXPECT_EQ(error([&](auto& a) { a.options.threads = -1; }),
            "threads must be 0 (all cores) or more, got -1");
  EXPECT_EQ(error([&](auto& a) {
              a.out = {a.out.data(), DType::kF32, {2, 3, 4, 4}};
            }),
            "linear attention: out must be [2, 3, 4, 5], got [2, 3, 4, 4]");
}

TEST(LinearAttentionTest, RefusesWhatItCannotTurn) {
  const auto error = [](const Rotation& rotation, int features) {
    return Thrown<std::invalid_argument>([&] { CheckLinearRotation(rotation, features); });
  };
  Rotation rotation = MakeRotation({.head_dim = 8});
  EXPECT_EQ(error(rotation, 8), "nothing was thrown");
  EXPECT_EQ(error(rotation, 7), "linear attention: rotary needs an even number of features, got 7");
  EXPECT_EQ(error(rotation, 16),
            "linear attention: the rotation turns 8 channels, the feature map makes 16");
  rotation.attention_factor = 1.25;
  EXPECT_EQ(
      error(rotation, 8),
      "linear attention: the attention factor must be 1 (it would scale the numerator and not "
      "the denominator), got 1.25");
  rotation.attention_factor = 1;
  rotation.log_decay = {0.1, 0.1, 0.1, 0.1};
  EXPECT_EQ(error(rotation, 8),
            "linear attention: xPos decay would scale the numerator and not the denominator");

  const std::vector<float> slopes{0.5f};
  EXPECT_EQ(Thrown<std::invalid_argument>([] { CheckLinearBias({}); }), "nothing was thrown");
  EXPECT_EQ(Thrown<std::invalid_argument>([&] { CheckLinearBias(slopes); }),
            "linear attention: ALiBi adds to the scores under a softmax and linear attention forms "
            "none; choose rotary, sinusoidal, learned or none");
}

}  // namespace
}  // namespace rotary
