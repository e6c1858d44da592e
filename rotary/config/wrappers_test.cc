// Properties: a rope key at the level of a wrapper, where nothing reads it, is refused unless the
// text says the same, in whatever dialect; configs that repeat their text's keys are read as ever.
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "rotary/config/fingerprint.h"
#include "rotary/config/rope_config.h"
#include "rotary/config/test_config.h"

namespace rotary {
namespace {

// `own`: keys of the wrapper, each with a comma behind it.
std::string Wrapper(const std::string& type, const std::string& own, const std::string& text) {
  return R"({"model_type": ")" + type + "\", " + own +
         R"("text_config": {"hidden_size": 4096, "num_attention_heads": 32,
      "num_hidden_layers": 8, "max_position_embeddings": 32768)" +
         (text.empty() ? "" : ", " + text) + "}}";
}

std::string SentenceOf(const std::string& text, const RopeConfigOptions& options = {}) {
  return SentenceOfText("config.json", text, options);
}

const std::string kQwen = R"("model_type": "qwen2_vl_text", "rope_theta": 1e6,
  "rope_scaling": {"type": "mrope", "mrope_section": [16, 24, 24]})";

TEST(WrappersTest, AKeyOfItsOwnIsRefused) {
  const std::string end =
      " does not count: a qwen2_vl rotates by text_config, which does not say "
      "so; to leave it aside: --ignore ";
  EXPECT_EQ(SentenceOf(Wrapper("qwen2_vl", R"("rope_theta": 5, )", kQwen)),
            "cannot read config.json: rope_theta = 5" + end + "rope_theta");
  EXPECT_EQ(
      SentenceOf(Wrapper("qwen2_vl",
                         R"("rope_scaling": {"type": "mrope", "mrope_section": [24, 20, 20]}, )",
                         kQwen)),
      R"(cannot read config.json: rope_scaling = {"mrope_section":[24,20,20],"type":"mrope"})" +
          end + "rope_scaling");
  EXPECT_EQ(SentenceOf(Wrapper("qwen2_vl", R"("rope_tehta": 1, )", kQwen)),
            "cannot read config.json: rope_tehta = 1 is not a known key of a rotation; did you "
            "mean rope_theta?; to leave it aside: --ignore rope_tehta");
  for (const char* type : {"mistral3", "gemma3", "llama4", "kimi_k25", "mllama"}) {
    const std::string sentence = SentenceOf(Wrapper(type, R"("rope_theta": 5, )", ""));
    EXPECT_EQ(sentence, std::string("cannot read config.json: rope_theta = 5 does not count: a ") +
                            type +
                            " rotates by text_config, which does not say so; to leave it "
                            "aside: --ignore rope_theta");
  }
  EXPECT_EQ(SentenceOf(R"({"model_type": "mistral3", "rope_theta": 5})"),
            "cannot read config.json: rope_theta = 5 does not count: a mistral3 rotates by "
            "text_config, which does not say so; to leave it aside: --ignore rope_theta");
  EXPECT_EQ(SentenceOf(R"({"model_type": "qwen2_5_omni", "rope_theta": 5})"),
            "cannot read config.json: rope_theta = 5 does not count: a qwen2_5_omni rotates by "
            "token2wav_config.dit_config, talker_config, thinker_config, which does not say so; to "
            "leave it aside: --ignore rope_theta");
}

TEST(WrappersTest, UnknownOnesSayWhichPartToGive) {
  const std::string end = " as a config of its own";
  EXPECT_EQ(SentenceOf(Wrapper("blava", "", R"("model_type": "llama")")),
            "cannot read config.json: it is a wrapper of no family that is known; give its "
            "text_config" +
                end);
  EXPECT_EQ(SentenceOf(R"({"model_type": "outernvl_chat", "llm_config": {"model_type": "qwen2"}})",
                       {.length = {}, .layout = Layout::kHalf, .ignore = {}}),
            "cannot read config.json: it is a wrapper of no family that is known; give its "
            "llm_config" +
                end);
}

TEST(WrappersTest, TowersWithoutRotationAreLeftOut) {
  const std::string qwen = R"({"model_type": "qwen2", "hidden_size": 896, "num_attention_heads": 14,
    "num_hidden_layers": 24, "rope_theta": 1e6})";
  const auto alone = ReadText("config.json", qwen).layers;
  const auto tower = [](const std::string& type) {
    return R"("vision_config": {"model_type": ")" + type + "\", \"hidden_size\": 1024}, ";
  };
  const std::vector<std::pair<std::string, std::string>> wrappers = {
      {"llava", tower("clip_vision_model")},
      {"llava", ""},
      {"llava_next", tower("clip_vision_model")},
      {"llava_onevision", tower("siglip_vision_model")},
      {"paligemma", tower("siglip_vision_model")},
      {"idefics3", tower("idefics3_vision")},
      {"smolvlm", tower("smolvlm_vision")},
      {"internvl", tower("internvl_vision")},
      {"internvl_chat", tower("intern_vit_6b")}};
  for (const auto& [type, vision] : wrappers) {
    SCOPED_TRACE(type + vision);
    const std::string key = type == "internvl_chat" ? "llm_config" : "text_config";
    const RopeConfig config = ReadText(
        "config.json",
        Sentence(R"({"model_type": ")", type, "\", ", vision, "\"", key, "\": ", qwen, "}"));
    ASSERT_EQ(config.layers.size(), 1u);
    EXPECT_EQ(config.layers[0].part, "text");
    EXPECT_EQ(config.layers[0].layers.size(), 24u);
    EXPECT_EQ(config.layers[0].query, alone.at(0).query);
    EXPECT_TRUE(config.warnings.empty());
  }
  // Another tower turns: Pixtral, as transformers has it.
  const RopeConfig pixtral = ReadText(
      "config.json", R"({"model_type": "llava", "text_config": )" + qwen + R"(, "vision_config":
      {"model_type": "pixtral", "head_dim": 64, "num_hidden_layers": 24, "rope_theta": 10000}})");
  ASSERT_EQ(pixtral.layers.size(), 2u);
  EXPECT_EQ(pixtral.layers[1].part, "vision");
}

