// Properties: GGUF metadata, as JSON and in a file, gives the rotation that the same model has in
// transformers' dialect, in the channel order of the file (llama.cpp's); divisors that are tensors
// count, in a file; spans, types of layers, sections and temperatures come through; a rope key that
// is not known is refused; architectures with other positions than rotary ones say which.
#include "rotary/config/gguf_config.h"

#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "rotary/config/fingerprint.h"
#include "rotary/config/rope_config.h"
#include "rotary/config/test_config.h"
#include "rotary/io/test_folder.h"
#include "rotary/io/test_gguf.h"
#include "rotary/rope/rules.h"

namespace rotary {
namespace {

RopeConfig Read(const std::string& text, const RopeConfigOptions& options = {}) {
  return ReadText("m.json", text, options);
}

std::string SentenceOf(const std::string& text, const RopeConfigOptions& options = {}) {
  return SentenceOfText("m.json", text, options);
}

// Metadata of a small model; every "*" in `keys` stands for the architecture.
std::string Metadata(const std::string& architecture, const std::string& keys = "") {
  std::string text =
      R"({"general.architecture": "*", "*.block_count": 4, "*.context_length": 131072,
    "*.embedding_length": 4096, "*.attention.head_count": 32)" +
      (keys.empty() ? "" : ", " + keys) + "}";
  for (size_t star = text.find('*'); star != text.npos; star = text.find('*')) {
    text.replace(star, 1, architecture);
  }
  return text;
}

// The same model in the dialect of transformers, with the layout of llama.cpp.
std::string Model(const std::string& type, const std::string& keys) {
  return R"({"model_type": ")" + type +
         R"(", "hidden_size": 4096, "num_attention_heads": 32, "num_hidden_layers": 4,
         "max_position_embeddings": 131072, )" +
         keys + "}";
}

RopeConfig Interleaved(const std::string& text) {
  return Read(text, {.length = {}, .layout = Layout::kInterleaved, .ignore = {}});
}

std::string List(size_t count, const std::string& number) {
  std::string text = "[" + number;
  for (size_t i = 1; i < count; ++i) text += ", " + number;
  return text + "]";
}

TEST(GgufConfigTest, LlamaIsInterleavedThere) {
  const RopeConfig config =
      Read(Metadata("llama", R"("*.rope.freq_base": 500000.0, "*.rope.dimension_count": 128)"));
  EXPECT_EQ(config.model_type, "gguf/llama");
  EXPECT_EQ(config.layers.at(0).layout, "interleaved");
  EXPECT_EQ(Fingerprint(config),
            Fingerprint(Interleaved(Model("llama", R"("rope_theta": 500000)"))));
  ASSERT_EQ(config.warnings.size(), 1u);
  EXPECT_NE(config.warnings[0].find("rope_freqs.weight"), std::string::npos);
}

