#include "rotary/model/parameters.h"

#include <algorithm>
#include <stdexcept>

#include "rotary/base/error.h"
#include "rotary/base/random.h"

namespace rotary {
namespace {

// FNV-1a: the stream of a parameter's initial numbers, from its name.
uint64_t StreamOf(std::string_view name) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char letter : name) {
    hash = (hash ^ static_cast<unsigned char>(letter)) * 0x100000001b3u;
  }
  return hash;
}

// Looks parts up by name; a part that the config lacks binds to nothing.
template <class T>
class Binder {
 public:
  Binder(const ParameterLayout& layout, std::span<T> buffer) : layout_(layout), buffer_(buffer) {}

  std::span<T> Vector(const std::string& name) const {
    if (!layout_.Has(name)) return {};
    const Parameter& parameter = layout_.Find(name);
    return buffer_.subspan(static_cast<size_t>(parameter.offset),
                           static_cast<size_t>(parameter.count()));
  }
  Matrix<T> Table(const std::string& name) const {
    if (!layout_.Has(name)) return {};
    const Dims& shape = layout_.Find(name).shape;
    return {Vector(name).data(), shape[0], shape[1], shape[1]};
  }
  LinearParameters<T> Linear(const std::string& name) const {
    return {Table(name + ".weight"), Vector(name + ".bias")};
  }
  NormParameters<T> Norm(const std::string& name) const {
    return {Vector(name + ".gain"), Vector(name + ".bias")};
  }

 private:
  const ParameterLayout& layout_;
  std::span<T> buffer_;
};

}  // namespace

ParameterLayout::ParameterLayout(const ModelConfig& config) {
  CheckModelConfig(config);
  using Kind = Parameter::Kind;
  const int64_t model = config.model_dim;
  const int64_t embedding = config.embedding_dim;
  const auto add_linear = [&](const std::string& name, int64_t out, int64_t in, bool bias) {
    Add(name + ".weight", {out, in}, Kind::kProjection);
    if (bias) Add(name + ".bias", {out}, Kind::kBias);
  };
  const auto add_norm = [&](const std::string& name, int64_t dim) {
    Add(name + ".gain", {dim}, Kind::kGain);
    if (config.norm_form == NormForm::kLayerNorm) Add(name + ".bias", {dim}, Kind::kBias);
  };

  Add("embedding.words", {config.vocab_size, embedding}, Kind::kTable);
  if (config.token_types > 0) {
    Add("embedding.token_types", {config.token_types, embedding}, Kind::kTable);
  }
  if (config.positions == PositionEncoding::kLearned) {
    Add("embedding.positions", {config.max_tokens, embedding}, Kind::kTable);
  }
  if (config.embedding_norm) add_norm("embedding.norm", embedding);
  if (embedding != model) add_linear("embedding.projection", model, embedding, true);
  for (int layer = 0; layer < config.layers; ++layer) {
    const std::string prefix = "layers." + std::to_string(layer);
    const int64_t up = config.feed_forward == FeedForward::kSwiGlu ? 2 : 1;
    add_linear(prefix + ".attention.qkv", config.qkv_dim(), model, config.biases);
    add_linear(prefix + ".attention.output", model, config.query_dim(), config.biases);
    add_norm(prefix + ".attention.norm", model);
    add_linear(prefix + ".feed_forward.up", up * config.inner_dim, model, config.biases);
    add_linear(prefix + ".feed_forward.down", model, config.inner_dim, config.biases);
    add_norm(prefix + ".feed_forward.norm", model);
  }
  if (config.norm_placement == NormPlacement::kPre) add_norm("final_norm", model);
  if (config.head == OutputHead::kMaskedWord) {
    add_linear("head.dense", embedding, model, true);
    add_norm("head.norm", embedding);
  }
  if (!config.tied) Add("head.output.weight", {config.vocab_size, embedding}, Kind::kProjection);
  if (config.head == OutputHead::kMaskedWord) {
    Add("head.output.bias", {config.vocab_size}, Kind::kBias);
  }
}

