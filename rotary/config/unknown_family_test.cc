// Properties: a config of a family that is not known is read with a layout where a layout is
// enough; where it is not, the sentence says why and names no flag that would hide it. Families
// that have other positions than rotary ones say which.
#include "rotary/config/unknown_family.h"

#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "rotary/config/rope_config.h"
#include "rotary/config/test_config.h"

namespace rotary {
namespace {

const std::string kStart = "cannot read config.json: ";

RopeConfig Read(const std::string& text, const std::set<std::string>& ignore = {}) {
  return ReadText("config.json", text, {.length = {}, .layout = Layout::kHalf, .ignore = ignore});
}

// With a layout and more keys.
std::string SentenceOf(const std::string& keys) {
  return Thrown([&] { Read(ModelText("new", keys)); });
}

TEST(UnknownFamilyTest, WhatNoLayoutSays) {
  const std::string latent = R"( is of latent attention: which channels of a head turn stands in )",
                    axes =
                        " is of positions on several axes: which pairs belong to which axis "
                        "stands in ",
                    layers = " is of layers that differ: which layers turn how stands in ",
                    end =
                        "the code of the family, which is not known; no layout says it, the "
                        "model_type of a family that does the same would, such as ";
  struct Case {
    std::string keys, value, what, like;
    std::string ignored;
  };
  for (const auto& [keys, value, what, like, ignored] : std::vector<Case>{
           {R"("kv_lora_rank": 512)", "kv_lora_rank = 512", latent, "deepseek_v3", "kv_lora_rank"},
           {R"("qk_rope_head_dim": 64)", "qk_rope_head_dim = 64", latent, "deepseek_v3",
            "qk_rope_head_dim"},
           {R"("mrope_section": [2, 3, 3])", "mrope_section = [2,3,3]", axes, "qwen2_vl_text",
            "mrope_section"},
           {R"("rope_scaling": {"type": "default", "mrope_section": [16, 24, 24]})",
            "rope_scaling.mrope_section = [16,24,24]", axes, "qwen2_vl_text", "mrope_section"},
           {R"("rope_scaling": {"type": "mrope"})", "rope_scaling.type = \"mrope\"", axes,
            "qwen2_vl_text", "type"},
           {R"("rope_parameters": {"full_attention": {"rope_theta": 5}})",
            "rope_parameters.full_attention = {\"rope_theta\":5}", layers, "gemma3_text",
            "full_attention"},
           {R"("rope_parameters": {"full_attention": null})",
            "rope_parameters.full_attention = null", layers, "gemma3_text", "full_attention"},
           {R"("no_rope_layers": [1, 1, 1, 0])", "no_rope_layers = [1,1,1,0]", layers,
            "gemma3_text", "no_rope_layers"},
           {R"("rope_local_base_freq": 1e4)", "rope_local_base_freq = 10000.0", layers,
            "gemma3_text", "rope_local_base_freq"}}) {
    EXPECT_EQ(SentenceOf(keys), kStart + value + what + end + like);
    EXPECT_NO_THROW(Read(ModelText("new", keys), {ignored})) << keys;
  }
}

TEST(UnknownFamilyTest, KeysThatOnlySomeRead) {
  EXPECT_EQ(SentenceOf(R"("rope_ratio": 2)"),
            kStart +
                "rope_ratio = 2 is read by the code of some families, and this one is not "
                "known; to leave it aside: --ignore rope_ratio");
  EXPECT_EQ(SentenceOf(R"("attn_config": {"rope_theta": 5})"),
            kStart +
                "attn_config.rope_theta = 5 is not read there, as the family is not known; "
                "write it at the top of the config; to leave it aside: --ignore rope_theta");
  EXPECT_EQ(SentenceOf(R"("alibi": true)"),
            kStart +
                "alibi = true tells positions another way, and a layout is given; to leave it "
                "aside: --ignore alibi");
  EXPECT_EQ(SentenceOf(R"("rope_interleave": true)"),
            kStart + "rope_interleave is true, --layout says false");
}

TEST(UnknownFamilyTest, SeveralTypesOfLayersAreAWarning) {
  EXPECT_TRUE(Read(ModelText("new", R"("layer_types": ["full_attention", "full_attention",
      "full_attention", "full_attention"])"))
                  .warnings.empty());
  const RopeConfig config = Read(ModelText("new", R"("layer_types": ["full_attention",
      "sliding_attention", "full_attention", "sliding_attention"])"));
  ASSERT_EQ(config.warnings.size(), 1u);
  EXPECT_EQ(config.warnings[0],
            "layer_types names 2 types of layers, and the family is not known: all are taken to "
            "rotate alike");
}

TEST(OtherPositionsTest, FamiliesSayWhatTheyHave) {
  const std::string has = ", which has no rotary positions: ";
  const std::string learned = "learned vectors are added to those of the tokens";
  const std::string alibi = "scores fall with the distance (ALiBi)";
  const std::string distances = "a learned number for each distance is added to the scores";
  const std::string both = learned + " and patches";
  for (const auto& [type, positions] : std::vector<std::pair<std::string, std::string>>{
           {"albert", learned},
           {"bert", learned},
           {"bloom", alibi},
           {"clip", both},
           {"gpt2", learned},
           {"mpt", alibi},
           {"mt5", distances},
           {"opt", learned},
           {"roberta", learned},
           {"siglip_vision_model", both},
           {"t5", distances},
           {"vit", "learned vectors are added to those of the patches"},
           {"whisper",
            "sines and cosines are added in the encoder, learned vectors in the decoder"}}) {
    EXPECT_EQ(SentenceOfText("config.json", ModelText(type)),
              kStart + "it is a " + type + has + positions);
    EXPECT_EQ(Thrown([&, t = type] { Read(ModelText(t)); }),
              kStart + "it is a " + type + has + positions);
  }
}

TEST(OtherPositionsTest, OnesWhoseOwnCodeRotates) {
  const auto keys = {R"("position_embedding_type": "rotary", "rotary_emb_base": 20000)",
                     R"("position_embedding_type": "rope")", R"("rope_theta": 20000)",
                     R"("attn_config": {"rope": true})"};
  for (const std::string key : keys) {
    const std::string sentence = SentenceOfText("config.json", ModelText("roberta", key));
    EXPECT_NE(sentence.find(" is of a rotation, and a roberta has none; where code of its own has, "
                            "give its layout by --layout half or --layout interleaved"),
              std::string::npos)
        << sentence;
  }
  EXPECT_EQ(Read(ModelText("roberta", *keys.begin())).layers.at(0).theta, 20000);
  EXPECT_NE(SentenceOfText("config.json", ModelText("mpt", R"("attn_config": {"rope": false})"))
                .find("ALiBi"),
            std::string::npos);
}

}  // namespace
}  // namespace rotary
