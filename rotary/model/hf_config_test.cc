// Properties: every config comes back equal to the bit, in transformers' dialects exactly where
// these compute the same; files of transformers 4 and 5 mean what transformers takes them for; what
// could change the logits is refused with its sentence.
#include "rotary/model/hf_config.h"

#include <cmath>
#include <functional>

#include "gtest/gtest.h"
#include "rotary/io/test_damage.h"
#include "rotary/io/test_folder.h"

namespace rotary {
namespace {

constexpr ModelSizes kSizes = {
    .vocab_size = 258, .layers = 2, .model_dim = 64, .heads = 4, .max_tokens = 128};

ModelConfig RoFormer(const std::function<void(ModelConfig&)>& change = [](ModelConfig&) {}) {
  ModelConfig config = RoFormerConfig(kSizes);
  change(config);
  return config;
}

ModelConfig Llama(const std::function<void(ModelConfig&)>& change = [](ModelConfig&) {}) {
  ModelConfig config = LlamaConfig(kSizes);
  change(config);
  return config;
}

ModelConfig LlamaWithTheta(double theta, int head_dim = 16) {
  return Llama([&](ModelConfig& c) {
    c.head_dim = c.features = head_dim;
    c.rotation = MakeRotation({.head_dim = head_dim, .theta = theta});
  });
}

CheckpointConfig Read(const TestFolder& folder, std::string_view text) {
  return ReadCheckpointConfig(folder.Put("config.json", text));
}

void ExpectComesBack(const ModelConfig& config, Dialect dialect) {
  const TestFolder folder;
  const std::string text = CheckpointConfigToJson(config, "bytes");
  const CheckpointConfig read = Read(folder, text);
  EXPECT_EQ(Name(read.dialect), Name(dialect)) << text;
  EXPECT_EQ(Name(DialectOf(config)), Name(dialect));
  EXPECT_EQ(read.model, config) << text;
  EXPECT_EQ(read.tokenizer, "bytes");
}

TEST(HfConfigTest, RoFormersComeBack) {
  ExpectComesBack(RoFormer(), Dialect::kRoFormer);
  ExpectComesBack(RoFormer([](ModelConfig& c) { c.embedding_dim = 32; }), Dialect::kRoFormer);
  ExpectComesBack(RoFormer([](ModelConfig& c) { c.tied = false; }), Dialect::kRoFormer);
  ExpectComesBack(RoFormer([](ModelConfig& c) { c.causal = true; }), Dialect::kRoFormer);
  ExpectComesBack(RoFormer([](ModelConfig& c) {
                    c.token_types = 5;
                    c.norm_epsilon = 1e-5;
                    c.initial_std = 0.1;
                  }),
                  Dialect::kRoFormer);
}

TEST(HfConfigTest, LlamasComeBackWithAnyTheta) {
  ExpectComesBack(Llama(), Dialect::kLlama);
  ExpectComesBack(Llama([](ModelConfig& c) {
                    c.kv_heads = 2;
                    c.biases = true;
                    c.tied = false;
                  }),
                  Dialect::kLlama);
  for (const double theta : {10000.0, 5e5, 1e6, 8e6, 1234.5, 1.0, 2.0, 0.5, 123456.789, 1e7 / 3}) {
    for (const int head_dim : {4, 16, 64, 80, 128, 256})
      ExpectComesBack(LlamaWithTheta(theta, head_dim), Dialect::kLlama);
  }
  // The theta that a stretched context asks for has no short decimal form.
  ExpectComesBack(LlamaWithTheta(10000 * std::pow(8.0, 128.0 / 126), 128), Dialect::kLlama);
}

TEST(HfConfigTest, WhatTransformersWouldComputeOtherwiseIsOurs) {
  const auto ours = [](const ModelConfig& config) { ExpectComesBack(config, Dialect::kRotary); };
  for (const auto positions : {PositionEncoding::kSinusoidal, PositionEncoding::kLearned,
                               PositionEncoding::kAlibi, PositionEncoding::kNone}) {
    for (ModelConfig config : {RoFormer(), Llama()}) {
      config.positions = positions;
      config.rotation = Rotation();
      ours(config);
    }
  }
  for (ModelConfig config : {RoFormer(), Llama()}) {
    config.positions = PositionEncoding::kSinusoidal;
    config.rotation = Rotation();
    config.sinusoidal_amplitude = 0.75;
    ours(config);
  }
  const auto rotated = [](ModelConfig config, const Rotation& rotation) {
    config.rotation = rotation;
    return config;
  };
  constexpr auto kInterleaved = Layout::kInterleaved;
  ours(rotated(RoFormer(), MakeRotation({.head_dim = 16, .theta = 500, .layout = kInterleaved})));
  ours(rotated(RoFormer(), MakeRotation({.head_dim = 16})));
  ours(
      rotated(RoFormer(), MakeRotation({.head_dim = 16, .rotary_dim = 8, .layout = kInterleaved})));
  ours(rotated(Llama(), MakeRotation({.head_dim = 16, .layout = kInterleaved})));
  ours(rotated(Llama(), MakeRotation({.head_dim = 16, .rotary_dim = 8})));
  ours(rotated(Llama(), MakeRotation({.head_dim = 16, .rotary_dim = 8, .offset = 8})));
  Rotation rotation = MakeRotation({.head_dim = 16});
  rotation.frequency[3] = std::nextafter(rotation.frequency[3], 1.0);
  ours(rotated(Llama(), rotation));
  rotation = MakeRotation({.head_dim = 16});
  rotation.attention_factor = 1.25;
  ours(rotated(Llama(), rotation));
  rotation.attention_factor = 1;
  rotation.log_decay.assign(8, 0.01);
  ours(rotated(Llama(), rotation));
  rotation = MakeRotation({.head_dim = 16});
  rotation.heads = 4;
  for (int copy = 0; copy < 24; ++copy) rotation.frequency.push_back(0.1 * copy);
  ours(rotated(Llama(), rotation));

  for (const auto map :
       {FeatureMap::kEluPlusOne, FeatureMap::kPerformer, FeatureMap::kSoftmaxExp}) {
    ours(RoFormer([&](ModelConfig& c) {
      c.attention = AttentionForm::kLinear;
      c.feature_map = map;
      if (map == FeatureMap::kPerformer) c.features = 32;
      c.rotation = MakeRotation({.head_dim = c.features, .layout = kInterleaved});
    }));
  }
  ours(RoFormer([](ModelConfig& c) { c.kv_heads = 2; }));
  ours(RoFormer([](ModelConfig& c) { c.token_types = 0; }));
  ours(RoFormer([](ModelConfig& c) { c.biases = false; }));
  ours(RoFormer([](ModelConfig& c) {
    c.norm_placement = NormPlacement::kPre;
    c.norm_form = NormForm::kRmsNorm;
  }));
  ours(RoFormer([](ModelConfig& c) { c.feed_forward = FeedForward::kSwiGlu; }));
  ours(Llama([](ModelConfig& c) { c.causal = false; }));
  ours(Llama([](ModelConfig& c) { c.token_types = 2; }));
  ours(Llama([](ModelConfig& c) { c.embedding_norm = true; }));
  ours(Llama([](ModelConfig& c) { c.head = OutputHead::kMaskedWord; }));
  ours(Llama([](ModelConfig& c) {
    c.model_dim = c.embedding_dim = 66;
  }));  // version 5: heads must divide it
}

TEST(HfConfigTest, ThetaStandsUnderTheKeysOfBothVersions) {
  const std::string text = CheckpointConfigToJson(LlamaWithTheta(5e5), "");
  EXPECT_NE(text.find("\n  \"rope_theta\": 500000.0,\n"), std::string::npos) << text;
  EXPECT_NE(
      text.find("\n  \"rope_parameters\": {\"rope_theta\":500000.0,\"rope_type\":\"default\"},\n"),
      std::string::npos)
      << text;
  EXPECT_EQ(text.find("rotary_tokenizer"), std::string::npos);
}

constexpr std::string_view kRoFormerFile =
    R"({"model_type": "roformer", "vocab_size": 100, "hidden_size": 48,
  "num_hidden_layers": 3, "num_attention_heads": 6, "intermediate_size": 96, "transformers_version": "4.1"})";
