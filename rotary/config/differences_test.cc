// Properties: whatever tells the rotations of two models apart is named once, with the layers it
// holds for and both values; so is what fingerprints leave aside; models whose fingerprints differ
// always have a difference.
#include "rotary/config/differences.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "fmt/format.h"
#include "gtest/gtest.h"
#include "rotary/config/fingerprint.h"
#include "rotary/config/inspect.h"
#include "rotary/config/test_config.h"

namespace rotary {
namespace {

RopeConfig Read(const std::string& text, const RopeConfigOptions& options = {}) {
  return ReadText("config.json", text, options);
}

// How the page compares two configs.
std::string Compared(const std::string& a, const std::string& b) {
  return CompareText(Read(a), Read(b));
}

std::string Sections(const std::string& lengths) {
  return ModelText("qwen2_vl_text",
                   R"("rope_scaling": {"type": "mrope", "mrope_section": )" + lengths + "}");
}

constexpr char kAlike[] =
    "They rotate alike.\nWhat differs beside the rotations at this length:\ntext, all, layers "
    "0-3:\n";

TEST(DifferencesTest, SectionsOfAxes) {
  EXPECT_EQ(Compared(Sections("[16, 24, 24]"), Sections("[24, 20, 20]")),
            "text, all, layers 0-3:\n"
            "  sections          16 time, 24 y, 24 x  against  24 time, 20 y, 20 x\n");
}

TEST(DifferencesTest, LayersWithoutRotationAndMissingLayers) {
  const std::string small =
      R"({"model_type": "smollm3", "hidden_size": 4096, "num_attention_heads": 32,
          "num_hidden_layers": 8, "rope_theta": 5000000})";
  const std::string llama =
      R"({"model_type": "llama", "hidden_size": 4096, "num_attention_heads": 32,
          "num_hidden_layers": 32, "rope_theta": 500000})";
  EXPECT_EQ(Compared(llama, small),
            "text, all against rope, layers 0-2, 4-6:\n"
            "  theta             500000  against  5000000\n"
            "text, all against nope, layers 3, 7:\n"
            "  rotation          half, theta 500000, default  against  none (NoPE)\n"
            "text, layers 8-31:\n"
            "  layers            there  against  missing\n");
}

TEST(DifferencesTest, EachGroupOfLayersByItself) {
  const auto gemma = [](int layers, double local) {
    return R"({"model_type": "gemma3_text", "head_dim": 256, "sliding_window_pattern": 6,
               "num_hidden_layers": )" +
           std::to_string(layers) + R"(, "rope_local_base_freq": )" + std::to_string(local) + "}";
  };
  EXPECT_EQ(Compared(gemma(12, 10000), gemma(24, 20000)),
            "text, sliding_attention, layers 0-4, 6-10:\n"
            "  theta             10000  against  20000\n"
            "text, layers 12-23:\n"
            "  layers            missing  against  there\n");
}

