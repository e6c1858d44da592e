#include "rotary/config/unknown_family.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "rotary/base/error.h"
#include "rotary/config/unused_keys.h"

namespace rotary {
namespace {

// Where wrappers of several parts keep the config of their text.
constexpr std::array<std::string_view, 3> kTextConfigs = {"text_config", "llm_config",
                                                          "language_config"};
constexpr std::array<std::string_view, 2> kDictionaries = {"rope_parameters", "rope_scaling"};

// What only the code of a family decides, and a family that is known to do the like.
struct Beyond {
  std::string_view what, open, like;
};
constexpr Beyond kLatent = {"latent attention", "which channels of a head turn", "deepseek_v3"};
constexpr Beyond kAxes = {"positions on several axes", "which pairs belong to which axis",
                          "qwen2_vl_text"};
constexpr Beyond kLayers = {"layers that differ", "which layers turn how", "gemma3_text"};

struct BeyondKey {
  std::string_view key;
  const Beyond& what;
};
constexpr std::array<BeyondKey, 14> kBeyond = {{{"kv_lora_rank", kLatent},
                                                {"qk_nope_head_dim", kLatent},
                                                {"qk_rope_head_dim", kLatent},
                                                {"mrope_interleaved", kAxes},
                                                {"mrope_section", kAxes},
                                                {"xdrope_section", kAxes},
                                                {"compress_rope_theta", kLayers},
                                                {"global_rope_theta", kLayers},
                                                {"local_rope_theta", kLayers},
                                                {"no_rope_layer_interval", kLayers},
                                                {"no_rope_layers", kLayers},
                                                {"partial_rotary_factors", kLayers},
                                                {"rope_local_base_freq", kLayers},
                                                {"swa_rope_theta", kLayers}}};

void Refuse(const JsonValue& value, const Beyond& beyond) {
  throw value.Error("= ", value.json().dump(), " is of ", beyond.what, ": ", beyond.open,
                    " stands in the code of the family, which is not known; no layout says it, the "
                    "model_type of a family that does the same would, such as ",
                    beyond.like);
}

// A rope of some layers alone, as {"full_attention": {...}} has it.
bool IsOfSomeLayers(const std::string& key, const JsonValue& value) {
  return value.json().is_object() || key.ends_with("_attention");
}

}  // namespace

const Family& UnknownFamily() {
  static const Family unknown{.model_type = "unknown",
                              .scheme = "text",
                              .rotary_dim = {"rotary_dim"},
                              .fraction = {"partial_rotary_factor", "rotary_pct", 1.0},
                              .theta = {"rope_theta", "rotary_emb_base", 10000.0}};
  return unknown;
}

void RefuseUnknownWrapper(const ConfigObject& config) {
  const JsonValue& root = config.value();
  for (const std::string_view key : kTextConfigs) {
    const auto text = root.Find(key);
    if (!text || !text->json().is_object()) continue;
    throw root.Error("is a wrapper of no family that is known; give its ", key,
                     " as a config of its own");
  }
}

void RefuseBeyondLayout(const ConfigObject& config, const std::set<std::string>& ignore) {
  const JsonValue& root = config.value();
  const auto refuse = [&](const JsonValue& object) {
    for (const auto& [key, beyond] : kBeyond) {
      const auto value = object.Find(key);
      if (value && !value->IsNull() && !ignore.contains(std::string(key))) Refuse(*value, beyond);
    }
  };
  refuse(root);
  for (const std::string_view name : kDictionaries) {
    const auto dictionary = root.Find(name);
    if (!dictionary || !dictionary->json().is_object()) continue;
    refuse(*dictionary);
    for (const auto& [key, value] : dictionary->Members()) {
      if (ignore.contains(key)) continue;
      if ((key == "type" || key == "rope_type") && value.json() == "mrope") Refuse(value, kAxes);
      if (IsOfSomeLayers(key, value)) Refuse(value, kLayers);
    }
  }
}

std::vector<std::string> UnknownFamilyWarnings(const ConfigObject& config) {
  const auto types = config.value().Find("layer_types");
  if (!types || !types->json().is_array()) return {};
  const std::set<Json> names(types->json().begin(), types->json().end());
  if (names.size() < 2) return {};
  return {Sentence("layer_types names ", names.size(),
                   " types of layers, and the family is not known: all are taken to rotate alike")};
}

std::optional<JsonValue> SaysRotation(const ConfigObject& config) {
  for (const auto& [key, value] : config.value().Members()) {
    if (value.IsNull() || value.json() == false) continue;
    if (BelongsToRope(key)) return value;
    const bool names_type = key == "position_embedding_type" && value.json().is_string();
    if (names_type && BelongsToRope(value.String())) return value;
  }
  const auto rope = config.Find("attn_config.rope");  // MPT's
  return rope && rope->json() == true ? rope : std::nullopt;
}

}  // namespace rotary
