// Properties: rows of tokens come out of any whole-number dtype; every other shape, name and value
// has its sentence.
#include "rotary/model/token_inputs.h"

#include "gtest/gtest.h"
#include "rotary/io/safetensors.h"
#include "rotary/io/test_folder.h"

namespace rotary {
namespace {

template <class T>
Tensor Of(Dims shape, std::initializer_list<T> values) {
  Tensor tensor(kDTypeOf<T>, shape);
  std::copy(values.begin(), values.end(), tensor.data<T>());
  return tensor;
}

TEST(TokenInputsTest, AllWholeNumbersAreRead) {
  const TestFolder folder;
  const Tensor ids = Of<int64_t>({2, 3}, {1, 2, 3, 4, 5, 6});
  const Tensor mask = Of<uint8_t>({2, 3}, {1, 1, 1, 1, 0, 0});
  const Tensor types = Of<int32_t>({2, 3}, {0, 1, 2, 2, 1, 0});
  const Tensor positions = Of<int64_t>({2, 3}, {7, 8, 9, -1, 200000, 1});
  const auto path = folder / "in";
  WriteSafetensors(path, std::vector<NamedTensor>{{"input_ids", ids.view()},
                                                  {"attention_mask", mask.view()},
                                                  {"token_type_ids", types.view()},
                                                  {"position_ids", positions.view()}});
  const TokenInputs inputs = ReadTokenInputs(path);
  const Batch batch = inputs.batch();
  EXPECT_EQ(batch.rows, 2);
  EXPECT_EQ(batch.tokens, 3);
  EXPECT_EQ(inputs.ids, (std::vector<int32_t>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(inputs.padding, (std::vector<uint8_t>{1, 1, 1, 1, 0, 0}));
  EXPECT_EQ(inputs.token_types, (std::vector<int32_t>{0, 1, 2, 2, 1, 0}));
  EXPECT_EQ(inputs.positions, (std::vector<int64_t>{7, 8, 9, -1, 200000, 1}));

  WriteSafetensors(path, std::vector<NamedTensor>{{"input_ids", types.view()}});
  EXPECT_EQ(ReadTokenInputs(path).ids, (std::vector<int32_t>{0, 1, 2, 2, 1, 0}));
  EXPECT_TRUE(ReadTokenInputs(path).padding.empty());
}

TEST(TokenInputsTest, EveryErrorHasItsSentence) {
  const TestFolder folder;
  const Tensor ids = Of<int64_t>({2, 3}, {1, 2, 3, 4, 5, 6});
  const auto sentence = [&](const std::vector<NamedTensor>& tensors) {
    const std::string path = (folder / "in").string();
    WriteSafetensors(path, tensors);
    const std::string got = Thrown([&] { ReadTokenInputs(path); });
    const std::string prefix = "cannot read " + path + ": ";
    return got.rfind(prefix, 0) == 0 ? got.substr(prefix.size()) : got;
  };
  const Tensor wide = Of<int64_t>({1, 6}, {1, 1, 1, 1, 1, 1}), flat = Of<int64_t>({3}, {1, 2, 3});
  const Tensor empty(DType::kI64, {2, 0}), floats(DType::kF32, {2, 3});
  const Tensor negative = Of<int64_t>({2, 3}, {1, 2, 3, 4, -100, 6});
  const Tensor twos = Of<uint8_t>({2, 3}, {1, 1, 1, 1, 1, 2});
  EXPECT_EQ(sentence({}), "there is no tensor input_ids");
  EXPECT_EQ(sentence({{"input_ids", flat.view()}}),
            "input_ids must be [batch, tokens] with at least one of each, got [3]");
  EXPECT_EQ(sentence({{"input_ids", empty.view()}}),
            "input_ids must be [batch, tokens] with at least one of each, got [2, 0]");
  EXPECT_EQ(sentence({{"input_ids", floats.view()}}),
            "input_ids must be whole numbers (i64, i32, u8), got f32");
  EXPECT_EQ(sentence({{"input_ids", negative.view()}}),
            "input_ids must be from 0 to 2147483647, got -100 in row 1, token 1");
  EXPECT_EQ(sentence({{"input_ids", ids.view()}, {"attention_mask", wide.view()}}),
            "attention_mask must be [2, 3] as input_ids is, got [1, 6]");
  EXPECT_EQ(sentence({{"input_ids", ids.view()}, {"attention_mask", twos.view()}}),
            "attention_mask must be from 0 to 1, got 2 in row 1, token 2");
  EXPECT_EQ(
      sentence({{"input_ids", ids.view()}, {"mask", ids.view()}}),
      "unknown tensor mask; known are input_ids, attention_mask, token_type_ids and position_ids");
}

}  // namespace
}  // namespace rotary
