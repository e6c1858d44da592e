// Properties: the stored suite is what the generator writes, to the byte; every level and every
// position that people were bitten by is in it; x is exact in every dtype; frequencies and factors
// are those that the config room reads from the configs, to 1e-13; the rope room meets every case
// in every dtype, forward, inverse and backward, packed and strided, on every SIMD target.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <set>
#include <string>

#include "gtest/gtest.h"
#include "rotary/base/simd.h"
#include "rotary/config/rope_config.h"
#include "rotary/golden/score.h"
#include "rotary/golden/write_suite.h"
#include "rotary/io/file.h"
#include "rotary/io/safetensors.h"
#include "rotary/io/test_folder.h"
#include "rotary/rope/rotate.h"

namespace rotary {
namespace {

const std::filesystem::path kSuite = ROTARY_GOLDEN_SUITE;

std::set<std::string> FileNames(const std::filesystem::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    names.insert(entry.path().filename());
  }
  return names;
}

TEST(SuiteTest, StoredIsWhatTheGeneratorWrites) {
  const TestFolder parent;
  const std::filesystem::path folder = parent / "cases";
  const int count = WriteGoldenSuite(folder);
  EXPECT_EQ(Thrown([&] { WriteGoldenSuite(folder); }),
            "cannot write " + folder.string() + ": it exists already");
  const std::set<std::string> names = FileNames(folder);
  EXPECT_EQ(names.size(), static_cast<size_t>(2 * count));
  ASSERT_EQ(names, FileNames(kSuite))
      << "run: rotary golden --out cases, and put them in place of conformance/cases";
  uintmax_t bytes = 0;
  for (const std::string& name : names) {
    EXPECT_TRUE(ReadFile(folder / name) == ReadFile(kSuite / name)) << name << " differs";
    bytes += std::filesystem::file_size(kSuite / name);
  }
  EXPECT_LT(bytes, 8'000'000u);
}

TEST(SuiteTest, EveryLevelAndEveryNotoriousPositionIsThere) {
  std::set<std::string> levels;
  std::set<double> positions;
  for (const GoldenCase& golden : ReadGoldenCases(kSuite)) {
    levels.insert(golden.level);
    const auto tensors = ReadGoldenTensors(golden, kSuite / (golden.name + ".safetensors"));
    positions.insert(tensors.positions.begin(), tensors.positions.end());
    EXPECT_FALSE(golden.meaning.empty() || golden.catches.empty()) << golden.name;
    for (const auto* list : {&tensors.x, &tensors.d_y}) {
      for (const double value : *list) {
        const auto single = static_cast<float>(value);
        ASSERT_EQ(ToFloat(ToBF16(single)), value) << golden.name;
        ASSERT_EQ(ToFloat(ToF16(single)), value) << golden.name;
      }
    }
  }
  EXPECT_EQ(levels.size(), kGoldenLevels.size());
  for (const double p : {0, 1, 7, 2049, 4097, 65537, 131071, 1048575, -2049}) {
    EXPECT_TRUE(positions.contains(p)) << p;
  }
  EXPECT_TRUE(positions.contains(0.25));
}

// What the rotation of the case says about the config: the layer's own, but for caches.
Rotation FromConfig(const GoldenCase& golden) {
  const auto read = [&](const Json& config) {
    const RopeConfig rope =
        ReadRopeConfig(JsonValue(config, golden.name), {.length = golden.length});
    for (const LayerRope& layers : rope.layers) {
      const bool holds = layers.layers.empty() ||
                         std::find(layers.layers.begin(), layers.layers.end(), golden.layer) !=
                             layers.layers.end();
      const bool other_part = !golden.part.empty() && layers.part != golden.part;
      if (other_part || !holds) continue;
      const auto& rotation = golden.side == Side::kKey ? layers.key : layers.query;
      return rotation.value_or(Rotation{.head_dim = golden.rotation.head_dim});
    }
    ADD_FAILURE() << golden.name << ": the config has no such layer";
    return Rotation();
  };
  Rotation rotation = read(golden.config);
  if (golden.name == "shift") rotation.attention_factor = 1;
  if (!golden.from_config.is_null()) {
    const Rotation from = read(golden.from_config);
    rotation.attention_factor /= from.attention_factor;
    for (size_t i = 0; i < rotation.frequency.size(); ++i) {
      rotation.frequency[i] -= from.frequency[i];
    }
  }
  return rotation;
}

void ExpectNear(const std::vector<double>& actual, const std::vector<double>& expected,
                const std::string& name) {
  ASSERT_EQ(actual.size(), expected.size()) << name;
  for (size_t i = 0; i < actual.size(); ++i) {
    // A difference of two frequencies is as exact as these, which are 1 at most.
    const double scale = name == "rebase" ? 1 : std::abs(expected[i]);
    EXPECT_TRUE(std::abs(actual[i] - expected[i]) <= 1e-13 * scale)
        << name << ", number " << i << ": " << actual[i] << ", not " << expected[i];
  }
}

TEST(SuiteTest, ConfigsSayTheseRotations) {
  int configs = 0;
  for (const GoldenCase& golden : ReadGoldenCases(kSuite)) {
    if (golden.config.is_null()) continue;
    if (golden.level == "positions" && golden.layout == "interleaved") continue;
    SCOPED_TRACE(golden.name);
    ++configs;
    try {
      const Rotation rotation = FromConfig(golden);
      EXPECT_EQ(rotation.head_dim, golden.rotation.head_dim);
      EXPECT_EQ(rotation.axes, golden.rotation.axes);
      EXPECT_EQ(rotation.first, golden.rotation.first);
      EXPECT_EQ(rotation.second, golden.rotation.second);
      ExpectNear({rotation.attention_factor}, {golden.rotation.attention_factor}, golden.name);
      ExpectNear(rotation.frequency, golden.rotation.frequency, golden.name);
      ExpectNear(rotation.second_frequency, golden.rotation.second_frequency, golden.name);
    } catch (const FileError& error) {
      ADD_FAILURE() << error.what();
    }
  }
  EXPECT_GT(configs, 50);
}

// x or d_y in a dtype, as the part of a wider tensor that the case names.
struct Input {
  Tensor whole;
  HeadRange heads;

