#include "rotary/model/hf_transformers_config.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <limits>
#include <optional>

#include "rotary/config/config_layout.h"

namespace rotary {
namespace {

// The theta of which MakeRotation makes exactly `rotation`, half pairs over the whole head; none
// where there is none. A Rotation keeps frequencies only, so theta is solved for, and the shortest
// decimal number near the solution that gives the same frequencies to the bit is the one that was
// meant.
std::optional<double> ThetaOf(const Rotation& rotation) {
  const int head_dim = rotation.head_dim;
  const auto makes_it = [&](double theta) {
    return std::isfinite(theta) && theta > 0 &&
           MakeRotation({.head_dim = head_dim, .theta = theta, .layout = Layout::kHalf}) ==
               rotation;
  };
  if (head_dim % 2 != 0 || rotation.pairs() != head_dim / 2 || rotation.frequency.empty())
    return std::nullopt;
  if (makes_it(10000)) return 10000;
  // The last frequency is theta^(-(head_dim - 2) / head_dim) and loses the fewest digits.
  const double solution = std::pow(rotation.frequency.back(), -head_dim / (head_dim - 2.0));
  if (!std::isfinite(solution) || solution <= 0) return std::nullopt;
  for (int digits = 1; digits <= 17; ++digits) {
    std::array<char, 32> text;
    std::snprintf(text.data(), text.size(), "%.*e", digits - 1, solution);
    const double theta = std::strtod(text.data(), nullptr);
    if (makes_it(theta)) return theta;
  }
  double below = solution, above = solution;
  for (int step = 0; step < 16; ++step) {
    below = std::nextafter(below, 0.0);
    above = std::nextafter(above, std::numeric_limits<double>::infinity());
    if (makes_it(below)) return below;
    if (makes_it(above)) return above;
  }
  return std::nullopt;
}

// What both dialects of transformers call alike. Ids of special tokens are null: the defaults of
// transformers (padding 0, a text that begins with 1 and ends with 2) would name words of ours.
void AddCommon(const ModelConfig& config, std::string_view architecture, ConfigWriter& out) {
  out.Add("architectures", Json::array({architecture}));
  out.Add("vocab_size", config.vocab_size);
  out.Add("hidden_size", config.model_dim);
  out.Add("num_hidden_layers", config.layers);
  out.Add("num_attention_heads", config.heads);
  out.Add("intermediate_size", config.inner_dim);
  out.Add("max_position_embeddings", config.max_tokens);
  out.Add("initializer_range", config.initial_std);
  out.Add("tie_word_embeddings", config.tied);
  out.Add("torch_dtype", "float32");
  for (const char* key : {"pad_token_id", "bos_token_id", "eos_token_id"}) out.Add(key, nullptr);
}

// A member that is there and not null, as transformers sees it.
std::optional<JsonValue> FindSet(const JsonValue& object, std::string_view key) {
  auto member = object.Find(key);
  if (member && member->IsNull()) return std::nullopt;
  return member;
}

int64_t IntOr(const JsonValue& root, std::string_view key, int64_t otherwise, int64_t least,
              int64_t most) {
  const auto member = FindSet(root, key);
  return member ? member->Int(least, most) : otherwise;
}

double NumberOr(const JsonValue& root, std::string_view key, double otherwise) {
  const auto member = FindSet(root, key);
  return member ? member->Number() : otherwise;
}

bool BoolOr(const JsonValue& root, std::string_view key, bool otherwise) {
  const auto member = FindSet(root, key);
  return member ? member->Bool() : otherwise;
}

// Only this value will do; absent means it.
void RequireString(const JsonValue& root, std::string_view key, std::string_view wanted) {
  const auto member = FindSet(root, key);
  if (member && member->String() != wanted)
    throw member->Error("must be ", wanted, ", got ", member->String());
}

void RequireFalse(const JsonValue& root, std::string_view key) {
  if (BoolOr(root, key, false)) throw root[key].Error("is not supported: it must be false");
}

// Files carry many keys that only training, generation or the library read, and no list of them is
// ever complete. Keys that could change what the model computes speak of positions, windows, scales
// or quantised numbers: unless they are known, such words in a key are refused, not passed over.
void RefuseRiskyKeys(const JsonValue& root, std::initializer_list<std::string_view> known) {
  constexpr std::array<std::string_view, 10> kWords = {"rope",  "rotary", "rotation", "position",
                                                       "alibi", "window", "scal",     "yarn",
                                                       "quant", "softcap"};
  for (const auto& [key, value] : root.Members()) {
    const bool off = value.IsNull() || value.json() == Json(false);
    if (off || key == kTokenizerKey || std::find(known.begin(), known.end(), key) != known.end())
      continue;
    for (const std::string_view word : kWords) {
      if (key.find(word) != std::string::npos)
        throw value.Error("is not supported and could change the logits");
    }
  }
}

void ReadCommon(const JsonValue& root, ModelConfig& config) {
  config.vocab_size = root["vocab_size"].Int(1, kMaxRows);
  config.model_dim = static_cast<int>(root["hidden_size"].Int(1, kMaxDim));
  config.layers = static_cast<int>(root["num_hidden_layers"].Int(1, kMaxLayers));
  config.heads = static_cast<int>(root["num_attention_heads"].Int(1, kMaxHeads));
  config.inner_dim = static_cast<int>(root["intermediate_size"].Int(1, kMaxDim));
  config.initial_std = NumberOr(root, "initializer_range", 0.02);
  config.embedding_dim = config.model_dim;
}

// The head's size where the file does not name it.
int HeadDim(const JsonValue& root, const ModelConfig& config) {
  if (config.model_dim % config.heads != 0) {
    throw root["hidden_size"].Error("must be a multiple of num_attention_heads (", config.heads,
                                    "), got ", config.model_dim);
  }
  return config.model_dim / config.heads;
}

void RequireEvenHead(const JsonValue& root, int head_dim) {
  if (head_dim % 2 != 0)
    throw root["hidden_size"].Error("gives heads of ", head_dim,
                                    " channels, and pairs need an even number");
}

// Of a checkpoint that `rotary convert` has brought to the other layout.
Layout ReadLayout(const JsonValue& root, Layout otherwise) {
  const auto member = FindSet(root, kLayoutKey);
  if (!member) return otherwise;
  if (member->String() != "half" && member->String() != "interleaved")
    throw member->Error("must be half or interleaved, got ", member->String());
  return member->String() == "half" ? Layout::kHalf : Layout::kInterleaved;
}

// The theta of a file of version 4 or 5, which must not ask for another rule than the plain one.
double ReadTheta(const JsonValue& root) {
  std::optional<JsonValue> theta = FindSet(root, "rope_theta");
  for (const std::string_view key : {"rope_scaling", "rope_parameters"}) {
    const auto rope = FindSet(root, key);
    if (!rope) continue;
    for (const std::string_view type : {"rope_type", "type"}) {
      const auto value = FindSet(*rope, type);
      if (value && value->String() != "default")
        throw value->Error("must be default, got ", value->String());
    }
    rope->AllowOnly({"rope_type", "type", "rope_theta", "partial_rotary_factor"});
    if (NumberOr(*rope, "partial_rotary_factor", 1) != 1) {
      throw(*rope)["partial_rotary_factor"].Error("must be 1 in this model_type");
    }
    const auto inner = FindSet(*rope, "rope_theta");
    if (inner && theta && inner->Number() != theta->Number()) {
      throw inner->Error("is ", inner->Number(), ", but another key says ", theta->Number());
    }
    if (inner) theta = inner;
  }
  if (NumberOr(root, "partial_rotary_factor", 1) != 1) {
    throw root["partial_rotary_factor"].Error("must be 1 in this model_type");
  }
  const double value = theta ? theta->Number() : 10000;
  if (!(value > 0)) throw theta->Error("must be positive, got ", value);
  return value;
}

}  // namespace

bool RoFormerHolds(const ModelConfig& c) {
  return c.norm_placement == NormPlacement::kPost && c.norm_form == NormForm::kLayerNorm &&
         c.feed_forward == FeedForward::kGelu && c.biases && c.embedding_norm &&
         c.head == OutputHead::kMaskedWord && c.token_types > 0 && c.kv_heads == c.heads &&
         c.query_dim() == c.model_dim && c.positions == PositionEncoding::kRotary &&
         c.attention == AttentionForm::kSoftmax && c.head_dim % 2 == 0 &&
         c.rotation == MakeRotation({.head_dim = c.head_dim, .layout = Layout::kInterleaved});
}

// Version 5 refuses a hidden size that the heads do not divide and a deviation above 1.
bool LlamaHolds(const ModelConfig& c) {
  return c.causal && c.norm_placement == NormPlacement::kPre && c.norm_form == NormForm::kRmsNorm &&
         c.feed_forward == FeedForward::kSwiGlu && !c.embedding_norm &&
         c.head == OutputHead::kLinear && c.token_types == 0 && c.embedding_dim == c.model_dim &&
         c.model_dim % c.heads == 0 && c.initial_std <= 1 &&
         c.positions == PositionEncoding::kRotary && c.attention == AttentionForm::kSoftmax &&
         ThetaOf(c.rotation).has_value();
}

void AddRoFormerConfig(const ModelConfig& config, ConfigWriter& out) {
  AddCommon(config, config.causal ? "RoFormerForCausalLM" : "RoFormerForMaskedLM", out);
  out.Add("embedding_size", config.embedding_dim);
  out.Add("type_vocab_size", config.token_types);
  out.Add("layer_norm_eps", config.norm_epsilon);
  out.Add("hidden_act", "gelu");
  out.Add("is_decoder", config.causal);
  out.Add("rotary_value", false);
  out.Add("hidden_dropout_prob", 0.0);
  out.Add("attention_probs_dropout_prob", 0.0);
}

void AddLlamaConfig(const ModelConfig& config, ConfigWriter& out) {
  AddCommon(config, "LlamaForCausalLM", out);
  const double theta = ThetaOf(config.rotation).value();
  out.Add("num_key_value_heads", config.kv_heads);
  out.Add("head_dim", config.head_dim);
  out.Add("rms_norm_eps", config.norm_epsilon);
  out.Add("hidden_act", "silu");
  out.Add("attention_bias", config.biases);
  out.Add("mlp_bias", config.biases);
  out.Add("rope_theta", theta);                                                   // version 4
  out.Add("rope_parameters", {{"rope_theta", theta}, {"rope_type", "default"}});  // version 5
}

ModelConfig ReadRoFormerConfig(const JsonValue& root) {
  RefuseRiskyKeys(root, {"max_position_embeddings", "layer_norm_eps", "rotary_value", kLayoutKey});
  RequireString(root, "hidden_act", "gelu");
  RequireFalse(root, "rotary_value");
  RequireFalse(root, "add_cross_attention");
  ModelConfig config;
  ReadCommon(root, config);
  config.embedding_dim =
      static_cast<int>(IntOr(root, "embedding_size", config.model_dim, 1, kMaxDim));
  config.kv_heads = config.heads;
  config.head_dim = HeadDim(root, config);
  RequireEvenHead(root, config.head_dim);
  config.features = config.head_dim;
  config.token_types = static_cast<int>(IntOr(root, "type_vocab_size", 2, 1, kMaxDim));
  config.max_tokens = IntOr(root, "max_position_embeddings", 1536, 1, kMaxRows);
  config.norm_epsilon = NumberOr(root, "layer_norm_eps", 1e-12);
  config.causal = BoolOr(root, "is_decoder", false);
  config.tied = BoolOr(root, "tie_word_embeddings", true);
  config.rotation =
      MakeRotation({.head_dim = config.head_dim, .layout = ReadLayout(root, Layout::kInterleaved)});
  return config;
}

ModelConfig ReadLlamaConfig(const JsonValue& root) {
  RefuseRiskyKeys(
      root, {"max_position_embeddings", "rms_norm_eps", "rope_theta", "rope_scaling",
             "rope_parameters", "partial_rotary_factor", "attention_bias", "mlp_bias", kLayoutKey});
  RequireString(root, "hidden_act", "silu");
  ModelConfig config;
  ReadCommon(root, config);
  config.kv_heads =
      static_cast<int>(IntOr(root, "num_key_value_heads", config.heads, 1, kMaxHeads));
  const auto head_dim = FindSet(root, "head_dim");
  config.head_dim =
      head_dim ? static_cast<int>(head_dim->Int(1, kMaxHeadDim)) : HeadDim(root, config);
  if (config.head_dim % 2 != 0 && head_dim)
    throw head_dim->Error("must be even, got ", config.head_dim);
  RequireEvenHead(root, config.head_dim);
  config.features = config.head_dim;
  config.max_tokens = IntOr(root, "max_position_embeddings", 2048, 1, kMaxRows);
  config.causal = true;
  config.norm_placement = NormPlacement::kPre;
  config.norm_form = NormForm::kRmsNorm;
  config.norm_epsilon = NumberOr(root, "rms_norm_eps", 1e-6);
  config.feed_forward = FeedForward::kSwiGlu;
  config.biases = BoolOr(root, "attention_bias", false);
  if (config.biases != BoolOr(root, "mlp_bias", false)) {
    throw root[config.biases ? "attention_bias" : "mlp_bias"].Error(
        "is true alone: attention_bias and mlp_bias must be alike");
  }
  config.embedding_norm = false;
  config.head = OutputHead::kLinear;
  config.tied = BoolOr(root, "tie_word_embeddings", false);
  config.rotation = MakeRotation({.head_dim = config.head_dim,
                                  .theta = ReadTheta(root),
                                  .layout = ReadLayout(root, Layout::kHalf)});
  return config;
}

}  // namespace rotary
