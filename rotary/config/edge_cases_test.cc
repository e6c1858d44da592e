// Properties: every edge of the scaling rules is decided, from the config on: what is refused has
// its sentence, what is built has its frequencies and attention factor, what is odd has a warning.
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "rotary/config/rope_config.h"
#include "rotary/config/test_config.h"

namespace rotary {
namespace {

RopeConfig Read(const std::string& text, std::optional<double> length = {}) {
  return ReadText("c.json", text, {.length = length, .layout = {}, .ignore = {}});
}

// A head of 8: plain frequencies 1, 0.1, 0.01, 0.001.
std::string Small(const std::string& keys) {
  return R"({"model_type": "qwen2", "head_dim": 8, "num_hidden_layers": 1,
    "max_position_embeddings": 4096)" +
         (keys.empty() ? "" : ", " + keys) + "}";
}

std::string Scaled(const std::string& keys) {
  return Small(R"("rope_scaling": {"rope_type": )" + keys + "}");
}

const std::string kFrom = R"(, "original_max_position_embeddings": 4096)";
const std::string kLists = R"(, "short_factor": [1.5, 1.5, 1.5, 1.5], "long_factor":
  [2.0, 2.0, 2.0, 2.0])" + kFrom;
const std::string kTurns = R"(, "low_freq_factor": 1, "high_freq_factor": 4)" + kFrom;

struct Refused {
  const char* what;
  std::string config, sentence;  // after "cannot read c.json: "
};

