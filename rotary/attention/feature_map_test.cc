// Properties: features are those of the twin but for a power of two, which is one for each query
// row and for each head of keys; gradients are the twin's by finite differences; Performer's
// features are an unbiased estimate of the softmax kernel and its directions orthogonal in blocks;
// large inputs stay finite, and linear attention of them is right; stabilisers carry nothing from
// later keys to earlier queries, to the bit; any number of threads gives the same bits; all of this
// on every SIMD target.
#include "rotary/attention/feature_map.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "rotary/attention/feature_map_ref.h"
#include "rotary/attention/linear_attention.h"
#include "rotary/base/random.h"
#include "rotary/base/simd.h"
#include "rotary/base/test_thrown.h"

namespace rotary {
namespace {

constexpr FeatureMap kMaps[] = {FeatureMap::kEluPlusOne, FeatureMap::kPerformer,
                                FeatureMap::kSoftmaxExp};
constexpr Side kSides[] = {Side::kQuery, Side::kKey};

struct Shape {
  int64_t batch, tokens, heads, head_dim, features;
};

// The middle of a larger tensor: rows are neither packed nor aligned.
class Strided {
 public:
  Strided(const Shape& s, int64_t channels)
      : memory(DType::kF32, {s.batch, s.tokens + 1, s.heads + 1, channels + 5}),
        data(memory.data<float>() + 3),
        shape{s.batch, s.tokens, s.heads, channels},
        strides(memory.view().strides()) {
    for (float& value : memory.span<float>()) value = std::numeric_limits<float>::quiet_NaN();
  }
  TensorView view() { return {data, DType::kF32, shape, strides}; }
  float* Row(int64_t b, int64_t t, int64_t h) {
    return data + b * strides[0] + t * strides[1] + h * strides[2];
  }
  std::vector<double> Doubles(int64_t b, int64_t t, int64_t h) {
    return {Row(b, t, h), Row(b, t, h) + shape[3]};
  }
  void Fill(const std::function<double(uint64_t)>& value) {
    uint64_t i = 0;
    ForEachRow([&](int64_t b, int64_t t, int64_t h) {
      for (int64_t c = 0; c < shape[3]; ++c) Row(b, t, h)[c] = static_cast<float>(value(i++));
    });
  }
  template <class Body>
  void ForEachRow(const Body& body) {
    for (int64_t b = 0; b < shape[0]; ++b) {
      for (int64_t h = 0; h < shape[2]; ++h) {
        for (int64_t t = 0; t < shape[1]; ++t) body(b, t, h);
      }
    }
  }

  Tensor memory;
  float* data;
  Dims shape, strides;
};

struct Fixture {
  Fixture(FeatureMap map, const Shape& shape, double spread)
      : s(shape),
        x(s, s.head_dim),
        features(s, map == FeatureMap::kPerformer ? s.features : s.head_dim) {
    const Random random(11, 0);
    x.Fill([&](uint64_t i) { return spread * random.Normal(i); });
    if (map == FeatureMap::kPerformer) {
      projection =
          PerformerProjection(static_cast<int>(s.features), static_cast<int>(s.head_dim), 5, 0);
      for (const float value : projection.span<float>()) directions.push_back(value);
    }
  }
  ConstTensorView Projection() const {
    return directions.empty() ? ConstTensorView() : projection.view();
  }

