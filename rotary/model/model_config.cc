#include "rotary/model/model_config.h"

#include <algorithm>
#include <cmath>

#include "rotary/attention/linear_attention.h"
#include "rotary/base/error.h"

namespace rotary {
namespace {

// The value whose name is `name`; the error lists the known names.
template <class Enum>
Enum Parse(std::string_view what, const std::vector<std::string>& names, std::string_view name) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) {
    std::string known;
    for (const std::string& each : names) known += (known.empty() ? "" : ", ") + each;
    throw std::invalid_argument(Sentence(what, " must be one of ", known, ", got \"", name, "\""));
  }
  return static_cast<Enum>(found - names.begin());
}

ModelConfig FromSizes(const ModelSizes& sizes) {
  Require(sizes.heads > 0 && sizes.model_dim % sizes.heads == 0,
          "model: model_dim must be a multiple of heads, got model_dim ", sizes.model_dim, " and ",
          sizes.heads, " heads");
  ModelConfig config;
  config.vocab_size = sizes.vocab_size;
  config.layers = sizes.layers;
  config.model_dim = sizes.model_dim;
  config.embedding_dim = sizes.model_dim;
  config.heads = sizes.heads;
  config.kv_heads = sizes.kv_heads == 0 ? sizes.heads : sizes.kv_heads;
  config.head_dim = sizes.model_dim / sizes.heads;
  config.features = config.head_dim;
  config.max_tokens = sizes.max_tokens;
  return config;
}

void RequirePositive(std::string_view name, int64_t value) {
  Require(value > 0, "model: ", name, " must be at least 1, got ", value);
}

}  // namespace

ModelConfig RoFormerConfig(const ModelSizes& sizes) {
  ModelConfig config = FromSizes(sizes);
  config.inner_dim = sizes.inner_dim == 0 ? 4 * sizes.model_dim : sizes.inner_dim;
  config.token_types = 2;
  config.rotation = MakeRotation({.head_dim = config.head_dim, .layout = Layout::kInterleaved});
  return config;
}

ModelConfig LlamaConfig(const ModelSizes& sizes) {
  ModelConfig config = FromSizes(sizes);
  config.inner_dim =
      sizes.inner_dim == 0 ? (8 * sizes.model_dim / 3 + 31) / 32 * 32 : sizes.inner_dim;
  config.causal = true;
  config.norm_placement = NormPlacement::kPre;
  config.norm_form = NormForm::kRmsNorm;
  config.norm_epsilon = 1e-5;
  config.feed_forward = FeedForward::kSwiGlu;
  config.biases = false;
  config.embedding_norm = false;
  config.head = OutputHead::kLinear;
  config.rotation = MakeRotation({.head_dim = config.head_dim, .layout = Layout::kHalf});
  return config;
}

void CheckModelConfig(const ModelConfig& config) {
  RequirePositive("vocab_size", config.vocab_size);
  RequirePositive("layers", config.layers);
  RequirePositive("model_dim", config.model_dim);
  RequirePositive("embedding_dim", config.embedding_dim);
  RequirePositive("heads", config.heads);
  RequirePositive("kv_heads", config.kv_heads);
  RequirePositive("head_dim", config.head_dim);
  RequirePositive("inner_dim", config.inner_dim);
  RequirePositive("max_tokens", config.max_tokens);
  Require(config.token_types >= 0, "model: token_types must not be negative, got ",
          config.token_types);
  Require(config.heads % config.kv_heads == 0, "model: heads must be a multiple of kv_heads, got ",
          config.heads, " heads and ", config.kv_heads, " kv_heads");
  Require(std::isfinite(config.norm_epsilon) && config.norm_epsilon >= 0,
          "model: norm_epsilon must not be negative, got ", config.norm_epsilon);
  Require(std::isfinite(config.initial_std) && config.initial_std > 0,
          "model: initial_std must be positive, got ", config.initial_std);
  Require(std::isfinite(config.sinusoidal_amplitude) && config.sinusoidal_amplitude > 0,
          "model: sinusoidal_amplitude must be positive, got ", config.sinusoidal_amplitude);
  if (config.head == OutputHead::kLinear) {
    Require(config.embedding_dim == config.model_dim,
            "model: a linear head needs embedding_dim equal to model_dim, got ",
            config.embedding_dim, " and ", config.model_dim);
  }
  if (config.attention == AttentionForm::kLinear) {
    Require(config.positions != PositionEncoding::kAlibi,
            "model: ALiBi adds to scores, and linear attention has none; use softmax attention");
    Require(config.feature_map == FeatureMap::kPerformer ? config.features > 0
                                                         : config.features == config.head_dim,
            "model: features must be head_dim (", config.head_dim,
            ") unless the map is performer, got ", config.features);
  }
  if (config.positions == PositionEncoding::kRotary) {
    CheckRotation(config.rotation);
    Require(config.rotation.head_dim == config.rotated_dim(), "model: the rotation must be of ",
            config.rotated_dim(), " channels, got ", config.rotation.head_dim);
    Require(config.rotation.axes == 1, "model: text has one axis of position, the rotation has ",
            config.rotation.axes);
    Require(config.rotation.heads == 1 || config.heads == config.kv_heads,
            "model: a rotation with a row for each head needs as many kv_heads as heads");
    Require(config.rotation.heads == 1 || config.rotation.heads == config.heads,
            "model: the rotation must have 1 or ", config.heads, " heads, got ",
            config.rotation.heads);
    if (config.attention == AttentionForm::kLinear)
      CheckLinearRotation(config.rotation, config.features);
  }
}

const std::vector<std::string>& PositionEncodingNames() {
  static const std::vector<std::string> names = {"rotary", "sinusoidal", "learned", "alibi",
                                                 "none"};
  return names;
}

std::string Name(PositionEncoding encoding) {
  return PositionEncodingNames().at(static_cast<size_t>(encoding));
}

PositionEncoding ParsePositionEncoding(std::string_view name) {
  return Parse<PositionEncoding>("position encoding", PositionEncodingNames(), name);
}

const std::vector<std::string>& FeatureMapNames() {
  static const std::vector<std::string> names = {"elu", "performer", "softmax-exp"};
  return names;
}

std::string Name(FeatureMap map) { return FeatureMapNames().at(static_cast<size_t>(map)); }

FeatureMap ParseFeatureMap(std::string_view name) {
  return Parse<FeatureMap>("feature map", FeatureMapNames(), name);
}

}  // namespace rotary