TEST(EdgeCasesTest, Refused) {
  const std::vector<Refused> cases = {
      {"factor 0", Scaled(R"("linear", "factor": 0)"),
       "rope_scaling: rope rule linear: factor must be positive and finite, got 0"},
      {"factor below 0", Scaled(R"("dynamic", "factor": -2)"),
       "rope_scaling: rope rule dynamic: factor must be positive and finite, got -2"},
      {"factor 0 of yarn", Scaled(R"("yarn", "factor": 0)" + kFrom),
       "rope_scaling: rope rule yarn: factor must be positive and finite, got 0"},
      {"factor 0 of llama3", Scaled(R"("llama3", "factor": 0)" + kTurns),
       "rope_scaling: rope rule llama3: factor must be positive and finite, got 0"},
      {"factor 0 of longrope", Scaled(R"("longrope", "factor": 0)" + kLists),
       "rope_scaling: rope rule longrope: factor must be positive and finite, got 0"},
      {"factor 0 of proportional", Scaled(R"("proportional", "factor": 0)"),
       "rope_scaling: rope rule proportional: factor must be positive and finite, got 0"},
      {"alpha 0", Scaled(R"("dynamic", "alpha": 0)"),
       "rope_scaling: rope rule ntk-alpha: alpha must be positive and finite, got 0"},
      {"a number beyond double", Small(R"("rope_theta": 1e999)"),
       "number overflow parsing '1e999'"},
      {"a number as text", Scaled(R"("linear", "factor": "2")"),
       "rope_scaling.factor must be a number, got \"2\""},
      {"no head", R"({"model_type": "llama", "hidden_size": 8, "num_attention_heads": 16})",
       "it has heads of 0 channels: hidden_size / num_attention_heads"},
      {"no head of an image encoder", R"({"model_type": "vjepa2", "hidden_size": 0,
                                          "num_attention_heads": 8, "num_hidden_layers": 2})",
       "it has heads of 0 channels: hidden_size / num_attention_heads"},
      {"odd head", R"({"model_type": "qwen2", "head_dim": 7})",
       "it rotates 7 channels of a head of 7, which must be even and at most the head"},
      {"no channel of MLA", R"({"model_type": "deepseek_v3", "qk_rope_head_dim": 0})",
       "it gives no rotation: rotation: head_dim must be at least 1, got 0"},
      {"odd channels of MLA", R"({"model_type": "deepseek_v3", "qk_rope_head_dim": 63})",
       "rope_parameters: rope rule default: rotary_dim must be even, got 63"},
      {"odd span", Small(R"("partial_rotary_factor": 0.4)"),
       "it rotates 3 channels of a head of 8 (partial_rotary_factor = 0.4), which must be even and "
       "at most the head"},
      {"one channel", Small(R"("partial_rotary_factor": 0.125)"),
       "it rotates 1 channels of a head of 8 (partial_rotary_factor = 0.125), which must be even "
       "and at most the head"},
      {"more than the head", Small(R"("partial_rotary_factor": 1.5)"),
       "partial_rotary_factor must be from 0 to 1, got 1.5"},
      {"theta 0", Small(R"("rope_theta": 0)"), "rope_theta must be positive, got 0"},
      {"theta below 0", Small(R"("rope_theta": -10000)"),
       "rope_theta must be positive, got -10000"},
      {"theta below 0 in the dictionary", Scaled(R"("default", "rope_theta": -1)"),
       "rope_scaling.rope_theta must be positive, got -1"},
      {"a ratio below 0", R"({"model_type": "chatglm", "kv_channels": 128, "rope_ratio": -1})",
       "rope_ratio must be positive, got -1"},
      {"a length below 0",
       R"({"model_type": "llama", "head_dim": 8, "max_position_embeddings": -5})",
       "max_position_embeddings must be positive, got -5"},
      {"theta 1 has no logarithm for yarn's ramp",
       Small(R"("rope_theta": 1, "rope_scaling": {"rope_type": "yarn", "factor": 4)" + kFrom + "}"),
       "rope_scaling: rope rule yarn: theta must not be 1, as all pairs turn alike"},
      {"original length 0", Scaled(R"("yarn", "factor": 4, "original_max_position_embeddings": 0)"),
       "original_max_position_embeddings must be above 0, got 0"},
      {"original length 1 has no logarithm for longrope",
       Scaled(R"("longrope", "factor": 4, "short_factor": [1, 1, 1, 1], "long_factor": [1, 1, 1, 1],
         "original_max_position_embeddings": 1)"),
       "original_max_position_embeddings must be above 1, got 1"},
      {"a ramp that ends before it begins",
       Scaled(R"("yarn", "factor": 4, "beta_fast": 1, "beta_slow": 32)" + kFrom),
       "rope_scaling.beta_fast (1) must be at least beta_slow (32)"},
      {"bands the wrong way round",
       Scaled(R"("llama3", "factor": 4, "low_freq_factor": 4, "high_freq_factor": 1)" + kFrom),
       "rope_scaling: rope rule llama3: low_freq_factor (4) must be at most high_freq_factor (1)"},
      {"a list of another length",
       Scaled(R"("longrope", "factor": 4, "short_factor": [1, 1, 1], "long_factor": [1, 1, 1, 1])" +
              kFrom),
       "rope_scaling: rope rule longrope: short_factor must have 4 values (rotary_dim / 2), got 3"},
      {"a divisor of 0",
       Scaled(R"("longrope", "factor": 4, "short_factor": [0, 1, 1, 1],
         "long_factor": [1, 1, 1, 1])" +
              kFrom),
       "rope_scaling: rope rule longrope: short_factor must be positive and finite, got 0"},
      {"attention factor 0", Scaled(R"("yarn", "factor": 4, "attention_factor": 0)" + kFrom),
       "rope_scaling: rope rule yarn: the attention factor must be positive and finite, got 0"},
      {"an empty model_type", R"({"model_type": ""})",
       "model_type is not a known family: ; give its layout by --layout half or --layout "
       "interleaved"},
      {"a model_type of a page", R"({"model_type": ")" + std::string(5000, 'm') + R"("})",
       "model_type is not a known family: " + std::string(60, 'm') +
           "...; give its layout by --layout half or --layout interleaved"},
      {"a model_type of a page, cut between characters",
       R"({"model_type": "m)" + std::string(58, 'm') + "\xc3\xa9" + std::string(5000, 'm') +
           R"("})",
       "model_type is not a known family: " + std::string(59, 'm') +
           "...; give its layout by --layout half or --layout interleaved"},
      {"a class of a page", R"({"_class_name": ")" + std::string(5000, 'C') + R"("})",
       "_class_name is not a known class: " + std::string(60, 'C') + "..."},
      {"a share of MLA beyond any integer",
       R"({"model_type": "deepseek_v3", "qk_rope_head_dim": 64, "qk_nope_head_dim": 128,
         "rope_scaling": {"rope_type": "default", "partial_rotary_factor": 1e300}})",
       "rope_scaling.partial_rotary_factor is 1e+300, qk_rope_head_dim is 64 of 192"},
      {"a share beyond any integer beside the absolute number",
       Small(R"("rope_scaling": {"rope_type": "default", "partial_rotary_factor": 1},
         "rotary_pct": 1e300)"),
       "rotary_pct is 1e+300, other keys and the family say 1"},
      {"a temperature over no tokens", Small(R"("rope_scaling": {"rope_type": "default",
         "llama_4_scaling_beta": 0.1, "original_max_position_embeddings": 0.5})"),
       "it has a query temperature over 0.5 tokens"},
      {"a type of layers without a name",
       R"({"model_type": "gemma3_text", "head_dim": 8, "num_hidden_layers": 2,
         "layer_types": ["full_attention", ""]})",
       "layer_types[1] is not a type of layers: \"\""},
      {"a type of layers that is misspelt",
       R"({"model_type": "gemma3_text", "head_dim": 8, "num_hidden_layers": 2,
         "layer_types": ["full_attention", "sliding_atention"]})",
       "layer_types[1] is not a known type of layers: \"sliding_atention\"; did you mean "
       "sliding_attention?"},
      {"a count of layers whose sum has more than 63 bits",
       R"({"_class_name": "FluxTransformer2DModel", "num_layers": 9223372036854775807,
         "num_single_layers": 9223372036854775807})",
       "num_single_layers is too large: 9223372036854775807"},
      {"axes that leave channels of a head",
       R"({"_class_name": "FluxTransformer2DModel", "attention_head_dim": 128,
         "axes_dims_rope": [16, 56, 54]})",
       "axes_dims_rope must add up to the 128 channels of a head, got 126"},
      {"no length for a rule that asks",
       R"({"model_type": "qwen2", "head_dim": 8, "rope_scaling": {"type": "dynamic", "factor": 2}})",
       "max_position_embeddings is missing, rope_type dynamic needs it"},
  };
  for (const Refused& one : cases) {
    SCOPED_TRACE(one.what);
    try {
      Read(one.config);
      ADD_FAILURE() << "nothing thrown";
    } catch (const FileError& error) {
      EXPECT_EQ(error.what(), "cannot read c.json: " + one.sentence);
    }
  }
}

