// Properties: families whose layers, spans or factors differ in a way of their own are read as
// their code builds them, from the keys that their published configs have.
#include <cmath>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "rotary/config/fingerprint.h"
#include "rotary/config/rope_config.h"
#include "rotary/config/test_config.h"

namespace rotary {
namespace {

RopeConfig Read(const std::string& text, const RopeConfigOptions& options = {}) {
  return ReadText("config.json", text, options);
}

std::string SentenceOf(const std::string& text, const RopeConfigOptions& options = {}) {
  return SentenceOfText("config.json", text, options);
}

std::string Model(const std::string& type, const std::string& keys = "", int layers = 4) {
  return R"({"model_type": ")" + type + R"(", "num_hidden_layers": )" + std::to_string(layers) +
         R"(, "hidden_size": 4096, "num_attention_heads": 32, "max_position_embeddings": 131072)" +
         (keys.empty() ? "" : ", " + keys) + "}";
}

std::string Numbers(size_t count, const std::string& number) {
  std::string text = "[" + number;
  for (size_t i = 1; i < count; ++i) text += ", " + number;
  return text + "]";
}

const LayerRope& GroupOf(const RopeConfig& config, int layer, const std::string& part = "text") {
  for (const LayerRope& group : config.layers) {
    for (const int own : group.layers) {
      if (own == layer && group.part == part) return group;
    }
  }
  throw std::out_of_range("no such layer");
}

TEST(DeepSeekV4Test, TypesAndIndexerWhateverTheDialect) {
  const std::string sizes = R"("head_dim": 512, "qk_rope_head_dim": 64, "index_head_dim": 128)";
  const std::string yarn = R"("factor": 16, "original_max_position_embeddings": 65536)";
  const RopeConfig ratios = Read(Model("deepseek_v4", sizes + R"(, "compress_rope_theta": 160000,
    "compress_ratios": [0, 4, 128, 4, 0], "rope_scaling": {"type": "yarn", )" +
                                                          yarn + "}"));
  const RopeConfig labels = Read(Model("deepseek_v4", sizes + R"(, "layer_types":
    ["sliding_attention", "compressed_sparse_attention", "heavily_compressed_attention",
    "compressed_sparse_attention"], "rope_parameters": {"main": {"rope_type": "default",
    "rope_theta": 10000.0}, "compress": {"rope_type": "yarn", "rope_theta": 160000.0, )" +
                                                          yarn + "}}"));
  EXPECT_EQ(Fingerprint(ratios), Fingerprint(labels));
  EXPECT_EQ(GroupOf(ratios, 0).theta, 10000);
  EXPECT_EQ(GroupOf(ratios, 1).query->first[0], 448);
  EXPECT_EQ(GroupOf(ratios, 1).query->attention_factor, 1);
  const LayerRope& indexer = GroupOf(ratios, 3, "indexer");
  EXPECT_EQ(indexer.layers, (std::vector<int>{1, 3}));
  EXPECT_EQ(indexer.query->first[0], 64);  // the last 64 of its 128
  EXPECT_EQ(indexer.query->second[0], 65);
  // What its class takes where the config names no types.
  const RopeConfig missing = Read(Model("deepseek_v4", sizes, 6));
  EXPECT_EQ(GroupOf(missing, 1).name, "heavily_compressed_attention");
  EXPECT_EQ(GroupOf(missing, 3).name, "compressed_sparse_attention");
  EXPECT_EQ(GroupOf(missing, 4).name, "heavily_compressed_attention");
}

TEST(Step3p5Test, ListsWithAnEntryForEachLayer) {
  const std::string types = R"("head_dim": 128, "layer_types": ["full_attention",
    "sliding_attention", "sliding_attention", "full_attention", "full_attention"])";
  const std::string keys = types + R"(, "rope_theta": [5000000.0, 10000.0, 10000.0, 5000000.0, 1.0],
    "partial_rotary_factors": [0.5, 1.0, 1.0, 0.5, 1.0], "yarn_only_types": ["full_attention"],
    "rope_scaling": {"rope_type": "llama3", "factor": 2.0, "low_freq_factor": 1.0,
    "high_freq_factor": 32.0, "original_max_position_embeddings": 131072})";
  const RopeConfig config = Read(Model("step3p5", keys));
  EXPECT_EQ(GroupOf(config, 0).theta, 5e6);
  EXPECT_EQ(GroupOf(config, 0).rotary_dim, 64);
  EXPECT_TRUE(std::holds_alternative<Llama3Rule>(GroupOf(config, 0).rule));
  EXPECT_EQ(GroupOf(config, 1).theta, 1e4);
  EXPECT_EQ(GroupOf(config, 1).rotary_dim, 128);
  EXPECT_TRUE(std::holds_alternative<PlainRule>(GroupOf(config, 1).rule));
  // A theta of 0 is NoPE; within one type of layers thetas must agree.
  const RopeConfig still =
      Read(Model("step3p5", types + R"(, "rope_theta": [0, 10000.0, 10000.0, 0, 0])"));
  EXPECT_FALSE(GroupOf(still, 3).query.has_value());
  EXPECT_EQ(SentenceOf(Model("step3p5", types + R"(, "rope_theta": [1e4, 1e4, 1e6, 1e4])")),
            "cannot read config.json: rope_theta differs among the layers of type "
            "sliding_attention: 10000 and 1e+06");
  EXPECT_EQ(SentenceOf(Model("step3p5", types + R"(, "rope_theta": [1e4, 1e4])")),
            "cannot read config.json: rope_theta must have an entry for each layer, got 2");
  EXPECT_EQ(SentenceOf(Model("roformer", R"("rope_theta": [1e4, 1e4, 1e4, 1e6])")),
            "cannot read config.json: rope_theta differs among the layers of type all: 10000 and "
            "1e+06");
}

