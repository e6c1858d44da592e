// Properties: a config says the layout of a converted checkpoint where ReadRopeConfig reads it, by
// the family's own key where it has one; nothing else changes, and the way back gives the same
// bytes, for configs in any form.
#include "rotary/config/config_layout.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "rotary/config/rope_config.h"
#include "rotary/io/test_folder.h"

namespace rotary {
namespace {

std::string LayoutOf(const std::string& text) {
  const JsonDocument document(text, "config.json");
  return ReadRopeConfig(document.root()).layers[0].layout;
}

std::string InLayout(const std::string& text, Layout layout) {
  return ConfigInLayout(text, "config.json", layout);
}

const std::string kLlama = "{\n  \"model_type\": \"llama\",\n  \"head_dim\": 8\n}\n";
const std::string kDeepSeek =
    R"({"model_type": "deepseek_v3", "qk_nope_head_dim": 8, "qk_rope_head_dim": 4})";

TEST(ConfigLayoutTest, TheKeyIsThereWhereTheFamilySaysOtherwise) {
  const std::string interleaved = InLayout(kLlama, Layout::kInterleaved);
  EXPECT_EQ(interleaved,
            "{\n  \"rotary_layout\": \"interleaved\",\n  \"model_type\": \"llama_interleaved\",\n  "
            "\"head_dim\": 8\n}\n");
  EXPECT_EQ(LayoutOf(kLlama), "half");
  EXPECT_EQ(LayoutOf(interleaved), "interleaved");
  EXPECT_EQ(InLayout(interleaved, Layout::kHalf), kLlama);
  EXPECT_EQ(InLayout(kLlama, Layout::kHalf), kLlama);
}

TEST(ConfigLayoutTest, FamiliesHaveKeysOfTheirOwn) {
  EXPECT_EQ(LayoutOf(kDeepSeek), "interleaved");
  const std::string half = InLayout(kDeepSeek, Layout::kHalf);
  EXPECT_EQ(LayoutOf(half), "half");
  EXPECT_EQ(half.find("rotary_layout"), half.npos);
  EXPECT_EQ(InLayout(half, Layout::kInterleaved), kDeepSeek);

  std::string written = kDeepSeek;
  written.insert(written.size() - 1, R"(, "rope_interleave" : true)");
  const std::string changed = InLayout(written, Layout::kHalf);
  EXPECT_EQ(LayoutOf(changed), "half");
  EXPECT_EQ(changed.size(), written.size() + 1);  // one word
  EXPECT_EQ(InLayout(changed, Layout::kInterleaved), written);
}

TEST(ConfigLayoutTest, AConfigThatSomebodyHasWrittenAnew) {
  const std::string resaved =
      R"({"model_type": "llama_interleaved", "head_dim": 8, "rotary_layout": "interleaved"})";
  const std::string half = InLayout(resaved, Layout::kHalf);
  EXPECT_EQ(LayoutOf(half), "half");
  EXPECT_EQ(half.find("interleaved"), half.npos);
  // Somebody has taken the layout from the name, for a program that does rotate so.
  EXPECT_EQ(LayoutOf(R"({"model_type": "llama", "head_dim": 8, "rotary_layout": "interleaved"})"),
            "interleaved");
}

TEST(ConfigLayoutTest, BadConfigs) {
  EXPECT_EQ(
      Thrown([] { LayoutOf(R"({"model_type": "llama", "head_dim": 8, "rotary_layout": "x"})"); }),
      "cannot read config.json: rotary_layout must be half or interleaved, got x");
  EXPECT_EQ(Thrown([] { InLayout("[]", Layout::kHalf); }),
            "cannot read config.json: it must be an object, got an array of 0");
  EXPECT_NE(Thrown([] { InLayout(R"({"model_type": "llama"})", Layout::kHalf); }),
            "nothing was thrown");
}

}  // namespace
}  // namespace rotary