struct Built {
  const char* what;
  std::string config;
  std::optional<double> length;
  std::vector<double> frequency;
  double attention_factor = 1;
  size_t warnings = 0;
};

TEST(EdgeCasesTest, Built) {
  const std::vector<double> plain = {1, 0.1, 0.01, 0.001};
  const double yarn4 = 1 + 0.1 * std::log(4);
  const std::vector<Built> cases = {
      // A factor of 1.
      {"linear by 1", Scaled(R"("linear", "factor": 1)"), {}, plain},
      {"dynamic by 1", Scaled(R"("dynamic", "factor": 1)"), {}, plain},
      {"yarn by 1", Scaled(R"("yarn", "factor": 1)" + kFrom), {}, plain},
      {"llama3 by 1", Scaled(R"("llama3", "factor": 1)" + kTurns), {}, plain},
      {"proportional by 1", Scaled(R"("proportional", "factor": 1)"), {}, plain},
      {"longrope by 1 keeps its list",
       Scaled(R"("longrope", "factor": 1)" + kLists),
       {},
       {1 / 1.5, 0.1 / 1.5, 0.01 / 1.5, 0.001 / 1.5}},
      // A factor below 1: contexts shrink, magnitudes do not.
      {"linear by a half", Scaled(R"("linear", "factor": 0.5)"), {}, {2, 0.2, 0.02, 0.002}, 1, 1},
      {"longrope by a half",
       Scaled(R"("longrope", "factor": 0.5)" + kLists),
       {},
       {1 / 1.5, 0.1 / 1.5, 0.01 / 1.5, 0.001 / 1.5}},
      {"proportional by a half",
       Scaled(R"("proportional", "factor": 0.5)"),
       {},
       {2, 0.2, 0.02, 0.002},
       1,
       1},
      {"llama3 by a half",
       Scaled(R"("llama3", "factor": 0.5)" + kTurns),
       {},
       {1, 0.1, 0.01, 0.002},
       1,
       1},
      // Short texts: only dynamic waits.
      {"linear, short", Scaled(R"("linear", "factor": 2)"), 10, {0.5, 0.05, 0.005, 0.0005}},
      {"dynamic, short", Scaled(R"("dynamic", "factor": 2)"), 10, plain},
      {"dynamic, as long as it may be", Scaled(R"("dynamic", "factor": 2)"), 4096, plain},
      {"yarn, short",
       Scaled(R"("yarn", "factor": 4, "original_max_position_embeddings": 1024)"),
       10,
       {1, 0.075, 0.005, 0.00025},
       yarn4},
      {"llama3, short", Scaled(R"("llama3", "factor": 4)" + kTurns), 10, {1, 0.1, 0.01, 0.00025}},
      {"longrope, short, with its magnitude",
       Scaled(R"("longrope", "factor": 4)" + kLists),
       10,
       {1 / 1.5, 0.1 / 1.5, 0.01 / 1.5, 0.001 / 1.5},
       std::sqrt(1 + std::log(4) / std::log(4096))},
      // One pair turns by 1 whatever theta is.
      {"one pair, ntk",
       R"({"model_type": "hunyuan_v1_dense", "head_dim": 2, "rope_scaling":
        {"type": "dynamic", "alpha": 8.0}})",
       {},
       {1}},
      {"one pair, yarn",
       R"({"model_type": "qwen2", "head_dim": 2, "rope_scaling":
        {"type": "yarn", "factor": 4)" +
           kFrom + "}}",
       {},
       {1},
       yarn4},
      {"theta 1: all pairs alike", Small(R"("rope_theta": 1)"), {}, {1, 1, 1, 1}},
      {"a period beyond any integer: no layer is the last of one",
       R"({"model_type": "gemma3_text", "head_dim": 8, "num_hidden_layers": 2,
        "sliding_window_pattern": 18446744073709551615})",
       {},
       plain},
      {"no pair at all", Small(R"("partial_rotary_factor": 0)"), {}, {}, 1, 2},
      // Ramps.
      {"the ramp begins before the first pair",
       Scaled(R"("yarn", "factor": 4, "original_max_position_embeddings": 16)"),
       {},
       {1, 0.025, 0.0025, 0.00025},
       yarn4,
       1},
      {"a ramp of no width is a step",
       Scaled(R"("yarn", "factor": 4, "beta_fast": 1, "beta_slow": 1)" + kFrom),
       {},
       {1, 0.1, 0.01, 0.00025},
       yarn4,
       1},
      {"0 for a beta is none",
       Scaled(R"("yarn", "factor": 4, "beta_fast": 0, "beta_slow": 0,
        "original_max_position_embeddings": 1024)"),
       {},
       {1, 0.075, 0.005, 0.00025},
       yarn4},
      {"low = high is a step",
       Scaled(R"("llama3", "factor": 4, "low_freq_factor": 1, "high_freq_factor": 1)" + kFrom),
       {},
       {1, 0.1, 0.01, 0.00025}},
      // Keys that are null or not there.
      {"null for yarn's factor: the ratio of the lengths",
       Scaled(R"("yarn", "factor": null, "original_max_position_embeddings": 1024)"),
       {},
       {1, 0.075, 0.005, 0.00025},
       yarn4},
      {"no original length: the longest is taken, then a null factor is 1",
       Scaled(R"("yarn", "factor": null)"),
       {},
       plain,
       1,
       1},
      {"null for the dictionary", Small(R"("rope_scaling": null)"), {}, plain},
      {"an empty dictionary", Small(R"("rope_scaling": {})"), {}, plain},
      {"a factor beside other lengths",
       Scaled(R"("yarn", "factor": 4, "original_max_position_embeddings": 2048)"),
       {},
       {1, 0.1, 0.00625, 0.00025},
       yarn4,
       1},
  };
  for (const Built& one : cases) {
    SCOPED_TRACE(one.what);
    const RopeConfig config = Read(one.config, one.length);
    const Rotation& rotation = *config.layers.at(0).query;
    ASSERT_EQ(rotation.frequency.size(), one.frequency.size());
    for (size_t i = 0; i < one.frequency.size(); ++i) {
      EXPECT_TRUE(std::abs(rotation.frequency[i] / one.frequency[i] - 1) < 1e-12)
          << i << ": " << rotation.frequency[i];
    }
    EXPECT_TRUE(std::abs(rotation.attention_factor / one.attention_factor - 1) < 1e-12)
        << rotation.attention_factor;
    EXPECT_EQ(config.warnings.size(), one.warnings)
        << (config.warnings.empty() ? "" : config.warnings[0]);
  }
}

}  // namespace
}  // namespace rotary
