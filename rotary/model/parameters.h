// The weights of a model: one contiguous f32 buffer with named, shaped parts. Gradients and the
// optimiser's moments are buffers of the same layout, so that a whole model is updated, summed or
// saved as one run of memory.
#ifndef ROTARY_MODEL_PARAMETERS_H_
#define ROTARY_MODEL_PARAMETERS_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rotary/base/tensor.h"
#include "rotary/model/model_config.h"
#include "rotary/nn/matrix.h"

namespace rotary {

// One part of the buffer.
struct Parameter {
  std::string name;  // "layers.0.attention.qkv.weight"
  Dims shape;  // [out, in] for a projection, [n] for a bias or a norm, [rows, dim] for a table
  int64_t offset = 0;
  enum class Kind { kProjection, kTable, kBias, kGain } kind = Kind::kProjection;

  int64_t count() const { return shape.Count(); }
  bool decays() const { return kind == Kind::kProjection; }
};

// Which parameters a config has, and where each lies. Every offset is a multiple of a cache line.
//
//   embedding.words          [vocab_size, embedding_dim]
//   embedding.token_types    [token_types, embedding_dim]          token_types > 0
//   embedding.positions      [max_tokens, embedding_dim]           learned positions
//   embedding.norm.gain, .bias  [embedding_dim]                    embedding_norm
//   embedding.projection.weight, .bias  [model_dim, embedding_dim] embedding_dim != model_dim
//   layers.N.attention.qkv.weight, .bias   [heads + 2 kv_heads times head_dim, model_dim]: rows of
//   q, then k, then v layers.N.attention.output.weight, .bias  [model_dim, heads * head_dim]
//   layers.N.attention.norm.gain, .bias
//   layers.N.feed_forward.up.weight, .bias   [inner_dim, model_dim]; with SwiGLU [2 inner_dim,
//   model_dim]: gate, then up layers.N.feed_forward.down.weight, .bias [model_dim, inner_dim]
//   layers.N.feed_forward.norm.gain, .bias
//   final_norm.gain, .bias   [model_dim]                           pre-norm
//   head.dense.weight, .bias [embedding_dim, model_dim]            masked-word head
//   head.norm.gain, .bias    [embedding_dim]                       masked-word head
//   head.output.weight       [vocab_size, embedding_dim]           not tied
//   head.output.bias         [vocab_size]                          masked-word head
//
// An RMS norm has no bias; biases of projections exist where config.biases is set.
class ParameterLayout {
 public:
  explicit ParameterLayout(const ModelConfig& config);

  const std::vector<Parameter>& parameters() const { return parameters_; }
  int64_t size() const { return size_; }  // elements of the buffer, padding between parts included
  int64_t count() const;                  // elements without the padding

  // Throws std::out_of_range for a name that the config does not have.
  const Parameter& Find(std::string_view name) const;
  bool Has(std::string_view name) const;

 private:
  void Add(std::string name, Dims shape, Parameter::Kind kind);

  std::vector<Parameter> parameters_;
  int64_t size_ = 0;
};

// The parameters of a buffer as the layers take them. T is float or const float; absent parts are
// empty.
template <class T>
struct LinearParameters {
  Matrix<T> weight;  // [out, in]
  std::span<T> bias;
};
template <class T>
struct NormParameters {
  std::span<T> gain, bias;
};
template <class T>
struct LayerParameters {
  LinearParameters<T> qkv, output, up, down;
  NormParameters<T> attention_norm, feed_forward_norm;
};
template <class T>
struct ModelParameters {
  Matrix<T> words, token_types, positions;
  NormParameters<T> embedding_norm;
  LinearParameters<T> embedding_projection;
  std::vector<LayerParameters<T>> layers;
  NormParameters<T> final_norm;
  LinearParameters<T> head_dense;
  NormParameters<T> head_norm;
  LinearParameters<T> head_output;  // the word embedding where tied
};

// Names the parts of `buffer`, which has layout.size() elements.
template <class T>
ModelParameters<T> BindParameters(const ModelConfig& config, const ParameterLayout& layout,
                                  std::span<T> buffer);

// Fills a zeroed buffer with initial weights: normal of config.initial_std for projections and
// tables, 1 for gains, 0 for biases. A parameter's numbers depend on the seed and its name alone,
// so models that differ in one part share all others.
void InitialiseParameters(const ModelConfig& config, const ParameterLayout& layout, uint64_t seed,
                          std::span<float> buffer);

}  // namespace rotary

#endif  // ROTARY_MODEL_PARAMETERS_H_
