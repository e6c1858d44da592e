#include "rotary/model/hf_own_config.h"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "rotary/io/rotation_json.h"

namespace rotary {
namespace {

// One word of a choice.
template <class Enum>
struct Word {
  std::string_view word;
  Enum value;
};
constexpr std::array<Word<NormPlacement>, 2> kNormPlacements = {
    {{"post", NormPlacement::kPost}, {"pre", NormPlacement::kPre}}};
constexpr std::array<Word<NormForm>, 2> kNormForms = {
    {{"layer_norm", NormForm::kLayerNorm}, {"rms_norm", NormForm::kRmsNorm}}};
constexpr std::array<Word<FeedForward>, 2> kFeedForwards = {
    {{"gelu", FeedForward::kGelu}, {"swiglu", FeedForward::kSwiGlu}}};
constexpr std::array<Word<OutputHead>, 2> kHeads = {
    {{"linear", OutputHead::kLinear}, {"masked_word", OutputHead::kMaskedWord}}};
constexpr std::array<Word<AttentionForm>, 2> kAttentions = {
    {{"softmax", AttentionForm::kSoftmax}, {"linear", AttentionForm::kLinear}}};

template <class Enum, size_t kCount>
std::string_view WordOf(const std::array<Word<Enum>, kCount>& words, Enum value) {
  return std::find_if(words.begin(), words.end(),
                      [&](const auto& word) { return word.value == value; })
      ->word;
}

template <class Enum, size_t kCount>
Enum ReadWord(const JsonValue& value, const std::array<Word<Enum>, kCount>& words) {
  std::string known;
  for (const Word<Enum>& word : words) {
    if (word.word == value.String()) return word.value;
    known += Sentence(known.empty() ? "" : " or ", word.word);
  }
  throw value.Error("must be ", known, ", got ", value.String());
}

// Calls `parse` on the string; what it throws becomes a FileError about the value.
template <class Parse>
auto ReadName(const JsonValue& value, Parse parse) {
  try {
    return parse(value.String());
  } catch (const std::invalid_argument& error) {
    throw value.Error("is not known: ", error.what());
  }
}

}  // namespace

void AddOwnConfig(const ModelConfig& config, ConfigWriter& out) {
  out.Add("vocab_size", config.vocab_size);
  out.Add("layers", config.layers);
  out.Add("model_dim", config.model_dim);
  out.Add("embedding_dim", config.embedding_dim);
  out.Add("heads", config.heads);
  out.Add("kv_heads", config.kv_heads);
  out.Add("head_dim", config.head_dim);
  out.Add("inner_dim", config.inner_dim);
  out.Add("token_types", config.token_types);
  out.Add("max_tokens", config.max_tokens);
  out.Add("causal", config.causal);
  out.Add("norm_placement", WordOf(kNormPlacements, config.norm_placement));
  out.Add("norm_form", WordOf(kNormForms, config.norm_form));
  out.Add("norm_epsilon", config.norm_epsilon);
  out.Add("feed_forward", WordOf(kFeedForwards, config.feed_forward));
  out.Add("biases", config.biases);
  out.Add("embedding_norm", config.embedding_norm);
  out.Add("head", WordOf(kHeads, config.head));
  out.Add("tied", config.tied);
  out.Add("positions", Name(config.positions));
  if (config.positions == PositionEncoding::kSinusoidal)
    out.Add("sinusoidal_amplitude", config.sinusoidal_amplitude);
  if (config.positions == PositionEncoding::kRotary)
    out.AddRaw("rotation", RotationToJson(config.rotation));
  out.Add("attention", WordOf(kAttentions, config.attention));
  out.Add("feature_map", Name(config.feature_map));
  out.Add("features", config.features);
  out.Add("initial_std", config.initial_std);
}

ModelConfig ReadOwnConfig(const JsonValue& root) {
  root.AllowOnly({"model_type",   kTokenizerKey,    "vocab_size",  "layers",
                  "model_dim",    "embedding_dim",  "heads",       "kv_heads",
                  "head_dim",     "inner_dim",      "token_types", "max_tokens",
                  "causal",       "norm_placement", "norm_form",   "norm_epsilon",
                  "feed_forward", "biases",         "head",        "embedding_norm",
                  "tied",         "positions",      "rotation",    "attention",
                  "features",     "feature_map",    "initial_std", "sinusoidal_amplitude"});
  ModelConfig config;
  const auto integer = [&](std::string_view key, int64_t least, int64_t most) {
    return static_cast<int>(root[key].Int(least, most));
  };
  config.vocab_size = root["vocab_size"].Int(1, kMaxRows);
  config.layers = integer("layers", 1, kMaxLayers);
  config.model_dim = integer("model_dim", 1, kMaxDim);
  config.embedding_dim = integer("embedding_dim", 1, kMaxDim);
  config.heads = integer("heads", 1, kMaxHeads);
  config.kv_heads = integer("kv_heads", 1, kMaxHeads);
  config.head_dim = integer("head_dim", 1, kMaxHeadDim);
  config.inner_dim = integer("inner_dim", 1, kMaxDim);
  config.token_types = integer("token_types", 0, kMaxDim);
  config.max_tokens = root["max_tokens"].Int(1, kMaxRows);
  config.causal = root["causal"].Bool();
  config.norm_placement = ReadWord(root["norm_placement"], kNormPlacements);
  config.norm_form = ReadWord(root["norm_form"], kNormForms);
  config.norm_epsilon = root["norm_epsilon"].Number();
  config.feed_forward = ReadWord(root["feed_forward"], kFeedForwards);
  config.biases = root["biases"].Bool();
  config.embedding_norm = root["embedding_norm"].Bool();
  config.head = ReadWord(root["head"], kHeads);
  config.tied = root["tied"].Bool();
  config.positions = ReadName(root["positions"], ParsePositionEncoding);
  if (config.positions == PositionEncoding::kRotary) {
    config.rotation = RotationFromJson(root["rotation"]);
  } else if (const auto rotation = root.Find("rotation")) {
    throw rotation->Error("has no meaning with positions ", Name(config.positions));
  }
  if (config.positions == PositionEncoding::kSinusoidal) {
    config.sinusoidal_amplitude = root["sinusoidal_amplitude"].Number();
  } else if (const auto amplitude = root.Find("sinusoidal_amplitude")) {
    throw amplitude->Error("has no meaning with positions ", Name(config.positions));
  }
  config.attention = ReadWord(root["attention"], kAttentions);
  config.feature_map = ReadName(root["feature_map"], ParseFeatureMap);
  config.features = integer("features", 0, kMaxDim);
  config.initial_std = root["initial_std"].Number();
  return config;
}

}  // namespace rotary