TEST(FamiliesTest, NullForATypeOfLayersIsNoRotation) {
  const RopeConfig config = Read(Model("gemma3_text", R"("head_dim": 256, "layer_types":
    ["sliding_attention", "full_attention", "sliding_attention", "full_attention"],
    "rope_parameters": {"full_attention": null,
    "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0}})"));
  EXPECT_TRUE(GroupOf(config, 0).query.has_value());
  EXPECT_FALSE(GroupOf(config, 1).query.has_value());
}

TEST(FamiliesTest, PhiMoeHasAMagnitudeForEachList) {
  const std::string text = Model("phimoe", R"("rope_scaling": {"type": "longrope",
    "short_mscale": 1.2, "long_mscale": 1.3, "original_max_position_embeddings": 4096,
    "short_factor": )" + Numbers(64, "1.0") + R"(, "long_factor": )" +
                                               Numbers(64, "2.0") + "}");
  EXPECT_EQ(Read(text).layers.at(0).query->attention_factor, 1.2);
  const RopeConfig far = Read(text, {.length = 4097, .layout = {}, .ignore = {}});
  EXPECT_EQ(far.layers.at(0).query->attention_factor, 1.3);
  EXPECT_EQ(far.layers[0].query->frequency[0], 0.5);
}

TEST(FamiliesTest, RoFormerMayRotateValues) {
  EXPECT_TRUE(Read(Model("roformer", R"("rotary_value": true)")).layers.at(0).rotates_values);
  EXPECT_FALSE(Read(Model("roformer", R"("rotary_value": false)")).layers.at(0).rotates_values);
}

TEST(FamiliesTest, NanochatTurnsTheOtherWay) {
  const Rotation rotation = *Read(Model("nanochat")).layers.at(0).query;
  EXPECT_EQ(rotation.frequency[0], -1);
  EXPECT_NE(Fingerprint(Read(Model("nanochat"))), Fingerprint(Read(Model("llama"))));
}

TEST(FamiliesTest, LayersOfTheClassWhereTheConfigNamesNone) {
  const RopeConfig mllama = Read(Model("mllama_text_model", "", 40));
  EXPECT_FALSE(GroupOf(mllama, 38).query.has_value());
  EXPECT_TRUE(GroupOf(mllama, 39).query.has_value());
  const RopeConfig own = Read(Model("mllama_text_model", R"("cross_attention_layers": [0])"));
  EXPECT_FALSE(GroupOf(own, 0).query.has_value());
  EXPECT_TRUE(GroupOf(own, 3).query.has_value());
  const RopeConfig latent = Read(Model("glm_moe_dsa"));
  EXPECT_EQ(latent.layers.at(0).offset, 192);
  EXPECT_EQ(latent.layers[0].rotary_dim, 64);
}

TEST(FamiliesTest, PeriodsMayBeWords) {
  const std::string window = R"("sliding_window": 4096, "sliding_window_pattern": )";
  const RopeConfig config = Read(Model("exaone4", window + R"("LLG")"));
  EXPECT_TRUE(GroupOf(config, 1).query.has_value());
  EXPECT_FALSE(GroupOf(config, 2).query.has_value());
  EXPECT_EQ(SentenceOf(Model("exaone4", window + R"("LGLG")")),
            "cannot read config.json: sliding_window_pattern must be a number or a word like LLLG, "
            "got \"LGLG\"");
}

