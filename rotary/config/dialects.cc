#include "rotary/config/dialects.h"

#include <array>
#include <string_view>
#include <utility>

#include "rotary/config/config_layout.h"
#include "rotary/config/family.h"
#include "rotary/config/unused_keys.h"

namespace rotary {
namespace {

// More layers than any model has.
constexpr int64_t kMostLayers = 1 << 16;

using Keys = std::vector<std::pair<std::string_view, std::string_view>>;

// Copies keys that are there, under the names that transformers has for them.
void Rename(const ConfigObject& config, const Keys& keys, Json& result) {
  for (const auto& [theirs, ours] : keys) {
    if (const auto value = config.Find(theirs)) result[std::string(ours)] = value->json();
  }
}

const Keys kSizes = {{"dim", "hidden_size"},
                     {"n_layers", "num_hidden_layers"},
                     {"n_heads", "num_attention_heads"},
                     {"n_kv_heads", "num_key_value_heads"},
                     {"head_dim", "head_dim"},
                     {"rope_theta", "rope_theta"}};

// Llama 1 and 2 fix theta in code and Llama 3's code has another one, so that a file without
// rope_theta is one of the former. The factor of scaled ropes stands in code too.
// Source: meta-llama/llama-models, models/llama3/model.py and models/llama4/args.py.
TranslatedConfig FromMeta(const ConfigObject& config) {
  const bool llama4 = config.Has("moe_args") || config.Has("nope_layer_interval");
  TranslatedConfig result{.config = Json::object(), .source = "Meta's params.json", .warnings = {}};
  Json& json = result.config;
  json["model_type"] = llama4                     ? "meta_llama4"
                       : config.Has("rope_theta") ? "meta_llama3"
                                                  : "meta_llama2";
  Rename(config, kSizes, json);
  Rename(config, {{"max_seq_len", "max_position_embeddings"}}, json);
  if (json["model_type"] == "meta_llama2") {
    result.warnings.push_back(
        "rope_theta is missing: 10000, as in Llama 1 and 2, where it stands in the code");
  }
  const auto factor = config.Number("rope_scaling_factor");
  const auto high = config.Number("rope_high_freq_factor");
  if (config.Bool("use_scaled_rope").value_or(false)) {
    json["rope_parameters"] = {{"rope_type", "llama3"},
                               {"factor", factor.value_or(llama4 ? 16 : 8)},
                               {"low_freq_factor", 1},
                               {"high_freq_factor", high.value_or(llama4 ? 1 : 4)},
                               {"original_max_position_embeddings", 8192}};
    if (!factor && !llama4) {
      result.warnings.push_back(
          "use_scaled_rope does not say the factor: 8, as in Meta's code; transformers' configs of "
          "Llama 3.2 1B and 3B say 32");
    }
  } else if (factor || high) {
    throw config.Find(factor ? "rope_scaling_factor" : "rope_high_freq_factor")
        ->Error("has no meaning without use_scaled_rope");
  }
  if (!llama4) return result;
  const auto count = config.Find("n_layers");
  const int64_t layers = count ? count->Int(0, kMostLayers) : 0;
  const int64_t interval = config.Int("nope_layer_interval").value_or(0);
  Json flags = Json::array();
  for (int64_t layer = 0; layer < layers; ++layer) {
    flags.push_back(interval > 0 && (layer + 1) % interval == 0 ? 0 : 1);
  }
  json["no_rope_layers"] = flags;
  json["attn_temperature_tuning"] = config.Bool("attn_temperature_tuning").value_or(false);
  Rename(config, {{"floor_scale", "floor_scale"}, {"attn_scale", "attn_scale"}}, json);
  if (config.Has("vision_args")) {
    result.warnings.push_back("vision_args is left aside: the vision tower is not shown");
  }
  return result;
}

// Source: mistralai/mistral-inference, src/mistral_inference/{args,transformer}.py; for yarn,
// llama_4_scaling and MLA vllm-project/vllm, vllm/transformers_utils/configs/mistral.py.
TranslatedConfig FromMistral(const ConfigObject& config) {
  TranslatedConfig result{
      .config = Json::object(), .source = "Mistral's params.json", .warnings = {}};
  Json text = Json::object();
  const bool latent = config.Has("qk_rope_head_dim");
  text["model_type"] = latent ? "mistral_params_latent" : "mistral_params";
  Rename(config, kSizes, text);
  Rename(config,
         {{"qk_rope_head_dim", "qk_rope_head_dim"},
          {"qk_nope_head_dim", "qk_nope_head_dim"},
          {"max_position_embeddings", "max_position_embeddings"}},
         text);
  if (!config.Has("max_position_embeddings")) {
    Rename(config, {{"max_seq_len", "max_position_embeddings"}}, text);
  }
  if (!config.Has("rope_theta")) {
    // Before there was the key, models with a window had one theta and those without another.
    const bool window = config.Has("sliding_window");
    text["rope_theta"] = window ? 10000 : 1000000;
    result.warnings.push_back(
        window ? "rope_theta is missing: 10000, as in the first models, which have a window; "
                 "Mistral's code takes 1000000 since version 1.0"
               : "rope_theta is missing: 1000000, as in Mistral's code");
  }
  Json rope = Json::object();
  if (const auto yarn = config.Object("yarn")) {
    rope["rope_type"] = "yarn";
    Rename(*yarn,
           {{"factor", "factor"},
            {"original_max_position_embeddings", "original_max_position_embeddings"},
            {"beta", "beta_fast"},
            {"alpha", "beta_slow"}},
           rope);
    if (!yarn->Bool("apply_scale").value_or(true)) rope["attention_factor"] = 1;
  }
  if (const auto scaling = config.Object("llama_4_scaling")) {
    rope["llama_4_scaling_beta"] = scaling->Number("beta").value_or(0);
    const auto length = scaling->Number("original_max_position_embeddings");
    const std::string key = "original_max_position_embeddings";
    if (!length) throw scaling->value().Error("does not say ", key);
    if (rope.contains(key) && rope[key] != *length) {
      throw scaling->Find(key)->Error("is ", *length, ", that of yarn is ", rope[key].dump());
    }
    rope[key] = *length;
  }
  if (!rope.empty()) text["rope_parameters"] = rope;
  auto vision = config.Object("vision_encoder");
  if (!vision) vision = config.Object("multimodal.vision_encoder_args");
  if (config.Find("multimodal.whisper_model_args")) {
    result.warnings.push_back(
        "multimodal.whisper_model_args is left aside: the part that listens "
        "is not shown");
  }
  if (!vision) {
    result.config = text;
    return result;
  }
  Json tower = {{"model_type", "mistral_params_vision"}};
  Rename(*vision,
         {{"hidden_size", "hidden_size"},
          {"num_attention_heads", "num_attention_heads"},
          {"num_hidden_layers", "num_hidden_layers"},
          {"head_dim", "head_dim"},
          {"rope_theta", "rope_theta"}},
         tower);
  result.config = {
      {"model_type", "mistral_params_vl"}, {"text_config", text}, {"vision_config", tower}};
  return result;
}

// Source: deepseek-ai/DeepSeek-V3, inference/model.py.
TranslatedConfig FromDeepSeek(const ConfigObject& config) {
  TranslatedConfig result{
      .config = Json::object(), .source = "DeepSeek's own config", .warnings = {}};
  if (const auto ratios = config.Find("compress_ratios")) {
    throw ratios->Error("is of DeepSeek V4, of which only transformers' config.json is read");
  }
  Json& json = result.config;
  json = {{"model_type", "deepseek_v3_reference"},
          {"qk_nope_head_dim", config.Int("qk_nope_head_dim").value_or(128)},
          {"qk_rope_head_dim", config.Int("qk_rope_head_dim").value_or(64)}};
  Rename(config, kSizes, json);
  Rename(config, {{"index_head_dim", "index_head_dim"}}, json);
  const double most = config.Number("max_seq_len").value_or(16384);
  const double original = config.Number("original_seq_len").value_or(4096);
  const Json mscale = config.Number("mscale").value_or(1);
  const auto given = config.Find("rope_factor");
  const Json factor = given ? PositiveOf(*given) : 40;
  const Json fast = config.Number("beta_fast").value_or(32);
  const Json slow = config.Number("beta_slow").value_or(1);
  if (most > original) {
    // Tables take no magnitude there, the softmax its square.
    json["rope_parameters"] = {{"rope_type", "yarn"},
                               {"factor", factor},
                               {"beta_fast", fast},
                               {"beta_slow", slow},
                               {"mscale", mscale},
                               {"mscale_all_dim", mscale},
                               {"original_max_position_embeddings", original}};
  } else {
    result.warnings.push_back(
        "max_seq_len is at most original_seq_len: DeepSeek's code scales nothing then");
    json["max_position_embeddings"] = most;
  }
  return result;
}

// Source: openai/gpt-oss, gpt_oss/torch/model.py.
TranslatedConfig FromGptOss(const ConfigObject& config) {
  TranslatedConfig result{
      .config = Json::object(), .source = "OpenAI's own config", .warnings = {}};
  Json& json = result.config;
  json["model_type"] = "gpt_oss_raw";
  Rename(config,
         {{"hidden_size", "hidden_size"},
          {"num_hidden_layers", "num_hidden_layers"},
          {"num_attention_heads", "num_attention_heads"},
          {"head_dim", "head_dim"},
          {"rope_theta", "rope_theta"}},
         json);
  const double original = config.Number("initial_context_length").value_or(4096);
  const auto given = config.Find("rope_scaling_factor");
  const double factor = given ? PositiveOf(*given) : 32;
  const double slow = config.Number("rope_ntk_alpha").value_or(1);
  const double fast = config.Number("rope_ntk_beta").value_or(32);
  if (factor > 1) {
    json["rope_parameters"] = {
        {"rope_type", "yarn"}, {"factor", factor},  {"beta_fast", fast},
        {"beta_slow", slow},   {"truncate", false}, {"original_max_position_embeddings", original}};
  } else {  // theirs then scales nothing
    json["max_position_embeddings"] = original;
    json["rope_parameters"] = {{"rope_type", "default"}};
  }
  return result;
}

struct Dialect {
  std::string_view whose;
  std::vector<std::string_view> marks;  // keys that no other has
  std::string_view row;                 // of the registry
  TranslatedConfig (*translate)(const ConfigObject&);
};

// Those that say dim, n_layers and n_heads.
const std::array<Dialect, 3> kShortNames = {{
    {"Meta's",
     {"multiple_of", "ffn_dim_multiplier", "ffn_exp", "use_scaled_rope", "moe_args"},
     "meta_llama3",
     FromMeta},
    {"Mistral's", {"hidden_dim"}, "mistral_params", FromMistral},
    {"DeepSeek's",
     {"inter_dim", "moe_inter_dim", "n_dense_layers"},
     "deepseek_v3_reference",
     FromDeepSeek},
}};
const Dialect kOpenAi = {"OpenAI's",
                         {"initial_context_length", "rope_ntk_alpha", "rope_ntk_beta"},
                         "gpt_oss_raw",
                         FromGptOss};

std::string_view MarkOf(const ConfigObject& config, const Dialect& dialect) {
  for (const std::string_view mark : dialect.marks) {
    if (config.Has(mark)) return mark;
  }
  return "";
}

const Dialect* DialectOf(const ConfigObject& config) {
  if (config.Has("dim") && config.Has("n_layers")) {
    const Dialect* found = nullptr;
    for (const Dialect& dialect : kShortNames) {
      const std::string_view mark = MarkOf(config, dialect);
      if (mark.empty()) continue;
      if (found != nullptr) {
        throw config.value().Error("has ", MarkOf(config, *found), ", which is ", found->whose,
                                   " dialect, and ", mark, ", which is ", dialect.whose);
      }
      found = &dialect;
    }
    if (found != nullptr) return found;
    std::string ways;
    for (const Dialect& dialect : kShortNames) {
      ways += Sentence(ways.empty() ? "" : ", ", dialect.marks[0], " for ", dialect.whose);
    }
    throw config.value().Error("has dim and n_layers, but does not show whose dialect it is: ",
                               ways);
  }
  return config.Has("num_hidden_layers") && !MarkOf(config, kOpenAi).empty() ? &kOpenAi : nullptr;
}

}  // namespace

std::optional<TranslatedConfig> TranslateDialect(const ConfigObject& config,
                                                 const std::set<std::string>& ignore) {
  const Dialect* dialect = DialectOf(config);
  if (dialect == nullptr) return std::nullopt;
  TranslatedConfig result = dialect->translate(config);
  Rename(config, {{kLayoutKey, kLayoutKey}}, result.config);
  result.source = config.value().source() + " as " + result.source;
  const Family& family = *FindFamily(dialect->row);
  if (const auto yarn = config.Object("yarn")) {
    RefuseUnused(yarn->Unasked(), family, ignore, /*in_dictionary=*/true);
  }
  RefuseUnused(config.Unasked(), family, ignore, /*in_dictionary=*/false);
  return result;
}

}  // namespace rotary
