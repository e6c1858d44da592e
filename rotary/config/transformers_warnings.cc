#include "rotary/config/transformers_warnings.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>

namespace rotary {
namespace {

// A value that is there and not null; dots in a key go into objects.
std::optional<JsonValue> Peek(const JsonValue& object, std::string_view key) {
  if (!object.json().is_object()) return std::nullopt;
  const size_t dot = key.find('.');
  const auto value = object.Find(key.substr(0, dot));
  if (!value || value->IsNull()) return std::nullopt;
  return dot == key.npos ? value : Peek(*value, key.substr(dot + 1));
}

// The number at the end of the terms that begin with `key` or name it, if any.
std::optional<double> DefaultOf(const Family& family, const std::string& key) {
  std::vector<const Terms*> all = {&family.theta, &family.fraction};
  if (family.pattern) {
    for (const LayerTypeRope& rope : family.pattern->ropes) all.push_back(&rope.theta);
  }
  for (const Terms* terms : all) {
    const bool names = std::any_of(terms->begin(), terms->end(), [&](const auto& term) {
      const std::string* text = std::get_if<std::string>(&term);
      return text != nullptr && *text == key;
    });
    if (!names) continue;
    if (const double* number = std::get_if<double>(&terms->back())) return *number;
  }
  return std::nullopt;
}

class Warnings {
 public:
  Warnings(const ConfigObject& config, const Family& family, const std::vector<LayerRope>& layers)
      : config_(config.value()), family_(family), layers_(layers) {
    for (const std::string_view name : {"rope_parameters", "rope_scaling"}) {
      const auto object = Peek(config_, name);
      if (!object || !object->json().is_object() || object->json().empty()) continue;
      bool nested = false;
      for (const auto& [key, member] : object->Members()) {
        if (!member.json().is_object()) continue;
        nested = true;
        dictionaries_.push_back({member, true});
      }
      if (!nested) dictionaries_.push_back({*object, false});
    }
  }

  std::vector<std::string> All() {
    KeysNotRead();
    TwoDialects();
    KeysOfDictionaries();
    Thetas();
    Spans();
    ByFamily();
    return std::move(all_);
  }

 private:
  struct Dictionary {
    JsonValue value;
    bool nested;  // one of several, by type of layers
  };

  template <class... Parts>
  void Add(const Parts&... parts) {
    const std::string sentence = Sentence(parts...);
    if (std::find(all_.begin(), all_.end(), sentence) == all_.end()) all_.push_back(sentence);
  }

  template <class Wanted>
  bool HasRule() const {
    return std::any_of(layers_.begin(), layers_.end(), [](const LayerRope& group) {
      return group.query && std::holds_alternative<Wanted>(group.rule);
    });
  }

  void KeysNotRead() {
    for (const std::string& key : family_.not_in_transformers) {
      const auto value = Peek(config_, key);
      if (!value) continue;
      const auto fixed = DefaultOf(family_, key);
      if (fixed && value->json() == *fixed) continue;
      Add(value->place(), " = ", value->json().dump(),
          " counts here; transformers does not read it in a ", family_.model_type,
          fixed ? Sentence(" (", *fixed, " there)") : std::string());
    }
    if (const auto ratio = Peek(config_, "rope_condense_ratio")) {
      Add(ratio->place(), " counts here; transformers does not read it");
    }
  }

  // A dictionary in the old dialect replaces the new one there.
  void TwoDialects() {
    const auto fresh = Peek(config_, "rope_parameters"), old = Peek(config_, "rope_scaling");
    if (!fresh || !old || old->json().empty() || !fresh->json().is_object() ||
        family_.model_type == "modernbert") {
      return;
    }
    for (const auto& [key, value] : fresh->Members()) {
      if (old->Find(key) || key == "rope_type" || key == "type") continue;
      Add(value.place(),
          " counts here; transformers takes rope_scaling alone where there are both");
    }
  }