TEST(WrappersTest, PartsLeaveOutWhatTheirClassHas) {
  // llava-1.5-7b and llava-v1.6-mistral-7b name no sizes of their texts.
  const RopeConfig config =
      ReadText("config.json", R"({"model_type": "llava", "text_config": {"model_type": "llama",
      "max_position_embeddings": 4096}, "vision_config": {"model_type": "clip_vision_model"}})");
  EXPECT_EQ(config.layers.at(0).layers.size(), 32u);
  EXPECT_EQ(config.layers[0].query->head_dim, 128);
  const RopeConfig mistral = ReadText("config.json", R"({"model_type": "llava_next", "rope_theta":
      1e6, "text_config": {"model_type": "mistral", "hidden_size": 2048, "rope_theta": 1e6}})");
  EXPECT_EQ(mistral.layers.at(0).query->head_dim, 64);
}

TEST(WrappersTest, ATextWithoutRotationIsRefused) {
  EXPECT_EQ(SentenceOf(R"({"model_type": "llava", "text_config": {"model_type": "opt"}})"),
            "cannot read config.json: text_config is a opt, which has no rotary positions: learned "
            "vectors are added to those of the tokens");
}

TEST(WrappersTest, FuyuIsFlatOrHasAPersimmonInside) {
  const auto first = [](const std::string& text) {
    return ReadText("config.json", text, {}).layers.at(0);
  };
  const LayerRope inside = first(
      Wrapper("fuyu", "", R"("model_type": "persimmon", "rope_parameters": {"rope_type": "default",
      "rope_theta": 25000.0, "partial_rotary_factor": 0.5})"));
  const LayerRope flat = first(R"({"model_type": "fuyu", "hidden_size": 4096,
    "num_attention_heads": 32, "num_hidden_layers": 8})");
  EXPECT_EQ(inside.theta, 25000);
  EXPECT_EQ(inside.rotary_dim, 64);
  EXPECT_EQ(inside.query, flat.query);
}

TEST(WrappersTest, AListForLongTextsCountsThoughTheTextIsShort) {
  const auto lists = [](const std::string& last) {
    std::string ones;
    for (int i = 0; i < 63; ++i) ones += "1.0, ";
    return R"("rope_scaling": {"rope_type": "longrope", "factor": 4.0,
      "original_max_position_embeddings": 131072, "short_factor": [)" +
           ones + R"(1.0], "long_factor": [)" + ones + last + "]}";
  };
  const std::string text = R"("model_type": "mistral", )" + lists("1.0");
  EXPECT_EQ(ReadText("config.json", Wrapper("mistral3", lists("1.0") + ", ", text)).layers.size(),
            1u);
  EXPECT_NE(SentenceOf(Wrapper("mistral3", lists("2.0") + ", ", text)).find("does not count"),
            std::string::npos);
}

TEST(WrappersTest, TheSameTwiceIsFine) {
  const std::string plain = Fingerprint(ReadText("config.json", Wrapper("qwen2_vl", "", kQwen)));
  for (const std::string own : {
           R"("rope_theta": 1000000, )",
           R"("rope_theta": 1000000.0, "rope_scaling": {"type": "mrope",
             "mrope_section": [16, 24, 24]}, )",
           R"("rope_scaling": {"rope_type": "default", "type": "default",
             "mrope_section": [16, 24, 24]}, )",
           R"("rope_parameters": {"rope_type": "default", "rope_theta": 1e6,
             "mrope_section": [16, 24, 24]}, )",
           R"("rope_theta": null, )",
       }) {
    SCOPED_TRACE(own);
    const RopeConfig config = ReadText("config.json", Wrapper("qwen2_vl", own, kQwen));
    EXPECT_EQ(Fingerprint(config), plain);
    EXPECT_TRUE(config.warnings.empty());
  }
  EXPECT_EQ(Fingerprint(ReadText("config.json", Wrapper("qwen2_vl", R"("rope_theta": 5, )", kQwen),
                                 {.length = {}, .layout = {}, .ignore = {"rope_theta"}})),
            plain);
}

TEST(WrappersTest, WrappersInWrappers) {
  const auto omni = [](const std::string& theta) {
    return R"({"model_type": "qwen2_5_omni", "thinker_config": {"model_type":
      "qwen2_5_omni_thinker", "rope_theta": )" +
           theta + R"(, "text_config": {"model_type": "qwen2_5_omni_text", "hidden_size": 3584,
      "num_attention_heads": 28, "num_hidden_layers": 2, "rope_theta": 1e6}}})";
  };
  EXPECT_EQ(ReadText("config.json", omni("1e6")).layers.size(), 1u);
  // However deep: the time grows with the depth, not with a power.
  std::string deep = R"({"model_type": "mistral", "head_dim": 8, "rope_theta": 1e6})";
  for (int i = 0; i < 40; ++i) {
    deep = Sentence(R"({"model_type": ")", i % 2 == 0 ? "gemma3" : "mistral3",
                    R"(", "rope_theta": 1e6, "text_config": )", deep, "}");
  }
  EXPECT_EQ(ReadText("config.json", deep).layers.size(), 1u);
  EXPECT_NE(SentenceOf(omni("1e5")).find("thinker_config.rope_theta = 100000"), std::string::npos);
}

}  // namespace
}  // namespace rotary
