// Properties: what readers of configs get wrong, one line each, is read right here. Traps that no
// config decides (dtypes, caches, tables of cosines) are tests of the rooms that they belong to.
//
//   trap                                   caught by (here: TrapsTest, below)
//   pairs are in no config                 here; golden_cli_test.py test_layouts_and_spans
//   tables: half or full, which is first   rotate_cli_test.py test_widths_orders_and_dtypes,
//                                          PositionTableTest.RowsAreSinesThenCosines
//   denominators of a part of the head     here; RulesTest.ProportionalCountsTheWholeHead
//   channels that turn: first or last      here; golden_cli_test.py test_layouts_and_spans
//   magnitude on cosines, or in softmax    here; RulesTest.AttentionFactorsOfYarn
//   ends of yarn's ramp                    here; RulesTest.YarnOfGptOssIsNotTruncated
//   which length a rule counts from        here;
//                                          RulesTest.DynamicNtkGrowsBeyondTheLongestLengthOnly
//   longrope: which list, one magnitude    here; RulesTest.LongRope
//   a ramp of llama3 without width         here; RulesTest.Llama3WithOneBoundaryIsAStep
//   sections: pairs, one spectrum or many  here; OnAxesTest.EachPairReadsItsAxis
//   pairs that sections leave over         here; SectionsTest.InterleavedAsQwen3VlWritesThem
//   positions in few bits                  RotateErrorsTest.RowsOfPositions, PhasesTest,
//                                          golden_cli_test.py test_precision_and_rounding
//   moved keys keep their magnitude        KeyShiftTest.AMovedKeyIsTheKeyAtItsNewPosition
//   gains of QK-norm move with the layout  QueryKeyRowsTest.ProjectionsBiasesNormsAndLora
//   keys at another place, default theta   here; RopeConfigTest.OldAndNewDialectAgree
//   theta in code, tables in checkpoints   here; weights_cli_test.py
//   spectra that reach their end           SpectraTest.EndsAndSteps, ImageRotationTest.Dinov3,
//                                          VideoRotationTest.LtxRunsOverAllHeads
//   xPos: sign, centre, causal only        XposTest, PhasesTest.DecayGrowsKeysAndShrinksQueries,
//                                          image_models_test.py test_xpos_of_lucidrains
//   which axis comes first                 ImageRotationTest, GridTest,
//                                          image_models_test.py test_timm_names_an_architecture
//   cached keys of MLA in either order     here; convert_cli_test.py test_latent_attention
//   temperature: which layers, p or p + 1  here; RopeConfigTest.QueryTemperatures
//   no original length for yarn            here
//   inverse and gradient are two things    RotationPropertiesTest, golden_cli_test.py test_gradient
//   prefix and padding: angle 0 is a copy  RotateTest.TheAngleZeroCopiesToTheBit
//   key rows move by key heads             QueryKeyRowsTest.ProjectionsBiasesNormsAndLora
//   old buffers inv_freq are no weights    weights_cli_test.py test_old_buffers_do_not_count,
//                                          HfFolderTest.BareModelsAndOldBuffersAreRead
//   shapes show nothing, far scores do     RotationPropertiesTest.AScoreDependsOnTheDistanceAlone,
//                                          PublishedTest, golden_cli_test.py
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "rotary/config/rope_config.h"
#include "rotary/config/test_config.h"

