#include "rotary/config/unused_keys.h"

#include <algorithm>
#include <array>

#include "rotary/config/nearest.h"
#include "rotary/config/unknown_family.h"

namespace rotary {
namespace {

// Every key that some family or rule reads.
constexpr std::array<std::string_view, 83> kKnown = {
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
    "is_neox_style",
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
    "rotary_pos_emb",
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

// Words of keys that belong to rotations whatever else they say, in any case.
constexpr std::array<std::string_view, 10> kWords = {
    "rope",     "rotary", "yarn", "ntk",  "mscale",
    "inv_freq", "xpos",   "fope", "nope", "interpolation_factor"};

// Names that other programs have for known keys, too far from them to be taken for misspelt ones.
constexpr std::array<std::pair<std::string_view, std::string_view>, 2> kOtherNames = {
    {{"theta", "rope_theta"}, {"freq_base", "rope_theta"}}};

// Objects whose keys are words of the user.
constexpr std::array<std::string_view, 2> kVocabularies = {"label2id", "id2label"};

std::string_view KnownByAnotherName(std::string_view key) {
  const auto found = std::find_if(kOtherNames.begin(), kOtherNames.end(),
                                  [&](const auto& names) { return names.first == key; });
  return found == kOtherNames.end() ? "" : found->second;
}

std::string LowerCase(std::string_view key) {
  std::string lower(key);
  for (char& letter : lower) {
    if (letter >= 'A' && letter <= 'Z') letter += 'a' - 'A';
  }
  return lower;
}

// Says that positions are told another way than by rotation. "absolute" is what older code writes
// of every model.
bool SaysOtherPositions(std::string_view key, const Json& value) {
  if (key == "alibi") return value != false;
  if (key != "position_embedding_type" && key != "position_embeddings_type") return false;
  if (!value.is_string()) return false;
  const std::string type = LowerCase(value.get<std::string>());
  return type != "absolute" && type.find("rope") == type.npos && type.find("rotary") == type.npos;
}

// Objects that no other reader looks into: configs of another part name it, or their own model.
bool BelongsToText(std::string_view key, const Json& value) {
  if (!value.is_object() || value.contains("model_type")) return false;
  if (std::find(kVocabularies.begin(), kVocabularies.end(), key) != kVocabularies.end()) {
    return false;
  }
  for (const std::string_view other : {"vision", "visual", "image", "audio", "speech"}) {
    if (key.find(other) != key.npos) return false;
  }
  return true;
}

// Short words are near to anything.
constexpr size_t kShortestMisspelt = 8;

// Why nothing used a key that some family knows.
std::string WhyUnused(const Family& family, bool in_object) {
  if (&family == &UnknownFamily()) {
    return in_object ? " is not read there, as the family is not known; write it at the top of the "
                       "config"
                     : " is read by the code of some families, and this one is not known";
  }
  if (family.scheme != "parts") {
    const bool has_rules = family.scheme == "text" || family.scheme == "latent";
    return Sentence(" is not used by ", family.model_type,
                    has_rules ? " with this rope_type" : " here");
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
  const std::string lower = LowerCase(key);
  if (std::any_of(kWords.begin(), kWords.end(),
                  [&](std::string_view word) { return lower.find(word) != lower.npos; })) {
    return true;
  }
  if (!KnownByAnotherName(lower).empty()) return true;
  return key.size() >= kShortestMisspelt &&
         std::any_of(kKnown.begin(), kKnown.end(), [&](std::string_view known) {
           return known.size() >= kShortestMisspelt && IsWithin(2, key, known);
         });
}

void RefuseUnused(const std::vector<std::pair<std::string, JsonValue>>& members,
                  const Family& family, const std::set<std::string>& ignore, bool in_dictionary) {
  const bool is_text = family.scheme == "text" || family.scheme == "latent";
  for (const auto& [key, value] : members) {
    if (ignore.contains(key)) continue;
    if (!in_dictionary && is_text && SaysOtherPositions(key, value.json())) {
      const bool is_known = &family != &UnknownFamily();
      throw value.Error("= ", value.json().dump(), " tells positions another way, and ",
                        is_known ? "a " + family.model_type + " rotates" : "a layout is given",
                        "; to leave it aside: --ignore ", key);
    }
    if (!in_dictionary && !BelongsToRope(key)) {
      if (is_text && BelongsToText(key, value.json())) {
        RefuseUnused(value.Members(), family, ignore, in_dictionary);
      }
      continue;
    }
    if (std::find(family.without_effect.begin(), family.without_effect.end(), key) !=
        family.without_effect.end()) {
      continue;
    }
    const bool known = std::find(kKnown.begin(), kKnown.end(), key) != kKnown.end();
    const std::string lower = LowerCase(key);
    const std::string_view other = KnownByAnotherName(lower);
    const std::string_view nearest = other.empty() ? Nearest(lower, kKnown) : other;
    throw value.Error(
        "= ", value.json().dump(),
        known ? WhyUnused(family, !in_dictionary && value.place() != key)
              : Sentence(" is not a known key of a rotation",
                         nearest.empty() ? "" : Sentence("; did you mean ", nearest, "?")),
        "; to leave it aside: --ignore ", key);
  }
}

}  // namespace rotary
