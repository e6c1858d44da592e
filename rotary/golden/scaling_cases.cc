// Every rule that changes frequencies for long context, and the other spectra of one axis.
#include <string>

#include "rotary/golden/golden_sources.h"

namespace rotary {
namespace {

// A llama of 128 channels a head and 4096 tokens with these keys.
Json Llama(const std::string& keys) {
  return Config(R"({"model_type": "llama", "hidden_size": 4096, "num_attention_heads": 32,
    "max_position_embeddings": 4096, "rope_theta": 10000.0, )" +
                keys + "}");
}

// The divisors of LongRoPE's published form: 16 for heads of 32, growing as those of Phi-3.5 do.
std::vector<double> Divisors(double last) {
  std::vector<double> divisors;
  divisors.reserve(16);
  for (int i = 0; i < 16; ++i) divisors.push_back(1 + (last - 1) * i * i / 256);
  return divisors;
}

Json Phi3(const std::string& type) {
  const Json lists = {{"type", type}, {"short_factor", Divisors(3)}, {"long_factor", Divisors(65)}};
  Json config = Config(R"({"model_type": "phi3", "hidden_size": 1024, "num_attention_heads": 32,
    "max_position_embeddings": 131072, "original_max_position_embeddings": 4096,
    "rope_theta": 10000.0})");
  config["rope_scaling"] = lists;
  return config;
}