constexpr std::string_view kLlamaFile =
    R"({"model_type": "llama", "vocab_size": 100, "hidden_size": 48,
  "num_hidden_layers": 3, "num_attention_heads": 6, "intermediate_size": 96, "pretraining_tp": 1})";

// `file` with more members.
std::string With(std::string_view file, std::string_view members) {
  return Sentence(file.substr(0, file.size() - 1), ", ", members, "}");
}

TEST(HfConfigTest, AbsentKeysHaveTheValuesOfTransformers) {
  const TestFolder folder;
  ModelConfig roformer = RoFormerConfig({.vocab_size = 100,
                                         .layers = 3,
                                         .model_dim = 48,
                                         .heads = 6,
                                         .inner_dim = 96,
                                         .max_tokens = 1536});
  EXPECT_EQ(Read(folder, kRoFormerFile).model, roformer);
  EXPECT_EQ(Read(folder, kRoFormerFile).tokenizer, "");
  ModelConfig llama = LlamaConfig({.vocab_size = 100,
                                   .layers = 3,
                                   .model_dim = 48,
                                   .heads = 6,
                                   .inner_dim = 96,
                                   .max_tokens = 2048});
  llama.norm_epsilon = 1e-6;
  llama.tied = false;
  EXPECT_EQ(Read(folder, kLlamaFile).model, llama);
  EXPECT_EQ(
      Read(folder, With(kLlamaFile,
                        R"("head_dim": null, "num_key_value_heads": null, "rope_scaling": null)"))
          .model,
      llama);
}