  void KeysOfDictionaries() {
    for (const auto& [dictionary, nested] : dictionaries_) {
      if (nested && Peek(dictionary, "truncate")) {
        Add(dictionary.place(),
            ".truncate counts here; transformers reads it in no dictionary of a "
            "type of layers");
      }
      for (const char* key : {"attn_factor", "extrapolation_factor"}) {
        const auto value = Peek(dictionary, key);
        if (!value || value->json() == 1 || !HasRule<YarnRule>()) continue;
        Add(value->place(), " counts here; transformers does not read it");
      }
      if (HasRule<NtkRule>() && !family_.model_type.starts_with("hunyuan")) {
        Add(dictionary.place(), ".alpha counts here; transformers reads it in Hunyuan models only");
      }
    }
  }

  // The default dictionary of a class keeps its own theta.
  void Thetas() {
    if (!dictionaries_.empty() || !family_.default_rope.is_object()) return;
    const auto theta = Peek(config_, "rope_theta");
    const auto fixed = family_.default_rope.find("rope_theta");
    if (!theta || fixed == family_.default_rope.end() || theta->json() == *fixed) return;
    Add("rope_theta = ", theta->json().dump(), " counts here; transformers takes ", fixed->dump(),
        " where there is no rope dictionary (", family_.model_type, ")");
  }

  void Spans() {
    for (const LayerRope& group : layers_) {
      if (!group.query || group.part == "indexer") continue;
      if (group.rotary_dim == 2 && std::holds_alternative<DynamicNtkRule>(group.rule)) {
        Add("one pair turns by 1 whatever the length; transformers divides by 0 there");
      }
      const bool given =
          Peek(config_, "partial_rotary_factor") ||
          std::any_of(dictionaries_.begin(), dictionaries_.end(), [](const Dictionary& dictionary) {
            return Peek(dictionary.value, "partial_rotary_factor");
          });
      if (given && family_.scheme == "text" && family_.fraction.empty() &&
          family_.rotary_dim.empty() && group.rotary_dim < group.query->head_dim &&
          !std::holds_alternative<ProportionalRule>(group.rule)) {
        Add("partial_rotary_factor counts here; in a ", family_.model_type,
            " transformers reads it with a scaling only, and fails then");
      }
    }
  }

  void ByFamily() {
    const std::string& type = family_.model_type;
    if (type == "olmo3") {
      const auto theta = Peek(config_, "rope_theta");
      if (theta && theta->json() != 500000 && !Peek(config_, "rope_parameters")) {
        Add("rope_theta = ", theta->json().dump(),
            " counts in all layers here; transformers takes 500000 in those with a window");
      }
    }
    if (type == "phimoe" && HasRule<LongRopeRule>()) {
      Add("long_factor counts for long texts here; transformers keeps short_factor in a phimoe");
    }
    if (type == "phi3") {
      for (const auto& [dictionary, nested] : dictionaries_) {
        const auto original = Peek(dictionary, "original_max_position_embeddings");
        if (original && HasRule<LongRopeRule>() &&
            !Peek(config_, "original_max_position_embeddings") && original->json() != 4096) {
          Add(original->place(), " = ", original->json().dump(),
              " counts here; transformers takes 4096 in a phi3 that does not say it at the top");
        }
      }
      if (HasRule<YarnRule>()) {
        Add("yarn without short_factor and long_factor is built here; transformers refuses it in a "
            "phi3");
      }
    }
    if (type == "glm_moe_dsa") {
      for (const char* key : {"rope_interleave", "indexer_rope_interleave"}) {
        const auto value = Peek(config_, key);
        if (value && value->json() == false) {
          Add(key, " = false counts here; transformers is interleaved in a glm_moe_dsa");
        }
      }
    }
  }

  const JsonValue& config_;
  const Family& family_;
  const std::vector<LayerRope>& layers_;
  std::vector<Dictionary> dictionaries_;
  std::vector<std::string> all_;
};

}  // namespace

std::vector<std::string> TransformersWarnings(const ConfigObject& config, const Family& family,
                                              const std::vector<LayerRope>& layers) {
  const bool has =
      family.repository == "huggingface/transformers" || !family.not_in_transformers.empty();
  return has ? Warnings(config, family, layers).All() : std::vector<std::string>();
}

}  // namespace rotary
