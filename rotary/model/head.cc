#include "rotary/model/head.h"

#include <algorithm>

#include "rotary/model/join.h"
#include "rotary/nn/cross_entropy.h"
#include "rotary/nn/embedding.h"
#include "rotary/nn/gelu.h"
#include "rotary/nn/linear.h"

namespace rotary {
namespace {

// Picks the rows that have a target: state.head_rows, state.head_targets; all rows are taken as
// they are.
Matrix<float> GatherRows(const Pass& pass) {
  Workspace::State& state = pass.state;
  state.head_rows.clear();
  state.head_targets.clear();
  for (size_t row = 0; row < pass.batch.targets.size(); ++row) {
    const int32_t target = pass.batch.targets[row];
    if (target == kIgnoredTarget) continue;
    state.head_rows.push_back(static_cast<int32_t>(row));
    state.head_targets.push_back(target);
  }
  const auto count = static_cast<int64_t>(state.head_rows.size());
  state.gathered = count < pass.rows();
  if (!state.gathered) return state.hidden;
  const Matrix<float> input = state.head_input.Shape(count, state.hidden.cols);
  const Lookup lookup{state.hidden, state.head_rows};
  Embed({&lookup, 1}, input, pass.threads);
  return input;
}

// Writes [input.rows, vocab_size] logits; keeps what the gradient needs when training.
void ComputeLogits(const Pass& pass, const ModelParameters<const float>& parameters,
                   Matrix<float> input, Matrix<float> logits) {
  Workspace::State& state = pass.state;
  Matrix<float> x = input;
  if (pass.config().head == OutputHead::kMaskedWord) {
    const int64_t dim = pass.config().embedding_dim;
    const Matrix<float> dense = state.dense.Shape(input.rows, dim);
    Matrix<float> slope;
    if (pass.training) slope = state.dense_slope.Shape(input.rows, dim);
    LinearGelu(input, parameters.head_dense.weight, parameters.head_dense.bias, slope, dense,
               pass.threads);
    PrepareSaved(state.head_statistics, dense, state.head_saved);
    x = state.normed.Shape(input.rows, dim);
    Norm(pass, parameters.head_norm, dense, x, state.head_saved);
  }
  state.normed.value = x;
  Linear(x, parameters.head_output.weight, parameters.head_output.bias, logits, pass.threads);
}

}  // namespace

Loss HeadLoss(const Pass& pass, const ModelParameters<const float>& parameters,
              std::span<float> losses) {
  Workspace::State& state = pass.state;
  const Matrix<float> input = GatherRows(pass);
  std::fill(losses.begin(), losses.end(), 0.0f);
  if (input.rows == 0) return {};
  const Matrix<float> logits = state.logits.Shape(input.rows, pass.config().vocab_size);
  ComputeLogits(pass, parameters, input, logits);
  std::vector<float> row_losses(losses.empty() ? 0 : state.head_rows.size());
  const CrossEntropyLoss loss = CrossEntropy(logits, state.head_targets, row_losses, pass.threads);
  for (size_t i = 0; i < row_losses.size(); ++i)
    losses[static_cast<size_t>(state.head_rows[i])] = row_losses[i];
  return {loss.sum, loss.count};
}

Loss HeadLossAndGradient(const Pass& pass, const ModelParameters<const float>& parameters,
                         double scale, const ModelParameters<float>& d_parameters) {
  Workspace::State& state = pass.state;
  const ModelConfig& config = pass.config();
  const Matrix<float> input = GatherRows(pass);
  if (input.rows == 0) return {};
  const Matrix<float> logits = state.logits.Shape(input.rows, config.vocab_size);
  ComputeLogits(pass, parameters, input, logits);
  const CrossEntropyLoss loss =
      CrossEntropyGradient(logits, state.head_targets, scale, pass.threads);

  const Matrix<float> d_hidden = state.d_value.Shape(pass.rows(), config.model_dim);
  const Matrix<float> d_input =
      state.gathered ? state.d_head.Shape(input.rows, config.model_dim) : d_hidden;
  LinearBackwardWeight(logits, state.normed.value, d_parameters.head_output.weight,
                       d_parameters.head_output.bias, pass.threads);
  if (config.head == OutputHead::kMaskedWord) {
    const Matrix<float> d_normed = state.d_normed.Shape(input.rows, config.embedding_dim);
    LinearBackwardInput(logits, parameters.head_output.weight, 0, d_normed, pass.threads);
    NormBackward(pass, parameters.head_norm, state.head_saved, d_normed, d_normed,
                 d_parameters.head_norm);
    GeluBackward(state.dense_slope.value, d_normed, d_normed, pass.threads);
    LinearBackwardWeight(d_normed, input, d_parameters.head_dense.weight,
                         d_parameters.head_dense.bias, pass.threads);
    LinearBackwardInput(d_normed, parameters.head_dense.weight, 0, d_input, pass.threads);
  } else {
    LinearBackwardInput(logits, parameters.head_output.weight, 0, d_input, pass.threads);
  }
  if (state.gathered) {
    for (int64_t row = 0; row < d_hidden.rows; ++row)
      std::fill_n(d_hidden.Row(row), d_hidden.cols, 0.0f);
    EmbedBackward(state.head_rows, d_input, d_hidden, pass.threads);
  }
  return {loss.sum, loss.count};
}

Tensor HeadLogits(const Pass& pass, const ModelParameters<const float>& parameters) {
  const int64_t words = pass.config().vocab_size;
  Tensor logits(DType::kF32, {pass.batch.rows, pass.batch.tokens, words});
  ComputeLogits(pass, parameters, pass.state.hidden, {logits.data<float>(), pass.rows(), words});
  return logits;
}

}  // namespace rotary
