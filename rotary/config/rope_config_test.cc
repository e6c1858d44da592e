// Properties: configs in the old and the new dialect of transformers give the rotations that the
// specification's numbers say, by layer; what configs leave out comes from the registry; two
// spellings of one thing must agree; every rope key is used or refused, with its path, its value,
// the nearest known key and the way out; the fingerprint is equal exactly where models rotate
// alike.
#include "rotary/config/rope_config.h"

#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "rotary/config/family.h"
#include "rotary/config/fingerprint.h"
#include "rotary/config/inspect.h"
#include "rotary/config/nearest.h"
#include "rotary/config/schemes.h"
#include "rotary/config/test_config.h"
#include "rotary/config/unused_keys.h"

namespace rotary {
namespace {

RopeConfig Read(const std::string& text, const RopeConfigOptions& options = {}) {
  return ReadText("config.json", text, options);
}

std::string SentenceOf(const std::string& text, const RopeConfigOptions& options = {}) {
  return SentenceOfText("config.json", text, options);
}

// A small model of a family, with keys added.
std::string Model(const std::string& type, const std::string& keys = "") {
  return ModelText(type,
                   R"("max_position_embeddings": 131072)" + (keys.empty() ? "" : ", " + keys));
}

void ExpectFrequency(const LayerRope& layers, size_t pair, double expected) {
  ASSERT_TRUE(layers.query.has_value());
  const double actual = layers.query->frequency[pair];
  EXPECT_TRUE(std::abs(actual / expected - 1) < 6e-10) << actual << ", not " << expected;
}

constexpr char kLlama3[] = R"({"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
  "high_freq_factor": 4.0, "original_max_position_embeddings": 8192})";

TEST(RopeConfigTest, OldAndNewDialectAgree) {
  const RopeConfig old_form =
      Read(Model("llama", R"("rope_theta": 500000.0, "rope_scaling": )" + std::string(kLlama3)));
  const RopeConfig new_form = Read(Model("llama", R"("rope_parameters": {"rope_theta": 500000.0,
      "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
      "original_max_position_embeddings": 8192})"));
  ASSERT_EQ(old_form.layers.size(), 1u);
  const LayerRope& layers = old_form.layers[0];
  EXPECT_EQ(layers.layers, (std::vector<int>{0, 1, 2, 3}));
  EXPECT_EQ(layers.layout, "half");
  EXPECT_EQ(layers.query->head_dim, 128);
  EXPECT_EQ(layers.query->second[0], 64);
  ExpectFrequency(layers, 29, 2.166570764e-3);
  ExpectFrequency(layers, 63, 3.068925989e-7);
  EXPECT_EQ(old_form.trained_length, 8192);
  EXPECT_EQ(Fingerprint(old_form), Fingerprint(new_form));
  EXPECT_EQ(layers.query, new_form.layers[0].query);
}

TEST(RopeConfigTest, DeepSeekTurnsTheEndOfQueriesAndOneKeyForAllHeads) {
  const RopeConfig config = Read(R"({"model_type": "deepseek_v3", "num_hidden_layers": 2,
    "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "max_position_embeddings": 163840,
    "rope_theta": 10000, "rope_scaling": {"type": "yarn", "factor": 40, "beta_fast": 32,
    "beta_slow": 1, "mscale": 1.0, "mscale_all_dim": 1.0,
    "original_max_position_embeddings": 4096}})");
  const LayerRope& layers = config.layers.at(0);
  EXPECT_EQ(layers.layout, "interleaved");
  EXPECT_EQ(layers.query->head_dim, 192);
  EXPECT_EQ(layers.query->first[0], 128);
  EXPECT_EQ(layers.query->second[31], 191);
  EXPECT_EQ(layers.key->head_dim, 64);
  EXPECT_EQ(layers.key->first[0], 0);
  ExpectFrequency(layers, 11, 3.900692657e-2);
  EXPECT_EQ(layers.query->attention_factor, 1);
  EXPECT_TRUE(std::abs(layers.softmax_multiplier - 1.873854207) < 1e-9);
}

