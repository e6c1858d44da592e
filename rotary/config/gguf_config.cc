#include "rotary/config/gguf_config.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "rotary/config/family.h"
#include "rotary/config/nearest.h"
#include "rotary/io/gguf.h"

namespace rotary {
namespace {

constexpr std::string_view kArchitecture = "general.architecture";
constexpr std::array<std::string_view, 3> kDivisors = {
    "rope_freqs.weight", "rope_factors_long.weight", "rope_factors_short.weight"};

// Keys of rotations, after the architecture.
// Source: ggml-org/llama.cpp 00395eb2, src/llama-arch.cpp; the last four are Ollama's.
constexpr std::array<std::string_view, 19> kRopeKeys = {"rope.dimension_count",
                                                        "rope.dimension_count_swa",
                                                        "rope.dimension_sections",
                                                        "rope.freq_base",
                                                        "rope.freq_base_swa",
                                                        "rope.scale_linear",
                                                        "rope.scaling.type",
                                                        "rope.scaling.factor",
                                                        "rope.scaling.alpha",
                                                        "rope.scaling.attn_factor",
                                                        "rope.scaling.original_context_length",
                                                        "rope.scaling.finetuned",
                                                        "rope.scaling.yarn_log_multiplier",
                                                        "rope.scaling.yarn_ext_factor",
                                                        "rope.scaling.yarn_attn_factor",
                                                        "rope.scaling.yarn_beta_fast",
                                                        "rope.scaling.yarn_beta_slow",
                                                        "rope.global.freq_base",
                                                        "rope.local.freq_base"};

// Divisors so large that they mean: this pair stands still.
constexpr double kStandsStill = 1e20;

class GgufTranslator {
 public:
  GgufTranslator(const JsonValue& metadata, const std::set<std::string>& ignore, bool has_tensors)
      : metadata_(metadata),
        ignore_(ignore),
        has_tensors_(has_tensors || metadata.Find(kDivisors[0])),
        architecture_(metadata[kArchitecture].String()),
        family_(FindFamily("gguf/" + architecture_)) {}

  TranslatedConfig Translate() {
    Json& json = result_.config;
    json = {{"model_type", "gguf/" + architecture_}};
    result_.source = metadata_.source() + " as GGUF metadata";
    Copy("block_count", "num_hidden_layers");
    Copy("embedding_length", "hidden_size");
    Copy("context_length", "max_position_embeddings");
    if (HasOtherPositions()) return std::move(result_);
    Copy("rope.freq_base", "rope_theta");
    if (!json.contains("rope_theta")) Copy("rope.global.freq_base", "rope_theta");
    Copy("rope.freq_base_swa", "rope_local_base_freq");
    if (!json.contains("rope_local_base_freq"))
      Copy("rope.local.freq_base", "rope_local_base_freq");
    Heads();
    Layers();
    const bool rotates = family_ == nullptr || family_->scheme != "none";
    if (rotates) {
      Scaling();
      const auto finetuned = Find("rope.scaling.finetuned");  // how the model was made, or a switch
      if (finetuned && family_ != nullptr && family_->only_if &&
          family_->only_if->key == "rope_finetuned") {
        json["rope_finetuned"] = finetuned->Bool();
      }
      RefuseUnknown();
    }
    return std::move(result_);
  }

 private:
  std::optional<JsonValue> Find(const std::string& suffix) {
    const std::string key = architecture_ + "." + suffix;
    asked_.insert(key);
    auto value = metadata_.Find(key);
    return value && !value->IsNull() ? value : std::nullopt;
  }

  std::optional<double> Number(const std::string& suffix) {
    const auto value = Find(suffix);
    return value ? std::optional(value->Number()) : std::nullopt;
  }

  void Copy(const std::string& suffix, const std::string& ours) {
    if (const auto value = Find(suffix)) result_.config[ours] = value->json();
  }

  // Whether llama.cpp rotates nothing, whatever keys of a rotation its converter has written.
  bool HasOtherPositions() const {
    const JsonValue sizes(result_.config, result_.source);
    const Family* family = FindFamilyFor("gguf/" + architecture_, ConfigObject(sizes));
    return family != nullptr && !family->positions.empty();
  }

