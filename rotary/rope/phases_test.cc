// Properties, with MPFR as the judge on every SIMD target that the machine has: cos and sin are
// within 1e-15 (double) and their own rounding (float) of those of the exact product of frequency
// and position, at whole, negative, far and fractional positions, with one axis and several, with
// an attention factor; batches, dtypes and numbers of threads give the values of a single token;
// given phases come back as they are; bad input is refused with its sentence.
#include "rotary/rope/phases.h"

#include <mpfr.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "rotary/base/simd.h"
#include "rotary/base/test_thrown.h"
#include "rotary/rope/axes.h"

namespace rotary {
namespace {

// A number of 300 bits: enough for products of doubles without rounding and sums of a few of them.
class Exact {
 public:
  explicit Exact(double value = 0) {
    mpfr_init2(value_, 300);
    mpfr_set_d(value_, value, MPFR_RNDN);
  }
  Exact(const Exact&) = delete;
  Exact& operator=(const Exact&) = delete;
  ~Exact() { mpfr_clear(value_); }

  void AddProduct(double a, double b) {
    const Exact factor(a);
    Exact product(b);
    mpfr_mul(product.value_, product.value_, factor.value_, MPFR_RNDN);
    mpfr_add(value_, value_, product.value_, MPFR_RNDN);
  }
  // |got - g cos(this)| and |got - g sin(this)|; infinite where `got` is not a number.
  double CosError(double got, double g) const { return Error(mpfr_cos, got, g); }
  double SinError(double got, double g) const { return Error(mpfr_sin, got, g); }

 private:
  double Error(int (*function)(mpfr_t, const mpfr_t, mpfr_rnd_t), double got, double g) const {
    if (!std::isfinite(got)) return std::numeric_limits<double>::infinity();
    Exact wanted;
    function(wanted.value_, value_, MPFR_RNDN);
    mpfr_mul_d(wanted.value_, wanted.value_, g, MPFR_RNDN);
    mpfr_sub_d(wanted.value_, wanted.value_, got, MPFR_RNDN);
    return std::abs(mpfr_get_d(wanted.value_, MPFR_RNDN));
  }

