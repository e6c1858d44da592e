#include "rotary/model/embedding_stage.h"

#include <algorithm>
#include <cmath>

#include "rotary/base/parallel.h"
#include "rotary/model/join.h"
#include "rotary/nn/dropout.h"
#include "rotary/nn/embedding.h"
#include "rotary/nn/linear.h"

namespace rotary {
namespace {

// Fills state.token_types and state.position_ids, and for sinusoidal positions the rows that they
// index.
void PrepareIds(const Pass& pass) {
  Workspace::State& state = pass.state;
  const ModelConfig& config = pass.config();
  const Batch& batch = pass.batch;
  const auto rows = static_cast<size_t>(pass.rows());
  if (config.token_types > 0) {
    if (batch.token_types.empty()) {
      state.token_types.assign(rows, 0);
    } else {
      state.token_types.assign(batch.token_types.begin(), batch.token_types.end());
    }
  }
  if (config.positions == PositionEncoding::kLearned) {
    Require(!batch.positions.empty() || batch.tokens <= config.max_tokens,
            "model: learned positions end at ", config.max_tokens, " tokens, got ", batch.tokens);
    state.position_ids.resize(rows);
    for (size_t i = 0; i < rows; ++i) {
      const int64_t position =
          batch.positions.empty() ? static_cast<int64_t>(i) % batch.tokens : batch.positions[i];
      if (position < 0 || position >= config.max_tokens) {
        throw std::out_of_range(Sentence("model: learned positions are 0 to ",
                                         config.max_tokens - 1, ", got ", position));
      }
      state.position_ids[i] = static_cast<int32_t>(position);
    }
  } else if (config.positions == PositionEncoding::kSinusoidal) {
    // One row for each position of the batch: for each of its tokens where it names its positions.
    const int64_t distinct = batch.positions.empty() ? batch.tokens : pass.rows();
    const Matrix<float> table = state.position_table.Shape(distinct, config.embedding_dim);
    ParallelFor(distinct, pass.threads, 8, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        SinusoidalRow(batch.positions.empty() ? row : batch.positions[static_cast<size_t>(row)],
                      config.sinusoidal_amplitude,
                      {table.Row(row), static_cast<size_t>(table.cols)});
      }
    });
    state.position_ids.resize(rows);
    for (size_t i = 0; i < rows; ++i)
      state.position_ids[i] = static_cast<int32_t>(static_cast<int64_t>(i) % distinct);
  }
}

}  // namespace

void SinusoidalRow(int64_t position, double amplitude, std::span<float> out) {
  const auto dim = static_cast<double>(out.size());
  for (size_t channel = 0; channel < out.size(); ++channel) {
    const double frequency = std::pow(10000.0, -static_cast<double>(channel - channel % 2) / dim);
    const double angle = static_cast<double>(position) * frequency;
    out[channel] =
        static_cast<float>(amplitude * (channel % 2 == 0 ? std::sin(angle) : std::cos(angle)));
  }
}

Matrix<float> EmbeddingStage(const Pass& pass, const ModelParameters<const float>& parameters) {
  Workspace::State& state = pass.state;
  const ModelConfig& config = pass.config();
  PrepareIds(pass);
  std::vector<Lookup> lookups = {{parameters.words, pass.batch.ids}};
  if (config.token_types > 0) lookups.push_back({parameters.token_types, state.token_types});
  if (config.positions == PositionEncoding::kLearned)
    lookups.push_back({parameters.positions, state.position_ids});
  if (config.positions == PositionEncoding::kSinusoidal) {
    lookups.push_back({state.position_table.value, state.position_ids});
  }
  Matrix<float> value = state.embedded.Shape(pass.rows(), config.embedding_dim);
  Embed(lookups, value, pass.threads);
  if (config.embedding_norm) {
    PrepareSaved(state.embedding_statistics, value, state.embedding_saved);
    const Matrix<float> normed = state.embedded_value.Shape(value.rows, value.cols);
    Norm(pass, parameters.embedding_norm, value, normed, state.embedding_saved);
    value = normed;
  }
  if (pass.dropout.probability > 0) ApplyDropout(pass.DropoutAt(0), value, value, pass.threads);
  if (config.embedding_dim != config.model_dim) {
    const Matrix<float> projected = state.projected.Shape(value.rows, config.model_dim);
    Linear(value, parameters.embedding_projection.weight, parameters.embedding_projection.bias,
           projected, pass.threads);
    state.embedded_value.value = value;
    value = projected;
  }
  return value;
}

void EmbeddingStageBackward(const Pass& pass, const ModelParameters<const float>& parameters,
                            Matrix<float> d_out, const ModelParameters<float>& d_parameters) {
  Workspace::State& state = pass.state;
  const ModelConfig& config = pass.config();
  Matrix<float> gradient = d_out;
  if (config.embedding_dim != config.model_dim) {
    LinearBackwardWeight(gradient, state.embedded_value.value,
                         d_parameters.embedding_projection.weight,
                         d_parameters.embedding_projection.bias, pass.threads);
    const Matrix<float> d_embedded = state.d_branch.Shape(pass.rows(), config.embedding_dim);
    LinearBackwardInput(gradient, parameters.embedding_projection.weight, 0, d_embedded,
                        pass.threads);
    gradient = d_embedded;
  }
  if (pass.dropout.probability > 0)
    ApplyDropout(pass.DropoutAt(0), gradient, gradient, pass.threads);
  if (config.embedding_norm) {
    NormBackward(pass, parameters.embedding_norm, state.embedding_saved, gradient, gradient,
                 d_parameters.embedding_norm);
  }
  EmbedBackward(pass.batch.ids, gradient, d_parameters.words, pass.threads);
  if (config.token_types > 0)
    EmbedBackward(state.token_types, gradient, d_parameters.token_types, pass.threads);
  if (config.positions == PositionEncoding::kLearned) {
    EmbedBackward(state.position_ids, gradient, d_parameters.positions, pass.threads);
  }
}

}  // namespace rotary