void AddYarn(GoldenSources& sources) {
  Add(sources,
      {.name = "yarn",
       .level = "scaling",
       .meaning = "YaRN as Qwen2.5's authors say to stretch it: factor 4 over 32,768, whole pairs "
                  "at the ends of the ramp, cosines and sines times 1.1386.",
       .catches = "The attention factor left out, or applied twice (sglang#33558).",
       .config = Config(R"({"model_type": "qwen2", "hidden_size": 3584, "num_attention_heads": 28,
         "max_position_embeddings": 131072, "rope_theta": 1000000.0, "rope_scaling":
         {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768}})")},
      Half(128), Rounded(128, Half(128), exact::ByYarn(128, 1e6, {.factor = 4, .trained = 32768})),
      UsualPositions());
  Add(sources,
      {.name = "yarn_long_ramp",
       .level = "scaling",
       .meaning = "The ramp ends at pair 35 of 32: up to d - 1 it is not cut.",
       .catches = "A ramp cut at the last pair, d/2 - 1.",
       .config = Config(R"({"model_type": "llama", "hidden_size": 2048, "num_attention_heads": 32,
         "max_position_embeddings": 524288, "rope_theta": 10000.0, "rope_scaling":
         {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 131072}})"),
       .heads = 2},
      Half(64), Rounded(64, Half(64), exact::ByYarn(64, 10000, {.factor = 4, .trained = 131072})),
      UsualPositions());
  Add(sources,
      {.name = "yarn_not_truncated",
       .level = "scaling",
       .meaning = "gpt-oss: the ends of the ramp are not rounded (truncate false).",
       .catches = "Rounded ends: 76% off at pair 17.",
       .config = Config(R"({"model_type": "gpt_oss", "head_dim": 64, "hidden_size": 2880,
         "num_attention_heads": 64, "max_position_embeddings": 131072, "rope_theta": 150000,
         "rope_scaling": {"rope_type": "yarn", "factor": 32.0, "beta_fast": 32.0,
         "beta_slow": 1.0, "truncate": false, "original_max_position_embeddings": 4096}})"),
       .heads = 2},
      Half(64),
      Rounded(64, Half(64),
              exact::ByYarn(64, 150000, {.factor = 32, .trained = 4096, .truncate = false})),
      UsualPositions());
  Add(sources,
      {.name = "yarn_attention_factor",
       .level = "scaling",
       .meaning = "A given attention_factor replaces the formula.",
       .catches = "The key ignored: 1.4159 where 1.0 is asked (vllm#46280).",
       .config = Config(R"({"model_type": "mistral", "hidden_size": 4096,
         "num_attention_heads": 32, "max_position_embeddings": 262144, "rope_theta": 10000.0,
         "rope_scaling": {"rope_type": "yarn", "factor": 64.0, "beta_fast": 16,
         "original_max_position_embeddings": 4096, "attention_factor": 1.0}})")},
      Half(128),
      Rounded(
          128, Half(128),
          exact::ByYarn(128, 10000,
                        {.factor = 64, .trained = 4096, .beta_fast = 16, .attention_factor = 1})),
      UsualPositions());
  Add(sources,
      {.name = "yarn_mscale",
       .level = "scaling",
       .meaning = "mscale and mscale_all_dim: the attention factor is the quotient of two "
                  "magnitudes, 0.9213 here.",
       .catches = "One of the two ignored (vllm#48621).",
       .config = Config(R"({"model_type": "deepseek_v2", "hidden_size": 2048,
         "num_attention_heads": 16, "qk_nope_head_dim": 0, "qk_rope_head_dim": 64,
         "v_head_dim": 128, "max_position_embeddings": 163840, "rope_theta": 10000,
         "rope_scaling": {"type": "yarn", "factor": 40, "beta_fast": 32, "beta_slow": 1,
         "mscale": 0.707, "mscale_all_dim": 1.0, "original_max_position_embeddings": 4096}})"),
       .heads = 2},
      Interleaved(64),
      Rounded(
          64, Interleaved(64),
          exact::ByYarn(64, 10000,
                        {.factor = 40, .trained = 4096, .mscale = 0.707, .mscale_all_dim = 1.0})),
      UsualPositions());
  Add(sources,
      {.name = "yarn_original_factors",
       .level = "scaling",
       .meaning = "The two factors of YaRN's own code: fast pairs stay by 0.75 only, the attention "
                  "factor is multiplied by 1.25.",
       .catches = "Keys that are read and not used.",
       .config = Llama(R"("rope_scaling": {"rope_type": "yarn", "factor": 8.0,
         "original_max_position_embeddings": 512, "extrapolation_factor": 0.75,
         "attn_factor": 1.25})")},
      Half(128),
      Rounded(
          128, Half(128),
          exact::ByYarn(
              128, 10000,
              {.factor = 8, .trained = 512, .extrapolation_factor = 0.75, .attn_factor = 1.25})),
      UsualPositions());
  Add(sources,
      {.name = "yarn_log",
       .level = "scaling",
       .meaning = "Grok's YaRN: the ramp blends logarithms of frequencies, no attention factor.",
       .catches = "The linear blend under another name.",
       .config = Llama(R"("rope_scaling": {"rope_type": "yarn_log", "factor": 16.0,
         "original_max_position_embeddings": 256})")},
      Half(128),
      Rounded(128, Half(128),
              exact::ByYarn(128, 10000, {.factor = 16, .trained = 256, .logarithmic = true})),
      UsualPositions());
  Add(sources,
      {.name = "yarn_factor_from_lengths",
       .level = "scaling",
       .meaning = "No factor: it is max_position_embeddings / original_max_position_embeddings.",
       .catches = "A factor of 1 taken where the key is null.",
       .config = Llama(R"("rope_scaling": {"rope_type": "yarn", "factor": null,
         "original_max_position_embeddings": 512})")},
      Half(128), Rounded(128, Half(128), exact::ByYarn(128, 10000, {.factor = 8, .trained = 512})),
      UsualPositions());
}

