// Properties: frequencies are those of transformers to the last bit but one, for every rule that it
// has, and phases are the float cosines and sines of float products, factor included (golden values
// of torch, tests/golden/make_float32.py; all rules, pairs and positions:
// tests/rotate_cli_test.py). Nothing of it reaches the exact arithmetic; whole, far and batched
// positions, double and 16-bit tensors take the same phases.
#include "rotary/rope/float32_arithmetic.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "rotary/base/simd.h"
#include "rotary/rope/rotate.h"

namespace rotary {
namespace {

// Units in the last place between two floats.
int64_t Ulps(double a, double b) {
  const auto place = [](double x) {
    const auto bits = std::bit_cast<int32_t>(static_cast<float>(x));
    return int64_t{bits < 0 ? INT32_MIN - bits : bits};
  };
  return std::abs(place(a) - place(b));
}

struct Golden {
  std::string name;
  int rotary_dim;
  double theta;
  Rule rule;
  double length;
  int pair;
  double frequency, cos, sin;  // cos and sin at position 131,071
};

std::vector<Golden> GoldenCases() {
  LongRopeRule longrope{.factor = 32, .trained_length = 4096};
  for (int i = 0; i < 48; ++i) {
    longrope.short_factor.push_back(1);
    longrope.long_factor.push_back(1 + 0.37 * i);
  }
  const YarnRule gpt_oss{.factor = 32, .trained_length = 4096, .truncate = false};
  // torch 2.15, transformers 5.23
  return {
      {"plain-128", 128, 500000, PlainRule(), 0, 63, 0x1.4985fe0000000p-19, 0x1.e5b7dc0000000p-1,
       0x1.43dcf40000000p-2},
      {"plain-80", 80, 1e4, PlainRule(), 0, 33, 0x1.06c4380000000p-11, -0x1.ebbabe0000000p-1,
       0x1.1d47a20000000p-2},
      {"linear-96", 96, 1e4, LinearRule{3}, 0, 40, 0x1.44787a0000000p-13, 0x1.2000720000000p-3,
       0x1.fae9840000000p-1},
      {"dynamic-128", 128, 1e4, DynamicNtkRule{2, 4096}, 9000, 63, 0x1.1d5f040000000p-15,
       -0x1.00cfae0000000p-2, -0x1.efa3100000000p-1},
      {"yarn-128", 128, 1e6, YarnRule{.factor = 4, .trained_length = 32768}, 0, 30,
       0x1.17040e0000000p-10, 0x1.51e6120000000p-2, 0x1.16faee0000000p+0},
      {"yarn-64-not-truncated", 64, 150000, gpt_oss, 0, 12, 0x1.bd50800000000p-8,
       -0x1.ababc60000000p-6, -0x1.58a8780000000p+0},
      {"longrope-96", 96, 1e4, longrope, 20000, 47, 0x1.ba1c740000000p-18, 0x1.8bfb4c0000000p-1,
       0x1.cf37580000000p-1},
      {"llama3-128", 128, 500000, Llama3Rule{8, 8192, 1, 4}, 0, 32, 0x1.132ba40000000p-11,
       0x1.e588240000000p-1, -0x1.44fab40000000p-2},
  };
}

TEST(Float32ArithmeticTest, FrequenciesAndPhasesOfTransformers) {
  int64_t worst = 0;
  for (const Golden& golden : GoldenCases()) {
    const Spectrum spectrum =
        MakeFloat32Spectrum(golden.rotary_dim, golden.theta, golden.rule, golden.length);
    const auto j = static_cast<size_t>(golden.pair);
    EXPECT_LE(Ulps(spectrum.frequency[j], golden.frequency), 1) << golden.name;
    worst = std::max(worst, Ulps(spectrum.frequency[j], golden.frequency));

    Rotation rotation = MakeRotation({.head_dim = golden.rotary_dim});
    rotation.frequency = spectrum.frequency;
    rotation.frequency[j] = golden.frequency;  // the phases alone
    rotation.attention_factor = spectrum.attention_factor;
    const PhaseTable table(rotation, Arithmetic::kFloat32);
    std::vector<float> cos(j + 1 + 64), sin(j + 1 + 64);
    table.Fill<float>(std::vector<double>{131071}, Side::kQuery, 0, cos.data(), sin.data());
    EXPECT_LE(Ulps(cos[j], golden.cos), 1) << golden.name;
    EXPECT_LE(Ulps(sin[j], golden.sin), 1) << golden.name;
  }
  std::printf("frequencies: %d units in the last place from transformers at most\n",
              static_cast<int>(worst));
}

TEST(Float32ArithmeticTest, IsNotTheExactOne) {
  const Rotation rotation = MakeRotation({.head_dim = 128, .theta = 500000});
  const PhaseTable exact(rotation), rounded(rotation, Arithmetic::kFloat32);
  EXPECT_EQ(exact.arithmetic(), Arithmetic::kExact);
  EXPECT_EQ(rounded.arithmetic(), Arithmetic::kFloat32);
  const std::vector<double> far = {1'048'575};
  float cos[2][64], sin[2][64];
  exact.Fill<float>(far, Side::kQuery, 0, cos[0], sin[0]);
  rounded.Fill<float>(far, Side::kQuery, 0, cos[1], sin[1]);
  double worst = 0;
  for (int j = 0; j < 64; ++j) {
    worst = std::max<double>(worst, std::hypot(cos[0][j] - cos[1][j], sin[0][j] - sin[1][j]));
  }
  EXPECT_GT(worst, 1e-3);
  EXPECT_LT(worst, 0.1);
}

// The phases of transformers, written out.
void Wanted(const Rotation& rotation, double position, std::vector<float>& cos,
            std::vector<float>& sin) {
  const auto g = static_cast<float>(rotation.attention_factor);
  for (const double w : rotation.frequency) {
    const volatile float angle = static_cast<float>(w) * static_cast<float>(position);
    cos.push_back(static_cast<float>(std::cos(static_cast<double>(angle))) * g);
    sin.push_back(static_cast<float>(std::sin(static_cast<double>(angle))) * g);
  }
}

TEST(Float32ArithmeticTest, TensorsOfEveryDtypeTakeThePhases) {
  Rotation rotation =
      MakeRotation({.head_dim = 10, .rotary_dim = 6, .layout = Layout::kInterleaved});
  rotation.attention_factor = 1.2079441541679836;
  const PhaseTable table(rotation, Arithmetic::kFloat32);
  const std::vector<double> positions = {0, 131071, -129, 100'003.5, 1e6, 7};  // [2, 3]
  const ConstTensorView at(positions.data(), DType::kF64, {2, 3});
  for (const int64_t target : SimdTargets()) {
    const ScopedSimdTarget scope(target);
    std::vector<float> x(2 * 3 * 4 * 10);
    for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 17) - 8;
    std::vector<double> x64(x.begin(), x.end());
    const Dims shape{2, 3, 4, 10};
    std::vector<float> y(x.size());
    std::vector<double> y64(x.size());
    Rotate(table, at, ConstTensorView(x.data(), DType::kF32, shape),
           TensorView(y.data(), DType::kF32, shape));
    Rotate(table, at, ConstTensorView(x64.data(), DType::kF64, shape),
           TensorView(y64.data(), DType::kF64, shape));
    for (size_t token = 0; token < 6; ++token) {
      std::vector<float> cos, sin;
      Wanted(rotation, positions[token], cos, sin);
      for (size_t head = 0; head < 4; ++head) {
        const size_t row = (token * 4 + head) * 10;
        for (size_t j = 0; j < 3; ++j) {
          const double u = x[row + 2 * j], v = x[row + 2 * j + 1];
          const double first = double{cos[j]} * u - double{sin[j]} * v;
          const double second = double{cos[j]} * v + double{sin[j]} * u;
          EXPECT_NEAR(y[row + 2 * j], first, 2e-6);
          EXPECT_NEAR(y[row + 2 * j + 1], second, 2e-6);
          EXPECT_NEAR(y64[row + 2 * j], first, 1e-14);
          EXPECT_NEAR(y64[row + 2 * j + 1], second, 1e-14);
        }
        for (size_t channel = 6; channel < 10; ++channel) {
          EXPECT_EQ(y[row + channel], x[row + channel]);
        }
      }
    }
    std::printf("%s ran\n", SimdTargetName(target).c_str());
  }
}

TEST(Float32ArithmeticTest, WhatNoFloatHoldsIsRefused) {
  Rotation rotation = MakeRotation({.head_dim = 4});
  rotation.frequency[1] = 1e300;
  EXPECT_NO_THROW(PhaseTable(rotation, Arithmetic::kExact));
  EXPECT_THROW(PhaseTable(rotation, Arithmetic::kFloat32), std::invalid_argument);
  rotation.frequency[1] = 1;
  rotation.attention_factor = 1e-300;
  EXPECT_THROW(PhaseTable(rotation, Arithmetic::kFloat32), std::invalid_argument);
}

TEST(Float32ArithmeticTest, RulesWithoutAnArithmeticOfTheirOwnAreRounded) {
  for (const Rule& rule :
       {Rule(KexueNtkRule{.factor = 4}), Rule(QwenNtkRule{.trained_length = 8}),
        Rule(NtkByPartsRule{.factor = 4, .trained_length = 2048}),
        Rule(YarnRule{.factor = 4, .trained_length = 2048, .logarithmic = true})}) {
    const Spectrum exact = MakeSpectrum(64, 1e4, rule, 100);
    const Spectrum rounded = MakeFloat32Spectrum(64, 1e4, rule, 100);
    for (size_t i = 0; i < 32; ++i) {
      EXPECT_EQ(rounded.frequency[i], static_cast<float>(exact.frequency[i])) << Name(rule);
    }
  }
  EXPECT_THROW(MakeFloat32Spectrum(63, 1e4, PlainRule()), std::invalid_argument);
  EXPECT_TRUE(MakeFloat32Spectrum(0, 1e4, PlainRule()).frequency.empty());
  EXPECT_EQ(MakeFloat32Spectrum(2, 1e4, NtkRule{8}).frequency, std::vector<double>{1});
}

}  // namespace
}  // namespace rotary