void ParameterLayout::Add(std::string name, Dims shape, Parameter::Kind kind) {
  constexpr int64_t kStep = static_cast<int64_t>(kAlignment / sizeof(float));
  parameters_.push_back({std::move(name), shape, size_, kind});
  size_ += (shape.Count() + kStep - 1) / kStep * kStep;
}

int64_t ParameterLayout::count() const {
  int64_t count = 0;
  for (const Parameter& parameter : parameters_) count += parameter.count();
  return count;
}

bool ParameterLayout::Has(std::string_view name) const {
  return std::any_of(parameters_.begin(), parameters_.end(),
                     [&](const Parameter& parameter) { return parameter.name == name; });
}

const Parameter& ParameterLayout::Find(std::string_view name) const {
  const auto found =
      std::find_if(parameters_.begin(), parameters_.end(),
                   [&](const Parameter& parameter) { return parameter.name == name; });
  if (found == parameters_.end()) {
    throw std::out_of_range(Sentence("parameters: the model has no \"", name, "\""));
  }
  return *found;
}

template <class T>
ModelParameters<T> BindParameters(const ModelConfig& config, const ParameterLayout& layout,
                                  std::span<T> buffer) {
  Require(static_cast<int64_t>(buffer.size()) == layout.size(), "parameters: the buffer must have ",
          layout.size(), " elements, got ", buffer.size());
  const Binder<T> bind(layout, buffer);
  ModelParameters<T> model;
  model.words = bind.Table("embedding.words");
  model.token_types = bind.Table("embedding.token_types");
  model.positions = bind.Table("embedding.positions");
  model.embedding_norm = bind.Norm("embedding.norm");
  model.embedding_projection = bind.Linear("embedding.projection");
  for (int layer = 0; layer < config.layers; ++layer) {
    const std::string prefix = "layers." + std::to_string(layer);
    model.layers.push_back({.qkv = bind.Linear(prefix + ".attention.qkv"),
                            .output = bind.Linear(prefix + ".attention.output"),
                            .up = bind.Linear(prefix + ".feed_forward.up"),
                            .down = bind.Linear(prefix + ".feed_forward.down"),
                            .attention_norm = bind.Norm(prefix + ".attention.norm"),
                            .feed_forward_norm = bind.Norm(prefix + ".feed_forward.norm")});
  }
  model.final_norm = bind.Norm("final_norm");
  model.head_dense = bind.Linear("head.dense");
  model.head_norm = bind.Norm("head.norm");
  model.head_output = bind.Linear("head.output");
  if (config.tied) model.head_output.weight = model.words;
  return model;
}

template ModelParameters<float> BindParameters(const ModelConfig&, const ParameterLayout&,
                                               std::span<float>);
template ModelParameters<const float> BindParameters(const ModelConfig&, const ParameterLayout&,
                                                     std::span<const float>);
template ModelParameters<const double> BindParameters(const ModelConfig&, const ParameterLayout&,
                                                      std::span<const double>);

void InitialiseParameters(const ModelConfig& config, const ParameterLayout& layout, uint64_t seed,
                          std::span<float> buffer) {
  for (const Parameter& parameter : layout.parameters()) {
    const auto values = buffer.subspan(static_cast<size_t>(parameter.offset),
                                       static_cast<size_t>(parameter.count()));
    switch (parameter.kind) {
      case Parameter::Kind::kProjection:
      case Parameter::Kind::kTable: {
        const Random random(seed, StreamOf(parameter.name));
        for (size_t i = 0; i < values.size(); ++i) {
          values[i] = static_cast<float>(config.initial_std * random.Normal(i));
        }
        break;
      }
      case Parameter::Kind::kGain:
        std::fill(values.begin(), values.end(), 1.0f);
        break;
      case Parameter::Kind::kBias:
        std::fill(values.begin(), values.end(), 0.0f);
        break;
    }
  }
}

}  // namespace rotary
