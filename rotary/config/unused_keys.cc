#include "rotary/config/unused_keys.h"

#include <algorithm>
#include <array>

#include "rotary/config/nearest.h"

namespace rotary {
namespace {

// Every key that some family or rule reads.
constexpr std::array<std::string_view, 81> kKnown = {
    "alpha",
    "apply_yarn_scaling",
    "attention_factor",
    "attn_factor",
    "attn_scale",
    "attn_temperature_tuning",
    "axes_dim_rope",
    "axes_dims_rope",
    "beta_fast",
    "beta_slow",
    "compress_rope_theta",
    "extrapolation_factor",
    "factor",
    "finetuned",
    "floor_scale",
    "global_rope_theta",
    "high_freq_factor",
    "indexer_rope_interleave",
    "initial_context_length",
    "llama_4_scaling_beta",
    "local_rope_theta",
    "long_factor",
    "long_mscale",
    "low_freq_factor",
    "max_position_embeddings",
    "mixed_b",
    "mrope_interleaved",
    "mrope_section",
    "mscale",
    "mscale_all_dim",
    "no_rope_layer_interval",
    "no_rope_layers",
    "original_max_position_embeddings",
    "original_rope",
    "partial_rotary_factor",
    "partial_rotary_factors",
    "position_encoding_2d",
    "qk_nope_head_dim",
    "qk_rope_head_dim",
    "rope_axes_dim",
    "rope_condense_ratio",
    "rope_double_precision",
    "rope_grid_indexing",
    "rope_grid_offset",
    "rope_interleave",
    "rope_interleaved",
    "rope_local_base_freq",
    "rope_max_seq_len",
    "rope_ntk_alpha",
    "rope_ntk_beta",
    "rope_parameters",
    "rope_pct",
    "rope_ratio",
    "rope_rotate_half",
    "rope_scale",
    "rope_scaling",
    "rope_scaling_factor",
    "rope_temperature",
    "rope_theta",
    "rope_type",
    "rotary_base_rescale_factor",
    "rotary_dim",
    "rotary_emb_base",
    "rotary_emb_dim",
    "rotary_interleaved",
    "rotary_interpolation_factor",
    "rotary_layout",
    "rotary_pct",
    "rotary_value",
    "rotary_xpos",
    "rotary_xpos_scale_base",
    "short_factor",
    "short_mscale",
    "swa_rope_theta",
    "truncate",
    "type",
    "use_dynamic_ntk",
    "use_logn_attn",
    "use_rotary_positional_embeddings",
    "xdrope_section",
    "yarn_only_types",
};

// Words of keys that belong to rotations whatever else they say.
constexpr std::array<std::string_view, 6> kWords = {"rope", "rotary", "yarn",
                                                    "ntk",  "mscale", "inv_freq"};

// Short words are near to anything.
constexpr size_t kShortestMisspelt = 8;

// Why nothing used a key that some family knows.
std::string WhyUnused(const Family& family) {
  if (family.scheme != "parts") {
    return Sentence(" is not used by ", family.model_type, " with this rope_type");
  }
  std::string parts;
  for (const Part& part : family.parts) {
    if (part.name == "text") {
      parts = part.key;
      break;
    }
    parts += Sentence(parts.empty() ? "" : ", ", part.key);
  }
  return Sentence(" does not count: a ", family.model_type, " rotates by ", parts,
                  ", which does not say so");
}

}  // namespace

bool BelongsToRope(std::string_view key) {
  if (key == "rotary_tokenizer") return false;  // of our own checkpoints
  if (key == "type" || key == "max_position_embeddings" || key == "alpha" || key == "factor") {
    return false;  // outside of a rope dictionary they mean other things
  }
  if (std::find(kKnown.begin(), kKnown.end(), key) != kKnown.end()) return true;
  if (std::any_of(kWords.begin(), kWords.end(),
                  [&](std::string_view word) { return key.find(word) != key.npos; })) {
    return true;
  }
  return key.size() >= kShortestMisspelt &&
         std::any_of(kKnown.begin(), kKnown.end(), [&](std::string_view known) {
           return known.size() >= kShortestMisspelt && IsWithin(2, key, known);
         });
}

void RefuseUnused(const std::vector<std::pair<std::string, JsonValue>>& members,
                  const Family& family, const std::set<std::string>& ignore, bool in_dictionary) {
  for (const auto& [key, value] : members) {
    if (!in_dictionary && !BelongsToRope(key)) continue;
    if (ignore.contains(key)) continue;
    if (std::find(family.without_effect.begin(), family.without_effect.end(), key) !=
        family.without_effect.end()) {
      continue;
    }
    const bool known = std::find(kKnown.begin(), kKnown.end(), key) != kKnown.end();
    const std::string_view nearest = Nearest(key, kKnown);
    throw value.Error(
        "= ", value.json().dump(),
        known ? WhyUnused(family)
              : Sentence(" is not a known key of a rotation",
                         nearest.empty() ? "" : Sentence("; did you mean ", nearest, "?")),
        "; to leave it aside: --ignore ", key);
  }
}

}  // namespace rotary
