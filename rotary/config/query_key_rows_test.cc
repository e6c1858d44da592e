// Properties: rows of queries and keys move as the picture in the header says, in every form that
// checkpoints have them (alone, fused in each order, latent, biases, norms, LoRA); moving twice is
// moving back; values and all else stay; what cannot be named, or has another shape, is refused.
// Scores before and after: tests/convert_cli_test.py.
#include "rotary/config/query_key_rows.h"

#include <algorithm>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "rotary/io/test_folder.h"

namespace rotary {
namespace {

using Moves = std::vector<int64_t>;

// Heads of 4 channels in halves: rows 0 1 2 3 become 0 2 1 3.
struct Model {
  explicit Model(const std::string& keys, const std::string& type = "llama")
      : document(R"({"model_type": ")" + type + R"(", "head_dim": 4, "num_hidden_layers": 2, )" +
                     keys + "}",
                 "config.json"),
        rows(document.root(), ReadRopeConfig(document.root())) {}

  Moves Of(const std::string& name, const Dims& shape) { return rows.Moves("a", name, shape); }

  JsonDocument document;
  QueryKeyRows rows;
};

const std::string kGrouped = R"("num_attention_heads": 2, "num_key_value_heads": 1)";

TEST(QueryKeyRowsTest, ProjectionsBiasesNormsAndLora) {
  Model model(kGrouped);
  EXPECT_EQ(model.rows.layout(), Layout::kHalf);
  const Moves two = {0, 2, 1, 3, 4, 6, 5, 7}, one = {0, 2, 1, 3};
  const std::string at = "model.layers.1.self_attn.";
  EXPECT_EQ(model.Of(at + "q_proj.weight", {8, 5}), two);
  EXPECT_EQ(model.Of(at + "q_proj.bias", {8}), two);
  EXPECT_EQ(model.Of(at + "k_proj.weight", {4, 5}), one);
  EXPECT_EQ(model.Of(at + "q_norm.weight", {4}), one);
  EXPECT_EQ(model.Of(at + "q_norm.weight", {8}), two);     // over the whole row
  EXPECT_EQ(model.Of(at + "q_norm.weight", {2, 4}), two);  // a gain for each head
  EXPECT_EQ(model.Of(at + "k_layernorm.norms.0.bias", {4}), one);
  EXPECT_EQ(model.Of("base_model.model." + at + "q_proj.lora_B.weight", {8, 2}), two);
  EXPECT_EQ(model.Of(at + "q_proj.lora_B.default.weight", {8, 2}), two);
  EXPECT_EQ(model.Of(at + "q_proj.lora_magnitude_vector.weight", {8}), two);
  EXPECT_EQ(model.Of(at + "q_proj.base_layer.weight", {8, 5}), two);
  for (const char* still :
       {"q_proj.lora_A.weight", "v_proj.weight", "o_proj.weight", "rotary_emb.inv_freq"}) {
    EXPECT_TRUE(model.Of(at + still, {8, 5}).empty()) << still;
  }
  EXPECT_TRUE(model.Of("model.layers.1.cross_attn.q_proj.weight", {8, 5}).empty());
  EXPECT_TRUE(model.Of("model.layers.1.self_attn.indexer.wk.weight", {8, 5}).empty());
  EXPECT_TRUE(model.Of("model.norm.weight", {5}).empty());
  model.rows.CheckComplete("a");
}

TEST(QueryKeyRowsTest, HeadsOfWeights) {
  const Model grouped(kGrouped);
  const std::string at = "model.layers.1.self_attn.";
  const auto begins = [](const Model& model, const std::string& name, const Dims& shape) {
    std::string text;
    for (const QueryKeyRows::Head& head : model.rows.HeadsIn("a", name, shape)) {
      EXPECT_EQ(head.layer, 1);
      EXPECT_EQ(head.rotation->head_dim, 4);
      text += Sentence(head.is_key ? "k" : "q", head.begin, " ");
    }
    return text;
  };
  EXPECT_EQ(begins(grouped, at + "q_proj.weight", {8, 5}), "q0 q4 ");
  EXPECT_EQ(begins(grouped, at + "k_proj.weight", {4, 5}), "k0 ");
  const Model fused(R"("num_attention_heads": 2, "rotary_pct": 1.0)", "gpt_neox");
  EXPECT_EQ(begins(fused, "gpt_neox.layers.1.attention.query_key_value.weight", {24, 5}),
            "q0 k4 q12 k16 ");
  for (const char* none :
       {"q_proj.bias", "q_norm.weight", "q_proj.lora_B.weight", "v_proj.weight"}) {
    EXPECT_EQ(begins(grouped, at + none, {8, 5}), "") << none;
  }
  const QueryKeyRows reading(grouped.document.root(), ReadRopeConfig(grouped.document.root()),
                             "read");
  EXPECT_EQ(Thrown([&] {
              reading.HeadsIn("a", at + "q_proj.weight", {7, 5});
            }),
            "cannot read a: model.layers.1.self_attn.q_proj.weight is [7, 5], which is not what 2 "
            "query heads of 4 channels and 1 key heads of 4 make");
}

TEST(QueryKeyRowsTest, PartialSpansThereAndBack) {
  const auto moves = [](const std::string& keys) {
    const JsonDocument config(
        R"({"model_type": "nemotron", "head_dim": 8, "num_attention_heads": 1,
            "partial_rotary_factor": 0.75)" +
            keys + "}",
        "config.json");
    QueryKeyRows rows(config.root(), ReadRopeConfig(config.root()));
    return rows.Moves("a", "layers.0.self_attn.q_proj.bias", {8});
  };
  const Moves there = moves(""), back = moves(R"(, "rotary_layout": "interleaved")");
  EXPECT_EQ(there, (Moves{0, 3, 1, 4, 2, 5, 6, 7}));
  for (size_t row = 0; row < 8; ++row) {
    EXPECT_EQ(there[static_cast<size_t>(back[row])], static_cast<int64_t>(row));
  }
}

TEST(QueryKeyRowsTest, FusedOrders) {
  // One head of each after the other would be 0..3 query, 4..7 key, 8..11 value.
  const std::string two = R"("num_attention_heads": 2, "hidden_size": 8)";
  Model phi(two, "phi3");
  EXPECT_EQ(phi.Of("model.layers.0.self_attn.qkv_proj.weight", {24, 1}),
            (Moves{0,  2,  1,  3,  4,  6,  5,  7,  8,  10, 9,  11,
                   12, 14, 13, 15, 16, 17, 18, 19, 20, 21, 22, 23}));
  Model neox(two + R"(, "rotary_pct": 1.0)", "gpt_neox");
  const Moves by_head = {0,  2,  1,  3,  4,  6,  5,  7,  8,  9,  10, 11,
                         12, 14, 13, 15, 16, 18, 17, 19, 20, 21, 22, 23};
  EXPECT_EQ(neox.Of("gpt_neox.layers.0.attention.query_key_value.weight", {24, 1}), by_head);
  EXPECT_EQ(neox.Of("gpt_neox.layers.0.attention.query_key_value.bias", {24}), by_head);
  Model falcon(two, "falcon");  // one key head after all queries
  EXPECT_EQ(falcon.Of("transformer.h.0.self_attention.query_key_value.weight", {16, 1}),
            (Moves{0, 2, 1, 3, 4, 6, 5, 7, 8, 10, 9, 11, 12, 13, 14, 15}));
  Model old(two + R"(, "multi_query": false)", "falcon");
  EXPECT_EQ(old.Of("transformer.h.0.self_attention.query_key_value.weight", {24, 1}), by_head);
  Model grouped(R"("num_attention_heads": 4, "num_kv_heads": 2, "new_decoder_architecture": true)",
                "falcon");
  const Moves groups = grouped.Of("transformer.h.0.self_attention.query_key_value.weight", {32, 1});
  ASSERT_EQ(groups.size(), 32u);
  for (const int64_t head : {0, 1, 2, 4, 5, 6})
    EXPECT_EQ(groups[static_cast<size_t>(4 * head + 1)], 4 * head + 2);
  for (const int64_t value : {3, 7})
    EXPECT_EQ(groups[static_cast<size_t>(4 * value + 1)], 4 * value + 1);
  neox.rows.CheckComplete("a");
}

TEST(QueryKeyRowsTest, WhatStandsStill) {
  Model model(R"("num_attention_heads": 1, "no_rope_layers": [1, 0])", "smollm3");
  EXPECT_FALSE(model.Of("model.layers.0.self_attn.q_proj.weight", {4, 1}).empty());
  EXPECT_TRUE(model.Of("model.layers.1.self_attn.q_proj.weight", {4, 1}).empty());
}

TEST(QueryKeyRowsTest, WhatIsRefused) {
  Model model(kGrouped);
  const auto sentence = [&](const std::string& name, const Dims& shape) {
    return Thrown([&] { model.Of(name, shape); });
  };
  const std::string at = "layers.0.self_attn.";
  EXPECT_EQ(Thrown([&] { model.rows.CheckComplete("a"); }),
            "cannot convert a: there is no projection of queries or keys");
  EXPECT_EQ(
      sentence(at + "q_proj.weight", {16, 5}),
      "cannot convert a: layers.0.self_attn.q_proj.weight is [16, 5], which is not what 2 query "
      "heads of 4 channels and 1 key heads of 4 make");
  EXPECT_EQ(
      sentence(at + "q_proj.weight_scale", {8}),
      "cannot convert a: layers.0.self_attn.q_proj.weight_scale belongs to queries or keys, and "
      "is neither their weight, bias nor LoRA");
  EXPECT_EQ(
      sentence(at + "qkv_proj.weight", {16, 5}),
      "cannot convert a: layers.0.self_attn.qkv_proj.weight holds queries, keys and values in an "
      "order that is not known for this family");
  for (const std::string name : {"mystery_q", "key_value", "norm_k"}) {
    EXPECT_EQ(sentence(at + name + ".weight", {8, 5}),
              "cannot convert a: layers.0.self_attn." + name +
                  ".weight is called after queries or keys, and " + name +
                  " is no name that is known for them");
  }
  model.Of(at + "q_proj.weight", {8, 5});
  model.Of(at + "k_proj.bias", {4});  // without its weight
  EXPECT_EQ(Thrown([&] { model.rows.CheckComplete("a"); }),
            "cannot convert a: layer 0 has queries but no keys here");
  const auto config = [](const std::string& keys, const std::string& type) {
    return Thrown([&] { Model other(keys, type); });
  };
  EXPECT_EQ(config(R"("num_attention_heads": 3, "num_key_value_heads": 2)", "llama"),
            "cannot convert config.json: 2 key heads do not share 3 query heads");
  EXPECT_EQ(config(R"("hidden_size": 8)", "llama"),
            "cannot convert config.json: it does not say how many heads it has");
  EXPECT_EQ(
      config(R"("num_attention_heads": 2, "hidden_size": 8, "rotary_value": true)", "roformer"),
      "cannot convert config.json: its values rotate too (rotary_value)");
}

}  // namespace
}  // namespace rotary
