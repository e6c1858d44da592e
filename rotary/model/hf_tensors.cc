#include "rotary/model/hf_tensors.h"

#include <array>
#include <map>
#include <stdexcept>
#include <utility>

#include "rotary/base/error.h"

namespace rotary {
namespace {

// Collects parts by the names of parameters.
class Parts {
 public:
  explicit Parts(const ParameterLayout& layout) {
    for (const Parameter& parameter : layout.parameters())
      by_name_.emplace(parameter.name, &parameter);
  }

  // A whole parameter, where the model has it.
  void Add(std::string name, std::string_view parameter) {
    const auto found = by_name_.find(parameter);
    if (found == by_name_.end()) return;
    parts_.push_back({std::move(name), found->second->shape, found->second->offset});
  }
  // The next `rows` rows of a parameter, from `begin` on.
  void AddRows(std::string name, std::string_view parameter, int64_t begin, int64_t rows) {
    const auto found = by_name_.find(parameter);
    if (found == by_name_.end()) return;
    const Parameter& whole = *found->second;
    Dims shape = whole.shape;
    shape[0] = rows;
    parts_.push_back(
        {std::move(name), shape, whole.offset + begin * (whole.count() / whole.shape[0])});
  }
  // A linear layer and a norm, under transformers' words for gain and bias.
  void AddLinear(const std::string& name, const std::string& parameter) {
    Add(name + ".weight", parameter + ".weight");
    Add(name + ".bias", parameter + ".bias");
  }
  void AddNorm(const std::string& name, const std::string& parameter) {
    Add(name + ".weight", parameter + ".gain");
    Add(name + ".bias", parameter + ".bias");
  }
  // Queries, keys and values.
  void AddQkv(const std::array<std::string, 3>& names, const std::string& parameter,
              const ModelConfig& config) {
    const std::array<int64_t, 3> rows = {config.query_dim(), config.key_dim(), config.key_dim()};
    for (const char* kind : {".weight", ".bias"}) {
      int64_t begin = 0;
      for (size_t i = 0; i < names.size(); ++i) {
        AddRows(names[i] + kind, parameter + kind, begin, rows[i]);
        begin += rows[i];
      }
    }
  }

  std::vector<TensorPart> Take() { return std::move(parts_); }

 private:
  std::map<std::string_view, const Parameter*> by_name_;
  std::vector<TensorPart> parts_;
};

std::vector<TensorPart> RoFormerParts(const ModelConfig& config, const ParameterLayout& layout) {
  Parts parts(layout);
  parts.Add("roformer.embeddings.word_embeddings.weight", "embedding.words");
  parts.Add("roformer.embeddings.token_type_embeddings.weight", "embedding.token_types");
  parts.AddNorm("roformer.embeddings.LayerNorm", "embedding.norm");
  parts.AddLinear("roformer.embeddings_project", "embedding.projection");
  for (int layer = 0; layer < config.layers; ++layer) {
    const std::string name = "roformer.encoder.layer." + std::to_string(layer);
    const std::string parameter = "layers." + std::to_string(layer);
    const std::string self = name + ".attention.self";
    parts.AddQkv({self + ".query", self + ".key", self + ".value"}, parameter + ".attention.qkv",
                 config);
    parts.AddLinear(name + ".attention.output.dense", parameter + ".attention.output");
    parts.AddNorm(name + ".attention.output.LayerNorm", parameter + ".attention.norm");
    parts.AddLinear(name + ".intermediate.dense", parameter + ".feed_forward.up");
    parts.AddLinear(name + ".output.dense", parameter + ".feed_forward.down");
    parts.AddNorm(name + ".output.LayerNorm", parameter + ".feed_forward.norm");
  }
  parts.AddLinear("cls.predictions.transform.dense", "head.dense");
  parts.AddNorm("cls.predictions.transform.LayerNorm", "head.norm");
  parts.Add(std::string(kRoFormerHead), "head.output.weight");
  parts.Add(std::string(kRoFormerBias), "head.output.bias");
  return parts.Take();
}

std::vector<TensorPart> LlamaParts(const ModelConfig& config, const ParameterLayout& layout) {
  Parts parts(layout);
  parts.Add("model.embed_tokens.weight", "embedding.words");
  for (int layer = 0; layer < config.layers; ++layer) {
    const std::string name = "model.layers." + std::to_string(layer);
    const std::string parameter = "layers." + std::to_string(layer);
    const std::string self = name + ".self_attn";
    parts.AddQkv({self + ".q_proj", self + ".k_proj", self + ".v_proj"},
                 parameter + ".attention.qkv", config);
    parts.AddLinear(self + ".o_proj", parameter + ".attention.output");
    parts.AddNorm(name + ".input_layernorm", parameter + ".attention.norm");
    for (const char* kind : {".weight", ".bias"}) {
      const std::string up = parameter + ".feed_forward.up" + kind;
      parts.AddRows(name + ".mlp.gate_proj" + kind, up, 0, config.inner_dim);
      parts.AddRows(name + ".mlp.up_proj" + kind, up, config.inner_dim, config.inner_dim);
    }
    parts.AddLinear(name + ".mlp.down_proj", parameter + ".feed_forward.down");
    parts.AddNorm(name + ".post_attention_layernorm", parameter + ".feed_forward.norm");
  }
  parts.AddNorm("model.norm", "final_norm");
  parts.Add(std::string(kLlamaHead), "head.output.weight");
  return parts.Take();
}

}  // namespace

std::vector<TensorPart> TensorParts(Dialect dialect, const ModelConfig& config,
                                    const ParameterLayout& layout) {
  switch (dialect) {
    case Dialect::kRoFormer:
      return RoFormerParts(config, layout);
    case Dialect::kLlama:
      return LlamaParts(config, layout);
    case Dialect::kRotary: {
      Parts parts(layout);
      for (const Parameter& parameter : layout.parameters())
        parts.Add(parameter.name, parameter.name);
      return parts.Take();
    }
  }
  throw std::invalid_argument("TensorParts: not a dialect");
}

std::string_view BasePrefix(Dialect dialect) {
  switch (dialect) {
    case Dialect::kRoFormer:
      return "roformer.";
    case Dialect::kLlama:
      return "model.";
    case Dialect::kRotary:
      return "";
  }
  throw std::invalid_argument("BasePrefix: not a dialect");
}

bool IsOldBuffer(std::string_view name) {
  for (const std::string_view ending : {".rotary_emb.inv_freq", ".attention.bias",
                                        ".attention.masked_bias", "embeddings.position_ids"}) {
    if (name.ends_with(ending)) return true;
  }
  return false;
}

}  // namespace rotary