  Shape s;
  Strided x, features;
  Tensor projection;
  std::vector<double> directions;
};

std::vector<Shape> Shapes() {
  const Shape base{2, 37, 3, 20, 24};
  std::vector<Shape> shapes{base};
  for (const int64_t tokens : {1, 2, 32, 64}) shapes.push_back({2, tokens, 3, 20, 24});
  for (const int64_t head_dim : {1, 2, 16, 64, 80}) shapes.push_back({2, 5, 3, head_dim, 24});
  for (const int64_t features : {1, 2, 16, 256}) shapes.push_back({2, 5, 3, 20, features});
  return shapes;
}

// The power of two between got and want, by their sums.
double PowerOfTwo(const std::vector<double>& got, const std::vector<double>& want) {
  double sum_got = 0, sum_want = 0;
  for (const double value : got) sum_got += value;
  for (const double value : want) sum_want += value;
  return std::exp2(std::round(std::log2(sum_want / sum_got)));
}

TEST(FeatureMapTest, IsTheTwinButForAPowerOfTwo) {
  for (const int64_t target : SimdTargets()) {
    const ScopedSimdTarget scoped(target);
    double worst = 0;
    for (const FeatureMap map : kMaps) {
      for (const Side side : kSides) {
        for (const Shape& shape : Shapes()) {
          Fixture fixture(map, shape, 2);
          ApplyFeatureMap(map, side, fixture.Projection(), fixture.x.view(),
                          fixture.features.view(), /*threads=*/1);
          const bool scaled = map == FeatureMap::kPerformer ||
                              (map == FeatureMap::kSoftmaxExp && side == Side::kKey);
          double power = 1, largest = 0;
          fixture.features.ForEachRow([&](int64_t b, int64_t t, int64_t h) {
            const auto got = fixture.features.Doubles(b, t, h);
            const auto want =
                reference::Features(map, side, fixture.directions, fixture.x.Doubles(b, t, h));
            // Keys of a head share the power that their first row finds.
            if (scaled && (side == Side::kQuery || t == 0)) power = PowerOfTwo(got, want);
            if (side == Side::kQuery || t == 0) largest = 0;
            for (size_t i = 0; i < got.size(); ++i) {
              const double error = std::abs(got[i] * power - want[i]) / want[i];
              if (!(error <= worst)) worst = error;
              largest = std::max(largest, got[i] * std::sqrt(map == FeatureMap::kPerformer
                                                                 ? static_cast<double>(got.size())
                                                                 : 1.0));
            }
            if (scaled && (side == Side::kQuery || t == fixture.s.tokens - 1)) {
              ASSERT_GT(largest, 0.7);
              ASSERT_LT(largest, 1.42);
            }
          });
        }
      }
    }
    // Exponents of Performer reach 40 here, each with a few roundings at 2^-24 of that.
    ASSERT_TRUE(worst <= 2e-5) << SimdTargetName(target);
    std::printf("%s: features within %.1e of the twin\n", SimdTargetName(target).c_str(), worst);
  }
}

// d_x against central differences of sum(d_features * features) in the twin, stabilisers held.
TEST(FeatureMapTest, GradientIsThatOfFiniteDifferences) {
  for (const int64_t target : SimdTargets()) {
    const ScopedSimdTarget scoped(target);
    for (const FeatureMap map : kMaps) {
      for (const Side side : kSides) {
        for (const Shape& shape : {Shape{2, 35, 2, 6, 10}, Shape{1, 3, 2, 20, 4}}) {
          Fixture fixture(map, shape, 1);
          ApplyFeatureMap(map, side, fixture.Projection(), fixture.x.view(),
                          fixture.features.view(), /*threads=*/1);
          Strided d_features(shape, fixture.features.shape[3]), d_x(shape, shape.head_dim);
          const Random random(12, 0);
          d_features.Fill([&](uint64_t i) { return random.Normal(i); });
          ApplyFeatureMapBackward(map, side, fixture.Projection(), fixture.x.view(),
                                  fixture.features.view(), d_features.view(), d_x.view(),
                                  /*threads=*/1);
          fixture.x.ForEachRow([&](int64_t b, int64_t t, int64_t h) {
            auto x = fixture.x.Doubles(b, t, h);
            const auto d = d_features.Doubles(b, t, h);
            const double power = PowerOfTwo(fixture.features.Doubles(b, t, h),
                                            reference::Features(map, side, fixture.directions, x));
            const auto loss = [&] {
              const auto f = reference::Features(map, side, fixture.directions, x);
              double sum = 0;
              for (size_t i = 0; i < f.size(); ++i) sum += d[i] * f[i] / power;
              return sum;
            };
            for (size_t c = 0; c < x.size(); ++c) {
              const double before = x[c], step = 1e-6;
              x[c] = before + step;
              const double up = loss();
              x[c] = before - step;
              const double down = loss();
              x[c] = before;
              const double error = std::abs((up - down) / (2 * step) - d_x.Row(b, t, h)[c]);
              ASSERT_TRUE(error <= 3e-6) << error;
            }
          });
        }
      }
    }
  }
}

TEST(FeatureMapTest, EluPlusOneByHand) {
  Tensor x(DType::kF32, {1, 1, 1, 6}), features(DType::kF32, {1, 1, 1, 6});
  const float values[] = {-200, -1, 0, 1, 1e30f, -0.0f};
  std::copy(std::begin(values), std::end(values), x.data<float>());
  ApplyFeatureMap(FeatureMap::kEluPlusOne, Side::kKey, {}, x.view(), features.view());
  const float* f = features.data<float>();
  EXPECT_EQ(f[0], 0);
  EXPECT_NEAR(f[1], std::exp(-1.0), 1e-7);
  EXPECT_EQ(f[2], 1);
  EXPECT_EQ(f[3], 2);
  EXPECT_EQ(f[4], 1e30f);
  EXPECT_EQ(f[5], 1);
}

TEST(FeatureMapTest, NaNStaysNaNAndHurtsNoOtherKey) {
  for (const int64_t target : SimdTargets()) {
    const ScopedSimdTarget scoped(target);
    for (const FeatureMap map : kMaps) {
      for (const Side side : kSides) {
        Fixture fixture(map, {1, 3, 1, 8, 8}, 1);
        fixture.x.Row(0, 1, 0)[2] = std::numeric_limits<float>::quiet_NaN();
        ApplyFeatureMap(map, side, fixture.Projection(), fixture.x.view(), fixture.features.view());
        EXPECT_TRUE(std::isnan(fixture.features.Row(0, 1, 0)[2]));
        for (const int64_t t : {0, 2}) {
          for (int64_t i = 0; i < 8; ++i) EXPECT_GT(fixture.features.Row(0, t, 0)[i], 0);
        }
      }
    }
  }
}

// The mean of phi(q) . psi(k) over draws is exp(q . k / sqrt(d)): within 4 standard errors for 12
// pairs of rows (chance of a false alarm below 0.001, and the seed is fixed).
TEST(PerformerTest, EstimatesTheSoftmaxKernelWithoutBias) {
  constexpr int kHeadDim = 8, kFeatures = 12, kDraws = 4000, kPairs = 12;
  const Random random(21, 0);
  std::vector<double> sum(kPairs), sum2(kPairs), exact(kPairs);
  for (int draw = 0; draw < kDraws; ++draw) {
    const Tensor projection =
        PerformerProjection(kFeatures, kHeadDim, 77, static_cast<uint64_t>(draw));
    const std::vector<double> w(projection.span<float>().begin(), projection.span<float>().end());
    for (uint64_t pair = 0; pair < kPairs; ++pair) {
      std::vector<double> q, k;
      double dot = 0;
      for (uint64_t c = 0; c < kHeadDim; ++c) {
        q.push_back(0.7 * random.Normal(pair * 100 + c));
        k.push_back(0.7 * random.Normal(pair * 100 + 50 + c));
        dot += q.back() * k.back();
      }
      exact[pair] = std::exp(dot / std::sqrt(static_cast<double>(kHeadDim)));
      const auto phi = reference::Features(FeatureMap::kPerformer, Side::kQuery, w, q);
      const auto psi = reference::Features(FeatureMap::kPerformer, Side::kKey, w, k);
      double estimate = 0;
      for (int i = 0; i < kFeatures; ++i) estimate += phi[i] * psi[i];
      sum[pair] += estimate;
      sum2[pair] += estimate * estimate;
    }
  }
  for (int pair = 0; pair < kPairs; ++pair) {
    const double mean = sum[pair] / kDraws;
    const double error = std::sqrt((sum2[pair] / kDraws - mean * mean) / kDraws);
    EXPECT_TRUE(std::abs(mean - exact[pair]) <= 4 * error)
        << mean << " +- " << error << ", exact " << exact[pair];
    EXPECT_LT(error, 0.1 * exact[pair]);  // else the test would show nothing
  }
}

TEST(PerformerTest, DirectionsAreOrthogonalInBlocksAndOfGaussianLength) {
  constexpr int kHeadDim = 16, kFeatures = 40;
  double squares = 0, spread = 0;
  int rows = 0;
  for (uint64_t draw = 0; draw < 50; ++draw) {
    const Tensor projection = PerformerProjection(kFeatures, kHeadDim, 3, draw);
    const float* w = projection.data<float>();
    const auto dot = [&](int i, int j) {
      double sum = 0;
      for (int c = 0; c < kHeadDim; ++c) sum += double{w[i * kHeadDim + c]} * w[j * kHeadDim + c];
      return sum;
    };
    for (int i = 0; i < kFeatures; ++i) {
      squares += dot(i, i);
      spread += (dot(i, i) - kHeadDim) * (dot(i, i) - kHeadDim);
      ++rows;
      for (int j = 0; j < i; ++j) {
        if (i / kHeadDim != j / kHeadDim) continue;
        ASSERT_TRUE(std::abs(dot(i, j)) <= 1e-6 * std::sqrt(dot(i, i) * dot(j, j)))
            << i << " " << j;
      }
    }
    EXPECT_GT(std::abs(dot(0, kHeadDim)), 1e-4);  // blocks are independent
  }
  // The square of a Gaussian vector's length has mean d and variance 2 d.
  EXPECT_NEAR(squares / rows, kHeadDim, 4 * std::sqrt(2.0 * kHeadDim / rows));
  EXPECT_NEAR(spread / rows, 2 * kHeadDim, 0.2 * 2 * kHeadDim);
}

TEST(PerformerTest, DirectionsDependOnSeedAndDrawAlone) {
  const auto bits = [](int features, uint64_t seed, uint64_t draw) {
    const Tensor projection = PerformerProjection(features, 8, seed, draw);
    return std::vector<float>(projection.span<float>().begin(), projection.span<float>().end());
  };
  const auto first = bits(16, 1, 0);
  EXPECT_EQ(first, bits(16, 1, 0));
  EXPECT_NE(first, bits(16, 2, 0));
  EXPECT_NE(first, bits(16, 1, 1));
  EXPECT_EQ(std::vector<float>(first.begin(), first.begin() + 64), bits(8, 1, 0));
}

// softmax(q) . exp(k) with keys up to exp(300), beyond f32 and with a spread within it, against the
// quotient in double.
TEST(FeatureMapTest, LargeKeysStayFiniteAndRight) {
  constexpr int64_t kTokens = 20, kDim = 8;
  Fixture q(FeatureMap::kSoftmaxExp, {1, kTokens, 1, kDim, kDim}, 3);
  for (const double offset : {-300.0, 0.0, 280.0}) {
    Fixture k(FeatureMap::kSoftmaxExp, {1, kTokens, 1, kDim, kDim}, 5);
    k.x.ForEachRow([&](int64_t b, int64_t t, int64_t h) {
      for (int64_t c = 0; c < kDim; ++c) k.x.Row(b, t, h)[c] += static_cast<float>(offset);
    });
    ApplyFeatureMap(FeatureMap::kSoftmaxExp, Side::kQuery, {}, q.x.view(), q.features.view());
    ApplyFeatureMap(FeatureMap::kSoftmaxExp, Side::kKey, {}, k.x.view(), k.features.view());
    Tensor out(DType::kF32, {1, kTokens, 1, kDim});
    LinearAttention(q.features.view(), k.features.view(), q.features.view(), k.features.view(),
                    q.x.view(), out.view(), {.causal = true, .epsilon = 0});
    for (int64_t m = 0; m < kTokens; ++m) {
      const auto phi =
          reference::Features(FeatureMap::kSoftmaxExp, Side::kQuery, {}, q.x.Doubles(0, m, 0));
      std::vector<double> numerator(kDim);
      double denominator = 0;
      for (int64_t n = 0; n <= m; ++n) {
        const auto psi =
            reference::Features(FeatureMap::kSoftmaxExp, Side::kKey, {}, k.x.Doubles(0, n, 0));
        double weight = 0;
        for (int64_t a = 0; a < kDim; ++a) weight += phi[a] * psi[a];
        denominator += weight;
        for (int64_t c = 0; c < kDim; ++c) numerator[c] += weight * q.x.Row(0, n, 0)[c];
      }
      for (int64_t c = 0; c < kDim; ++c) {
        const double error = std::abs(out.data<float>()[m * kDim + c] - numerator[c] / denominator);
        ASSERT_TRUE(error <= 1e-5) << error << " at offset " << offset;
      }
    }
  }
}

// A later key that sets the stabiliser of its head changes no earlier output, to the bit.
TEST(FeatureMapTest, StabilisersCarryNothingFromTheFuture) {
  for (const FeatureMap map : kMaps) {
    Fixture q(map, {1, 90, 1, 8, 16}, 1), k(map, {1, 90, 1, 8, 16}, 1);
    const auto run = [&] {
      ApplyFeatureMap(map, Side::kQuery, q.Projection(), q.x.view(), q.features.view());
      ApplyFeatureMap(map, Side::kKey, k.Projection(), k.x.view(), k.features.view());
      Tensor out(DType::kF32, {1, 90, 1, 8});
      LinearAttention(q.features.view(), k.features.view(), q.features.view(), k.features.view(),
                      k.x.view(), out.view(), {.causal = true});
      return std::vector<float>(out.span<float>().begin(), out.span<float>().end());
    };
    const auto before = run();
    for (int64_t c = 0; c < 8; ++c) k.x.Row(0, 80, 0)[c] = 12;
    const auto after = run();
    for (size_t i = 0; i < 80 * 8; ++i) ASSERT_EQ(before[i], after[i]) << i / 8;
    EXPECT_NE(before.back(), after.back());
  }
}

TEST(FeatureMapTest, AnyNumberOfThreadsGivesTheSameBits) {
  for (const FeatureMap map : kMaps) {
    for (const Side side : kSides) {
      Fixture fixture(map, {3, 40, 3, 12, 20}, 1);
      std::vector<std::vector<double>> all;
      for (const int threads : {1, 2, 5}) {
        Strided d_x(fixture.s, fixture.s.head_dim);
        ApplyFeatureMap(map, side, fixture.Projection(), fixture.x.view(), fixture.features.view(),
                        threads);
        ApplyFeatureMapBackward(map, side, fixture.Projection(), fixture.x.view(),
                                fixture.features.view(), fixture.features.view(), d_x.view(),
                                threads);
        all.emplace_back();
        fixture.x.ForEachRow([&](int64_t b, int64_t t, int64_t h) {
          for (Strided* x : {&fixture.features, &d_x}) {
            for (const double value : x->Doubles(b, t, h)) all.back().push_back(value);
          }
        });
      }
      EXPECT_EQ(all[0], all[1]);
      EXPECT_EQ(all[0], all[2]);
    }
  }
}

TEST(FeatureMapTest, EmptyInput) {
  for (const Shape& shape : {Shape{0, 3, 2, 4, 6}, Shape{2, 0, 2, 4, 6}, Shape{2, 3, 0, 4, 6}}) {
    for (const FeatureMap map : kMaps) {
      Fixture fixture(map, shape, 1);
      ApplyFeatureMap(map, Side::kKey, fixture.Projection(), fixture.x.view(),
                      fixture.features.view());
      ApplyFeatureMapBackward(map, Side::kKey, fixture.Projection(), fixture.x.view(),
                              fixture.features.view(), fixture.features.view(), fixture.x.view());
    }
  }
}

TEST(FeatureMapTest, BadInputGetsItsSentence) {
  Tensor x(DType::kF32, {2, 3, 1, 4}), same(DType::kF32, {2, 3, 1, 4}),
      other(DType::kF32, {2, 3, 1, 6});
  Tensor half(DType::kF16, {2, 3, 1, 4}), flat(DType::kF32, {6, 4}), w(DType::kF32, {6, 4});
  const auto apply = [&](FeatureMap map, ConstTensorView projection, ConstTensorView in,
                         TensorView out) {
    return Thrown<std::invalid_argument>(
        [&] { ApplyFeatureMap(map, Side::kKey, projection, in, out); });
  };
  constexpr auto kElu = FeatureMap::kEluPlusOne, kPerformer = FeatureMap::kPerformer;
  EXPECT_EQ(apply(kElu, {}, flat.view(), same.view()),
            "feature map: x must be f32 of four axes, got f32 [6, 4]");
  EXPECT_EQ(apply(kElu, {}, x.view(), half.view()),
            "feature map: features must be f32 of four axes, got f16 [2, 3, 1, 4]");
  EXPECT_EQ(apply(kElu, {}, x.view(), other.view()),
            "feature map: features must be [2, 3, 1, 4], got [2, 3, 1, 6]");
  EXPECT_EQ(apply(kPerformer, w.view(), x.view(), same.view()),
            "feature map: features must be [2, 3, 1, 6], got [2, 3, 1, 4]");
  EXPECT_EQ(apply(kPerformer, {}, x.view(), other.view()),
            "feature map: Performer's projection must be f32 [r, 4], got f32 []");
  EXPECT_EQ(apply(kPerformer, flat.view().Slice(1, 0, 3), x.view(), other.view()),
            "feature map: Performer's projection must be f32 [r, 4], got f32 [6, 3]");
  EXPECT_EQ(apply(kElu, w.view(), x.view(), same.view()),
            "feature map: only Performer takes a projection");
  EXPECT_EQ(apply(kElu, {}, {x.data<float>(), DType::kF32, {2, 3, 1, 2}, {12, 4, 4, 2}},
                  same.view().Slice(3, 0, 2)),
            "feature map: the channel stride of x must be 1, got 2");
  EXPECT_EQ(Thrown<std::invalid_argument>([&] {
              ApplyFeatureMapBackward(kElu, Side::kKey, {}, x.view(), same.view(), other.view(),
                                      x.view());
            }),
            "feature map: gradients must have the shapes of features [2, 3, 1, 4] and x "
            "[2, 3, 1, 4], got [2, 3, 1, 6] and [2, 3, 1, 4]");
  EXPECT_EQ(Thrown<std::invalid_argument>([&] { PerformerProjection(0, 4, 1, 1); }),
            "PerformerProjection: features and head_dim must be at least 1, got 0 and 4");
}

}  // namespace
}  // namespace rotary