TEST(DifferencesTest, RulesLayoutsAndSpans) {
  EXPECT_EQ(Compared(ModelText("llama"), ModelText("llama", R"("rope_scaling":
                {"type": "linear", "factor": 2})")),
            "text, all, layers 0-3:\n  rule              default  against  linear: factor 2\n");
  EXPECT_EQ(Compared(ModelText("llama"), ModelText("gptj", R"("rotary_dim": 64)")),
            "text, all, layers 0-3:\n"
            "  layout            half  against  interleaved\n"
            "  pairs             64  against  32\n");
  EXPECT_EQ(Compared(ModelText("llama"), ModelText("nanochat")),
            "text, all, layers 0-3:\n"
            "  turns             counter-clockwise  against  clockwise\n");
}

TEST(DifferencesTest, WhatFingerprintsLeaveAside) {
  const auto roformer = [](const std::string& value) {
    return ModelText("roformer", R"("rotary_value": )" + value);
  };
  EXPECT_EQ(
      Compared(roformer("true"), roformer("false")),
      std::string(kAlike) + "  values            rotate as keys do  against  do not rotate\n");
  RopeConfig a = Read(ModelText("llama")), b = a;
  b.layers[0].softmax_multiplier = 1.5;
  EXPECT_EQ(CompareText(a, b), std::string(kAlike) + "  scores times      1  against  1.5\n");
  b = a;
  b.layers[0].query_temperature = QueryTemperature{.scale = 0.1, .length = 8192};
  EXPECT_EQ(
      CompareText(a, b),
      std::string(kAlike) + "  queries times     1  against  1 + 0.1 ln(1 + floor(p / 8192))\n");
  b.layers[0].query_temperature->scale = 0.1 + 1e-9;
  a.layers[0].query_temperature = QueryTemperature{.scale = 0.1, .length = 8192};
  EXPECT_EQ(Differences(a, b).size(), 1u);
  // The other list of LongRoPE, and a rule that shows at other lengths.
  const LongRopeRule rule{.short_factor = std::vector<double>(64, 1),
                          .long_factor = std::vector<double>(64, 2),
                          .trained_length = 4096};
  a = b = Read(ModelText("llama"));
  a.layers[0].rule = b.layers[0].rule = rule;
  std::get<LongRopeRule>(b.layers[0].rule).long_factor[5] = 4;
  EXPECT_EQ(CompareText(a, b), std::string(kAlike) +
                                   "  long_factor       2  against  4  (pair 5, the largest "
                                   "relative difference: 0.5)\n");
  const auto dynamic = [](const std::string& factor) {
    return ModelText("llama", R"("max_position_embeddings": 4096, "rope_scaling":
                     {"type": "dynamic", "factor": )" +
                                  factor + "}");
  };
  EXPECT_EQ(Compared(dynamic("2.0"), dynamic("4.0")),
            std::string(kAlike) +
                "  rule              dynamic: factor 2 beyond 4096 tokens  against"
                "  dynamic: factor 4 beyond 4096 tokens\n");
}

// One change to the rotation itself: the only difference found has its name.
TEST(DifferencesTest, NothingOfARotationIsMissed) {
  const RopeConfig whole = Read(Sections("[16, 24, 24]"));
  const auto named = [&](const std::string& what, const std::function<void(Rotation&)>& change) {
    RopeConfig a = whole, b = whole;
    a.layers[0].query->log_decay = b.layers[0].query->log_decay = std::vector<double>(64, 0.1);
    a.layers[0].query->second_frequency = b.layers[0].query->second_frequency =
        a.layers[0].query->frequency;
    a.layers[0].key = a.layers[0].query;
    for (const bool of_keys : {false, true}) {
      b.layers[0].query = b.layers[0].key = a.layers[0].query;
      change(of_keys ? *b.layers[0].key : *b.layers[0].query);
      EXPECT_NE(Fingerprint(a), Fingerprint(b)) << what;
      const auto found = Differences(a, b);
      ASSERT_EQ(found.size(), 1u) << what;
      EXPECT_EQ(found[0].layers, (std::vector<int>{0, 1, 2, 3})) << what;
      EXPECT_EQ(found[0].differences[0].what, (of_keys ? "keys' " : "") + what);
      EXPECT_EQ(found[0].differences.size(), 1u) << what;
    }
  };
  named("head_dim", [](Rotation& r) { r.head_dim = 256; });
  named("attention factor", [](Rotation& r) { r.attention_factor = 1.25; });
  named("frequencies", [](Rotation& r) { r.frequency[6] *= 1 + 1e-9; });
  named("second angles", [](Rotation& r) { r.second_frequency[6] *= 2; });
  named("angles of a pair", [](Rotation& r) { r.second_frequency.clear(); });
  named("xPos", [](Rotation& r) { r.log_decay[7] = 0.2; });
  named("xPos", [](Rotation& r) { r.log_decay.clear(); });
  named("channels", [](Rotation& r) { std::swap(r.second[3], r.second[4]); });
  named("order of axes", [](Rotation& r) {  // the axes of a pair of time and one of y
    std::swap(r.frequency[3 * 3 + 0], r.frequency[3 * 3 + 1]);
    std::swap(r.frequency[20 * 3 + 1], r.frequency[20 * 3 + 0]);
  });
  named("turns", [](Rotation& r) {
    for (double& w : r.frequency) w = -w;
    for (double& w : r.second_frequency) w = -w;
  });
}

TEST(DifferencesTest, FrequenciesOfACheckpointOrOfEachHead) {
  const RopeConfig a = Read(ModelText("llama"));
  RopeConfig b = a;
  b.layers[0].from_weights = true;
  b.layers[0].query->frequency[3] *= 2;
  b.layers[0].key = b.layers[0].query;
  EXPECT_EQ(CompareText(a, b),
            "text, all, layers 0-3:\n  rule              default  against  the frequencies are "
            "those of the checkpoint\n");
  b.layers[0].from_weights = false;
  const double frequency = a.layers[0].query->frequency[3];
  EXPECT_EQ(CompareText(a, b),
            fmt::format("text, all, layers 0-3:\n  frequencies       {:.17g}  against  {:.17g}  "
                        "(pair 3, the largest relative difference: 0.5)\n",
                        frequency, 2 * frequency));
}

TEST(DifferencesTest, FormsOfARotation) {
  EXPECT_EQ(Compared(ModelText("llama", R"("rope_theta": 1000000)"), Sections("[16, 24, 24]")),
            "text, all, layers 0-3:\n  axes              1  against  time, y, x\n");
  EXPECT_EQ(Compared(ModelText("llama"), R"({"model_type": "deepseek_v3", "num_hidden_layers": 4,
                         "qk_rope_head_dim": 64, "qk_nope_head_dim": 128})"),
            "text, all, layers 0-3:\n"
            "  layout            half  against  interleaved\n"
            "  head_dim          128  against  192\n"
            "  pairs             64  against  32\n"
            "  offset            0  against  128\n"
            "  keys' head_dim    128  against  64\n"
            "  keys' pairs       64  against  32\n");
  const RopeConfig a = Read(ModelText("llama"));
  RopeConfig b = a;
  b.layers[0].query->heads = 2;
  auto& frequency = b.layers[0].query->frequency;
  frequency.insert(frequency.end(), 64, 0.25);
  b.layers[0].key = b.layers[0].query;
  EXPECT_EQ(CompareText(a, b),
            "text, all, layers 0-3:\n  frequencies of    all heads  against  2 heads\n");
}

