// Properties: a tensor is found in one file, by an index and in a folder with either; of shards
// only those are opened that are asked for; every checkpoint that is broken has its sentence.
#include "rotary/io/checkpoint_tensors.h"

#include "gtest/gtest.h"
#include "rotary/io/test_folder.h"

namespace rotary {
namespace {

void Write(const std::filesystem::path& path, std::initializer_list<std::string_view> names,
           float value) {
  Tensor tensor(DType::kF32, {1});
  tensor.data<float>()[0] = value;
  std::vector<NamedTensor> tensors;
  for (const std::string_view name : names) {
    tensors.push_back({std::string(name), tensor.const_view()});
  }
  WriteSafetensors(path, tensors);
}

float ValueOf(const CheckpointTensors& checkpoint, std::string_view name) {
  return *checkpoint.FileOf(name).view(name).As<float>();
}

constexpr std::string_view kIndex =
    R"({"metadata": {"total_size": 12}, "weight_map": {"b": "two", "c": "one", "a": "one"}})";

TEST(CheckpointTensorsTest, OneFileAnIndexOrAFolder) {
  const TestFolder folder;
  Write(folder / "one", {"c", "a"}, 1);
  Write(folder / "two", {"b"}, 2);
  const std::vector<std::string> names = {"a", "b", "c"};
  for (const std::string_view stem : {"diffusion_pytorch_model", "model"}) {
    const auto index = folder.Put(std::string(stem) + ".safetensors.index.json", kIndex);
    for (const auto& path : {index, folder.path()}) {
      const CheckpointTensors shards(path);
      EXPECT_EQ(shards.path(), index);
      EXPECT_EQ(shards.names(), names);
      EXPECT_EQ(ValueOf(shards, "a"), 1);
      EXPECT_EQ(ValueOf(shards, "b"), 2);
      EXPECT_EQ(&shards.FileOf("a"), &shards.FileOf("c"));
    }
  }
  // A whole file goes before an index, as in transformers.
  Write(folder / "model.safetensors", {"d", "b"}, 3);
  for (const auto& path : {folder / "model.safetensors", folder.path()}) {
    const CheckpointTensors file(path);
    EXPECT_EQ(file.path(), folder / "model.safetensors");
    EXPECT_EQ(file.names(), (std::vector<std::string>{"b", "d"}));
    EXPECT_EQ(ValueOf(file, "d"), 3);
  }
}

TEST(CheckpointTensorsTest, OtherShardsNeedNotBeThere) {
  const TestFolder folder;
  Write(folder / "two", {"b"}, 2);
  const CheckpointTensors shards(folder.Put("index.json", kIndex));
  EXPECT_EQ(ValueOf(shards, "b"), 2);
  folder.Put("one", "no safetensors");
  EXPECT_EQ(ValueOf(CheckpointTensors(folder / "index.json"), "b"), 2);
}

TEST(CheckpointTensorsTest, EveryBrokenCheckpointHasItsSentence) {
  const TestFolder folder;
  const auto sentence = [&](const std::filesystem::path& path, std::string_view name) {
    const std::string thrown = Thrown([&] { CheckpointTensors(path).FileOf(name); });
    const std::string start = "cannot read " + folder.path().string();
    EXPECT_EQ(thrown.substr(0, start.size()), start);
    return thrown.substr(std::min(start.size(), thrown.size()));
  };
  EXPECT_EQ(sentence(folder.path(), "a"),
            ": it holds neither model.safetensors nor diffusion_pytorch_model.safetensors, nor the "
            ".index.json of either");
  EXPECT_EQ(sentence(folder / "none", "a"), "/none: no such file or folder");
  EXPECT_EQ(sentence(folder / "none.json", "a"), "/none.json: no such file or folder");

  Write(folder / "one", {"a"}, 1);
  EXPECT_EQ(sentence(folder / "one", "b"), "/one: there is no tensor b");
  const auto index = folder.Put("i.json", kIndex);
  EXPECT_EQ(sentence(index, "d"), "/i.json: there is no tensor d");
  EXPECT_EQ(sentence(index, "c"),
            "/i.json: weight_map.c names one, which does not hold that tensor");
  EXPECT_EQ(sentence(index, "b"), "/i.json: weight_map.b names two, which is not there");
  folder.Put("two", "short");
  EXPECT_EQ(sentence(index, "b").substr(0, 28), "/two: not a safetensors file");

  const auto refused = [&](std::string_view text) {
    return sentence(folder.Put("i.json", text), "a");
  };
  EXPECT_EQ(refused("{}"), "/i.json: weight_map is missing");
  EXPECT_EQ(refused(R"({"weight_map": {"a": "../one"}})"),
            "/i.json: weight_map.a must be a file of the same folder");
  EXPECT_EQ(refused(R"({"weight_map": {"a": ""}})").substr(0, 3), "/: ");  // the folder itself
}

}  // namespace
}  // namespace rotary
