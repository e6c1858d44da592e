// Properties: a list comes back as its numbers, however it is written; a tensor inv_freq of any
// float dtype to the bit; what is no list of numbers has its sentence.
#include "rotary/io/frequency_file.h"

#include <vector>

#include "gtest/gtest.h"
#include "rotary/io/safetensors.h"
#include "rotary/io/test_folder.h"

namespace rotary {
namespace {

using Numbers = std::vector<double>;

TEST(FrequencyFileTest, Lists) {
  const TestFolder folder;
  EXPECT_EQ(ReadFrequencies(folder.Put("a.json", "[1, 0.1, 1e-300]")), (Numbers{1, 0.1, 1e-300}));
  EXPECT_EQ(ReadFrequencies(folder.Put("a.txt", "1.0\n0.5, 0.25\n\n-2e-3\n")),
            (Numbers{1, 0.5, 0.25, -2e-3}));
  EXPECT_EQ(ReadFrequencies(folder.Put("b.json", "[]")), Numbers());
}

TEST(FrequencyFileTest, Tensors) {
  const TestFolder folder;
  const std::filesystem::path path = folder / "a.safetensors";
  const float values[] = {1, 0.1f, 0.01f};
  const double wide[] = {1, 0.1};
  const BF16 narrow[] = {ToBF16(1), ToBF16(0.1f)};
  const int64_t whole[] = {1, 2};
  const auto written = [&](const std::vector<NamedTensor>& tensors) -> const auto& {
    WriteSafetensors(path, tensors);
    return path;
  };
  const ConstTensorView f32(values, DType::kF32, {3});
  EXPECT_EQ(ReadFrequencies(written({{"model.rotary_emb.inv_freq", f32},
                                     {"x", ConstTensorView(whole, DType::kI64, {2})}})),
            (Numbers{1, 0.1f, 0.01f}));
  EXPECT_EQ(ReadFrequencies(written({{"inv_freq", ConstTensorView(wide, DType::kF64, {2})}})),
            (Numbers{1, 0.1}));
  EXPECT_EQ(ReadFrequencies(written({{"inv_freq", ConstTensorView(narrow, DType::kBF16, {2})}})),
            (Numbers{1, 0x1.9ap-4}));

  const std::string cannot = "cannot read " + path.string() + ": ";
  const auto sentence = [&](const std::vector<NamedTensor>& tensors) {
    return Thrown([&] { ReadFrequencies(written(tensors)); });
  };
  EXPECT_EQ(sentence({{"x", f32}}), cannot + "no tensor ends in inv_freq");
  EXPECT_EQ(sentence({{"a.inv_freq", f32}, {"b.inv_freq", f32}}),
            cannot + "several tensors end in inv_freq: a.inv_freq and b.inv_freq");
  EXPECT_EQ(sentence({{"inv_freq", ConstTensorView(values, DType::kF32, {3, 1})}}),
            cannot + "inv_freq must be [pairs], got [3, 1]");
  EXPECT_EQ(sentence({{"inv_freq", ConstTensorView(whole, DType::kI64, {2})}}),
            cannot + "inv_freq: dtype must be f64, f32, bf16 or f16, got i64");
}

TEST(FrequencyFileTest, WhatIsNoNumber) {
  const TestFolder folder;
  const auto text = folder.Put("a.txt", "1 two 3");
  EXPECT_EQ(Thrown([&] { ReadFrequencies(text); }),
            "cannot read " + text.string() + ": \"two\" is not a number");
  const auto json = folder.Put("a.json", "[1, \"two\"]");
  EXPECT_EQ(Thrown([&] { ReadFrequencies(json); }),
            "cannot read " + json.string() + ": [1] must be a number, got \"two\"");
}

}  // namespace
}  // namespace rotary
