// Properties: every dtype holds the same numbers, none of them near zero; no channel or head
// repeats another; what the library's rotation makes of a probe gives back every pair and its
// frequency, in every dtype; the file says what to do with it, and is the same each time.
#include "rotary/doctor/probe.h"

#include <cmath>
#include <cstdio>
#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "rotary/doctor/frequency.h"
#include "rotary/doctor/pairing.h"
#include "rotary/io/safetensors.h"
#include "rotary/io/test_folder.h"
#include "rotary/rope/rotate.h"

namespace rotary {
namespace {

std::vector<double> Doubles(const Tensor& tensor) {
  std::vector<double> numbers;
  DispatchFloat(tensor.dtype(), "test", [&]<class T>() {
    for (const T x : tensor.span<T>()) {
      if constexpr (std::is_same_v<T, double>) {
        numbers.push_back(x);
      } else {
        numbers.push_back(ToFloat(x));
      }
    }
  });
  return numbers;
}

TEST(ProbeTest, EveryDTypeHoldsTheSameNumbers) {
  const ProbeOptions options{.head_dim = 96, .heads = 3, .tokens = 300, .dtype = DType::kF64};
  const std::vector<double> exact = Doubles(MakeProbe(options).before);
  std::set<double> values;
  for (const double x : exact) {
    ASSERT_TRUE(std::abs(x) >= 0x1p-7 && std::abs(x) < 2) << x;
    values.insert(x);
  }
  EXPECT_EQ(values.size(), 2u * 128 * 8);  // signs, steps, octaves
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16}) {
    ProbeOptions other = options;
    other.dtype = dtype;
    EXPECT_EQ(Doubles(MakeProbe(other).before), exact) << Name(dtype);
  }
}

TEST(ProbeTest, NoChannelRepeatsAnother) {
  const int dim = 64, heads = 4;
  const int64_t tokens = 512;
  const std::vector<double> x =
      Doubles(MakeProbe({.head_dim = dim, .heads = heads, .tokens = tokens}).before);
  const size_t row = size_t{dim} * heads;
  // Columns of all heads over tokens; 6 sigma of independent signs.
  for (size_t a = 0; a < row; ++a) {
    for (size_t b = 0; b < a; ++b) {
      double product = 0, of_a = 0, of_b = 0;
      for (size_t t = 0; t < size_t{tokens}; ++t) {
        product += x[t * row + a] * x[t * row + b];
        of_a += x[t * row + a] * x[t * row + a];
        of_b += x[t * row + b] * x[t * row + b];
      }
      ASSERT_TRUE(std::abs(product) < 6 * std::sqrt(of_a * of_b / tokens)) << a << ' ' << b;
    }
  }
}

TEST(ProbeTest, GivesBackEveryPair) {
  for (const DType dtype : {DType::kF64, DType::kF32, DType::kF16, DType::kBF16}) {
    const Layout layout = dtype == DType::kF16 ? Layout::kInterleaved : Layout::kHalf;
    const Rotation rotation =
        MakeRotation({.head_dim = 128, .rotary_dim = 96, .offset = 32, .layout = layout});
    const Probe probe = MakeProbe({.head_dim = 128, .dtype = dtype});
    Tensor after(dtype, probe.before.shape());
    Rotate(PhaseTable(rotation), probe.positions.view(), probe.before.view(), after.view());
    Observation observation{probe.before.view(), after.view(), {}};
    for (const int64_t p : probe.positions.span<int64_t>()) {
      observation.positions.push_back(static_cast<double>(p));
    }
    const Samples samples = TakeSamples(observation, 1024);
    const Pairing pairing = FindPairs(samples);
    ASSERT_EQ(pairing.pairs.size(), 48u) << Name(dtype);
    EXPECT_EQ(pairing.still.size(), 32u) << Name(dtype);
    double worst = 0;
    for (const FoundPair& pair : pairing.pairs) {
      size_t j = 0;
      while (j < 48 && rotation.first[j] != pair.first) ++j;
      ASSERT_LT(j, 48u) << pair.first;
      ASSERT_EQ(rotation.second[j], pair.second) << Name(dtype);
      const FoundFrequency found =
          FrequencyOf(TurnsOf(samples, pair.first, pair.second), samples.positions);
      const double off = std::abs(found.frequency - rotation.frequency[j]);
      EXPECT_TRUE(off <= 6 * found.deviation + 1e-14) << Name(dtype) << ' ' << j;
      worst = std::max(worst, off);
    }
    std::printf("%s: frequencies within %.1e\n", std::string(Name(dtype)).c_str(), worst);
    EXPECT_LT(worst, dtype == DType::kBF16  ? 1e-6
                     : dtype == DType::kF16 ? 1.5e-7
                     : dtype == DType::kF32 ? 3e-11
                                            : 2e-14)
        << Name(dtype);
  }
}

TEST(ProbeTest, FileSaysWhatToDo) {
  const TestFolder folder;
  const ProbeOptions options{.head_dim = 8, .heads = 2, .tokens = 5, .dtype = DType::kBF16};
  WriteProbe(folder / "a", options);
  WriteProbe(folder / "b", options);
  EXPECT_EQ(ReadFile(folder / "a"), ReadFile(folder / "b"));
  const SafetensorsFile file(folder / "a");
  EXPECT_EQ(file.shape("before"), Dims({1, 5, 2, 8}));
  EXPECT_EQ(file.dtype("before"), DType::kBF16);
  EXPECT_EQ(file.shape("positions"), Dims({5}));
  const auto* positions = file.view("positions").As<int64_t>();
  for (int64_t t = 0; t < 5; ++t) EXPECT_EQ(positions[t], t);
  EXPECT_NE(file.metadata().at("what_to_do").find("rotary doctor"), std::string::npos);
}

TEST(ProbeTest, RefusesWhatCannotBe) {
  const auto sentence = [](const ProbeOptions& options) {
    return Thrown<std::invalid_argument>([&] { MakeProbe(options); });
  };
  EXPECT_EQ(sentence({.head_dim = 1}), "probe: head_dim must be 2 to 65536, got 1");
  EXPECT_EQ(sentence({.head_dim = 8, .heads = 0}), "probe: heads must be 1 to 4096, got 0");
  EXPECT_EQ(sentence({.head_dim = 8, .tokens = 1}), "probe: tokens must be 2 to 1000000, got 1");
  EXPECT_EQ(sentence({.head_dim = 4096, .heads = 4096, .tokens = 129}),
            "probe: 129 tokens of 4096 heads of 4096 are more than 2^31 numbers");
  EXPECT_EQ(sentence({.head_dim = 8, .dtype = DType::kI64}),
            "probe: dtype must be f64, f32, bf16 or f16, got i64");
}

}  // namespace
}  // namespace rotary
