// The claims of docs/what-rope-promises.md, one test each, with the numbers that the page states.
// The last test holds the page to this: it names every test here, and no other.
#include <algorithm>
#include <cmath>
#include <complex>
#include <fstream>
#include <numbers>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "rotary/attention/linear_attention.h"
#include "rotary/attention/softmax_attention.h"
#include "rotary/base/random.h"
#include "rotary/lab/decay.h"
#include "rotary/rope/rotate.h"

namespace rotary {
namespace {

using Complex = std::complex<double>;
using Vector = std::vector<double>;

constexpr double kDegree = std::numbers::pi / 180;
constexpr double kExact = 2e-7;  // phases in double are exact to 2e-9, times vectors of length 10

Rotation Interleaved(int head_dim, double theta = 10000) {
  return MakeRotation({.head_dim = head_dim, .theta = theta, .layout = Layout::kInterleaved});
}

// One pair that turns by `degrees` a position.
Rotation OnePair(double degrees) {
  Rotation rotation = Interleaved(2);
  rotation.frequency[0] = degrees * kDegree;
  return rotation;
}

// `x` at a position, turned by the library.
Vector Turn(const Rotation& rotation, Vector x, int64_t position) {
  const Dims shape = {1, 1, rotation.head_dim};
  Rotate(PhaseTable(rotation), ConstTensorView(&position, DType::kI64, {1}),
         ConstTensorView(x.data(), DType::kF64, shape), TensorView(x.data(), DType::kF64, shape));
  return x;
}

double Dot(const Vector& a, const Vector& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

// q at position m with k at position n.
double Score(const Rotation& rotation, const Vector& q, int64_t m, const Vector& k, int64_t n) {
  return Dot(Turn(rotation, q, m), Turn(rotation, k, n));
}

Vector Gaussian(size_t count, uint64_t seed) {
  const Random random(seed, 0);
  Vector x(count);
  for (size_t i = 0; i < count; ++i) x[i] = random.Normal(i);
  return x;
}

double Distance(const Vector& a, const Vector& b) {
  double most = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double difference = std::abs(a[i] - b[i]);
    if (!(difference <= most)) most = difference;  // NaN stays
  }
  return most;
}

TEST(PromisesTest, ScoreIsARealPart) {
  const Rotation rotation = Interleaved(16);
  const Vector q = Gaussian(16, 1), k = Gaussian(16, 2);
  for (const auto& [m, n] : {std::pair<int64_t, int64_t>{5, 3}, {3, 5}, {100000, 17}}) {
    Complex sum = 0;
    for (size_t i = 0; i < 8; ++i) {
      const Complex q_i(q[2 * i], q[2 * i + 1]), k_i(k[2 * i], k[2 * i + 1]);
      sum += q_i * std::conj(k_i) *
             std::polar(1.0, static_cast<double>(m - n) * rotation.frequency[i]);
    }
    EXPECT_TRUE(std::abs(Score(rotation, q, m, k, n) - sum.real()) <= kExact);
  }
}

TEST(PromisesTest, ScoreIsNotTheOldOneTimesACosine) {
  const Rotation rotation = OnePair(30);
  // Parallel: it is. Perpendicular: nothing times cos 30 degrees, but the score is sin 30 degrees.
  EXPECT_NEAR(Score(rotation, {1, 2}, 1, {2, 4}, 0), 10 * std::cos(30 * kDegree), kExact);  // 8.66
  EXPECT_NEAR(Score(rotation, {1, 0}, 1, {0, 1}, 0), 0.5, kExact);
  EXPECT_NEAR(Score(rotation, {1, 0}, 0, {0, 1}, 1), -0.5, kExact);
  // In general dot cos + cross sin, so that the order of the two matters.
  const Vector q = {0.3, -1.2}, k = {2, 0.7};
  const double dot = Dot(q, k), cross = q[0] * k[1] - q[1] * k[0];
  EXPECT_NEAR(Score(rotation, q, 4, k, 1), dot * std::cos(90 * kDegree) + cross, kExact);
}

TEST(PromisesTest, TurnsCounterClockwise) {
  const Vector y = Turn(OnePair(30), {1, 0}, 1);
  EXPECT_NEAR(y[0], 0.866, 5e-4);
  EXPECT_NEAR(y[1], 0.5, kExact);
}

TEST(PromisesTest, KeepsLengths) {
  const Rotation rotation = Interleaved(64);
  const Vector x = Gaussian(64, 3);
  for (const int64_t position : {1, 4095, 131071, 1048575}) {
    const Vector y = Turn(rotation, x, position);
    for (size_t i = 0; i < 64; i += 2) {
      EXPECT_NEAR(std::hypot(y[i], y[i + 1]), std::hypot(x[i], x[i + 1]), kExact);
    }
  }
  Rotation scaled = rotation;
  scaled.attention_factor = 1.25;  // YaRN and its like: a factor, not a rotation
  EXPECT_NEAR(std::sqrt(Dot(Turn(scaled, x, 9), Turn(scaled, x, 9)) / Dot(x, x)), 1.25, kExact);
}

TEST(PromisesTest, IsAGroup) {
  const Rotation rotation = Interleaved(16);
  const Vector x = Gaussian(16, 4);
  EXPECT_TRUE(Distance(Turn(rotation, Turn(rotation, x, 70000), 31071),
                       Turn(rotation, x, 101071)) <= kExact);
  EXPECT_TRUE(Distance(Turn(rotation, Turn(rotation, x, 70000), -70000), x) <= kExact);
  EXPECT_TRUE(Distance(Turn(rotation, x, 0), x) <= 0);
}

TEST(PromisesTest, OnlyDistanceCounts) {
  const Rotation rotation = Interleaved(128);
  const Vector q = Gaussian(128, 5), k = Gaussian(128, 6);
  const double near = Score(rotation, q, 12, k, 5);
  for (const int64_t shift : {1, 1000, 1000000, -1000}) {
    EXPECT_NEAR(Score(rotation, q, 12 + shift, k, 5 + shift), near, 10 * kExact);
  }
}

// R(position) of eq. 15, written out.
std::vector<Vector> Matrix(const Rotation& rotation, int64_t position) {
  const size_t d = static_cast<size_t>(rotation.head_dim);
  std::vector<Vector> matrix(d, Vector(d));
  for (size_t i = 0; i < d; i += 2) {
    const double angle = static_cast<double>(position) * rotation.frequency[i / 2];
    matrix[i][i] = matrix[i + 1][i + 1] = std::cos(angle);
    matrix[i][i + 1] = -std::sin(angle);
    matrix[i + 1][i] = std::sin(angle);
  }
  return matrix;
}

Vector Times(const std::vector<Vector>& matrix, const Vector& x) {
  Vector y;
  for (const Vector& row : matrix) y.push_back(Dot(row, x));
  return y;
}

TEST(PromisesTest, SignsOfTheEquationsAgree) {
  const Rotation rotation = Interleaved(8);
  const Vector q = Gaussian(8, 7), k = Gaussian(8, 30);
  const int64_t m = 9, n = 4;
  const double score = Score(rotation, q, m, k, n);
  EXPECT_NEAR(Dot(q, Times(Matrix(rotation, n - m), k)), score, kExact);  // eq. 16: R(n - m)
  double eq11 = 0;
  for (size_t i = 0; i < 4; ++i) {
    eq11 += (Complex(q[2 * i], q[2 * i + 1]) * std::conj(Complex(k[2 * i], k[2 * i + 1])) *
             std::polar(1.0, static_cast<double>(m - n) * rotation.frequency[i]))
                .real();
  }
  EXPECT_NEAR(eq11, score, kExact);  // e^(i (m - n) theta)
  EXPECT_GT(std::abs(Dot(q, Times(Matrix(rotation, m - n), k)) - score), 0.1);  // R(m - n) is not
}

TEST(PromisesTest, FastFormIsTheMatrix) {
  const Rotation rotation = Interleaved(12);
  const Vector x = Gaussian(12, 9);
  for (const int64_t position : {0, 1, 77, 131071}) {
    Vector fast(12);
    for (size_t i = 0; i < 12; ++i) {
      const double angle = static_cast<double>(position) * rotation.frequency[i / 2];
      const double partner = i % 2 == 0 ? -x[i + 1] : x[i - 1];
      fast[i] = x[i] * std::cos(angle) + partner * std::sin(angle);
    }
    EXPECT_TRUE(Distance(fast, Times(Matrix(rotation, position), x)) <= 1e-15);
    EXPECT_TRUE(Distance(fast, Turn(rotation, x, position)) <= kExact);
  }
}

TEST(PromisesTest, LayoutsDifferByAPermutation) {
  const Rotation interleaved = Interleaved(16);
  const Rotation half = MakeRotation({.head_dim = 16, .layout = Layout::kHalf});
  const Vector q = Gaussian(16, 10), k = Gaussian(16, 11);
  const auto permuted = [](const Vector& x) {  // channel 2i to i, 2i + 1 to i + 8
    Vector y(16);
    for (size_t i = 0; i < 16; ++i) y[i / 2 + i % 2 * 8] = x[i];
    return y;
  };
  const double score = Score(interleaved, q, 40, k, 3);
  EXPECT_NEAR(Score(half, permuted(q), 40, permuted(k), 3), score, kExact);
  EXPECT_GT(std::abs(Score(half, q, 40, k, 3) - score), 0.5);  // the wrong one is simply wrong
  EXPECT_NEAR(Score(half, q, 40, k, 40), Dot(q, k), kExact);   // and looks right at distance 0
}

TEST(PromisesTest, FarPositionsNeedDouble) {
  const Rotation rotation = Interleaved(128);
  const int64_t position = 1000000;
  double naive = 0, ours = 0;
  Tensor at(DType::kI64, {1});
  at.data<int64_t>()[0] = position;
  const Phases phases(PhaseTable(rotation), at.view());
  const float* cos = phases.cos().As<float>();
  const float* sin = phases.sin().As<float>();
  for (size_t i = 0; i < 64; ++i) {
    const double exact = static_cast<double>(position) * rotation.frequency[i];
    // As frameworks do it: the frequency and its product with the position in float32.
    const float frequency = 1 / std::pow(10000.0f, static_cast<float>(2 * i) / 128.0f);
    const double angle = static_cast<double>(static_cast<float>(position) * frequency);
    const auto error = [&](double x, double y) {
      return std::max(std::abs(x - std::cos(exact)), std::abs(y - std::sin(exact)));
    };
    naive = std::max(naive, error(std::cos(angle), std::sin(angle)));
    ours = std::max(ours, error(cos[i], sin[i]));
  }
  EXPECT_NEAR(naive, 0.05, 0.005);
  EXPECT_LT(ours, 4e-8);
}

TEST(PromisesTest, BoundFallsButNotStepByStep) {
  const Rotation rotation = Interleaved(128);
  const DecayCurve curve = MakeDecayCurve("", rotation, {});
  EXPECT_EQ(curve.falls, 141);
  EXPECT_EQ(curve.rises, 115);
  const struct {
    double distance, bound;
  } tabled[] = {{0, 32.50}, {10, 17.95}, {100, 10.23}, {250, 6.55}, {1000, 4.47}, {5000, 7.60}};
  for (const auto& [distance, bound] : tabled) {
    EXPECT_NEAR(DecayBound(rotation, distance), bound, 0.005) << distance;
  }
  EXPECT_NEAR(DecayBound(Interleaved(128, 5e5), 250), 11.43, 0.005);
  EXPECT_NEAR(DecayBound(Interleaved(128, 5e5), 1000), 10.20, 0.005);
}

TEST(PromisesTest, BoundIsABound) {
  const Rotation rotation = Interleaved(16);
  for (uint64_t seed = 0; seed < 200; ++seed) {
    const Vector q = Gaussian(16, 100 + seed), k = Gaussian(16, 500 + seed);
    std::vector<Complex> h;
    for (size_t i = 0; i < 16; i += 2) {
      h.push_back(Complex(q[i], q[i + 1]) * std::conj(Complex(k[i], k[i + 1])));
    }
    h.emplace_back(0);
    double step = 0;
    for (size_t i = 0; i < 8; ++i) step = std::max(step, std::abs(h[i + 1] - h[i]));
    const int64_t distance = static_cast<int64_t>(seed) * 7;
    EXPECT_LE(std::abs(Score(rotation, q, distance, k, 0)),
              step * 8 * DecayBound(rotation, static_cast<double>(distance)) + kExact);
  }
}

TEST(PromisesTest, EqualFrequenciesNeverDecay) {
  Rotation rotation = Interleaved(128);
  rotation.frequency.assign(64, 1.0);
  for (const double distance : {0.0, 1.0, 250.0, 5000.0}) {
    EXPECT_NEAR(DecayBound(rotation, distance), 32.5, 1e-9);  // |S_j| = j
  }
}

TEST(PromisesTest, AScoreMayPeakAtAnyDistance) {
  const Rotation rotation = Interleaved(128);
  Vector q(128), k(128);
  for (size_t i = 0; i < 64; ++i) q[2 * i] = k[2 * i] = 1;  // every pair of length 1
  k = Turn(rotation, k, 1000);                              // what a projection can learn
  EXPECT_NEAR(Score(rotation, q, 1000, k, 0), 64, 1e-6);
  EXPECT_NEAR(Score(rotation, q, 0, k, 0), 10.18, 0.005);
  for (int64_t distance = 0; distance <= 5000; ++distance) {
    if (distance == 1000) continue;
    double score = 0;
    for (const double w : rotation.frequency) {
      score += std::cos(static_cast<double>(distance - 1000) * w);
    }
    ASSERT_LT(score, 63) << distance;
  }
}

TEST(PromisesTest, PositionsBeyondTrainingAreNew) {
  const Rotation rotation = Interleaved(128);
  const auto unfinished = [&](double tokens) {  // pairs that have not turned once
    return std::count_if(rotation.frequency.begin(), rotation.frequency.end(),
                         [&](double w) { return tokens * w < 2 * std::numbers::pi; });
  };
  EXPECT_EQ(unfinished(512), 33);
  EXPECT_EQ(unfinished(4096), 18);
  EXPECT_EQ(std::lround(LongestWavelength(rotation)), 54410);
}

// Self-attention with q = k = v = x, without any projection; one head of 8.
Vector Attend(const Vector& x, bool causal, const Rotation* rotation = nullptr) {
  const int64_t tokens = static_cast<int64_t>(x.size()) / 8;
  Tensor v(DType::kF32, {1, tokens, 1, 8}), out(DType::kF32, {1, tokens, 1, 8});
  std::copy(x.begin(), x.end(), v.data<float>());
  Tensor q = v.Clone();
  if (rotation != nullptr) {
    Tensor positions(DType::kI64, {tokens});
    for (int64_t t = 0; t < tokens; ++t) positions.data<int64_t>()[t] = t;
    Rotate(PhaseTable(*rotation), positions.view(), q.view(), q.view());
  }
  AttentionOptions options;
  options.mask.causal = causal;
  SoftmaxAttention(q.view(), q.view(), v.view(), out.view(), {}, options);
  return {out.span<float>().begin(), out.span<float>().end()};
}

// Two orders of the same 16 tokens; the last one keeps its place.
const size_t kOrder[] = {7, 2, 11, 0, 14, 5, 9, 1, 13, 3, 10, 6, 12, 4, 8, 15};
Vector Reordered(const Vector& x) {
  Vector y;
  for (const size_t token : kOrder) y.insert(y.end(), &x[token * 8], &x[token * 8] + 8);
  return y;
}
Vector LastToken(const Vector& x) { return {x.end() - 8, x.end()}; }

TEST(PromisesTest, MaskedModelsWithoutPositionsAreBlind) {
  const Vector x = Gaussian(16 * 8, 12);
  // What comes out moves with what went in: no token can tell where anything stands.
  EXPECT_TRUE(Distance(Attend(Reordered(x), false), Reordered(Attend(x, false))) <= 2e-6);
  // Two masked tokens ask the same and are told the same.
  Vector masked = x;
  std::copy_n(masked.begin() + 3 * 8, 8, masked.begin() + 9 * 8);
  const Vector told = Attend(masked, false);
  EXPECT_EQ(Vector(told.begin() + 3 * 8, told.begin() + 4 * 8),
            Vector(told.begin() + 9 * 8, told.begin() + 10 * 8));
  // With rotary positions both change.
  const Rotation rotation = Interleaved(8);
  EXPECT_GT(
      Distance(Attend(Reordered(x), false, &rotation), Reordered(Attend(x, false, &rotation))),
      0.1);
  const Vector turned = Attend(masked, false, &rotation);
  EXPECT_GT(Distance(Vector(turned.begin() + 3 * 8, turned.begin() + 4 * 8),
                     Vector(turned.begin() + 9 * 8, turned.begin() + 10 * 8)),
            0.03);
}

TEST(PromisesTest, CausalModelsWithoutPositionsAreNot) {
  const Vector x = Gaussian(16 * 8, 13);
  // One layer: the last token sees a set, whatever its order.
  EXPECT_TRUE(Distance(LastToken(Attend(x, true)), LastToken(Attend(Reordered(x), true))) <= 2e-6);
  // Two layers: it sees tokens that have each seen only what came before them.
  const Vector two = LastToken(Attend(Attend(x, true), true));
  EXPECT_GT(Distance(two, LastToken(Attend(Attend(Reordered(x), true), true))), 0.01);
  // One head that looks at all alike tells a token its position: 1 / (m + 1) of what the first
  // says.
  Tensor q(DType::kF32, {1, 16, 1, 2}), v(DType::kF32, {1, 16, 1, 1}),
      out(DType::kF32, {1, 16, 1, 1});
  v.data<float>()[0] = 1;
  AttentionOptions options;
  options.mask.causal = true;
  SoftmaxAttention(q.view(), q.view(), v.view(), out.view(), {}, options);
  for (int m = 0; m < 16; ++m) EXPECT_NEAR(1 / out.data<float>()[m], m + 1, 1e-5);
}

TEST(PromisesTest, LinearAttentionTurnsTheNumeratorOnly) {
  const Rotation rotation = OnePair(60);
  const float q[] = {1, 0}, keys[] = {1, 0, 0.6f, 0.8f}, values[] = {1, 0, 0, 1};
  float turned_q[2], turned_keys[4], weights[2];
  const auto view = [](auto* data, int64_t tokens) {
    using Pointer = std::conditional_t<std::is_const_v<std::remove_pointer_t<decltype(data)>>,
                                       const void*, void*>;
    return BasicTensorView<Pointer>(data, DType::kF32, {1, tokens, 1, 2});
  };
  const int64_t at_q[] = {2}, at_keys[] = {0, 1};
  const PhaseTable table(rotation);
  Rotate(table, ConstTensorView(at_q, DType::kI64, {1}), view(q, 1), view(turned_q, 1));
  Rotate(table, ConstTensorView(at_keys, DType::kI64, {2}), view(keys, 2), view(turned_keys, 2));
  LinearAttention(view(q, 1), view(keys, 2), view(turned_q, 1), view(turned_keys, 2),
                  view(values, 2), view(weights, 1), {.epsilon = 0});
  EXPECT_NEAR(weights[0], -0.3125, 1e-6);  // negative
  EXPECT_NEAR(weights[1], 0.620, 6e-4);
  EXPECT_NEAR(weights[0] + weights[1], 0.308, 5e-4);  // and they do not add up to 1
  // With a turned denominator the sum below would be of both signs: here 0.493 instead of 1.6.
  const double turned = turned_q[0] * (turned_keys[0] + turned_keys[2]) +
                        turned_q[1] * (turned_keys[1] + turned_keys[3]);
  EXPECT_NEAR(turned, 0.493, 5e-4);
}

TEST(PromisesTest, ThePageNamesEveryTest) {
  std::ifstream file(ROTARY_PROMISES_PAGE);
  std::stringstream page;
  page << file.rdbuf();
  const std::string text = page.str();
  ASSERT_GT(text.size(), 1000u);
  std::set<std::string> named, there;
  const std::regex pattern("`PromisesTest\\.(\\w+)`");
  for (std::sregex_iterator i(text.begin(), text.end(), pattern), end; i != end; ++i) {
    named.insert((*i)[1]);
  }
  const testing::TestSuite& suite = *testing::UnitTest::GetInstance()->current_test_suite();
  for (int i = 0; i < suite.total_test_count(); ++i) there.insert(suite.GetTestInfo(i)->name());
  there.erase("ThePageNamesEveryTest");
  EXPECT_EQ(named, there);
}

}  // namespace
}  // namespace rotary