  // One number, or one for each layer: then the largest (layers without attention have 0).
  void Heads() {
    Json& json = result_.config;
    if (const auto heads = Find("attention.head_count")) {
      json["num_attention_heads"] = heads->json();
      if (heads->json().is_array()) {
        int64_t most = 0;
        for (const JsonValue& count : heads->Array()) most = std::max(most, count.Int(0));
        json["num_attention_heads"] = most;
      }
    }
    const auto rotary_dim = Number("rope.dimension_count");
    auto key_length = Number("attention.key_length");
    if (family_ != nullptr && family_->scheme == "latent") {
      if (const auto mla = Number("attention.key_length_mla")) key_length = mla;
      if (!rotary_dim || !key_length) {
        throw metadata_.Error("does not say ", architecture_,
                              rotary_dim ? ".attention.key_length" : ".rope.dimension_count");
      }
      json["qk_rope_head_dim"] = *rotary_dim;
      json["qk_nope_head_dim"] = *key_length - *rotary_dim;
      return;
    }
    if (key_length) json["head_dim"] = *key_length;
    if (rotary_dim && rotary_dim != key_length) json["rotary_dim"] = *rotary_dim;
    if (const auto sliding = Number("attention.key_length_swa")) json["head_dim_swa"] = *sliding;
    if (const auto span = Number("rope.dimension_count_swa");
        span && *span != Number("attention.key_length_swa").value_or(*span)) {
      throw Find("rope.dimension_count_swa")
          ->Error("is ", *span,
                  ": spans of windowed layers that are less than their heads are "
                  "not known");
    }
  }

  // Which layers have a window, which attend at all.
  void Layers() {
    Json& json = result_.config;
    const int64_t layers = json.contains("num_hidden_layers")
                               ? JsonValue(json["num_hidden_layers"], metadata_.source(),
                                           architecture_ + ".block_count")
                                     .Int(0, 1 << 16)
                               : 0;
    const LayerPattern* pattern =
        family_ != nullptr && family_->pattern ? &*family_->pattern : nullptr;
    const auto window = Number("attention.sliding_window");
    if (window) json["sliding_window"] = *window;
    const auto given = Find("attention.sliding_window_pattern");
    if (given && given->json().is_array()) {
      json["layer_types"] = Json::array();
      for (const JsonValue& windowed : given->Array(layers)) {
        const bool yes = windowed.json().is_boolean() ? windowed.Bool() : windowed.Int(0, 1) == 1;
        json["layer_types"].push_back(yes ? "sliding_attention" : "full_attention");
      }
    } else if (given) {
      json["sliding_window_pattern"] = given->Int(1);
    } else if (pattern != nullptr && pattern->others == "sliding_attention" &&
               window.value_or(0) == 0) {
      json["layer_types"] =
          Json(std::vector<std::string>(static_cast<size_t>(layers), "full_attention"));
      json.erase("sliding_window");
    }
    if (pattern != nullptr && pattern->flags_key == "no_rope_layers" && window == 0.0) {
      json["no_rope_layers"] = std::vector<int>(static_cast<size_t>(layers), 1);
    }
    if (pattern != nullptr && pattern->others == "linear_attention") {
      Copy("full_attention_interval", "full_attention_interval");
      if (const auto recurrent = Find("attention.recurrent_layers")) {
        json["layer_types"] = Json::array();
        for (const JsonValue& linear : recurrent->Array(layers)) {
          json["layer_types"].push_back(linear.Bool() ? "linear_attention" : "full_attention");
        }
      }
    }
    if (pattern != nullptr && !pattern->rotating_layers_key.empty()) {
      if (const auto heads = Find("attention.head_count_kv"); heads && heads->json().is_array()) {
        json[pattern->rotating_layers_key] = Json::array();
        const std::vector<JsonValue> counts = heads->Array(layers);
        for (size_t layer = 0; layer < counts.size(); ++layer) {
          if (counts[layer].Int(0) > 0) json[pattern->rotating_layers_key].push_back(layer);
        }
      }
    }
  }