TEST(RopeConfigTest, Gemma3HasTwoRopes) {
  const std::string keys = R"("head_dim": 256, "sliding_window": 512, "sliding_window_pattern": 2,
    "rope_theta": 1000000, "rope_local_base_freq": 10000,
    "rope_scaling": {"rope_type": "linear", "factor": 8.0})";
  const RopeConfig config = Read(Model("gemma3_text", keys));
  ASSERT_EQ(config.layers.size(), 2u);
  EXPECT_EQ(config.layers[0].name, "sliding_attention");
  EXPECT_EQ(config.layers[0].layers, (std::vector<int>{0, 2}));
  EXPECT_EQ(config.layers[0].query->frequency[1], std::pow(1e4, -2.0 / 256));
  EXPECT_EQ(config.layers[1].query->frequency[1], std::pow(1e6, -2.0 / 256) / 8);
  const RopeConfig nested = Read(Model("gemma3_text", R"("head_dim": 256, "layer_types":
    ["sliding_attention", "full_attention", "sliding_attention", "full_attention"],
    "rope_parameters": {"sliding_attention": {"rope_type": "default", "rope_theta": 10000},
    "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1000000}})"));
  EXPECT_EQ(Fingerprint(config), Fingerprint(nested));
}

TEST(RopeConfigTest, Gemma4FullLayersTurnAQuarterOfAWiderHead) {
  const RopeConfig config =
      Read(Model("gemma4_text", R"("head_dim": 256, "global_head_dim": 512)"));
  ASSERT_EQ(config.layers.size(), 2u);
  const LayerRope& full = config.layers[1];
  EXPECT_EQ(full.name, "full_attention");
  EXPECT_EQ(full.layers, std::vector<int>{3});  // the last, whatever the period
  EXPECT_EQ(full.query->head_dim, 512);
  EXPECT_EQ(full.query->second[0], 256);
  ExpectFrequency(full, 63, 3.337624694e-2);
  EXPECT_EQ(full.query->frequency[64], 0);
}

TEST(RopeConfigTest, SomeLayersDoNotRotate) {
  const RopeConfig smol = Read(Model("smollm3", R"("no_rope_layers": [1, 1, 1, 0])"));
  ASSERT_EQ(smol.layers.size(), 2u);
  EXPECT_TRUE(smol.layers[0].query.has_value());
  EXPECT_EQ(smol.layers[1].layers, std::vector<int>{3});
  EXPECT_FALSE(smol.layers[1].query.has_value());
  const RopeConfig by_interval = Read(Model("smollm3", R"("no_rope_layer_interval": 4)"));
  EXPECT_EQ(Fingerprint(by_interval), Fingerprint(smol));
  const RopeConfig cohere = Read(Model("cohere2", R"("sliding_window": 4096)"));
  ASSERT_EQ(cohere.layers.size(), 2u);
  EXPECT_EQ(cohere.layers[1].name, "full_attention");
  EXPECT_FALSE(cohere.layers[1].query.has_value());
}

TEST(RopeConfigTest, PartialSpans) {
  EXPECT_EQ(Read(R"({"model_type": "gptj", "n_embd": 4096, "n_head": 16, "n_layer": 2,
    "rotary_dim": 64})")
                .layers[0]
                .query->pairs(),
            32);
  const RopeConfig neox =
      Read(Model("gpt_neox", R"("rotary_pct": 0.25, "rotary_emb_base": 10000)"));
  EXPECT_EQ(neox.layers[0].rotary_dim, 32);
  EXPECT_EQ(neox.layers[0].query->second[0], 16);
  // Published phi-1 says the same thing twice.
  const RopeConfig phi = Read(R"({"model_type": "phi", "hidden_size": 2048,
    "num_attention_heads": 32, "num_hidden_layers": 2, "partial_rotary_factor": 0.5,
    "rotary_dim": 32})");
  EXPECT_EQ(phi.layers[0].rotary_dim, 32);
}

TEST(RopeConfigTest, SectionsGivePairsTheirAxis) {
  const RopeConfig config = Read(Model("qwen2_vl_text", R"("rope_scaling": {"type": "mrope",
    "mrope_section": [16, 24, 24]})"));
  const Rotation& rotation = *config.layers[0].query;
  EXPECT_EQ(rotation.axes, 3);
  const auto on_axis = [&](size_t pair, size_t axis) {
    return rotation.frequency[3 * pair + axis];
  };
  EXPECT_NE(on_axis(15, 0), 0);
  EXPECT_EQ(on_axis(16, 0), 0);
  EXPECT_NE(on_axis(16, 1), 0);
  EXPECT_NE(on_axis(40, 2), 0);
}

