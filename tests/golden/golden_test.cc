// Properties: from folders that transformers wrote, the same logits as transformers, to 1e-4 of the
// largest; and again after we wrote the model ourselves and read it back.
//
// make_transformers.py made the folders and says what is special about each.
#include <cmath>
#include <filesystem>
#include <iostream>

#include "gtest/gtest.h"
#include "rotary/io/safetensors.h"
#include "rotary/io/test_folder.h"
#include "rotary/model/hf_config.h"
#include "rotary/model/hf_folder.h"
#include "rotary/model/token_inputs.h"

namespace rotary {
namespace {

constexpr double kTolerance = 1e-5;  // measured: 2e-6

std::filesystem::path Golden(const std::string& name) {
  return std::filesystem::path(ROTARY_GOLDEN_FOLDER) / name;
}

// The largest error at a token that is there, over the largest logit.
double LogitError(const Transformer& model, const TokenInputs& inputs,
                  const ConstTensorView& expected) {
  Workspace workspace;
  const Tensor logits = Logits(model, inputs.batch(), workspace);
  EXPECT_EQ(logits.shape(), expected.shape());
  const int64_t vocab = expected.shape(2);
  double error = 0, largest = 0;
  for (int64_t row = 0; row < inputs.rows * inputs.tokens; ++row) {
    if (!inputs.padding.empty() && inputs.padding[static_cast<size_t>(row)] == 0) continue;
    for (int64_t i = row * vocab; i < (row + 1) * vocab; ++i) {
      const double wanted = expected.As<float>()[i];
      const double difference = std::abs(logits.data<float>()[i] - wanted);
      if (!(difference <= error)) error = difference;  // keeps NaN
      largest = std::max(largest, std::abs(wanted));
    }
  }
  return error / largest;
}

class GoldenTest : public testing::TestWithParam<std::string> {};

TEST_P(GoldenTest, LogitsAreThoseOfTransformers) {
  const std::filesystem::path folder = Golden(GetParam());
  const StoredModel stored = ReadModel(folder);
  const TokenInputs inputs = ReadTokenInputs(folder / "inputs.safetensors");
  const SafetensorsFile expected(folder / "logits.safetensors");
  EXPECT_TRUE(expected.metadata().contains("transformers"));
  const double error = LogitError(stored.model, inputs, expected.view("logits"));
  std::cout << GetParam() << ": " << error << " of the largest logit\n";
  EXPECT_TRUE(error <= kTolerance) << error;

  const TestFolder ours;
  WriteModel(ours.path(), stored.model, "");
  const StoredModel again = ReadModel(ours.path());
  EXPECT_EQ(again.model.config(), stored.model.config());
  EXPECT_EQ(LogitError(again.model, inputs, expected.view("logits")), error);
  EXPECT_EQ(Name(DialectOf(stored.model.config())),
            GetParam() == "roformer_table" ? "rotary" : GetParam().substr(0, GetParam().find('_')));
}

INSTANTIATE_TEST_SUITE_P(All, GoldenTest,
                         testing::Values("roformer", "roformer_table", "roformer_causal",
                                         "llama_tied", "llama_shards", "llama_version4"),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace rotary
