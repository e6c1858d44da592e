// Properties: each dialect without model_type is known by its own keys and gives the rotation that
// its authors' code builds (the specification's numbers); what such a file leaves open is a
// warning; keys of two dialects, or of none, and rope keys that the dialect does not have are
// refused.
#include "rotary/config/dialects.h"

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
  return ReadText("params.json", text, options);
}

std::string SentenceOf(const std::string& text, const RopeConfigOptions& options = {}) {
  return SentenceOfText("params.json", text, options);
}

void ExpectFrequency(const LayerRope& layers, size_t pair, double expected) {
  ASSERT_TRUE(layers.query.has_value());
  const double actual = layers.query->frequency.at(pair);
  EXPECT_TRUE(std::abs(actual / expected - 1) < 6e-10) << actual << ", not " << expected;
}

// What an object begins with; `keys` follow.
std::string Params(const std::string& keys) {
  return R"({"dim": 4096, "n_layers": 4, "n_heads": 32, "n_kv_heads": 8, "norm_eps": 1e-05, )" +
         keys + "}";
}

TEST(MetaParamsTest, ScaledLlama3) {
  const RopeConfig config = Read(Params(R"("multiple_of": 1024, "ffn_dim_multiplier": 1.3,
    "vocab_size": 128256, "rope_theta": 500000.0, "use_scaled_rope": true)"));
  const LayerRope& layers = config.layers.at(0);
  EXPECT_EQ(config.model_type, "meta_llama3");
  EXPECT_EQ(layers.layout, "interleaved");
  EXPECT_EQ(layers.query->head_dim, 128);
  ExpectFrequency(layers, 29, 2.166570764e-3);
  ExpectFrequency(layers, 63, 3.068925989e-7);
  ASSERT_EQ(config.warnings.size(), 1u);
  EXPECT_NE(config.warnings[0].find("use_scaled_rope does not say the factor"), std::string::npos);
  // Said aloud there is nothing to warn of.
  EXPECT_TRUE(Read(Params(R"("multiple_of": 1024, "rope_theta": 500000.0, "use_scaled_rope": true,
    "rope_scaling_factor": 32)"))
                  .warnings.empty());
}

TEST(MetaParamsTest, Llama2HasItsThetaInCode) {
  const RopeConfig config = Read(R"({"dim": 4096, "multiple_of": 256, "n_heads": 32, "n_layers": 32,
    "norm_eps": 1e-05, "vocab_size": -1})");
  EXPECT_EQ(config.model_type, "meta_llama2");
  EXPECT_EQ(Read(Params(R"("multiple_of": 256, "max_seq_len": 2048)")).trained_length, 2048);
  ExpectFrequency(config.layers.at(0), 1, 8.659643234e-1);
  ASSERT_EQ(config.warnings.size(), 1u);
  EXPECT_NE(config.warnings[0].find("rope_theta is missing: 10000"), std::string::npos);
}

TEST(MetaParamsTest, Llama4) {
  const RopeConfig config = Read(Params(R"("head_dim": 128, "moe_args": {"num_experts": 16},
    "nope_layer_interval": 4, "rope_theta": 500000.0, "use_scaled_rope": true, "use_qk_norm": true,
    "attn_temperature_tuning": true)"));
  ASSERT_EQ(config.layers.size(), 2u);
  EXPECT_EQ(config.layers[0].layers, (std::vector<int>{0, 1, 2}));
  const auto& rule = std::get<Llama3Rule>(config.layers[0].rule);
  EXPECT_EQ(rule.factor, 16);
  EXPECT_EQ(rule.low_freq_factor, rule.high_freq_factor);
  EXPECT_FALSE(config.layers[1].query.has_value());
  EXPECT_EQ(config.layers[1].query_temperature->shift, 1);
  // Without an interval every layer rotates.
  EXPECT_EQ(
      Read(Params(R"("moe_args": {"num_experts": 16}, "rope_theta": 500000.0)")).layers.size(), 1u);
}

TEST(MistralParamsTest, YarnAndQueryTemperature) {
  const RopeConfig config = Read(Params(R"("head_dim": 128, "hidden_dim": 14336,
    "rope_theta": 1000000.0, "max_position_embeddings": 262144, "yarn": {"factor": 16.0,
    "original_max_position_embeddings": 16384, "beta": 32.0, "alpha": 1.0, "apply_scale": false},
    "llama_4_scaling": {"original_max_position_embeddings": 16384, "beta": 0.1})"));
  const LayerRope& layers = config.layers.at(0);
  EXPECT_EQ(config.model_type, "mistral_params");
  EXPECT_EQ(layers.layout, "interleaved");
  EXPECT_EQ(layers.query->attention_factor, 1);
  EXPECT_EQ(std::get<YarnRule>(layers.rule).beta_fast, 32);
  EXPECT_TRUE(std::abs(layers.query_temperature->At(1048575) - 1.415888308) < 1e-9);
  // The same model as transformers writes it, but for the layout.
  const RopeConfig other =
      Read(R"({"model_type": "ministral3", "head_dim": 128, "num_hidden_layers": 4,
    "rope_parameters": {"beta_fast": 32.0, "beta_slow": 1.0, "factor": 16.0,
    "llama_4_scaling_beta": 0.1, "mscale": 1.0, "mscale_all_dim": 1.0,
    "original_max_position_embeddings": 16384, "rope_theta": 1000000.0, "rope_type": "yarn"}})",
           {.length = {}, .layout = Layout::kInterleaved, .ignore = {}});
  EXPECT_EQ(Fingerprint(config), Fingerprint(other));
  // Where apply_scale is not false the magnitude stays.
  const RopeConfig scaled = Read(Params(R"("hidden_dim": 14336, "rope_theta": 1000000.0,
    "yarn": {"factor": 4, "original_max_position_embeddings": 32768, "beta": 32, "alpha": 1})"));
  EXPECT_TRUE(std::abs(scaled.layers[0].query->attention_factor - 1.138629436) < 1e-9);
}

TEST(MistralParamsTest, LatentAttentionOfLarge3) {
  const RopeConfig config = Read(Params(R"("head_dim": 192, "hidden_dim": 16384,
    "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "rope_theta": 10000.0,
    "max_position_embeddings": 294912, "yarn": {"alpha": 1, "apply_scale": false, "beta": 32,
    "factor": 36, "original_max_position_embeddings": 8192},
    "llama_4_scaling": {"beta": 0.1, "original_max_position_embeddings": 8192})"));
  const LayerRope& layers = config.layers.at(0);
  EXPECT_EQ(layers.query->head_dim, 192);
  EXPECT_EQ(layers.query->first[0], 128);
  EXPECT_EQ(layers.key->head_dim, 64);
  EXPECT_EQ(layers.query->attention_factor, 1);
  EXPECT_EQ(layers.softmax_multiplier, 1);  // apply_scale is false in the softmax too
}

TEST(MistralParamsTest, ThetaOfTheFirstModelsDependsOnTheWindow) {
  const std::string keys = R"("head_dim": 128, "hidden_dim": 14336, "vocab_size": 32000)";
  const RopeConfig window = Read(Params(keys + R"(, "sliding_window": 4096)"));
  EXPECT_EQ(window.layers.at(0).theta, 1e4);
  EXPECT_EQ(window.warnings.size(), 1u);
  EXPECT_EQ(Read(Params(keys)).layers.at(0).theta, 1e6);
}

TEST(MistralParamsTest, PixtralHasATowerWithTheInterleavedLayout) {
  const RopeConfig config = Read(Params(R"("head_dim": 128, "hidden_dim": 14336,
    "model_type": "transformer", "rope_theta": 1000000000.0, "vision_encoder": {"hidden_size": 1024,
    "num_attention_heads": 16, "num_hidden_layers": 24, "rope_theta": 10000.0})"));
  ASSERT_EQ(config.layers.size(), 2u);
  EXPECT_EQ(config.layers[1].part, "vision");
  EXPECT_EQ(config.layers[1].layers.size(), 24u);
  EXPECT_EQ(config.layers[1].query->axes, 2);
  EXPECT_EQ(config.layers[1].query->second[0], 1);
}

TEST(DeepSeekConfigTest, ScalesBeyondTheOriginalLengthOnly) {
  const std::string keys = R"("inter_dim": 18432, "moe_inter_dim": 2048, "qk_nope_head_dim": 128,
    "qk_rope_head_dim": 64, "dtype": "fp8")";
  const RopeConfig config = Read(Params(keys));
  const LayerRope& layers = config.layers.at(0);
  EXPECT_EQ(layers.layout, "interleaved");
  EXPECT_EQ(layers.query->first[0], 128);
  ExpectFrequency(layers, 11, 3.900692657e-2);
  ExpectFrequency(layers, 31, 3.333803580e-6);
  EXPECT_EQ(layers.query->attention_factor, 1);
  EXPECT_TRUE(std::abs(layers.softmax_multiplier - 1.873854207) < 1e-9);
  const RopeConfig brief = Read(Params(keys + R"(, "max_seq_len": 4096)"));
  EXPECT_TRUE(std::holds_alternative<PlainRule>(brief.layers.at(0).rule));
  EXPECT_EQ(brief.layers.at(0).softmax_multiplier, 1);
  EXPECT_EQ(brief.warnings.size(), 1u);
  const RopeConfig indexed = Read(Params(keys + R"(, "index_n_heads": 64, "index_head_dim": 128)"));
  ASSERT_EQ(indexed.layers.size(), 2u);
  EXPECT_EQ(indexed.layers[1].part, "indexer");
  EXPECT_EQ(indexed.layers[1].query->second[0], 32);
}

TEST(GptOssConfigTest, ItsAlphaIsTheSlowEnd) {
  const std::string sizes = R"("num_hidden_layers": 2, "hidden_size": 2880, "head_dim": 64,
    "num_attention_heads": 64, "sliding_window": 128, "initial_context_length": 4096,
    "rope_theta": 150000, "rope_ntk_alpha": 1, "rope_ntk_beta": 32)";
  const RopeConfig config = Read("{" + sizes + R"(, "rope_scaling_factor": 32.0})");
  const LayerRope& layers = config.layers.at(0);
  EXPECT_EQ(layers.layout, "half");
  ExpectFrequency(layers, 12, 6.794959490e-3);
  ExpectFrequency(layers, 17, 1.293187012e-4);
  EXPECT_TRUE(std::abs(layers.query->attention_factor - 1.346573590) < 1e-9);
  const RopeConfig plain = Read("{" + sizes + R"(, "rope_scaling_factor": 1.0})");
  EXPECT_TRUE(std::holds_alternative<PlainRule>(plain.layers.at(0).rule));
  EXPECT_EQ(plain.trained_length, 4096);
}

TEST(DialectsTest, BadInput) {
  EXPECT_EQ(SentenceOf(R"({"dim": 64, "n_layers": 1000000000000, "n_heads": 2, "moe_args": {},
            "rope_theta": 1e4})"),
            "cannot read params.json: n_layers must be a whole number from 0 to 65536, got "
            "1000000000000");
  EXPECT_EQ(SentenceOf(Params(R"("vocab_size": 32000)")),
            "cannot read params.json: it has dim and n_layers, but does not show whose dialect it "
            "is: multiple_of for Meta's, hidden_dim for Mistral's, inter_dim for DeepSeek's");
  EXPECT_EQ(
      SentenceOf(Params(R"("moe_inter_dim": 2048, "compress_ratios": [0, 4, 128, 4])")),
      "cannot read params.json: compress_ratios is of DeepSeek V4, of which only transformers' "
      "config.json is read");
  EXPECT_EQ(SentenceOf(Params(R"("multiple_of": 256, "hidden_dim": 14336)")),
            "cannot read params.json: it has multiple_of, which is Meta's dialect, and hidden_dim, "
            "which is Mistral's");
  EXPECT_EQ(SentenceOf(Params(R"("multiple_of": 256, "rope_thta": 10000)")),
            "cannot read params.json: rope_thta = 10000 is not a known key of a rotation; did you "
            "mean rope_theta?; to leave it aside: --ignore rope_thta");
  EXPECT_EQ(SentenceOf(Params(R"("multiple_of": 256, "rope_scaling_factor": 8)")),
            "cannot read params.json: rope_scaling_factor has no meaning without use_scaled_rope");
  EXPECT_EQ(SentenceOf(R"({"head_dim": 64, "num_hidden_layers": 2, "rope_scaling_factor": -3,
            "rope_ntk_alpha": 1})"),
            "cannot read params.json: rope_scaling_factor must be positive, got -3");
  EXPECT_EQ(SentenceOf(Params(R"("hidden_dim": 14336, "yarn": {"factor": 4, "gamma": 2})")),
            "cannot read params.json: yarn.gamma = 2 is not a known key of a rotation; to leave it "
            "aside: --ignore gamma");
  EXPECT_EQ(SentenceOf(Params(R"("hidden_dim": 14336, "yarn": {"factr": 4})")),
            "cannot read params.json: yarn.factr = 4 is not a known key of a rotation; did you "
            "mean factor?; to leave it aside: --ignore factr");
  EXPECT_EQ(SentenceOf(Params(R"("hidden_dim": 14336, "rope_theta": 1e6, "yarn": {"factor": 4,
            "original_max_position_embeddings": 8192}, "llama_4_scaling": {"beta": 0.1,
            "original_max_position_embeddings": 4096})")),
            "cannot read params.json: llama_4_scaling.original_max_position_embeddings is 4096, "
            "that of yarn is 8192");
  EXPECT_EQ(SentenceOf(Params(R"("hidden_dim": 14336, "rope_theta": 0)")),
            "cannot read params.json as Mistral's params.json: rope_theta must be positive, got 0");
}

}  // namespace
}  // namespace rotary