TEST(DifferencesTest, ScalesAndCentresOfXpos) {
  const auto xpos = [](const std::string& base) {
    return R"({"model_type": "x_transformers", "dim": 512, "depth": 6, "heads": 8,
               "rotary_xpos": true, "rotary_xpos_scale_base": )" +
           base + "}";
  };
  const auto found = Differences(Read(xpos("512")), Read(xpos("256")));
  ASSERT_EQ(found.size(), 1u);
  ASSERT_EQ(found[0].differences.size(), 1u);
  EXPECT_EQ(found[0].differences[0].what, "xPos");
  EXPECT_EQ(CompareText(Read(xpos("512"), {.length = 100}), Read(xpos("512"), {.length = 200})),
            "They rotate alike.\nWhat differs beside the rotations at this length:\n"
            "text, all, layers 0-5:\n  xPos counts from  50  against  100\n");
}

TEST(DifferencesTest, PartsAndLayersThatAreNotCounted) {
  const std::string uncounted = R"({"model_type": "llama", "head_dim": 128})";
  EXPECT_EQ(Compared(ModelText("llama"), uncounted),
            "text:\n  layers            0-3  against  not counted\n");
  RopeConfig a = Read(ModelText("llama")), b = a;
  b.layers.push_back(b.layers[0]);
  b.layers[1].part = "vision";
  EXPECT_EQ(CompareText(a, b),
            "vision, layers 0-3:\n  layers            missing  against  there\n");
  // The only parts of two models are compared whatever they are called.
  a.layers[0].part = "vision";
  EXPECT_TRUE(Differences(a, Read(ModelText("llama"))).empty());
}

}  // namespace
}  // namespace rotary