  mpfr_t value_;
};

// The largest error of Fill<T> at one position, over all pairs, relative to g.
template <class T>
double WorstError(const PhaseTable& table, const std::vector<double>& position) {
  const Rotation& rotation = table.rotation();
  const size_t axes = position.size(), columns = rotation.frequency.size() / axes;
  std::vector<T> cos(columns), sin(columns);
  table.Fill<T>(position, Side::kQuery, 0, cos.data(), sin.data());
  const double g = rotation.attention_factor;
  double worst = 0;
  for (size_t j = 0; j < columns; ++j) {
    Exact angle;
    for (size_t axis = 0; axis < axes; ++axis) {
      angle.AddProduct(rotation.frequency[j * axes + axis], position[axis]);
    }
    worst = std::max({worst, angle.CosError(cos[j], g) / g, angle.SinError(sin[j], g) / g});
  }
  return worst;
}

constexpr double kDoubleBound = 1e-15;
constexpr double kFloatBound = 0x1p-25 + 1e-15;

TEST(PhasesTest, AreExactAtAnyPosition) {
  // Around the ends of the tables' digits, beyond the tables, Unix time in seconds, the last whole
  // numbers of double.
  const double positions[] = {0,         1,          127,         128,           129,
                              16383,     16384,      16385,       100'003,       2'097'151,
                              2'097'152, 0x1p24 + 1, 0x1p31 + 5,  1.7e9,         1'763'812'345,
                              0x1p53,    -1,         -129,        -100'003,      0.5,
                              -0.37,     16384.75,   100'003.125, 1.7e9 + 0.123, 1.7e-9};
  for (const int64_t target : SimdTargets()) {
    const ScopedSimdTarget scope(target);
    double worst = 0, worst_float = 0;
    for (const double theta : {1e4, 5e5, 1e6}) {
      const PhaseTable table(MakeRotation({.head_dim = 74, .theta = theta}));
      for (const double position : positions) {
        const double error = WorstError<double>(table, {position});
        const double error_float = WorstError<float>(table, {position});
        EXPECT_LE(error, kDoubleBound) << "theta " << theta << ", position " << position;
        EXPECT_LE(error_float, kFloatBound) << "theta " << theta << ", position " << position;
        worst = std::max(worst, error);
        worst_float = std::max(worst_float, error_float);
      }
    }
    std::printf("%s: worst error %.2g in double, 2^-25 x %.3f in float\n",
                SimdTargetName(target).c_str(), worst, worst_float * 0x1p25);
  }
}

TEST(PhasesTest, AreExactWithAxesHeadsAndAFactor) {
  Rotation image = MakeRotation({.head_dim = 12});
  image.axes = 2;
  image.frequency = {1, 0, 0, 1, 0.3, -0.7, 1e-3, 2e-3, 12.5, 1e-9, 0.1, 0.1};
  Rotation heads = MakeRotation({.head_dim = 6});
  heads.heads = 3;
  heads.frequency = {1, 0.1, 0.01, 2, 0.2, 0.02, -3, 0.3, 0.03};
  Rotation scaled = MakeRotation({.head_dim = 64});
  scaled.attention_factor = 1.2079441541679836;
  for (const double p : {0.0, 17.0, 100'003.0, -1e6, 1.7e9 + 0.5, 0.25}) {
    // Angles of two axes that nearly cancel: the sum must not lose what the products kept.
    EXPECT_LE(WorstError<double>(PhaseTable(image), {p, -p + 0.125}), kDoubleBound) << p;
    EXPECT_LE(WorstError<double>(PhaseTable(heads), {p}), kDoubleBound) << p;
    EXPECT_LE(WorstError<double>(PhaseTable(scaled), {p}), kDoubleBound) << p;
  }
}

// Interleaved sections of three axes (Qwen3-VL's), one pair that stands still: from tables.
Rotation EachPairOnOneAxis(double attention_factor) {
  Rotation rotation = MakeRotation({.head_dim = 74, .theta = 1e6});
  const std::vector<double> spectrum = rotation.frequency;
  rotation.axes = 3;
  rotation.attention_factor = attention_factor;
  rotation.frequency.assign(spectrum.size() * 3, 0.0);
  for (size_t j = 0; j + 1 < spectrum.size(); ++j) {
    rotation.frequency[j * 3 + j % 3] = spectrum[j];
  }
  return rotation;
}

TEST(PhasesTest, AreExactWhereEachPairReadsOneAxis) {
  const std::vector<double> positions[] = {{0, 0, 0},
                                           {5, 0, 7},
                                           {127, 128, 129},
                                           {100'003, 100'003, 100'003},
                                           {3, 16384, 2'097'151},
                                           {2'097'152, 1, 2},
                                           {40, -3, 7},
                                           {-5, -5, -5},
                                           {1.5, 2, 3},
                                           {2, 1e9, 0.25}};
  const PhaseTable table(EachPairOnOneAxis(1)), scaled(EachPairOnOneAxis(1.25));
  for (const int64_t target : SimdTargets()) {
    const ScopedSimdTarget scope(target);
    for (const auto& position : positions) {
      EXPECT_LE(WorstError<double>(scaled, position), kDoubleBound)
          << position[0] << ' ' << position[1] << ' ' << position[2];
      EXPECT_LE(WorstError<float>(table, position), kFloatBound)
          << position[0] << ' ' << position[1] << ' ' << position[2];
    }
  }
}

// Pictures in the order of their rows, where mostly one axis moves, and other tokens amid them.
std::vector<double> PicturesAndText(int64_t tokens) {
  std::vector<double> positions;
  for (int64_t t = 0; t < tokens; ++t) {
    const double p = static_cast<double>(t * 37 % 300);
    const int64_t block = t / 100, row = t % 100 / 12;
    const auto picture = static_cast<double>(90 * block);
    switch (t % 100) {
      case 0:
      case 1:
      case 57:  // text
        positions.insert(positions.end(), {p, p, p});
        break;
      case 30:  // fractions, where other axes stay
        positions.insert(positions.end(), {picture, picture + 0.5, picture});
        break;
      case 58:
        positions.insert(positions.end(), {picture, picture - 100, picture});
        break;
      case 59:  // every axis in another block
        positions.insert(positions.end(), {p, static_cast<double>(t % 7), p * 300});
        break;
      default:
        positions.insert(positions.end(), {picture, picture + static_cast<double>(row),
                                           picture + static_cast<double>(t % 12)});
    }
  }
  return positions;
}

TEST(PhasesTest, OfSeveralAxesDoNotDependOnTheTokensBefore) {
  const Rotation contiguous =
      OnAxes(MakeRotation({.head_dim = 128}), 3, ContiguousSections(std::array{16, 24, 24}));
  constexpr int64_t kTokens = 500;
  const std::vector<double> positions = PicturesAndText(kTokens);
  for (const Rotation& rotation : {EachPairOnOneAxis(1.25), contiguous}) {
    const PhaseTable table(rotation);
    const Phases phases(table, ConstTensorView(positions.data(), DType::kF64, {1, kTokens, 3}),
                        DType::kF64, Side::kQuery, 0, 2);
    const size_t pairs = static_cast<size_t>(rotation.pairs());
    for (int64_t t = 0; t < kTokens; ++t) {
      std::vector<double> cos(pairs), sin(pairs);
      table.Fill<double>({&positions[static_cast<size_t>(3 * t)], 3}, Side::kQuery, 0, cos.data(),
                         sin.data());
      for (size_t j = 0; j < pairs; ++j) {
        const size_t i = static_cast<size_t>(t) * pairs + j;
        ASSERT_EQ(phases.cos().As<double>()[i], cos[j]) << t << ' ' << j;
        ASSERT_EQ(phases.sin().As<double>()[i], sin[j]) << t << ' ' << j;
      }
    }
  }
}

TEST(PhasesTest, BatchesGiveTheValuesOfSingleTokens) {
  Rotation rotation = MakeRotation({.head_dim = 20});
  rotation.second_frequency = rotation.frequency;
  std::reverse(rotation.second_frequency.begin(), rotation.second_frequency.end());
  rotation.log_decay.assign(10, 1e-5);
  const PhaseTable table(rotation);
  constexpr int64_t kBatch = 2, kTokens = 300;
  std::vector<double> positions;
  for (int64_t i = 0; i < kBatch * kTokens; ++i) {
    positions.push_back(static_cast<double>(i * 7919 % 262'144) - 70'000 + (i % 3) * 0.25);
  }
  const ConstTensorView view(positions.data(), DType::kF64, {kBatch, kTokens});
  const Phases one(table, view, DType::kF64, Side::kKey, 50, 1);
  const Phases three(table, view, DType::kF64, Side::kKey, 50, 3);
  EXPECT_EQ(one.batch(), kBatch);
  EXPECT_EQ(one.tokens(), kTokens);
  for (int64_t i = 0; i < kBatch * kTokens; ++i) {
    double wanted[4][10];
    table.Fill<double>({&positions[static_cast<size_t>(i)], 1}, Side::kKey, 50, wanted[0],
                       wanted[1], wanted[2], wanted[3]);
    for (const Phases* phases : {&one, &three}) {
      const double* got[4] = {phases->cos().As<double>(), phases->sin().As<double>(),
                              phases->second_cos().As<double>(), phases->second_sin().As<double>()};
      for (int table_row = 0; table_row < 4; ++table_row) {
        for (int j = 0; j < 10; ++j) {
          ASSERT_EQ(got[table_row][i * 10 + j], wanted[table_row][j]) << i << " " << j;
        }
      }
    }
  }
}

TEST(PhasesTest, DecayGrowsKeysAndShrinksQueries) {
  Rotation rotation = MakeRotation({.head_dim = 2});
  rotation.log_decay = {-1e-3};
  const PhaseTable table(rotation);
  const double position = 500;
  double cos[2], sin[2];
  table.Fill<double>({&position, 1}, Side::kQuery, 100, &cos[0], &sin[0]);
  table.Fill<double>({&position, 1}, Side::kKey, 100, &cos[1], &sin[1]);
  EXPECT_NEAR(std::hypot(cos[0], sin[0]), std::exp(-0.4), 1e-15);
  EXPECT_NEAR(std::hypot(cos[1], sin[1]), std::exp(0.4), 2e-15);
}

TEST(GivenPhasesTest, ComeBackAsTheyAre) {
  const int32_t first[] = {0, 1}, second[] = {3, 2};
  // Pairs and rows stand apart, and a NaN keeps being one.
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float cos[] = {1, 9, 2, 9, 9, 3, 9, nan, 9, 9}, sin[] = {5, 9, 6, 9, 9, 7, 9, 8, 9, 9};
  const Dims shape{2, 2}, strides{5, 2};
  const Phases phases =
      Phases::Given(4, first, second, ConstTensorView(cos, DType::kF32, shape, strides),
                    ConstTensorView(sin, DType::kF32, shape, strides));
  EXPECT_EQ(phases.tokens(), 2);
  EXPECT_EQ(phases.pairs(), 2);
  EXPECT_TRUE(phases.IsGroup());
  const float* got = phases.cos().As<float>();
  EXPECT_EQ(std::vector<float>(got, got + 3), (std::vector<float>{1, 2, 3}));
  EXPECT_TRUE(std::isnan(got[3]));
  got = phases.sin().As<float>();
  EXPECT_EQ(std::vector<float>(got, got + 4), (std::vector<float>{5, 6, 7, 8}));
}

TEST(PhasesTest, BadInputIsRefused) {
  const PhaseTable table(MakeRotation({.head_dim = 4}));
  const auto error = [&](ConstTensorView positions, DType dtype = DType::kF32) {
    return Thrown<std::invalid_argument>([&] { Phases(table, positions, dtype); });
  };
  double positions[4] = {0, 1, 2, 3};
  const int64_t far[1] = {(int64_t{1} << 53) + 1};
  EXPECT_EQ(error({positions, DType::kF64, {4}}), "nothing was thrown");
  EXPECT_EQ(error({positions, DType::kF64, {4}}, DType::kBF16),
            "phases: dtype must be f32 or f64, got bf16");
  EXPECT_EQ(error({positions, DType::kF32, {4}}), "phases: positions must be i64 or f64, got f32");
  EXPECT_EQ(error({positions, DType::kF64, {1, 2, 2}}),
            "phases: the rotation takes 1 numbers per position, positions have 2");
  EXPECT_EQ(error({positions, DType::kF64, {1, 1, 2, 2}}),
            "phases: positions must be [tokens], [batch, tokens] or [batch, tokens, axes], got "
            "[1, 1, 2, 2]");
  EXPECT_EQ(error({far, DType::kI64, {1}}),
            "phases: positions must be at most 2^53 in magnitude, got 9007199254740993");
  positions[2] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(error({positions, DType::kF64, {4}}),
            "phases: positions must be at most 2^53 in magnitude, got nan");
  positions[2] = -std::numeric_limits<double>::infinity();
  EXPECT_EQ(error({positions, DType::kF64, {4}}),
            "phases: positions must be at most 2^53 in magnitude, got -inf");

  const int32_t first[] = {0, 1}, second[] = {2, 3}, twice[] = {2, 1};
  const double values[8] = {};
  const auto given = [&](std::span<const int32_t> seconds, ConstTensorView cos,
                         ConstTensorView sin) {
    return Thrown<std::invalid_argument>([&] { Phases::Given(4, first, seconds, cos, sin); });
  };
  const ConstTensorView rows(values, DType::kF64, {2, 2});
  EXPECT_EQ(given(second, rows, rows), "nothing was thrown");
  EXPECT_EQ(given(twice, rows, rows), "rotation: a channel may be in one pair only, got 1 twice");
  EXPECT_EQ(given(second, {values, DType::kI64, {2, 2}}, rows),
            "phases: cos must be f32 or f64, got i64");
  EXPECT_EQ(given(second, rows, {values, DType::kF64, {1, 2}}),
            "phases: cos and sin must be alike, got f64 [2, 2] and f64 [1, 2]");
  const ConstTensorView narrow(values, DType::kF64, {2, 1});
  EXPECT_EQ(given(second, narrow, narrow),
            "phases: cos and sin must be [rows, 2] or [rows, heads, 2], got [2, 1]");
  const ConstTensorView headless(values, DType::kF64, {2, 0, 2});
  EXPECT_EQ(given(second, headless, headless), "phases: heads must be at least 1, got [2, 0, 2]");
}

}  // namespace
}  // namespace rotary