namespace rotary {
namespace {

RopeConfig Read(const std::string& text, std::optional<double> length = {}) {
  return ReadText("config.json", text, {.length = length, .layout = {}, .ignore = {}});
}

LayerRope First(const std::string& text, std::optional<double> length = {}) {
  return Read(text, length).layers.at(0);
}

bool Near(double actual, double expected) { return std::abs(actual / expected - 1) < 6e-10; }

std::string List(const std::string& number) {
  std::string text = "[" + number;
  for (int i = 1; i < 64; ++i) text += ", " + number;
  return text + "]";
}

struct Trap {
  const char* what;
  std::function<void()> check;
};

const std::vector<Trap>& Traps() {
  static const std::vector<Trap> traps = {
      {"the layout is a fact of the architecture, in no key of the config",
       [] {
         EXPECT_EQ(First(ModelText("llama")).layout, "half");
         EXPECT_EQ(First(ModelText("cohere")).layout, "interleaved");
         EXPECT_EQ(First(ModelText("glm4")).layout, "interleaved");
         EXPECT_EQ(First(ModelText("glm4_moe")).layout, "half");
       }},
      {"exponents count the rotated channels, but all of the head where it is proportional",
       [] {
         const LayerRope part = First(ModelText("glm", R"("partial_rotary_factor": 0.5)"));
         EXPECT_EQ(part.query->frequency[1], std::pow(1e4, -2.0 / 64));
         const LayerRope share = First(ModelText("qwen2", R"("rope_parameters":
           {"rope_type": "proportional", "partial_rotary_factor": 0.5, "rope_theta": 1e4})"));
         EXPECT_EQ(share.query->frequency[1], std::pow(1e4, -2.0 / 128));
         EXPECT_EQ(share.query->second[0], 64);
         EXPECT_EQ(share.query->frequency[32], 0);
       }},
      {"rotated channels come last in MLA, first in its indexer",
       [] {
         const RopeConfig config = Read(ModelText("deepseek_v32", R"("index_head_dim": 128)"));
         EXPECT_EQ(config.layers.at(0).offset, 128);
         EXPECT_EQ(config.layers.at(1).part, "indexer");
         EXPECT_EQ(config.layers[1].query->first[0], 0);
       }},
      {"the magnitude is on cosines and sines; DeepSeek's is in the softmax, squared",
       [] {
         const std::string yarn = R"("factor": 40, "original_max_position_embeddings": 4096)";
         const LayerRope plain =
             First(ModelText("llama", R"("rope_scaling": {"type": "yarn", )" + yarn + "}"));
         EXPECT_TRUE(Near(plain.query->attention_factor, 1 + 0.1 * std::log(40)));
         EXPECT_EQ(plain.softmax_multiplier, 1);
         const LayerRope latent = First(ModelText("deepseek_v3", R"("rope_scaling": {"type": "yarn",
           "mscale": 1.0, "mscale_all_dim": 1.0, )" + yarn + "}"));
         EXPECT_EQ(latent.query->attention_factor, 1);
         EXPECT_TRUE(Near(latent.softmax_multiplier, std::pow(1 + 0.1 * std::log(40), 2)));
       }},
      {"mscale_all_dim 0 is none, whatever mscale says (Devstral 2)",
       [] {
         const LayerRope layers = First(ModelText("ministral3", R"("rope_parameters": {"rope_type":
           "yarn", "factor": 64.0, "original_max_position_embeddings": 4096, "mscale": 1.0,
           "mscale_all_dim": 0.0, "rope_theta": 1e6})"));
         EXPECT_TRUE(Near(layers.query->attention_factor, 1 + 0.1 * std::log(64)));
       }},
      {"the ramp of yarn may end beyond the last pair, on whole pairs unless truncate is false",
       [] {
         // Of 4 pairs: the ramp ends at 5, not at 3.
         const LayerRope far = First(R"({"model_type": "qwen2", "head_dim": 8,
           "num_hidden_layers": 1, "rope_scaling": {"type": "yarn", "factor": 4,
           "original_max_position_embeddings": 100000}})");
         EXPECT_TRUE(Near(far.query->frequency[3], 0.001 * (1 - 0.75 / 3)));
         const std::string oss = R"({"model_type": "gpt_oss", "num_hidden_layers": 1,
           "rope_theta": 150000, "rope_scaling": {"rope_type": "yarn", "factor": 32.0,
           "original_max_position_embeddings": 4096, "truncate": )";
         EXPECT_TRUE(Near(First(oss + "false}}").query->frequency[12], 6.794959490e-3));
         EXPECT_TRUE(Near(First(oss + "true}}").query->frequency[12], 7.015713911e-3));
       }},
      {"dynamic asks for the longest length, the others for the original one",
       [] {
         const std::string lengths = R"("max_position_embeddings": 4096, "rope_scaling":
           {"factor": 2.0, "original_max_position_embeddings": 2048, "type": )";
         EXPECT_TRUE(
             Near(First(ModelText("llama", lengths + R"("dynamic"})"), 8192).query->frequency[63],
                  3.849273282e-5));
         EXPECT_EQ(First(ModelText("llama", lengths + R"("dynamic"})"), 3000).query->frequency[63],
                   First(ModelText("llama")).query->frequency[63]);
         EXPECT_EQ(std::get<YarnRule>(First(ModelText("llama", lengths + R"("yarn"})")).rule)
                       .trained_length,
                   2048);
       }},
      {"longrope changes its list beyond the original length; its magnitude holds for both",
       [] {
         const std::string text = ModelText("phi3", R"("original_max_position_embeddings": 4096,
           "max_position_embeddings": 131072, "rope_scaling": {"type": "longrope",
           "short_factor": )" + List("1.0") + R"(, "long_factor": )" +
                                                        List("2.0") + "}");
         EXPECT_EQ(First(text, 4096).query->frequency[0], 1);
         EXPECT_EQ(First(text, 4097).query->frequency[0], 0.5);
         EXPECT_TRUE(Near(First(text, 1).query->attention_factor, 1.190238071));
       }},
      {"Llama 4 Scout's band of llama3 has no width",
       [] {
         const LayerRope scout = First(ModelText("llama4_text", R"("rope_scaling": {"rope_type":
           "llama3", "factor": 16.0, "low_freq_factor": 1.0, "high_freq_factor": 1.0,
           "original_max_position_embeddings": 8192})"));
         for (const double frequency : scout.query->frequency) EXPECT_TRUE(frequency > 0);
         EXPECT_TRUE(Near(scout.query->frequency[63] * 16, std::pow(5e5, -126.0 / 128)));
         EXPECT_EQ(scout.query->frequency[30], std::pow(5e5, -60.0 / 128));
       }},
      {"sections count pairs, whose frequencies go on from one to the next; in towers they start "
       "again",
       [] {
         const RopeConfig config = Read(ModelText("qwen2_vl", R"("rope_scaling": {"type": "mrope",
           "mrope_section": [16, 24, 24]}, "vision_config": {"model_type": "qwen2_vl", "depth": 2,
           "embed_dim": 1280, "num_heads": 16})"));
         const Rotation& text = *config.layers.at(0).query;
         EXPECT_EQ(text.frequency[3 * 16 + 1], std::pow(1e6, -32.0 / 128));
         const Rotation& tower = *config.layers.at(1).query;
         EXPECT_EQ(tower.frequency[0], 1);
         EXPECT_EQ(tower.frequency[2 * 20 + 1], 1);  // the first of the second axis
       }},
      {"the pairs that interleaved sections leave over turn with time",
       [] {
         const LayerRope layers = First(ModelText("qwen3_vl_text", R"("rope_scaling": {"rope_type":
           "default", "mrope_section": [24, 20, 20]})"));
         for (const size_t pair : {60u, 61u, 62u, 63u}) {
           EXPECT_NE(layers.query->frequency[3 * pair], 0);
         }
         EXPECT_EQ(layers.query->frequency[3 * 59], 0);
       }},
      {"theta may stand at the top, in the dictionary, or in that of a type of layers",
       [] {
         const std::string inside = R"("rope_theta": 500000.0})";
         EXPECT_EQ(First(ModelText("llama", R"("rope_theta": 500000)")).theta, 5e5);
         EXPECT_EQ(
             First(ModelText("llama", R"("rope_parameters": {"rope_type": "default", )" + inside))
                 .theta,
             5e5);
         EXPECT_EQ(First(ModelText("gemma3_text", R"("head_dim": 256, "sliding_window_pattern": 1,
           "rope_parameters": {"full_attention": {"rope_type": "default", )" +
                                                      inside + "}"))
                       .theta,
                   5e5);
       }},
      {"a missing theta is the family's, not 10000",
       [] {
         EXPECT_EQ(First(ModelText("mixtral")).theta, 1e6);
         EXPECT_EQ(First(ModelText("smollm3")).theta, 2e6);
         EXPECT_EQ(First(ModelText("helium")).theta, 1e5);
         EXPECT_EQ(First(ModelText("cohere2", R"("sliding_window": 4096)")).theta, 1e4);
       }},
      {"a missing dictionary is the class's own, not none",
       [] {
         EXPECT_TRUE(Near(First(ModelText("gpt_oss", R"("head_dim": 64)")).query->attention_factor,
                          1.346573590));
         EXPECT_EQ(std::get<YarnRule>(First(ModelText("ministral3")).rule).factor, 16);
         EXPECT_TRUE(std::holds_alternative<ProportionalRule>(
             Read(ModelText("gemma4_text")).layers.at(1).rule));
       }},
      {"an outer original length counts beside a dictionary",
       [] {
         EXPECT_EQ(
             std::get<YarnRule>(First(ModelText("llama", R"("original_max_position_embeddings":
           4096, "rope_scaling": {"type": "yarn", "factor": 4})"))
                                    .rule)
                 .trained_length,
             4096);
       }},
      {"theta of RoFormer and GPT-J stands in their code",
       [] {
         EXPECT_EQ(First(ModelText("roformer")).theta, 1e4);
         EXPECT_THROW(Read(ModelText("roformer", R"("rope_theta": 500000)")), FileError);
         EXPECT_THROW(Read(ModelText("gptj", R"("rope_theta": 500000)")), FileError);
       }},
      {"queries and keys of MLA differ in width",
       [] {
         const LayerRope layers = First(ModelText("deepseek_v3"));
         EXPECT_EQ(layers.query->head_dim, 192);
         EXPECT_EQ(layers.key->head_dim, 64);
         EXPECT_EQ(layers.key->frequency, layers.query->frequency);
       }},
      {"the last channels of MLA are neighbours, or halves where a key says so",
       [] {
         EXPECT_EQ(First(ModelText("deepseek_v3")).key->second[0], 1);
         const LayerRope halves = First(ModelText("deepseek_v3", R"("rope_interleave": false)"));
         EXPECT_EQ(halves.key->second[0], 32);
         EXPECT_EQ(halves.query->second[0], 128 + 32);
       }},
      {"Llama 4 heats the layers that do not rotate, by p + 1; Ministral all, by p",
       [] {
         const RopeConfig llama = Read(ModelText("llama4_text"));
         EXPECT_FALSE(llama.layers.at(0).query_temperature.has_value());
         EXPECT_NE(llama.layers.at(1).query_temperature->At(8191), 1);
         const LayerRope ministral = First(ModelText("ministral3"));
         EXPECT_EQ(ministral.query_temperature->At(16383), 1);
         EXPECT_NE(ministral.query_temperature->At(16384), 1);
       }},
      {"without an original length yarn takes the longest one, which is a warning",
       [] {
         const RopeConfig config = Read(ModelText("llama", R"("max_position_embeddings": 131072,
           "rope_scaling": {"type": "yarn", "factor": null})"));
         EXPECT_EQ(std::get<YarnRule>(config.layers.at(0).rule).factor, 1);
         EXPECT_EQ(config.warnings.size(), 1u);
       }},
  };
  return traps;
}

TEST(TrapsTest, All) {
  for (const Trap& trap : Traps()) {
    SCOPED_TRACE(trap.what);
    trap.check();
  }
}

}  // namespace
}  // namespace rotary
