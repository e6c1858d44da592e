// Properties: each case in which transformers 5.23 was seen to do otherwise than a config says is
// built as the config says, with one warning; the same config without the case has none; published
// forms that both read alike have none.
#include "rotary/config/transformers_warnings.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "rotary/config/rope_config.h"
#include "rotary/config/test_config.h"

namespace rotary {
namespace {

std::vector<std::string> WarningsOf(const std::string& text) {
  return ReadText("config.json", text).warnings;
}

std::string Lists(const std::string& keys) {
  std::string ones = "[1.0";
  for (int i = 1; i < 64; ++i) ones += ", 1.0";
  ones += "]";
  return R"("max_position_embeddings": 131072, "rope_scaling": {"rope_type": "longrope",
    "short_factor": )" +
         ones + R"(, "long_factor": )" + ones + keys + "}";
}

struct Case {
  const char* what;
  std::string config;
  std::string warning;
  std::string alike;  // the same without the case
};

const std::string kYarn = R"("factor": 4.0, "original_max_position_embeddings": 32768)";
const std::string kNested =
    R"("head_dim": 256, "layer_types": ["sliding_attention", "full_attention", "sliding_attention",
    "full_attention"], "rope_parameters": {"sliding_attention": {"rope_type": "default",
    "rope_theta": 10000.0}, "full_attention": {"rope_type": "yarn", "rope_theta": 1e6, )" +
    kYarn;

const std::vector<Case>& Cases() {
  static const std::vector<Case> cases = {
      {"a partial head without a scaling", ModelText("llama", R"("partial_rotary_factor": 0.5)"),
       "partial_rotary_factor counts here; in a llama transformers reads it with a scaling only, "
       "and "
       "fails then",
       ModelText("llama", R"("partial_rotary_factor": 1.0)")},
      {"both dialects",
       ModelText("llama", R"("rope_scaling": {"rope_type": "linear", "factor": 2.0},
        "rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 500000.0})"),
       "rope_parameters.rope_theta counts here; transformers takes rope_scaling alone where there "
       "are "
       "both",
       ModelText("llama", R"("rope_scaling": {"rope_type": "linear", "factor": 2.0,
        "rope_theta": 500000.0}, "rope_parameters": {"rope_type": "linear", "factor": 2.0,
        "rope_theta": 500000.0})")},
      {"theta of GPT-NeoX by its usual name", ModelText("gpt_neox", R"("rope_theta": 500000)"),
       "rope_theta = 500000 counts here; transformers does not read it in a gpt_neox (10000 there)",
       ModelText("gpt_neox", R"("rope_theta": 10000)")},
      {"theta in an object",
       R"({"model_type": "dbrx", "d_model": 6144, "n_heads": 48, "n_layers": 2,
        "attn_config": {"rope_theta": 500000}})",
       "attn_config.rope_theta = 500000 counts here; transformers does not read it in a dbrx "
       "(10000 there)",
       R"({"model_type": "dbrx", "d_model": 6144, "n_heads": 48, "n_layers": 2})"},
      {"theta of MiMo", ModelText("mimo_v2_flash", R"("rope_theta": 1000000,
        "layer_types": ["full_attention", "full_attention", "full_attention", "full_attention"])"),
       "rope_theta = 1000000 counts here; transformers does not read it in a mimo_v2_flash (5e+06 "
       "there)",
       ModelText("mimo_v2_flash", R"("rope_theta": 5000000, "swa_rope_theta": 10000,
        "partial_rotary_factor": 0.334, "hybrid_layer_pattern": [0, 1, 1, 0])")},
      {"theta beside a class's own dictionary", ModelText("apertus", R"("rope_theta": 500000)"),
       "rope_theta = 500000 counts here; transformers takes 12000000.0 where there is no rope "
       "dictionary (apertus)",
       ModelText("apertus", R"("rope_theta": 12000000)")},
      {"theta of OLMo 3 in the old dialect", ModelText("olmo3", R"("rope_theta": 1000000)"),
       "rope_theta = 1000000 counts in all layers here; transformers takes 500000 in those with a "
       "window",
       ModelText("olmo3", R"("rope_theta": 500000)")},
      {"truncate by type of layers", ModelText("gemma3_text", kNested + R"(, "truncate": false}})"),
       "rope_parameters.full_attention.truncate counts here; transformers reads it in no "
       "dictionary "
       "of a type of layers",
       ModelText("gemma3_text", kNested + "}}")},
      {"factors of the first YaRN code",
       ModelText("llama",
                 R"("rope_scaling": {"rope_type": "yarn", "attn_factor": 2.0, )" + kYarn + "}"),
       "rope_scaling.attn_factor counts here; transformers does not read it",
       ModelText("llama",
                 R"("rope_scaling": {"rope_type": "yarn", "attn_factor": 1, )" + kYarn + "}")},
      {"alpha", ModelText("llama", R"("rope_scaling": {"rope_type": "dynamic", "alpha": 2.0})"),
       "rope_scaling.alpha counts here; transformers reads it in Hunyuan models only",
       ModelText("hunyuan_v1_dense", R"("rope_scaling": {"rope_type": "dynamic", "alpha": 2.0})")},
      {"LongChat's ratio", ModelText("llama", R"("rope_condense_ratio": 8)"),
       "rope_condense_ratio counts here; transformers does not read it", ModelText("llama")},
      {"one pair", R"({"model_type": "llama", "head_dim": 2, "num_hidden_layers": 1,
        "max_position_embeddings": 64, "rope_scaling": {"rope_type": "dynamic", "factor": 2.0}})",
       "one pair turns by 1 whatever the length; transformers divides by 0 there",
       R"({"model_type": "llama", "head_dim": 4, "num_hidden_layers": 1,
        "max_position_embeddings": 64, "rope_scaling": {"rope_type": "dynamic", "factor": 2.0}})"},
      {"long texts of Phi-3.5-MoE",
       ModelText("phimoe", Lists(R"(, "original_max_position_embeddings": 4096)")),
       "long_factor counts for long texts here; transformers keeps short_factor in a phimoe",
       ModelText("phimoe")},
      {"Phi-3's original length inside",
       ModelText("phi3", Lists(R"(, "original_max_position_embeddings": 8192)")),
       "rope_scaling.original_max_position_embeddings = 8192 counts here; transformers takes 4096 "
       "in "
       "a phi3 that does not say it at the top",
       ModelText("phi3", R"("original_max_position_embeddings": 8192, )" + Lists(""))},
      {"Phi-3 with YaRN proper",
       ModelText("phi3", R"("rope_scaling": {"type": "yarn", )" + kYarn + "}"),
       "yarn without short_factor and long_factor is built here; transformers refuses it in a phi3",
       ModelText("phi3")},
      {"GLM's layouts by their keys", ModelText("glm_moe_dsa", R"("rope_interleave": false)"),
       "rope_interleave = false counts here; transformers is interleaved in a glm_moe_dsa",
       ModelText("glm_moe_dsa", R"("rope_interleave": true, "indexer_rope_interleave": true)")},
  };
  return cases;
}