  void Scaling() {
    Json rope = Json::object();
    auto type = Find("rope.scaling.type");
    const std::string name = type ? type->String() : "linear";
    // 0 is how "no factor" is written.
    double factor = 0;
    for (const char* key : {"rope.scaling.factor", "rope.scale_linear"}) {
      const auto value = Find(key);
      if (factor == 0 && value && value->json() != 0) factor = PositiveOf(*value);
    }
    if (factor == 0 || name == "none") factor = 1;
    const double attention = Number("rope.scaling.attn_factor").value_or(1);
    const auto original = Number("rope.scaling.original_context_length");
    if (original) rope["original_max_position_embeddings"] = *original;
    const auto freqs = Divisors(kDivisors[0]), far = Divisors(kDivisors[1]),
               near = Divisors(kDivisors[2]);
    if (name == "yarn") {
      if (!freqs.empty() || !far.empty()) {
        throw type->Error("is yarn, and there are tensors of divisors too");
      }
      Yarn(factor, attention, rope);
    } else if (name == "longrope" || !far.empty()) {
      if (far.empty() || near.empty()) {
        throw metadata_.Error("does not hold ", kDivisors[far.empty() ? 1 : 2],
                              ", which longrope needs: give the .gguf file itself");
      }
      Divide(near, far, factor, attention, rope);
    } else if (name != "linear" && name != "none") {
      static constexpr std::array<std::string_view, 4> kTypes = {"none", "linear", "yarn",
                                                                 "longrope"};
      throw type->Error("is not a known rule: ", type->json().dump(), "; ",
                        DidYouMean(name, kTypes));
    } else if (!freqs.empty()) {
      Divide(freqs, freqs, factor, attention, rope);
    } else {
      if (factor != 1) {
        rope["rope_type"] = "linear";
        rope["factor"] = factor;
      }
      if (attention != 1) {
        throw Find("rope.scaling.attn_factor")
            ->Error("is ", attention, " without yarn or longrope");
      }
      if (!has_tensors_) {
        result_.warnings.push_back(Sentence(
            "a scaling like that of Llama 3.1 is a tensor (", kDivisors[0],
            "), which metadata does not hold: the .gguf file itself says whether there is one"));
      }
    }
    Temperature(original, rope);
    Sections(rope);
    if (rope.empty()) return;
    // A share of the head would be one of every layer's in a flat dictionary.
    const bool nested = rope.contains("partial_rotary_factor");
    result_.config["rope_parameters"] =
        nested ? Json{{"full_attention", rope}, {"sliding_attention", {{"rope_type", "default"}}}}
               : rope;
  }

  void Yarn(double factor, double attention, Json& rope) {
    rope["rope_type"] = "yarn";
    rope["factor"] = factor;
    const std::pair<const char*, const char*> names[] = {
        {"rope.scaling.yarn_beta_fast", "beta_fast"},
        {"rope.scaling.yarn_beta_slow", "beta_slow"},
        {"rope.scaling.yarn_ext_factor", "extrapolation_factor"}};
    for (const auto& [theirs, ours] : names) {
      if (const auto value = Number(theirs)) rope[ours] = *value;
    }
    attention *= Number("rope.scaling.yarn_attn_factor").value_or(1);
    if (attention != 1) rope["attn_factor"] = attention;
    if (const auto multiplier = Number("rope.scaling.yarn_log_multiplier");
        multiplier && *multiplier != 0) {
      // Written as 0.1 mscale_all_dim for DeepSeek, by the same number rounded to float.
      const bool latent = family_ != nullptr && family_->scheme == "latent";
      const double all = latent ? *multiplier / static_cast<double>(0.1f) : *multiplier;
      rope["mscale"] = latent ? all : 1;
      rope["mscale_all_dim"] = all;
    }
    if (architecture_ == "gpt-oss" || architecture_ == "gptoss") {
      rope["truncate"] = false;
      result_.warnings.push_back(
          "gpt-oss was trained with a ramp between fractions of pairs, which is built here; "
          "llama.cpp rounds its ends");
    }
  }