  ConstTensorView view() const { return whole.const_view().Slice(2, heads.begin, heads.end); }
};

Tensor As(DType dtype, ConstTensorView from) {
  Tensor tensor(dtype, from.shape());
  DispatchFloat(dtype, "As", [&]<typename T>() {
    for (size_t i = 0; i < static_cast<size_t>(from.count()); ++i) {
      tensor.data<T>()[i] = FromFloat<T>(from.As<float>()[i]);
    }
  });
  return tensor;
}

TEST(SuiteTest, TheRopeRoomMeetsEveryCase) {
  for (const int64_t target : SimdTargets()) {
    const ScopedSimdTarget scoped(target);
    int outputs = 0;
    for (const GoldenCase& golden : ReadGoldenCases(kSuite)) {
      const std::filesystem::path path = kSuite / (golden.name + ".safetensors");
      const SafetensorsFile file(path);
      const GoldenTensors tensors = ReadGoldenTensors(golden, path);
      const PhaseTable table(golden.rotation);
      for (const DType dtype : {DType::kF64, DType::kF32, DType::kBF16, DType::kF16}) {
        // The library promises the tighter tolerance everywhere.
        GoldenCase tight = golden;
        tight.tolerance = Tolerance::kExact;
        Input x{As(dtype, file.view(golden.strided ? "x_wide" : "x")),
                golden.strided.value_or(HeadRange{0, golden.heads})};
        Tensor y(dtype, tensors.shape);
        RotateOptions options{.direction = golden.direction, .centre = golden.centre};
        Rotate(table, file.view("positions"), x.view(), y.view(), options, golden.side);
        const auto broken = FirstBrokenRule(tight, tensors, y.view());
        EXPECT_FALSE(broken) << golden.name << ", " << Name(dtype) << ": " << broken->rule << ": "
                             << broken->sentence;
        ++outputs;
        if (golden.direction != Direction::kForward) continue;
        options.direction = Direction::kGradient;
        const Tensor d_y = As(dtype, file.view("d_y"));
        Rotate(table, file.view("positions"), d_y.view(), y.view(), options, golden.side);
        const auto bad = BrokenGradient(tight, tensors, y.view());
        EXPECT_FALSE(bad) << golden.name << ", " << Name(dtype) << ": " << bad->rule;
      }
    }
    std::printf("%s: %d outputs\n", SimdTargetName(target).c_str(), outputs);
  }
}

}  // namespace
}  // namespace rotary