void AddLength(GoldenSources& sources) {
  const Json dynamic = Llama(R"("rope_scaling": {"type": "dynamic", "factor": 2.0})");
  Add(sources,
      {.name = "dynamic_short",
       .level = "scaling",
       .meaning = "Dynamic NTK up to the trained length changes nothing.",
       .catches = "A bracket below 1 for short texts: NaN (vllm#52665).",
       .config = dynamic,
       .length = 100},
      Half(128), Rounded(128, Half(128), {exact::Plain(128, 10000)}),
      Whole({{0, 1, 7, 64}, {99, 2, 50, 5}}));
  Add(sources,
      {.name = "dynamic_long",
       .level = "scaling",
       .meaning = "Dynamic NTK for a text of 16,384 tokens: one theta for all of it.",
       .catches = "The formula reduced to a constant (vllm#5093, #41236); the original length in "
                  "place of max_position_embeddings.",
       .config = dynamic,
       .length = 16384},
      Half(128),
      Rounded(
          128, Half(128),
          {exact::Plain(128, exact::NtkTheta(128, 10000, exact::DynamicAlpha(2, 4096, 16384)))}),
      Whole({{0, 1, 7, 2049, 16383}, {4097, 2, 8191, 5, 10000}}));
  Add(sources,
      {.name = "qwen_dynamic",
       .level = "scaling",
       .meaning = "Qwen 1 grows theta in steps of the length: alpha 3 at 16,384 tokens of a model "
                  "of 8,192.",
       .catches = "transformers' dynamic rule in its place.",
       .config = Config(R"({"model_type": "qwen", "hidden_size": 4096, "kv_channels": 128,
         "num_attention_heads": 32, "max_position_embeddings": 8192, "seq_length": 8192,
         "rotary_emb_base": 10000, "rotary_pct": 1.0, "use_dynamic_ntk": true,
         "use_logn_attn": true})"),
       .length = 16384},
      Half(128), Rounded(128, Half(128), {exact::Plain(128, exact::NtkTheta(128, 10000, 3))}),
      Whole({{0, 1, 7, 2049, 16383}, {4097, 2, 8191, 5, 10000}}));
  const auto longrope = [](double last) {
    return Rounded(32, Half(32), exact::ByLongRope(32, 10000, Divisors(last), 32, 4096));
  };
  Add(sources,
      {.name = "longrope_short",
       .level = "scaling",
       .meaning = "LongRoPE up to the original length: the short list, and the attention factor "
                  "1.1902 all the same.",
       .catches = "The factor left out for short texts; always the long list.",
       .config = Phi3("longrope"),
       .length = 4096,
       .heads = 3},
      Half(32), longrope(3), Whole({{0, 1, 7, 2049, 4095}, {3, 2, 1000, 5, 4000}}));
  Add(sources,
      {.name = "longrope_long",
       .level = "scaling",
       .meaning = "One token more: the long list for the whole text.",
       .catches = "The list chosen by what is allocated, or by each chunk (llama.cpp#24823, "
                  "uzu#604).",
       .config = Phi3("longrope"),
       .length = 4097,
       .heads = 3},
      Half(32), longrope(65), UsualPositions());
  Add(sources,
      {.name = "longrope_su",
       .level = "scaling",
       .meaning = "The same by the rule's first name, \"su\".",
       .catches = "A name that the reader does not know.",
       .config = Phi3("su"),
       .length = 4097,
       .heads = 3},
      Half(32), longrope(65), UsualPositions());
}