  // Every frequency divided by its number.
  void Divide(std::vector<double> near, std::vector<double> far, double factor, double attention,
              Json& rope) {
    const auto still = static_cast<size_t>(std::count_if(
        near.begin(), near.end(), [](double divisor) { return divisor >= kStandsStill; }));
    const size_t moving = near.size() - still;
    if (still > 0 && near == far && attention == 1 && factor == 1 &&
        std::all_of(near.begin(), near.begin() + static_cast<std::ptrdiff_t>(moving),
                    [](double divisor) { return divisor == 1; })) {
      rope["rope_type"] = "proportional";
      rope["partial_rotary_factor"] =
          static_cast<double>(moving) / static_cast<double>(near.size());
      return;
    }
    for (auto* list : {&near, &far}) {
      for (double& divisor : *list) divisor *= factor;
    }
    rope["rope_type"] = "longrope";
    rope["short_factor"] = near;
    rope["long_factor"] = far;
    rope["attention_factor"] = attention;
    rope["factor"] = 1;  // only attention_factor would ask for it
    if (!rope.contains("original_max_position_embeddings")) {
      rope["original_max_position_embeddings"] =
          result_.config.value("max_position_embeddings", Json(1));
    }
  }

  std::vector<double> Divisors(std::string_view tensor) {
    std::vector<double> numbers;
    if (const auto list = metadata_.Find(tensor)) {
      for (const JsonValue& number : list->Array()) numbers.push_back(number.Number());
    }
    return numbers;
  }

  void Temperature(const std::optional<double>& original, Json& rope) {
    const auto scale = Number("attention.temperature_scale");
    if (!scale || *scale == 0) return;
    const auto length = Number("attention.temperature_length");
    if (family_ != nullptr && family_->temperature == "llama4") {
      result_.config["attn_scale"] = *scale;
      if (length) result_.config["floor_scale"] = *length;
      return;
    }
    if (length && original && *length != *original) {
      throw Find("attention.temperature_length")
          ->Error("is ", *length, ", rope.scaling.original_context_length is ", *original);
    }
    rope["llama_4_scaling_beta"] = *scale;
    if (length) rope["original_max_position_embeddings"] = *length;
  }

  // Four numbers, of which the last is 0 where there are three axes.
  void Sections(Json& rope) {
    const auto sections = Find("rope.dimension_sections");
    if (!sections) return;
    Json counts = sections->json();
    sections->Array();
    while (!counts.empty() && counts.back() == 0) counts.erase(counts.size() - 1);
    if (!counts.empty()) rope["mrope_section"] = counts;
  }

  void RefuseUnknown() const {
    for (const auto& [key, value] : metadata_.Members()) {
      if (value.IsNull() || asked_.contains(key) || !key.starts_with(architecture_ + ".rope.")) {
        continue;
      }
      const std::string last = key.substr(key.rfind('.') + 1);
      if (ignore_.contains(key) || ignore_.contains(last)) continue;
      const std::string suffix = key.substr(architecture_.size() + 1);
      const bool known = std::find(kRopeKeys.begin(), kRopeKeys.end(), suffix) != kRopeKeys.end();
      throw value.Error(
          "= ", value.json().dump(),
          known ? Sentence(" is not used with this scaling")
                : Sentence(" is not a known key of a rotation; ", DidYouMean(suffix, kRopeKeys)),
          "; to leave it aside: --ignore ", last);
    }
  }

  const JsonValue& metadata_;
  const std::set<std::string>& ignore_;
  const bool has_tensors_;
  const std::string architecture_;
  const Family* family_;  // null where the architecture is not known
  std::set<std::string> asked_;
  TranslatedConfig result_;
};

}  // namespace

bool IsGgufMetadata(const JsonValue& config) {
  return config.json().is_object() && config.Find(kArchitecture).has_value();
}

TranslatedConfig TranslateGguf(const JsonValue& metadata, const std::set<std::string>& ignore,
                               bool has_tensors) {
  return GgufTranslator(metadata, ignore, has_tensors).Translate();
}

bool IsGgufFile(const std::filesystem::path& path) {
  std::error_code missing;
  if (!std::filesystem::is_regular_file(path, missing)) return false;
  std::ifstream file(path, std::ios::binary);
  std::array<char, 4> magic{};
  return file.read(magic.data(), magic.size()) &&
         std::string_view(magic.data(), magic.size()) == "GGUF";
}

Json ReadGgufMetadata(const std::filesystem::path& path) {
  GgufHeader header = ReadGgufHeader(path);
  for (const std::string_view name : kDivisors) {
    if (header.Find(name) == nullptr) continue;
    header.metadata[std::string(name)] = ReadGgufNumbers(path, header, name);
  }
  return std::move(header.metadata);
}

}  // namespace rotary