TEST(RopeConfigTest, LongRopeChoosesItsListByTheLength) {
  std::string ones, fours;
  for (int i = 0; i < 64; ++i) {
    ones += i > 0 ? ", 1.0" : "1.0";
    fours += i > 0 ? ", 4.0" : "4.0";
  }
  const std::string text =
      Model("phi3", R"("original_max_position_embeddings": 4096, "rope_scaling": {"type": "su",
    "short_factor": [)" +
                        ones + R"(], "long_factor": [)" + fours + "]}");
  EXPECT_EQ(Read(text).layers[0].query->frequency[0], 1);
  EXPECT_EQ(Read(text, {.length = 4096, .layout = {}, .ignore = {}}).layers[0].query->frequency[0],
            1);
  EXPECT_EQ(Read(text, {.length = 4097, .layout = {}, .ignore = {}}).layers[0].query->frequency[0],
            0.25);
  EXPECT_TRUE(std::abs(Read(text).layers[0].query->attention_factor - 1.190238071) < 1e-9);
}

TEST(RopeConfigTest, QueryTemperatures) {
  const RopeConfig ministral = Read(Model("ministral3"));
  ASSERT_TRUE(ministral.layers[0].query_temperature.has_value());
  const QueryTemperature& t = *ministral.layers[0].query_temperature;
  EXPECT_EQ(t.At(16383), 1);
  EXPECT_TRUE(std::abs(t.At(1048575) - 1.415888308) < 1e-9);
  const RopeConfig llama4 = Read(Model("llama4_text"));
  ASSERT_EQ(llama4.layers.size(), 2u);
  EXPECT_FALSE(llama4.layers[0].query_temperature.has_value());
  const QueryTemperature& nope = *llama4.layers[1].query_temperature;
  EXPECT_EQ(nope.At(8190), 1);
  EXPECT_TRUE(std::abs(nope.At(8191) - 1.069314718) < 1e-9);
  EXPECT_TRUE(std::abs(nope.At(16383) - 1.109861229) < 1e-9);
  EXPECT_TRUE(std::abs(nope.At(1048575) - 1.485981240) < 1e-9);
}

TEST(RopeConfigTest, NothingIsIgnored) {
  EXPECT_EQ(SentenceOf(Model("llama", R"("rope_thta": 500000)")),
            "cannot read config.json: rope_thta = 500000 is not a known key of a rotation; did you "
            "mean rope_theta?; to leave it aside: --ignore rope_thta");
  EXPECT_EQ(SentenceOf(Model("llama", R"("rope_scaling": {"rope_type": "linear", "factor": 2,
            "low_freq_factor": 1})")),
            "cannot read config.json: rope_scaling.low_freq_factor = 1 is not used by llama with "
            "this rope_type; to leave it aside: --ignore low_freq_factor");
  EXPECT_EQ(SentenceOf(Model("llama", R"("rope_scaling": {"rope_type": "lineer", "factor": 2})")),
            "cannot read config.json: rope_scaling.rope_type is not a known rule: \"lineer\"; did "
            "you mean linear?");
  EXPECT_EQ(SentenceOf(Model("llama", R"("rope_scaling": {"rope_type": "linear"})")),
            "cannot read config.json: rope_scaling.factor is missing, rope_type linear needs it");
  EXPECT_EQ(SentenceOf(Model("llama", R"("rope_thta": 500000)"),
                       {.length = {}, .layout = {}, .ignore = {"rope_thta"}}),
            "nothing was thrown");
}