void AddPerLayer(GoldenSources& sources) {
  const Json gemma3 = Config(R"({"model_type": "gemma3_text", "hidden_size": 2560,
    "num_attention_heads": 8, "head_dim": 256, "num_hidden_layers": 2,
    "max_position_embeddings": 131072, "sliding_window": 1024,
    "layer_types": ["sliding_attention", "full_attention"],
    "rope_parameters": {"sliding_attention": {"rope_type": "default", "rope_theta": 10000.0},
    "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1000000.0}}})");
  Add(sources,
      {.name = "per_layer_sliding",
       .level = "scaling",
       .meaning = "Gemma 3's sliding layers: theta 10000, not scaled.",
       .catches = "The scaling of full layers applied to all.",
       .config = gemma3},
      Half(256), Rounded(256, Half(256), {exact::Plain(256, 10000)}),
      Whole({{0, 1, 7, 2049}, {4097, 2, 65537, 5}}));
  Add(sources,
      {.name = "per_layer_full",
       .level = "scaling",
       .meaning = "Gemma 3's full layers: theta 1,000,000, linear factor 8.",
       .catches = "The theta of sliding layers used for all.",
       .config = gemma3,
       .layer = 1},
      Half(256), Rounded(256, Half(256), {exact::Divided(exact::Plain(256, 1e6), 8)}),
      Whole({{0, 1, 7, 2049}, {4097, 2, 65537, 5}}));
  exact::Scaled compressed = exact::ByYarn(64, 160000, {.factor = 16, .trained = 65536});
  compressed.attention_factor = 1;
  Add(sources,
      {.name = "per_layer_compressed",
       .level = "scaling",
       .meaning = "DeepSeek V4's compressed layers: theta 160,000 and YaRN, but the attention "
                  "factor is 1; the last 64 of 512 channels, neighbours.",
       .catches = "The attention factor of the formula; the theta of the other layers.",
       .config = Config(R"({"model_type": "deepseek_v4", "head_dim": 512, "hidden_size": 4096,
         "num_attention_heads": 64, "num_hidden_layers": 4, "qk_rope_head_dim": 64,
         "max_position_embeddings": 1048576, "rope_theta": 10000, "compress_rope_theta": 160000,
         "compress_ratios": [0, 0, 4, 128], "rope_scaling": {"type": "yarn", "factor": 16,
         "beta_fast": 32, "beta_slow": 1, "original_max_position_embeddings": 65536}})"),
       .part = "text",
       .layer = 2},
      Interleaved(64, 448), Rounded(512, Interleaved(64, 448), compressed),
      Whole({{0, 1, 7}, {4097, 2, 65537}}));
  Add(sources,
      {.name = "proportional",
       .level = "scaling",
       .meaning = "Gemma 4's full layers: of all pairs (i, i + 256) of a head of 512 the first 64 "
                  "move, exponents over 512; the others stand still.",
       .catches = "Ordinary partial rotation: pairs (i, i + 64), exponents over 128.",
       .config = Config(R"({"model_type": "gemma4_text", "hidden_size": 2816,
         "num_attention_heads": 16, "head_dim": 256, "global_head_dim": 512,
         "num_hidden_layers": 2, "max_position_embeddings": 262144,
         "layer_types": ["sliding_attention", "full_attention"],
         "rope_parameters": {"full_attention": {"partial_rotary_factor": 0.25,
         "rope_theta": 1000000.0, "rope_type": "proportional"},
         "sliding_attention": {"rope_theta": 10000.0, "rope_type": "default"}}})"),
       .layer = 1},
      Half(512), Rounded(512, Half(512), {exact::Proportional(512, 1e6, 0.25)}),
      Whole({{0, 1, 7}, {4097, 2, 65537}}));
}

void AddOtherSpectra(GoldenSources& sources) {
  Add(sources,
      {.name = "retnet",
       .level = "scaling",
       .meaning = "RetNet's spectrum: 10000^(-i / (d/2 - 1)), so that the last frequency is 1e-4.",
       .catches = "The end point left out, as RoPE's own spectrum does.",
       .heads = 3},
      Interleaved(32), Rounded(32, Interleaved(32), {exact::Geometric(16, 1, Exact(1) / 10000)}),
      UsualPositions());
  // xPos, arXiv:2212.10554: zeta_i = (2i + 0.4 d) / (1.4 d) to the power (p - centre) / 512.
  Rotation xpos = Rounded(64, Interleaved(64), {exact::Plain(64, 10000)});
  for (int i = 0; i < 32; ++i) {
    const Exact zeta = (Exact(20) * i + 4 * 64) / (14 * 64);
    xpos.log_decay.push_back((Log(zeta) / 512).Double());
  }
  for (const Side side : {Side::kQuery, Side::kKey}) {
    const bool query = side == Side::kQuery;
    Add(sources,
        {.name = query ? "xpos_queries" : "xpos_keys",
         .level = "scaling",
         .meaning = std::string("xPos: pair i of ") +
                    (query ? "queries is multiplied by zeta_i^((p - 1000) / 512)."
                           : "keys is divided by what queries are multiplied by."),
         .catches = "The sign of the exponent; another centre for keys than for queries.",
         .side = side,
         .centre = 1000,
         .heads = 2},
        Interleaved(64), xpos, Whole({{0, 1, 7, 2049, 512}, {1000, 2, 1500, 5, 999}}));
  }
}

}  // namespace