TEST(HfConfigTest, ThetaIsReadWhereverItStands) {
  const TestFolder folder;
  const auto theta_of = [&](std::string_view members) {
    const Rotation rotation = Read(folder, With(kLlamaFile, members)).model.rotation;
    return std::pow(rotation.frequency.back(), -8.0 / 6);  // head_dim 8
  };
  EXPECT_NEAR(theta_of(R"("rope_theta": 500)"), 500, 1e-9);
  EXPECT_NEAR(theta_of(R"("rope_parameters": {"rope_theta": 500.0, "rope_type": "default"})"), 500,
              1e-9);
  EXPECT_NEAR(theta_of(R"("rope_scaling": {"type": "default", "rope_theta": 500})"), 500, 1e-9);
  EXPECT_NEAR(
      theta_of(
          R"("rope_theta": 500, "rope_parameters": {"rope_theta": 500.0, "partial_rotary_factor": 1.0})"),
      500, 1e-9);
  EXPECT_NEAR(theta_of(R"("use_cache": true)"), 10000, 1e-7);
}

TEST(HfConfigTest, EveryErrorHasItsSentence) {
  const TestFolder folder;
  const auto sentence = [&](std::string_view text) {
    const std::string path = folder.Put("config.json", text).string();
    const std::string got = Thrown([&] { ReadCheckpointConfig(path); });
    const std::string prefix = "cannot read " + path + ": ";
    return got.rfind(prefix, 0) == 0 ? got.substr(prefix.size()) : got;
  };
  const auto llama = [&](std::string_view members) { return sentence(With(kLlamaFile, members)); };
  const auto roformer = [&](std::string_view members) {
    return sentence(With(kRoFormerFile, members));
  };
  EXPECT_EQ(sentence("{}"), "model_type is missing");
  EXPECT_EQ(sentence(R"({"model_type": "bert"})"),
            "model_type must be roformer, llama or rotary, got bert");
  EXPECT_EQ(sentence(R"({"model_type": "llama"})"), "vocab_size is missing");
  EXPECT_EQ(llama(R"("rope_scaling": {"rope_type": "llama3", "factor": 8.0})"),
            "rope_scaling.rope_type must be default, got llama3");
  EXPECT_EQ(llama(R"("rope_scaling": {"type": "linear", "factor": 2.0})"),
            "rope_scaling.type must be default, got linear");
  EXPECT_EQ(llama(R"("rope_parameters": {"rope_type": "yarn", "rope_theta": 1e4})"),
            "rope_parameters.rope_type must be default, got yarn");
  EXPECT_EQ(llama(R"("rope_parameters": {"factor": 2})"),
            "unknown key \"factor\" in rope_parameters");
  EXPECT_EQ(llama(R"("rope_theta": 500, "rope_parameters": {"rope_theta": 10000})"),
            "rope_parameters.rope_theta is 10000, but another key says 500");
  EXPECT_EQ(llama(R"("rope_theta": 0)"), "rope_theta must be positive, got 0");
  EXPECT_EQ(llama(R"("partial_rotary_factor": 0.5)"),
            "partial_rotary_factor must be 1 in this model_type");
  EXPECT_EQ(llama(R"("rope_parameters": {"partial_rotary_factor": 0.5})"),
            "rope_parameters.partial_rotary_factor must be 1 in this model_type");
  EXPECT_EQ(llama(R"("original_max_position_embeddings": 4096)"),
            "original_max_position_embeddings is not supported and could change the logits");
  EXPECT_EQ(llama(R"("sliding_window": 4096)"),
            "sliding_window is not supported and could change the logits");
  EXPECT_EQ(llama(R"("quantization_config": {"bits": 4})"),
            "quantization_config is not supported and could change the logits");
  EXPECT_EQ(llama(R"("sliding_window": null, "rope_interleaved": false)"), "nothing was thrown");
  EXPECT_EQ(llama(R"("hidden_act": "gelu")"), "hidden_act must be silu, got gelu");
  EXPECT_EQ(llama(R"("attention_bias": true)"),
            "attention_bias is true alone: attention_bias and mlp_bias must be alike");
  EXPECT_EQ(llama(R"("mlp_bias": true)"),
            "mlp_bias is true alone: attention_bias and mlp_bias must be alike");
  EXPECT_EQ(llama(R"("head_dim": 7)"), "head_dim must be even, got 7");
  EXPECT_EQ(
      llama(R"("num_key_value_heads": 4)"),
      "it breaks a rule: model: heads must be a multiple of kv_heads, got 6 heads and 4 kv_heads");
  EXPECT_EQ(llama(R"("max_position_embeddings": "long")"),
            "max_position_embeddings must be a whole number from 1 to 2147483647, got \"long\"");
  EXPECT_EQ(roformer(R"("rotary_value": true)"), "rotary_value is not supported: it must be false");
  EXPECT_EQ(roformer(R"("add_cross_attention": true)"),
            "add_cross_attention is not supported: it must be false");
  EXPECT_EQ(roformer(R"("hidden_act": "relu")"), "hidden_act must be gelu, got relu");
  EXPECT_EQ(roformer(R"("rope_theta": 500)"),
            "rope_theta is not supported and could change the logits");
  EXPECT_EQ(
      sentence(
          R"({"model_type": "roformer", "vocab_size": 100, "hidden_size": 50, "num_hidden_layers": 3,
                         "num_attention_heads": 6, "intermediate_size": 96})"),
      "hidden_size must be a multiple of num_attention_heads (6), got 50");
  EXPECT_EQ(
      sentence(
          R"({"model_type": "roformer", "vocab_size": 100, "hidden_size": 18, "num_hidden_layers": 3,
                         "num_attention_heads": 6, "intermediate_size": 96})"),
      "hidden_size gives heads of 3 channels, and pairs need an even number");

  const std::string own = CheckpointConfigToJson(
      RoFormer([](ModelConfig& c) { c.positions = PositionEncoding::kNone; }), "");
  const auto changed = [&](std::string_view find, std::string_view replace) {
    std::string text = own;
    text.replace(text.find(find), find.size(), replace);
    return sentence(text);
  };
  EXPECT_EQ(changed("\"tied\": true", "\"tide\": true"), "unknown key \"tide\"");
  EXPECT_EQ(changed("  \"heads\": 4,\n", ""), "heads is missing");
  EXPECT_EQ(changed("\"post\"", "\"sandwich\""),
            "norm_placement must be post or pre, got sandwich");
  EXPECT_EQ(changed("\"none\"", "\"rope\""),
            "positions is not known: position encoding must be one of rotary, sinusoidal, learned, "
            "alibi, none, got \"rope\"");
  EXPECT_EQ(changed("\"positions\": \"none\"", "\"positions\": \"rotary\""), "rotation is missing");
  EXPECT_EQ(changed("\"positions\"", "\"rotation\": {}, \"positions\""),
            "rotation has no meaning with positions none");
  EXPECT_EQ(changed("\"positions\"", "\"sinusoidal_amplitude\": 1, \"positions\""),
            "sinusoidal_amplitude has no meaning with positions none");
  EXPECT_EQ(changed("\"layers\": 2", "\"layers\": 2000000000"),
            "layers must be a whole number from 1 to 16384, got 2000000000");
}

TEST(HfConfigTest, RandomDamageNeverEscapes) {
  const TestFolder folder;
  const std::vector<std::string> good = {CheckpointConfigToJson(RoFormer(), "bytes"),
                                         CheckpointConfigToJson(LlamaWithTheta(5e5), ""),
                                         CheckpointConfigToJson(RoFormer([](ModelConfig& c) {
                                                                  c.norm_epsilon = 0;
                                                                  c.kv_heads = 2;
                                                                }),
                                                                "")};
  constexpr size_t kRounds = 3000;
  size_t read = 0;
  for (size_t round = 0; round < kRounds; ++round) {
    std::filesystem::remove(folder / "config.json");  // writing over a file waits for the disk
    try {
      CheckModelConfig(Read(folder, Damaged(good[round % good.size()], round)).model);
      ++read;
    } catch (const FileError& error) {
      EXPECT_EQ(std::string(error.what()).rfind("cannot read ", 0), 0u);
    }
  }
  EXPECT_GT(read, kRounds / 100);
  EXPECT_LT(read, kRounds);
}

}  // namespace
}  // namespace rotary
