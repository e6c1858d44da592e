// Which positions tokens have, and how exact the angle is where these are large.
#include "rotary/golden/golden_sources.h"

namespace rotary {
namespace {

Json Small() {
  return Config(R"({"model_type": "llama", "hidden_size": 2048, "num_attention_heads": 32,
    "head_dim": 64, "max_position_embeddings": 1048576, "rope_theta": 500000.0})");
}

void AddPositions(GoldenSources& sources) {
  const auto add = [&](GoldenCase golden, Tensor positions) {
    golden.level = "positions";
    if (golden.config.is_null()) golden.config = Small();
    golden.heads = 2;
    Add(sources, std::move(golden), Half(64), Rounded(64, Half(64), {exact::Plain(64, 500000)}),
        std::move(positions));
  };
  add({.name = "negative",
       .meaning = "Negative positions, as cache shifts and centred grids have them.",
       .catches = "Table look-ups that wrap or clamp."},
      Whole({{0, -1, -7, 1, -2049}, {-4097, 2, -65537, 5, -131071}}));
  add({.name = "packed",
       .meaning = "Three texts in one row: positions start anew; the second row starts at 2.",
       .catches = "Positions counted on through the row: only the shape of position_ids used "
                  "(Megatron-LM#453, NeMo Automodel#2377)."},
      Whole({{0, 1, 2, 0, 1, 2, 3, 0, 1}, {2, 3, 4, 5, 0, 1, 0, 1, 2}}));
  add({.name = "left_padding",
       .meaning = "A row padded by three tokens on the left, which stand at 1 as transformers has "
                  "it, beside a full row.",
       .catches = "Positions from the column instead (unsloth#3795)."},
      Whole({{1, 1, 1, 0, 1, 2, 3}, {0, 1, 2, 3, 4, 5, 6}}));
  add({.name = "chunk",
       .meaning = "The second chunk of a prompt: rows go on at 2,048 and at 7; then two new ones.",
       .catches = "An offset that is lost, or counted twice (mlx-node#33)."},
      Whole({{2048, 2049, 2050, 2051}, {7, 8, 9, 10}, {0, 1, 2, 3}, {1, 2, 3, 4}}));
  add({.name = "backwards",
       .meaning = "Tokens in no order.",
       .catches = "A first position and a count in place of a list."},
      Whole({{7, 1, 0, 65537, 2049}, {131071, 3, 1, 4097, 2}}));
  add({.name = "million",
       .meaning = "Positions up to 1,048,575.",
       .catches = "Positions that are clamped at the end of a table, or overflow."},
      Whole({{0, 1, 7, 524287, 1048575}, {131072, 2, 1000003, 5, 262145}}));
  add({.name = "real",
       .meaning = "Times in seconds: positions need not be whole.",
       .catches = "Positions that are rounded to whole numbers."},
      Real({{0, 1, 0.25, 7.03125, 2049.5}, {4097.125, 2, 0.5, -3.75, 65537.0625}}));
  // RoTE (Audio Flamingo Next): -2 pi theta^(-2k/d) seconds, theta 1200, a fifth of the channels.
  Add(sources,
      {.name = "seconds_turns",
       .level = "positions",
       .meaning = "RoTE: pairs make theta^(-2i/d) turns a second, clockwise, theta 1200.",
       .catches = "Radians for turns; the sign."},
      Interleaved(24),
      Rounded(128, Interleaved(24),
              {exact::Divided(exact::Plain(24, 1200), Exact(-1) / (Exact(2) * Exact::Pi()))}),
      Real({{0, 1, 0.04, 29.96}, {12.5, 2, 0.5, 1200.125}}));
}

void AddPrecision(GoldenSources& sources) {
  const auto add = [&](GoldenCase golden, int head_dim, const ChannelPairs& pairs,
                       const exact::Scaled& scaled, Tensor positions) {
    golden.level = "precision";
    golden.tolerance = Tolerance::kExact;
    Add(sources, std::move(golden), pairs, Rounded(head_dim, pairs, scaled), std::move(positions));
  };
  const auto far = [] {
    return Whole({{0, 1, 7, 257, 2049, 4097, 1048575}, {65537, 2, 131071, 5, 1000003, 511, 39001}});
  };
  add({.name = "exact_half",
       .meaning = "Angles in double: theta 10000, positions to 1,048,575.",
       .catches = "Frequencies or angles in float32 (an error of 3e-2 there), bf16 or TF32; bf16 "
                  "positions (257 becomes 256).",
       .config = Config(R"({"model_type": "llama", "hidden_size": 4096, "num_attention_heads": 32,
         "max_position_embeddings": 4096, "rope_theta": 10000.0})")},
      128, Half(128), {exact::Plain(128, 10000)}, far());
  add({.name = "exact_interleaved",
       .meaning = "The same for neighbours and theta 500,000.",
       .catches = "As exact_half.",
       .config = Config(R"({"model_type": "llama4_text", "hidden_size": 5120, "head_dim": 128,
         "num_attention_heads": 40, "num_hidden_layers": 4, "max_position_embeddings": 1048576,
         "rope_theta": 500000.0})")},
      128, Interleaved(128), {exact::Plain(128, 500000)}, far());
  add({.name = "exact_yarn",
       .meaning = "The same with an attention factor.",
       .catches = "An attention factor rounded to 16 bits.",
       .config = Config(R"({"model_type": "gpt_oss", "head_dim": 64, "hidden_size": 2880,
         "num_attention_heads": 64, "max_position_embeddings": 131072, "rope_theta": 150000,
         "rope_scaling": {"rope_type": "yarn", "factor": 32.0, "beta_fast": 32.0,
         "beta_slow": 1.0, "truncate": false, "original_max_position_embeddings": 4096}})"),
       .heads = 2},
      64, Half(64), exact::ByYarn(64, 150000, {.factor = 32, .trained = 4096, .truncate = false}),
      far());
  add({.name = "exact_beyond_float",
       .meaning = "Positions that float32 cannot hold: 16,777,217 is 2^24 + 1.",
       .catches = "Positions as float32.",
       .config = Small(),
       .heads = 2},
      64, Half(64), {exact::Plain(64, 500000)},
      Whole({{0, 1, 7, 16777217}, {16777219, 2, 5, 1048577}}));
  add({.name = "exact_real",
       .meaning = "Fractions of a second at 100,000 seconds.",
       .catches = "Times as float32.",
       .config = Small(),
       .heads = 2},
      64, Half(64), {exact::Plain(64, 500000)},
      Real({{0, 1, 0.1, 100000.001}, {99999.999, 2, 86400.3, 0.7}}));
}

}  // namespace

void AddPositionCases(GoldenSources& sources) {
  AddPositions(sources);
  AddPrecision(sources);
}

}  // namespace rotary