TEST(GgufConfigTest, ScalingsByName) {
  const RopeConfig linear = Read(Metadata("llama", R"("*.rope.scaling.factor": 4.0)"));
  EXPECT_EQ(std::get<LinearRule>(linear.layers.at(0).rule).factor, 4);
  // 0 is how older converters write that there is none, and an older key is read too.
  EXPECT_TRUE(std::holds_alternative<PlainRule>(
      Read(Metadata("llama", R"("*.rope.scaling.factor": 0.0)")).layers.at(0).rule));
  EXPECT_EQ(std::get<LinearRule>(
                Read(Metadata("llama", R"("*.rope.scale_linear": 2.0)")).layers.at(0).rule)
                .factor,
            2);
  const RopeConfig yarn = Read(Metadata("qwen2", R"("*.rope.freq_base": 1000000.0,
    "*.rope.scaling.type": "yarn", "*.rope.scaling.factor": 4.0,
    "*.rope.scaling.original_context_length": 32768)"));
  EXPECT_EQ(Fingerprint(yarn),
            Fingerprint(Read(Model("qwen2", R"("rope_theta": 1000000, "rope_scaling":
    {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768})"))));
  // The magnitude is what mscale_all_dim says.
  const RopeConfig ministral = Read(Metadata("mistral3", R"("*.rope.scaling.type": "yarn",
    "*.rope.scaling.factor": 16.0, "*.rope.scaling.original_context_length": 16384,
    "*.rope.scaling.yarn_log_multiplier": 1.0, "*.attention.temperature_scale": 0.1)"));
  EXPECT_EQ(ministral.layers.at(0).query->attention_factor, 1);
  EXPECT_TRUE(std::abs(ministral.layers[0].query_temperature->At(1048575) - 1.415888308) < 1e-9);
}

TEST(GgufConfigTest, GptOssKeepsTheFractionsOfItsRamp) {
  const RopeConfig config = Read(Metadata("gpt-oss", R"("*.attention.key_length": 64,
    "*.rope.freq_base": 150000.0, "*.rope.scaling.type": "yarn", "*.rope.scaling.factor": 32.0,
    "*.rope.scaling.original_context_length": 4096)"));
  EXPECT_TRUE(std::abs(config.layers.at(0).query->frequency[12] / 6.794959490e-3 - 1) < 6e-10);
  EXPECT_EQ(config.warnings.size(), 1u);
}

TEST(GgufConfigTest, LatentAttention) {
  for (const char* lengths :
       {R"("*.attention.key_length": 192)",
        R"("*.attention.key_length": 576, "*.attention.key_length_mla": 192)"}) {
    const RopeConfig config = Read(Metadata("deepseek2", std::string(lengths) + R"(,
      "*.rope.dimension_count": 64, "*.rope.scaling.type": "yarn", "*.rope.scaling.factor": 40.0,
      "*.rope.scaling.original_context_length": 4096,
      "*.rope.scaling.yarn_log_multiplier": 0.10000000149011612)"));
    const LayerRope& layers = config.layers.at(0);
    EXPECT_EQ(layers.query->head_dim, 192);
    EXPECT_EQ(layers.query->first[0], 128);
    EXPECT_EQ(layers.key->head_dim, 64);
    EXPECT_EQ(layers.query->attention_factor, 1);
    EXPECT_TRUE(std::abs(layers.softmax_multiplier - 1.873854207) < 1e-9);
  }
}

TEST(GgufConfigTest, LayersThatDiffer) {
  const RopeConfig gemma = Read(Metadata("gemma3", R"("*.attention.key_length": 256,
    "*.attention.sliding_window": 1024, "*.attention.sliding_window_pattern": 2,
    "*.rope.freq_base": 1000000.0, "*.rope.scaling.factor": 8.0)"));
  EXPECT_EQ(Fingerprint(gemma), Fingerprint(Read(Model("gemma3_text", R"("head_dim": 256,
    "sliding_window_pattern": 2, "rope_scaling": {"rope_type": "linear", "factor": 8.0})"))));
  const RopeConfig smol = Read(Metadata("smollm3"));
  EXPECT_EQ(smol.layers.at(1).layers, std::vector<int>{3});
  EXPECT_FALSE(smol.layers[1].query.has_value());
  // Without a window OLMo 2 is of one kind; with one, its windowed layers are not scaled.
  const std::string yarn = R"("*.rope.scaling.type": "yarn", "*.rope.scaling.factor": 8.0,
    "*.rope.scaling.original_context_length": 8192)";
  EXPECT_EQ(Read(Metadata("olmo2", yarn)).layers.size(), 1u);
  const RopeConfig olmo3 =
      Read(Metadata("olmo2", yarn + R"(, "*.attention.sliding_window": 4096)"));
  ASSERT_EQ(olmo3.layers.size(), 2u);
  EXPECT_TRUE(std::holds_alternative<PlainRule>(olmo3.layers[0].rule));
  // Layers without heads of keys have no attention.
  const RopeConfig lfm = Read(Metadata("lfm2", R"("*.attention.head_count_kv": [0, 0, 8, 0])"));
  EXPECT_EQ(lfm.layers.at(1).layers, std::vector<int>{2});
  EXPECT_FALSE(lfm.layers[0].query.has_value());
  const RopeConfig next = Read(Metadata("qwen3next", R"("*.attention.key_length": 256,
    "*.rope.dimension_count": 64)"));
  EXPECT_EQ(next.layers.at(1).layers, std::vector<int>{3});
  EXPECT_EQ(next.layers[1].rotary_dim, 64);
}

TEST(GgufConfigTest, Gemma4TurnsFewPairsOfItsWideHeads) {
  std::string divisors = "[1.0";
  for (int i = 1; i < 256; ++i) divisors += i < 64 ? ", 1.0" : ", 1e30";
  const RopeConfig config = Read(Metadata("gemma4", R"("*.attention.key_length": 512,
    "*.attention.key_length_swa": 256, "*.rope.dimension_count": 512,
    "*.rope.dimension_count_swa": 256, "*.attention.sliding_window": 1024,
    "*.attention.sliding_window_pattern": [true, true, true, false], "*.rope.freq_base": 1000000.0,
    "*.rope.freq_base_swa": 10000.0, "rope_freqs.weight": )" +
                                                        divisors + "]"));
  EXPECT_EQ(Fingerprint(config),
            Fingerprint(Read(Model("gemma4_text", R"("head_dim": 256, "global_head_dim": 512)"))));
  EXPECT_EQ(config.layers.at(0).query->head_dim, 256);
  EXPECT_EQ(config.layers.at(1).query->head_dim, 512);
  EXPECT_TRUE(config.warnings.empty());
}

TEST(GgufConfigTest, Sections) {
  const RopeConfig config = Read(Metadata("qwen2vl", R"("*.rope.freq_base": 1000000.0,
    "*.rope.dimension_sections": [16, 24, 24, 0])"));
  EXPECT_EQ(Fingerprint(config), Fingerprint(Read(Model("qwen2_vl_text", R"("rope_scaling":
    {"type": "mrope", "mrope_section": [16, 24, 24]})"))));
  const RopeConfig glm = Read(Metadata("glm4", R"("*.rope.dimension_count": 64)"));
  EXPECT_EQ(glm.layers.at(0).query->axes, 1);
}

TEST(GgufConfigTest, FamiliesThatRotateNothing) {
  const RopeConfig config = Read(Metadata("nemotron_h", R"("*.rope.dimension_count": 84)"));
  EXPECT_FALSE(config.layers.at(0).query.has_value());
  EXPECT_FALSE(Read(Metadata("granite", R"("*.rope.scaling.finetuned": false)"))
                   .layers.at(0)
                   .query.has_value());
}

TEST(GgufConfigTest, FamiliesWithOtherPositionsSayWhatTheyHave) {
  const std::string learned = "learned vectors are added to those of the tokens";
  const std::string alibi = "scores fall with the distance (ALiBi)";
  const std::string distances = "a learned number for each distance is added to the scores";
  const std::string recurrent = "its layers read one token after the other";
  // Converters write keys of a rotation into files of some.
  for (const std::string keys : {"", R"("*.rope.dimension_count": 128, "*.rope.freq_base": 1e4)"}) {
    for (const auto& [architecture, positions] : std::vector<std::pair<std::string, std::string>>{
             {"arwkv7", recurrent},
             {"bert", learned},
             {"bloom", alibi},
             {"gpt2", learned},
             {"jais", alibi},
             {"jina-bert-v2", alibi},
             {"mamba", recurrent},
             {"mamba2", recurrent},
             {"refact", alibi},
             {"rwkv6", recurrent},
             {"rwkv6qwen2", recurrent},
             {"rwkv7", recurrent},
             {"starcoder", learned},
             {"t5", distances},
             {"t5encoder", distances},
             {"mpt", alibi + ", or learned vectors are added where max_alibi_bias is 0"}}) {
      const std::string sentence = "cannot read m.json as GGUF metadata: it is a gguf/" +
                                   architecture + ", which has no rotary positions: " + positions;
      EXPECT_EQ(SentenceOf(Metadata(architecture, keys)), sentence);
      EXPECT_EQ(Thrown([&, a = architecture] { Interleaved(Metadata(a, keys)); }), sentence);
    }
  }
  for (const std::string rotates : {"jina-bert-v3", "nomic-bert", "nomic-bert-moe"}) {
    EXPECT_TRUE(Read(Metadata(rotates)).layers.at(0).query.has_value()) << rotates;
  }
}

TEST(GgufConfigTest, OneArchitectureForTwoModels) {
  EXPECT_TRUE(Read(Metadata("baichuan")).layers.at(0).query.has_value());
  std::string large = Metadata("baichuan", R"("*.rope.dimension_count": 128)");
  const std::string count = R"("baichuan.block_count": 4)";
  large.replace(large.find(count), count.size(), count + "0");
  EXPECT_EQ(SentenceOf(large),
            "cannot read m.json as GGUF metadata: it is a gguf/baichuan, which has no rotary "
            "positions: the 13B, with 40 layers, has scores that fall with the distance (ALiBi)");
}

// A GGUF file of a Llama with an f32 tensor of divisors, where there are any.
std::string FileOf(const std::vector<float>& divisors) {
  using namespace gguf_bytes;  // NOLINT: the words of the format
  std::vector<std::string> keys = {Key("general.architecture", kString, Text("llama")),
                                   Key("llama.rope.freq_base", kF32, Raw(500000.0f))};
  for (const auto& [key, value] : std::map<std::string, uint32_t>{{"block_count", 2},
                                                                  {"context_length", 131072},
                                                                  {"embedding_length", 4096},
                                                                  {"attention.head_count", 32}}) {
    keys.push_back(Key("llama." + key, kU32, Raw(value)));
  }
  if (divisors.empty()) return gguf_bytes::FileOf(keys, {});
  std::string data;
  for (const float divisor : divisors) data += Raw(divisor);
  return gguf_bytes::FileOf(keys, {TensorInfo("rope_freqs.weight", {divisors.size()}, 0, 0)}, data);
}

TEST(GgufConfigTest, TensorsOfAFileDivideFrequencies) {
  const TestFolder folder;
  const auto plain = ReadRopeConfig(folder.Put("plain.gguf", FileOf({})));
  EXPECT_TRUE(plain.warnings.empty());
  EXPECT_TRUE(std::holds_alternative<PlainRule>(plain.layers.at(0).rule));
  // What llama.cpp's converter writes for Llama 3.1: w / w'.
  const Spectrum base = MakeSpectrum(128, 500000, PlainRule());
  const Spectrum scaled =
      MakeSpectrum(128, 500000, Llama3Rule{.factor = 8, .trained_length = 8192});
  std::vector<float> divisors;
  for (size_t i = 0; i < base.frequency.size(); ++i) {
    divisors.push_back(static_cast<float>(base.frequency[i] / scaled.frequency[i]));
  }
  const auto llama3 = ReadRopeConfig(folder.Put("llama3.gguf", FileOf(divisors)));
  const Rotation& rotation = *llama3.layers.at(0).query;
  for (size_t i = 0; i < divisors.size(); ++i) {
    const double expected = base.frequency[i] / static_cast<double>(divisors[i]);
    EXPECT_TRUE(std::abs(rotation.frequency[i] / expected - 1) < 1e-14) << i;
    EXPECT_TRUE(std::abs(rotation.frequency[i] / scaled.frequency[i] - 1) < 1e-7) << i;
  }
  EXPECT_EQ(rotation.attention_factor, 1);
  EXPECT_EQ(llama3.layers[0].layout, "interleaved");
}

TEST(GgufConfigTest, BadInput) {
  EXPECT_EQ(SentenceOf(Metadata("lama")),
            "cannot read m.json as GGUF metadata: model_type is not a known family: gguf/lama; did "
            "you mean gguf/llama?; give its layout by --layout half or --layout interleaved");
  EXPECT_EQ(Read(Metadata("new", R"("*.rope.dimension_count": 64)"),
                 {.length = {}, .layout = Layout::kHalf, .ignore = {}})
                .layers.at(0)
                .rotary_dim,
            64);
  EXPECT_EQ(SentenceOf(Metadata("llama", R"("*.rope.frq_base": 500000.0)")),
            "cannot read m.json: llama.rope.frq_base = 500000.0 is not a known key of a rotation; "
            "did you mean rope.freq_base?; to leave it aside: --ignore frq_base");
  EXPECT_EQ(SentenceOf(Metadata("llama", R"("*.rope.frq_base": 500000.0)"),
                       {.length = {}, .layout = {}, .ignore = {"frq_base"}}),
            "nothing was thrown");
  EXPECT_EQ(SentenceOf(Metadata("llama", R"("*.rope.scaling.yarn_beta_fast": 32.0)")),
            "cannot read m.json: llama.rope.scaling.yarn_beta_fast = 32.0 is not used with this "
            "scaling; to leave it aside: --ignore yarn_beta_fast");
  EXPECT_EQ(SentenceOf(Metadata("llama", R"("*.rope.scaling.type": "jarn")")),
            "cannot read m.json: llama.rope.scaling.type is not a known rule: \"jarn\"; did you "
            "mean yarn?");
  EXPECT_EQ(SentenceOf(Metadata("phi3", R"("*.rope.scaling.type": "longrope")")),
            "cannot read m.json: it does not hold rope_factors_long.weight, which longrope needs: "
            "give the .gguf file itself");
  EXPECT_EQ(
      SentenceOf(Metadata("llama", R"("*.rope.scaling.type": "yarn",
            "*.rope.scaling.factor": 4.0, "rope_freqs.weight": [1.0])")),
      "cannot read m.json: llama.rope.scaling.type is yarn, and there are tensors of divisors "
      "too");
  EXPECT_EQ(SentenceOf(Metadata("deepseek2", R"("*.attention.key_length": 192)")),
            "cannot read m.json: it does not say deepseek2.rope.dimension_count");
}

TEST(GgufConfigTest, LongRopeTensors) {
  const std::string keys = R"("*.attention.key_length": 96, "*.rope.scaling.attn_factor": 1.19,
    "*.rope.scaling.original_context_length": 4096, "rope_factors_long.weight": )" +
                           List(48, "4.0") + R"(, "rope_factors_short.weight": )" + List(48, "1.0");
  const RopeConfig near = Read(Metadata("phi3", keys));
  EXPECT_EQ(near.layers.at(0).query->frequency[0], 1);
  EXPECT_EQ(near.layers[0].query->attention_factor, 1.19);
  const RopeConfig far = Read(Metadata("phi3", keys), {.length = 4097, .layout = {}, .ignore = {}});
  EXPECT_EQ(far.layers.at(0).query->frequency[0], 0.25);
}

}  // namespace
}  // namespace rotary
