// Plain rotations: layouts, spans, offsets, heads, one token, strided views, no rotation at all.
#include "rotary/golden/golden_sources.h"

namespace rotary {

void AddCoreCases(GoldenSources& sources) {
  const auto plain = [](int d, double theta) { return exact::Scaled{exact::Plain(d, theta)}; };

  Add(sources,
      {.name = "half",
       .level = "core",
       .meaning = "Channel i pairs with i + 64: Llama and most others as Hugging Face stores them.",
       .catches = "Interleaved pairs in place of halves (torchtitan, aprender#2252).",
       .config = Config(R"({"model_type": "llama", "hidden_size": 4096, "num_attention_heads": 32,
         "max_position_embeddings": 4096, "rope_theta": 10000.0})")},
      Half(128), Rounded(128, Half(128), plain(128, 10000)), UsualPositions());
  Add(sources,
      {.name = "interleaved",
       .level = "core",
       .meaning = "Channel 2i pairs with 2i + 1, the order of the paper; theta 8,000,000.",
       .catches = "Halves in place of neighbours; theta left at 10000.",
       .config = Config(R"({"model_type": "cohere", "hidden_size": 8192, "num_attention_heads": 64,
         "max_position_embeddings": 131072, "rope_theta": 8000000.0})")},
      Interleaved(128), Rounded(128, Interleaved(128), plain(128, 8e6)), UsualPositions());
  Add(sources,
      {.name = "roformer",
       .level = "core",
       .meaning = "RoFormer itself: neighbours, theta 10000 fixed in its code.",
       .catches = "Sines and cosines in the wrong columns of the table.",
       .config = Config(R"({"model_type": "roformer", "hidden_size": 768,
         "num_attention_heads": 12, "max_position_embeddings": 1536})"),
       .heads = 3},
      Interleaved(64), Rounded(64, Interleaved(64), plain(64, 10000)),
      Whole({{0, 1, 7, 511, 1535}, {1000, 2, 1023, 5, 300}}));
  Add(sources,
      {.name = "theta_in_rope_parameters",
       .level = "core",
       .meaning = "theta stands in rope_parameters, as transformers 5 writes configs.",
       .catches = "A reader of top-level keys gets theta 10000 in silence (DeepSpeed#8345, "
                  "MarinFold#184).",
       .config = Config(R"({"model_type": "qwen3", "hidden_size": 4096, "num_attention_heads": 32,
         "head_dim": 128, "max_position_embeddings": 40960,
         "rope_parameters": {"rope_type": "default", "rope_theta": 1000000}})")},
      Half(128), Rounded(128, Half(128), plain(128, 1e6)), UsualPositions());
  Add(sources,
      {.name = "theta_factor",
       .level = "core",
       .meaning = "ChatGLM's rope_ratio multiplies theta 10000; half the head, neighbours.",
       .catches = "A factor on theta that the reader does not know.",
       .config = Config(R"({"model_type": "chatglm", "hidden_size": 4096, "kv_channels": 128,
         "num_attention_heads": 32, "num_layers": 40, "original_rope": true, "rope_ratio": 500,
         "seq_length": 131072})")},
      Interleaved(64), Rounded(128, Interleaved(64), plain(64, 5e6)), UsualPositions());
  Add(sources,
      {.name = "partial_half",
       .level = "core",
       .meaning = "GPT-NeoX turns the first quarter of a head: exponents over 16, not 64.",
       .catches = "Exponents over head_dim, pairs head_dim / 2 apart (pie#603).",
       .config = Config(R"({"model_type": "gpt_neox", "hidden_size": 512,
         "num_attention_heads": 8, "max_position_embeddings": 2048, "rotary_pct": 0.25,
         "rotary_emb_base": 10000})"),
       .heads = 3},
      Half(16), Rounded(64, Half(16), plain(16, 10000)), UsualPositions());
  Add(sources,
      {.name = "partial_interleaved",
       .level = "core",
       .meaning = "GPT-J turns the first 64 of 256 channels, neighbours.",
       .catches = "All of the head turned; the rest not copied.",
       .config = Config(R"({"model_type": "gptj", "n_embd": 4096, "n_head": 16, "n_positions": 2048,
         "rotary_dim": 64})")},
      Interleaved(64), Rounded(256, Interleaved(64), plain(64, 10000)),
      Whole({{0, 1, 7, 2049}, {4097, 2, 131071, 5}}));
  Add(sources,
      {.name = "head_of_80",
       .level = "core",
       .meaning = "Phi-2: 32 of 80 channels turn; neither number fits vectors of 16.",
       .catches = "Kernels that round a head up, or stop at the last whole vector.",
       .config = Config(R"({"model_type": "phi", "hidden_size": 2560, "num_attention_heads": 32,
         "max_position_embeddings": 2048, "partial_rotary_factor": 0.4, "rope_theta": 10000.0})"),
       .heads = 2},
      Half(32), Rounded(80, Half(32), plain(32, 10000)), UsualPositions());

  const Json deepseek = Config(R"({"model_type": "deepseek_v3", "hidden_size": 7168,
    "num_attention_heads": 128, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64,
    "v_head_dim": 128, "max_position_embeddings": 4096, "rope_theta": 10000})");
  Add(sources,
      {.name = "last_channels_queries",
       .level = "core",
       .meaning = "Queries of latent attention turn their last 64 of 192 channels, neighbours.",
       .catches = "The first channels turned in place of the last.",
       .config = deepseek},
      Interleaved(64, 128), Rounded(192, Interleaved(64, 128), plain(64, 10000)), UsualPositions());
  Add(sources,
      {.name = "last_channels_keys",
       .level = "core",
       .meaning = "Its keys have one vector of 64 channels that turns, shared by all heads.",
       .catches = "The span of queries used for keys.",
       .config = deepseek,
       .side = Side::kKey},
      Interleaved(64), Rounded(64, Interleaved(64), plain(64, 10000)), UsualPositions());
  Json with_indexer = deepseek;
  with_indexer["model_type"] = "deepseek_v32";
  with_indexer["index_head_dim"] = 128;
  Add(sources,
      {.name = "indexer",
       .level = "core",
       .meaning = "The indexer of DeepSeek V3.2 turns its first 64 of 128 channels by halves, "
                  "beside a main attention of neighbours.",
       .catches = "The layout of the main attention used for the indexer (seven weeks in the "
                  "vendor's own reference).",
       .config = with_indexer,
       .part = "indexer"},
      Half(64), Rounded(128, Half(64), plain(64, 10000)), UsualPositions());
  Add(sources,
      {.name = "no_rotation",
       .level = "core",
       .meaning = "Every fourth layer of SmolLM3 has no rotation: the output is the input.",
       .catches = "Rotating all layers; reading no_rope_layers the wrong way round (1 rotates).",
       .config = Config(R"({"model_type": "smollm3", "hidden_size": 2048,
         "num_attention_heads": 16, "num_hidden_layers": 4, "max_position_embeddings": 65536,
         "no_rope_layers": [1, 1, 1, 0], "rope_theta": 5000000.0})"),
       .layer = 3},
      {}, Rotation{.head_dim = 128}, Whole({{0, 1, 7}, {4097, 2, 5}}));
  Add(sources,
      {.name = "one_token",
       .level = "core",
       .meaning = "One new token in each of six rows, at six positions.",
       .catches = "Batch rows above 0 turned by row 0's position when there is one token "
                  "(mlx#3494).",
       .config = Config(R"({"model_type": "llama", "hidden_size": 2048, "num_attention_heads": 32,
         "head_dim": 64, "max_position_embeddings": 8192, "rope_theta": 500000.0})"),
       .heads = 4},
      Half(64), Rounded(64, Half(64), plain(64, 500000)),
      Whole({{1}, {0}, {7}, {2049}, {4097}, {65537}}));
  Add(sources,
      {.name = "strided",
       .level = "core",
       .meaning =
           "x is heads 2 and 3 of a projection of six heads (x_wide): turn it where it lies.",
       .catches = "Kernels that take any tensor for a packed one.",
       .config = Config(R"({"model_type": "mistral", "hidden_size": 128, "num_attention_heads": 2,
         "max_position_embeddings": 32768, "rope_theta": 10000.0})"),
       .heads = 2,
       .strided = HeadRange{2, 4}},
      Half(64), Rounded(64, Half(64), plain(64, 10000)), UsualPositions());
}

}  // namespace rotary
