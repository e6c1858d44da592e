// Properties: any bytes survive encoding and decoding, special tokens are neither made nor shown;
// files join in order, and each way in which a text cannot serve has its sentence.
#include <vector>

#include "gtest/gtest.h"
#include "rotary/io/test_folder.h"
#include "rotary/text/byte_tokenizer.h"
#include "rotary/text/read_text.h"

namespace rotary {
namespace {

TEST(ByteTokenizerTest, AnyBytesSurvive) {
  const ByteTokenizer tokenizer;
  std::string text = "[MASK] is only text here. \xff\xfe";
  for (int i = 0; i < 256; ++i) text += static_cast<char>(i);
  const std::vector<int32_t> ids = tokenizer.Encode(text);
  ASSERT_EQ(ids.size(), text.size());
  for (const int32_t id : ids) EXPECT_TRUE(id >= 0 && id < tokenizer.text_vocab_size());
  EXPECT_EQ(ids.back(), 255);
  EXPECT_EQ(tokenizer.Decode(ids), text);
  EXPECT_TRUE(tokenizer.Encode("").empty());
}

TEST(ByteTokenizerTest, SpecialTokensStandForNoText) {
  const ByteTokenizer tokenizer;
  const int32_t pad = tokenizer.special(SpecialToken::kPad).value();
  const int32_t mask = tokenizer.special(SpecialToken::kMask).value();
  EXPECT_NE(pad, mask);
  for (const int32_t id : {pad, mask}) {
    EXPECT_GE(id, tokenizer.text_vocab_size());
    EXPECT_LT(id, tokenizer.vocab_size());
  }
  EXPECT_EQ(tokenizer.Decode(std::vector<int32_t>{'a', mask, 'b', pad}), "ab");
  EXPECT_EQ(Thrown<std::out_of_range>([&] { tokenizer.Decode(std::vector<int32_t>{258}); }),
            "tokenizer: an id must be in [0, 258), got 258");
  EXPECT_EQ(Thrown<std::out_of_range>([&] { tokenizer.Decode(std::vector<int32_t>{-1}); }),
            "tokenizer: an id must be in [0, 258), got -1");
}

TEST(ReadTextTest, FilesJoinInOrder) {
  const TestFolder folder;
  const std::vector<std::filesystem::path> paths = {folder.Put("b", "one\r\n"),
                                                    folder.Put("a", "two")};
  std::string seen;
  const auto visit = [&](const std::filesystem::path& path, std::string_view bytes) {
    seen += path.filename().string() + ": " + std::string(bytes) + ";";
  };
  EXPECT_EQ(ReadTexts(paths, visit), "one\r\ntwo");
  EXPECT_EQ(seen, "b: one\r\n;a: two;");
}

TEST(ReadTextTest, EveryErrorHasItsSentence) {
  const TestFolder folder;
  const std::filesystem::path good = folder.Put("good", "abc"), empty = folder.Put("empty", "");
  const std::filesystem::path missing = folder / "missing";
  using Paths = std::vector<std::filesystem::path>;
  EXPECT_EQ(Thrown([&] {
              ReadTexts(Paths{good, missing});
            }),
            "cannot read " + missing.string() + ": no such file or folder");
  EXPECT_EQ(Thrown([&] {
              ReadTexts(Paths{good, empty});
            }),
            "cannot read " + empty.string() + ": the file is empty");
  EXPECT_EQ(Thrown([&] { ReadTexts(Paths{folder.path()}); }),
            "cannot read " + folder.path().string() + ": it is a folder");
  EXPECT_EQ(Thrown<std::invalid_argument>([] { ReadTexts({}); }),
            "text: at least one file is needed, got none");
  RequireTokens(Paths{"a.txt"}, 130, 130, "training");
  EXPECT_EQ(Thrown([] {
              RequireTokens(Paths{"a.txt", "b.txt"}, 12, 130, "training with context 128");
            }),
            "a.txt, b.txt: too short: 12 tokens, training with context 128 needs at least 130");
}

}  // namespace
}  // namespace rotary