TEST(TransformersWarningsTest, EachCaseIsSaidAloud) {
  for (const Case& one : Cases()) {
    SCOPED_TRACE(one.what);
    EXPECT_EQ(WarningsOf(one.config), std::vector<std::string>{one.warning});
    EXPECT_TRUE(WarningsOf(one.alike).empty()) << WarningsOf(one.alike)[0];
  }
}

TEST(TransformersWarningsTest, WhatTheConfigSaysIsBuilt) {
  const auto first = [](const std::string& text) {
    const JsonDocument document(text, "config.json");
    return ReadRopeConfig(document.root()).layers.at(0);
  };
  EXPECT_EQ(first(Cases()[0].config).rotary_dim, 64);
  EXPECT_EQ(first(Cases()[1].config).theta, 500000);
  EXPECT_EQ(first(Cases()[2].config).theta, 500000);
  EXPECT_EQ(first(Cases()[3].config).theta, 500000);
  EXPECT_EQ(first(Cases()[5].config).theta, 500000);
  EXPECT_EQ(first(Cases()[6].config).theta, 1000000);
  EXPECT_EQ(std::get<LinearRule>(first(Cases()[10].config).rule).factor, 8);
  EXPECT_EQ(first(Cases()[11].config).query->frequency[0], 1);
  EXPECT_EQ(first(Cases()[15].config).layout, "half");
}

TEST(TransformersWarningsTest, NothingIsSaidOfOthers) {
  EXPECT_TRUE(WarningsOf(R"({"model_type": "minicpm", "hidden_size": 64, "num_attention_heads": 2,
    "num_hidden_layers": 1, "rope_condense_ratio": 8})")
                  .empty());
}

}  // namespace
}  // namespace rotary