// Transformers 5.23: the classes of these have a window of 4096 unless a config says null.
TEST(FamiliesTest, AMissingWindowIsThatOfTheClass) {
  for (const char* type : {"cohere2", "exaone4", "exaone_moe"}) {
    SCOPED_TRACE(type);
    const RopeConfig missing = Read(Model(type));
    EXPECT_TRUE(GroupOf(missing, 2).query.has_value());
    EXPECT_FALSE(GroupOf(missing, 3).query.has_value());
    const bool rotates = std::string_view(type) != "cohere2";  // without windows: all, or none
    EXPECT_EQ(GroupOf(Read(Model(type, R"("sliding_window": null)")), 2).query.has_value(),
              rotates);
    EXPECT_EQ(GroupOf(Read(Model(type, R"("sliding_window": null)")), 3).query.has_value(),
              rotates);
  }
}

TEST(FamiliesTest, OneModelTypeForTwoModels) {
  const RopeConfig first = Read(R"({"model_type": "chatglm", "hidden_size": 4096,
    "num_attention_heads": 32, "num_layers": 28, "position_encoding_2d": true})");
  EXPECT_EQ(first.layers.at(0).query->axes, 2);
  EXPECT_TRUE(Read(Model("baichuan")).layers.at(0).query.has_value());
  EXPECT_EQ(SentenceOf(R"({"model_type": "baichuan", "hidden_size": 5120,
                "num_attention_heads": 40, "num_hidden_layers": 40})"),
            "cannot read config.json: it is a baichuan, which has no rotary positions: the 13B, "
            "with 40 layers, has scores that fall with the distance (ALiBi)");
}

TEST(FamiliesTest, QwenCountsItsStepsFromSeqLength) {
  const RopeConfig config = Read(Model("qwen", R"("kv_channels": 128, "use_dynamic_ntk": true,
    "seq_length": 8192)"),
                                 {.length = 16384, .layout = {}, .ignore = {}});
  EXPECT_EQ(std::get<QwenNtkRule>(config.layers.at(0).rule).trained_length, 8192);
  EXPECT_TRUE(std::abs(config.layers[0].query->frequency[63] / (std::pow(1e4, -126.0 / 128) / 3) -
                       1) < 1e-12);  // 2^2 - 1
}

TEST(FamiliesTest, IndexersFollowTheirKey) {
  const std::string keys = R"("index_head_dim": 128, "rope_interleave": true)";
  EXPECT_EQ(GroupOf(Read(Model("glm_moe_dsa", keys)), 0, "indexer").layout, "interleaved");
  EXPECT_EQ(GroupOf(Read(Model("glm_moe_dsa", keys + R"(, "indexer_rope_interleave": false)")), 0,
                    "indexer")
                .layout,
            "half");
  EXPECT_EQ(GroupOf(Read(Model("deepseek_v32", keys)), 0, "indexer").layout, "half");
}

TEST(FamiliesTest, TeleChatsMagnitude) {
  const RopeConfig config =
      Read(Model("telechat3", R"("rope_scaling": {"rope_type": "telechat3-yarn",
    "factor": 4.0, "original_max_position_embeddings": 32768})"));
  EXPECT_EQ(config.layers.at(0).query->attention_factor, 1 + 0.07 * std::log(4));
  EXPECT_EQ(config.warnings.size(), 1u);
}

TEST(FamiliesTest, ExaoneCountsItsLayersByAnotherName) {
  const RopeConfig config = Read(R"({"model_type": "exaone", "hidden_size": 4096, "num_layers": 32,
    "num_attention_heads": 32, "rope_theta": 500000})");
  EXPECT_EQ(config.layers.at(0).layers.size(), 32u);
  EXPECT_EQ(config.layers[0].layout, "half");
}

TEST(FamiliesTest, KimiVlIsDeepSeekBesideAMoonVit) {
  const RopeConfig config = Read(R"({"model_type": "kimi_vl", "text_config": {"hidden_size": 2048,
    "model_type": "deepseek_v3", "num_attention_heads": 16, "num_hidden_layers": 27,
    "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "rope_theta": 800000}, "vision_config":
    {"model_type": "moonvit", "hidden_size": 1152, "num_attention_heads": 16,
    "num_hidden_layers": 27}})");
  ASSERT_EQ(config.layers.size(), 2u);
  EXPECT_EQ(config.layers[0].offset, 128);
  EXPECT_EQ(config.layers[0].theta, 8e5);
  EXPECT_EQ(config.layers[1].part, "vision");
  EXPECT_EQ(config.layers[1].query->head_dim, 72);
}

TEST(FamiliesTest, TypesMustBeSaid) {
  EXPECT_EQ(
      SentenceOf(Model("lfm2")),
      "cannot read config.json: it does not say of which types its 4 layers are: layer_types");
}

}  // namespace
}  // namespace rotary
