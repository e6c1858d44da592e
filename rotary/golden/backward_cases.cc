// The gradient (every case has one; here an engine must give it), and the minimum test: batch rows
// with different offsets, three tokens and more and also one, part of a head turned, as many heads
// as no other number, keys with fewer heads than queries, forward and backward, packed and strided.
#include <string>

#include "rotary/golden/golden_sources.h"

namespace rotary {
namespace {

void AddMinimum(GoldenSources& sources) {
  const Json config = Config(R"({"model_type": "stablelm", "hidden_size": 256,
    "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 131072,
    "partial_rotary_factor": 0.25, "rope_theta": 10000})");
  const ChannelPairs pairs = Half(16);
  for (const bool query : {true, false}) {
    const std::string of = query ? "queries" : "keys";
    GoldenCase golden{.level = "backward",
                      .meaning = "The minimum test, " + of +
                                 ": rows 0, 1, 7, 2049, 4097, 65537 "
                                 "and others, 16 of 64 channels, four heads of queries, two of "
                                 "keys.",
                      .catches =
                          "Nearly everything: batch rows, spans, heads for tokens, "
                          "positions, the gradient.",
                      .config = config,
                      .side = query ? Side::kQuery : Side::kKey,
                      .heads = query ? 4 : 2};
    const Rotation rotation = Rounded(64, pairs, {exact::Plain(16, 10000)});
    golden.name = "minimum_" + of;
    Add(sources, golden, pairs, rotation,
        Whole({{0, 1, 7, 2049, 4097, 65537}, {3, 4, 5, 1, 2, 131071}}));
    golden.name = "minimum_one_token_" + of;
    golden.meaning = "The minimum test with one token in each row, " + of + ".";
    Add(sources, golden, pairs, rotation, Whole({{1}, {0}, {7}, {2049}, {65537}}));
    golden.name = "minimum_strided_" + of;
    golden.meaning =
        "The minimum test on part of a projection of queries, keys and values, " + of + ".";
    golden.strided = query ? HeadRange{0, 4} : HeadRange{4, 6};
    Add(sources, golden, pairs, rotation,
        Whole({{0, 1, 7, 2049, 4097, 65537}, {3, 4, 5, 1, 2, 131071}}));
  }
}

}  // namespace

void AddBackwardCases(GoldenSources& sources) {
  AddMinimum(sources);
  Add(sources,
      {.name = "gradient",
       .level = "backward",
       .meaning = "The gradient of a plain rotation is the rotation by -p.",
       .catches = "The forward rotation in its place.",
       .config = Config(R"({"model_type": "cohere", "hidden_size": 1024, "num_attention_heads": 16,
         "max_position_embeddings": 8192, "rope_theta": 10000.0})"),
       .heads = 3},
      Interleaved(64), Rounded(64, Interleaved(64), {exact::Plain(64, 10000)}), UsualPositions());
  Add(sources,
      {.name = "gradient_attention_factor",
       .level = "backward",
       .meaning = "With an attention factor the gradient is not the inverse: it is multiplied by "
                  "the factor, the inverse divided.",
       .catches = "The inverse in place of the gradient.",
       .config = Config(R"({"model_type": "llama", "hidden_size": 1024, "num_attention_heads": 16,
         "max_position_embeddings": 32768, "rope_theta": 10000.0, "rope_scaling":
         {"rope_type": "yarn", "factor": 16.0, "original_max_position_embeddings": 2048}})"),
       .heads = 3},
      Half(64), Rounded(64, Half(64), exact::ByYarn(64, 10000, {.factor = 16, .trained = 2048})),
      UsualPositions());
}

}  // namespace rotary