void AddScalingCases(GoldenSources& sources) {
  Add(sources,
      {.name = "linear",
       .level = "scaling",
       .meaning = "Position interpolation: all frequencies divided by 4.",
       .catches = "Positions multiplied in place of divided; the factor unread.",
       .config = Llama(R"("rope_scaling": {"type": "linear", "factor": 4.0})")},
      Half(128), Rounded(128, Half(128), {exact::Divided(exact::Plain(128, 10000), 4)}),
      UsualPositions());
  Add(sources,
      {.name = "ntk_alpha",
       .level = "scaling",
       .meaning = "Hunyuan: \"dynamic\" with alpha 1000 is a fixed theta of "
                  "10000 * 1000^(128/126).",
       .catches = "Taken for the dynamic rule of the same name.",
       .config = Config(R"({"model_type": "hunyuan_v1_dense", "hidden_size": 4096,
         "num_attention_heads": 32, "head_dim": 128, "max_position_embeddings": 32768,
         "rope_theta": 10000.0, "rope_scaling": {"type": "dynamic", "alpha": 1000.0,
         "factor": 1.0}})")},
      Half(128), Rounded(128, Half(128), {exact::Plain(128, exact::NtkTheta(128, 10000, 1000))}),
      UsualPositions());
  Add(sources,
      {.name = "ntk_kexue",
       .level = "scaling",
       .meaning = "Su Jianlin's NTK: theta times 8, all frequencies divided by 8^(2/128).",
       .catches = "The other NTK rule, whose first pair stays.",
       .config = Llama(R"("rope_scaling": {"rope_type": "ntk", "factor": 8.0})")},
      Half(128), Rounded(128, Half(128), {exact::KexueNtk(128, 10000, 8)}), UsualPositions());
  Add(sources,
      {.name = "ntk_mixed",
       .level = "scaling",
       .meaning = "Its mixed form: pair i divided by exp(a (i + 1)^0.625).",
       .catches = "i counted from 0.",
       .config = Llama(R"("rope_scaling": {"rope_type": "ntk", "factor": 8.0,
         "mixed_b": 0.625})")},
      Half(128), Rounded(128, Half(128), {exact::KexueNtkMixed(128, 10000, 8, 0.625)}),
      UsualPositions());
  Add(sources,
      {.name = "ntk_by_parts",
       .level = "scaling",
       .meaning = "NTK-by-parts, before YaRN: factor 8 over 2,048 tokens, constants 1.25, 0.75 and "
                  "16, 2.",
       .catches = "YaRN in its place.",
       .heads = 2},
      Half(64), Rounded(64, Half(64), {exact::NtkByParts(64, 10000, 8, 2048)}), UsualPositions());
  Add(sources,
      {.name = "llama3",
       .level = "scaling",
       .meaning = "Llama 3.1: long wavelengths times 8, short ones kept, six pairs between.",
       .catches = "Parsed and never used (mlxcel#1355): good up to some 1,600 tokens "
                  "(ANEForge#58).",
       .config = Config(R"({"model_type": "llama", "hidden_size": 4096, "num_attention_heads": 32,
         "max_position_embeddings": 131072, "rope_theta": 500000.0, "rope_scaling":
         {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
         "original_max_position_embeddings": 8192}})")},
      Half(128), Rounded(128, Half(128), {exact::Llama3(128, 500000, 8, 1, 4, 8192)}),
      UsualPositions());
  Add(sources,
      {.name = "llama3_step",
       .level = "scaling",
       .meaning = "Llama 4 Scout: both ends of the ramp equal, which makes it a step.",
       .catches = "A division by zero: NaN.",
       .config = Config(R"({"model_type": "llama4_text", "hidden_size": 5120, "head_dim": 128,
         "num_attention_heads": 40, "num_hidden_layers": 4, "max_position_embeddings": 10485760,
         "rope_theta": 500000.0, "rope_scaling": {"rope_type": "llama3", "factor": 16.0,
         "low_freq_factor": 1.0, "high_freq_factor": 1.0,
         "original_max_position_embeddings": 8192}})")},
      Interleaved(128),
      Rounded(128, Interleaved(128), {exact::Llama3(128, 500000, 16, 1, 1, 8192)}),
      UsualPositions());
  AddYarn(sources);
  AddLength(sources);
  AddPerLayer(sources);
  AddOtherSpectra(sources);
}

}  // namespace rotary
