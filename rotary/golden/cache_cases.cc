// Keys that lie in a cache: moved, un-rotated, taken from one rotation to another, counted anew.
#include "rotary/golden/golden_sources.h"

namespace rotary {
namespace {

Json Yarn(double factor) {
  Json config = Config(R"({"model_type": "qwen2", "hidden_size": 1024, "num_attention_heads": 16,
    "rope_theta": 1000000.0,
    "rope_scaling": {"rope_type": "yarn", "original_max_position_embeddings": 1024}})");
  config["rope_scaling"]["factor"] = factor;
  config["max_position_embeddings"] = 1024 * static_cast<int>(factor);
  return config;
}

}  // namespace

void AddCacheCases(GoldenSources& sources) {
  const exact::Scaled yarn = exact::ByYarn(64, 1e6, {.factor = 8, .trained = 1024});
  const auto add = [&](GoldenCase golden, const exact::Scaled& scaled, Tensor positions) {
    golden.level = "cache";
    golden.side = Side::kKey;
    golden.heads = 2;
    Add(sources, std::move(golden), Half(64), Rounded(64, Half(64), scaled), std::move(positions));
  };
  add({.name = "shift",
       .meaning = "x is a key from the cache of a YaRN model: move it by the positions here. The "
                  "attention factor is in it already and is 1 here.",
       .catches = "The factor multiplied in again at every shift (llama.cpp).",
       .config = Yarn(8)},
      {yarn.frequency}, Whole({{0, 1, 7, -2049, 5}, {-4096, 2, -1, -7, 131071}}));
  add({.name = "unrotate",
       .meaning = "x is a key from the cache, at these positions: take the rotation off, attention "
                  "factor and all.",
       .catches = "The gradient in place of the inverse; the factor left in.",
       .config = Yarn(8),
       .direction = Direction::kInverse},
      yarn, UsualPositions());
  add({.name = "unrotate_output",
       .meaning =
           "Values that are keys (DeepSeek V4): what attention returns is rotated back at the "
           "position of the query, by a rotation without an attention factor.",
       .catches = "Outputs that depend on where the text stands.",
       .config = Config(R"({"model_type": "mistral", "hidden_size": 1024,
         "num_attention_heads": 16, "max_position_embeddings": 131072, "rope_theta": 10000.0})"),
       .direction = Direction::kInverse},
      {exact::Plain(64, 10000)}, UsualPositions());
  // Both rotations have the same pairs: off the one and on the other is one rotation by the
  // difference of frequencies.
  exact::Scaled rebase = exact::ByYarn(64, 1e6, {.factor = 16, .trained = 1024});
  rebase.attention_factor = rebase.attention_factor / yarn.attention_factor;
  for (size_t i = 0; i < rebase.frequency.size(); ++i) {
    rebase.frequency[i] = rebase.frequency[i] - yarn.frequency[i];
  }
  add({.name = "rebase",
       .meaning = "x is a key that from_config rotated at these positions: make it what config "
                  "would have made of it. Frequencies are differences, the attention factor a "
                  "quotient.",
       .catches = "Keys of two rotations in one cache when the factor changes.",
       .config = Yarn(16),
       .from_config = Yarn(8)},
      rebase, UsualPositions());
  add({.name = "streaming",
       .meaning = "Keys that are left in a cache after eviction, rotated by their number in it "
                  "(StreamingLLM): 0, 1, 2 .. in one row, from 4 on in another.",
       .catches = "Positions in the text used after eviction (VeloxQuant-MLX#389).",
       .config = Yarn(8)},
      yarn, Whole({{0, 1, 2, 3, 4, 5, 6}, {4, 5, 6, 7, 8, 9, 10}}));
  add({.name = "grouped",
       .meaning = "Self-extend: far keys share positions by groups of four, floor(p / 4).",
       .catches = "Positions that must grow by one.",
       .config = Yarn(8)},
      yarn, Whole({{0, 0, 0, 0, 1, 1, 1}, {512, 512, 512, 513, 513, 1, 2}}));
}

}  // namespace rotary