TEST(RopeConfigTest, SpellingsMustAgree) {
  EXPECT_EQ(SentenceOf(Model("llama", R"("rope_theta": 500000, "rope_parameters":
            {"rope_type": "default", "rope_theta": 10000})")),
            "cannot read config.json: rope_theta and rope_parameters.rope_theta disagree: 500000 "
            "and 10000");
  EXPECT_EQ(SentenceOf(Model("llama", R"("rope_scaling": {"type": "linear", "factor": 2},
            "rope_parameters": {"rope_type": "linear", "factor": 4})")),
            "cannot read config.json: rope_scaling.factor and rope_parameters.factor disagree: 2 "
            "and 4");
  EXPECT_EQ(SentenceOf(Model("llama", R"("rope_scaling": {"type": "linear", "rope_type": "yarn",
            "factor": 2})")),
            "cannot read config.json: rope_scaling.rope_type and rope_scaling.type disagree: yarn "
            "and linear");
  EXPECT_EQ(SentenceOf(Model("llama", R"("rope_scaling": {"type": "linear", "factor": 2},
            "rope_parameters": {"rope_type": "default", "rope_theta": 10000})")),
            "cannot read config.json: rope_parameters.rope_type and rope_scaling.type disagree: "
            "default and linear");
  EXPECT_EQ(SentenceOf(R"({"model_type": "phi", "hidden_size": 2048, "num_attention_heads": 32,
            "num_hidden_layers": 2, "partial_rotary_factor": 0.5, "rotary_dim": 48})"),
            "cannot read config.json: rotary_dim is 48, other keys and the family say 32");
}

TEST(RopeConfigTest, BadInput) {
  EXPECT_EQ(SentenceOf(R"({"hidden_size": 64})"),
            "cannot read config.json: it does not say its model_type, and is of no dialect that is "
            "known by its keys (Meta's or Mistral's params.json, DeepSeek's, OpenAI's, timm's, "
            "diffusers', GGUF metadata); where it names its keys as transformers does, give its "
            "layout by --layout half or --layout interleaved");
  const RopeConfig nameless = Read(
      R"({"hidden_size": 64, "num_attention_heads": 2, "num_hidden_layers": 3, "rope_theta": 500})",
      {.length = {}, .layout = Layout::kInterleaved, .ignore = {}});
  EXPECT_EQ(nameless.layers.at(0).layers.size(), 3u);
  EXPECT_EQ(nameless.layers[0].query->second[0], 1);
  EXPECT_DOUBLE_EQ(nameless.layers[0].query->frequency[1], std::pow(500.0, -2.0 / 32));
  EXPECT_EQ(SentenceOf(Model("lama")),
            "cannot read config.json: model_type is not a known family: lama; did you mean llama?; "
            "give its layout by --layout half or --layout interleaved");
  EXPECT_EQ(Read(Model("lama"), {.length = {}, .layout = Layout::kHalf, .ignore = {}})
                .layers[0]
                .query->second[0],
            64);
  EXPECT_EQ(SentenceOf(R"({"model_type": "llama", "num_hidden_layers": 2})"),
            "cannot read config.json: it does not say how wide a head is: head_dim, or hidden_size "
            "and num_attention_heads");
  EXPECT_EQ(
      SentenceOf(Model("phi", R"("partial_rotary_factor": 0.51)")),
      "cannot read config.json: it rotates 65 channels of a head of 128 (partial_rotary_factor = "
      "0.51), which must be even and at most the head");
  EXPECT_EQ(SentenceOf(Model("llama", R"("rope_scaling": {"type": "linear", "factor": 0})")),
            "cannot read config.json: rope_scaling: rope rule linear: factor must be positive and "
            "finite, got 0");
  EXPECT_EQ(SentenceOf(Model("smollm3", R"("no_rope_layers": [1, 0])")),
            "cannot read config.json: no_rope_layers must be an array of 4, got an array of 2");
  EXPECT_EQ(SentenceOf(Model("llama", R"("text_config": {})")),
            "cannot read config.json: it has a text_config, which a llama has not");
}

TEST(RopeConfigTest, FamiliesThatRotateNothingSaySo) {
  const RopeConfig config = Read(Model("nemotron_h", R"("rope_theta": 10000)"));
  EXPECT_FALSE(config.layers.at(0).query.has_value());
  ASSERT_EQ(config.warnings.size(), 1u);
  EXPECT_EQ(config.warnings[0],
            "rope_theta has no effect: no layer of this model (nemotron_h) rotates");
}

TEST(FingerprintTest, DependsOnTheRotationAlone) {
  Rotation rotation = MakeRotation({.head_dim = 8, .layout = Layout::kHalf});
  Rotation other = rotation;
  std::swap(other.first[0], other.first[3]);
  std::swap(other.second[0], other.second[3]);
  std::swap(other.frequency[0], other.frequency[3]);
  EXPECT_EQ(CanonicalText(rotation), CanonicalText(other));
  std::swap(other.first[1], other.second[1]);
  EXPECT_NE(CanonicalText(rotation), CanonicalText(other));
  other.frequency[1] = -other.frequency[1];
  EXPECT_EQ(CanonicalText(rotation), CanonicalText(other));
  other.frequency[2] *= 1 + 1e-10;
  EXPECT_NE(CanonicalText(rotation), CanonicalText(other));
  EXPECT_NE(CanonicalText(rotation),
            CanonicalText(MakeRotation({.head_dim = 8, .layout = Layout::kInterleaved})));
  // A pair that stands still is no pair, unless it takes a factor.
  Rotation shorter = rotation, still = rotation;
  still.frequency[3] = 0;
  shorter.first.pop_back();
  shorter.second.pop_back();
  shorter.frequency.pop_back();
  EXPECT_EQ(CanonicalText(still), CanonicalText(shorter));
  still.attention_factor = shorter.attention_factor = 1.5;
  EXPECT_NE(CanonicalText(still), CanonicalText(shorter));
}

TEST(InspectTest, ComparesModels) {
  const RopeConfig a = Read(Model("llama", R"("rope_theta": 500000)"));
  const RopeConfig b = Read(Model("llama"));
  EXPECT_EQ(CompareText(a, a), "They rotate alike.\n");
  EXPECT_EQ(CompareText(a, b),
            "text, all, layers 0-3:\n  theta             500000  against  10000\n");
  EXPECT_NE(InspectText(b).find("half: channels 0~64 1~65"), std::string::npos);
  const Json json = Json::parse(InspectJson(a));
  EXPECT_EQ(json["layers"][0]["query"]["head_dim"], 128);
  EXPECT_EQ(json["fingerprint"], Fingerprint(a));
}

TEST(FamilyTest, EveryRowHasItsSourceAndCanBeRead) {
  std::set<std::string> names;
  for (const Family& family : Families()) {
    EXPECT_TRUE(names.insert(family.model_type).second) << family.model_type;
    EXPECT_NE(family.repository.find('/'), std::string::npos) << family.model_type;
    EXPECT_FALSE(family.file.empty()) << family.model_type;
    EXPECT_EQ(family.commit.size(), 40u) << family.model_type;
    if (family.scheme == "text" || family.scheme == "latent") {
      EXPECT_TRUE(family.layout == "half" || family.layout == "interleaved" ||
                  !family.layout_key.empty())
          << family.model_type;
    }
  }
  EXPECT_GE(names.size(), 60u);
}

TEST(FamilyTest, EverySchemeAndClassIsKnown) {
  const std::set<std::string> text = {"text", "latent", "none", "parts", "palm", "x_transformers"};
  const std::set<std::string> forms = {"frequencies", "periods", "axis,head,pair",
                                       "axis,layer,head,pair"};
  std::set<std::string> classes;
  for (const Family& family : Families()) {
    EXPECT_TRUE(text.contains(family.scheme) || IsScheme(family.scheme)) << family.model_type;
    for (const std::string& name : family.class_names) {
      EXPECT_TRUE(classes.insert(name).second) << name;
      EXPECT_EQ(FindFamilyOfClass(name), &family) << name;
    }
    if (!family.weights) continue;
    EXPECT_FALSE(family.weights->names.empty()) << family.model_type;
    EXPECT_TRUE(forms.contains(family.weights->form)) << family.model_type;
  }
  EXPECT_EQ(FindFamilyOfClass("FluxTransformer"), nullptr);
}

TEST(UnusedKeysTest, NothingIsIgnoredInSilence) {
  const std::string out = "; to leave it aside: --ignore ";
  const auto refused = [&](const std::string& keys) { return SentenceOf(Model("llama", keys)); };
  const std::string unknown = " is not a known key of a rotation; did you mean ";
  const std::string start = "cannot read config.json: ";
  for (const char* key : {"RopeTheta", "ROPE_THETA", "theta", "freq_base"}) {
    EXPECT_EQ(refused(Sentence("\"", key, "\": 5")),
              start + key + " = 5" + unknown + "rope_theta?" + out + key);
  }
  for (const char* key : {"Rotary", "use_xpos", "xpos_scale_base", "use_fope", "use_nope",
                          "seq_len_interpolation_factor"}) {
    EXPECT_NE(refused(Sentence("\"", key, "\": true"))
                  .find(start + key + " = true is not a known key of a rotation"),
              std::string::npos)
        << key;
  }
  EXPECT_EQ(refused(R"("attn_config": {"rope_theta": 5})"),
            start + "attn_config.rope_theta = 5 is not used by llama with this rope_type" + out +
                "rope_theta");
  EXPECT_EQ(refused(R"("extra": {"more": {"rope_thta": 5}})"),
            start + "extra.more.rope_thta = 5" + unknown + "rope_theta?" + out + "rope_thta");
  EXPECT_EQ(refused(R"("is_neox_style": false)"),
            start + "is_neox_style is false, other keys and the family say true");
  EXPECT_EQ(
      refused(R"("alibi": true)"),
      start + "alibi = true tells positions another way, and a llama rotates" + out + "alibi");
  EXPECT_EQ(refused(R"("position_embedding_type": "alibi")"),
            start +
                "position_embedding_type = \"alibi\" tells positions another way, and a llama "
                "rotates" +
                out + "position_embedding_type");
  EXPECT_EQ(refused(R"("layer_types": ["full_attention"])"),
            start + "layer_types must name 4 layers, got 1");
  EXPECT_EQ(SentenceOf(Model("falcon", R"("alibi": "x")")),
            start + "alibi must be true or false, got \"x\"");
  EXPECT_EQ(SentenceOf(Model("esm", R"("position_embedding_type": "foo")")),
            start + "position_embedding_type is \"foo\", neither \"rotary\" nor a known other way");
  // Not of the rotation, but of the positions that some engines give it.
  const RopeConfig chunked = Read(Model("qwen2", R"("dual_chunk_attention_config":
      {"chunk_size": 262144, "local_size": 8192, "original_max_position_embeddings": 262144})"));
  ASSERT_EQ(chunked.warnings.size(), 1u);
  EXPECT_EQ(chunked.warnings[0],
            "dual_chunk_attention_config: engines that have dual chunk attention (vLLM) count "
            "positions anew in chunks of long texts; the rotation here is by plain positions, as "
            "in transformers");
  // What says the same, or nothing of rotations.
  for (const char* keys : {
           R"("is_neox_style": true, "alibi": false, "position_embedding_type": "rope")",
           R"("position_embedding_type": "absolute")",
           R"("label2id": {"rope": 0}, "vision_config": {"rope_theta": 5})",
           R"("quantization_config": {"quant_method": "fp8", "fmt": "e4m3"})",
           R"("draft": {"model_type": "qwen2", "rope_theta": 5})",
       }) {
    EXPECT_EQ(Fingerprint(Read(Model("llama", keys))), Fingerprint(Read(Model("llama")))) << keys;
  }
  EXPECT_EQ(Fingerprint(Read(Model("llama", R"("attn_config": {"rope_theta": 5})"),
                             {.length = {}, .layout = {}, .ignore = {"rope_theta"}})),
            Fingerprint(Read(Model("llama"))));
}

TEST(UnusedKeysTest, KnowsItsOwn) {
  for (const char* key : {"rope_theta", "rotary_pct", "partial_rotary_facto", "my_rope_thing"}) {
    EXPECT_TRUE(BelongsToRope(key)) << key;
  }
  for (const char* key :
       {"hidden_size", "vocab_size", "type", "attention_dropout", "bos_token_id"}) {
    EXPECT_FALSE(BelongsToRope(key)) << key;
  }
  EXPECT_EQ(EditDistance("yarn", "yam"), 2);
  EXPECT_EQ(EditDistance("", "abc"), 3);
}

}  // namespace
}  // namespace rotary
