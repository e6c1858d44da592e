// The memory that a forward pass leaves behind for the backward pass. Internal to the model room.
#ifndef ROTARY_MODEL_WORKSPACE_H_
#define ROTARY_MODEL_WORKSPACE_H_

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "rotary/base/tensor.h"
#include "rotary/model/transformer.h"
#include "rotary/nn/layer_norm.h"
#include "rotary/nn/matrix.h"

namespace rotary {

// Memory that grows to the largest shape asked for and is then kept.
class Buffer {
 public:
  // What the memory holds is not specified.
  Matrix<float> Shape(int64_t rows, int64_t cols) {
    const int64_t stride = PaddedStride(cols);
    if (rows * stride > memory_.count()) memory_ = Tensor(DType::kF32, {rows * stride});
    return {memory_.data<float>(), rows, cols, stride};
  }

 private:
  Tensor memory_;
};

// A matrix of a pass and the memory behind it.
struct Activation {
  Buffer memory;
  Matrix<float> value;

  Matrix<float>& Shape(int64_t rows, int64_t cols) { return value = memory.Shape(rows, cols); }
};

// Where a branch joins the residual stream: sum = dropout(branch) + residual, value = norm(sum).
struct JoinState {
  Activation sum, value;
  Buffer statistics;
  NormSaved saved;
};

struct LayerState {
  Matrix<float> attention_input, feed_forward_input;  // borrowed from the join before
  Activation qkv;       // [rows, qkv_dim]; with softmax attention q and k are rotated in place
  Activation attended;  // [rows, query_dim]
  Activation log_sums;  // [batch * heads, tokens], softmax
  Activation q_features, k_features, rotated_q, rotated_k;  // [rows, heads * features], linear
  Activation up;     // [rows, inner] GELU's slope, or [rows, 2 inner] SwiGLU's
  Activation inner;  // [rows, inner]
  JoinState attention_join, feed_forward_join;
};

struct Workspace::State {
  // The batch as the layers take it.
  std::vector<int32_t> token_types, position_ids;
  std::optional<Phases> phases;  // rotary; of queries and keys alike, of queries alone with xPos
  std::optional<Phases> key_phases;  // xPos: what decays for queries grows for keys
  std::vector<float> alibi_slopes;

  Activation position_table;  // sinusoidal
  Activation embedded, embedded_value, projected;
  Buffer embedding_statistics;
  NormSaved embedding_saved;
  JoinState entry;  // pre-norm: the norm before the first layer
  std::vector<LayerState> layers;
  Activation branch;  // the output of the branch under way

  // The head sees the rows that have a target only.
  std::vector<int32_t> head_rows, head_targets;
  bool gathered = false;
  Matrix<float> hidden;  // borrowed: the output of the last layer
  Activation head_input, dense, dense_slope, normed, logits;
  Buffer head_statistics;
  NormSaved head_saved;

  // Gradients on their way back.
  Activation d_value, d_stream, d_branch, d_qkv, d_attended, d_up;
  Activation d_q_features, d_k_features, d_rotated_q, d_rotated_k;
  Activation d_head, d_normed;
};

// All that the parts of one pass share.
struct Pass {
  const Transformer& model;
  const Batch& batch;
  HiddenDropout dropout;
  int threads;
  bool training;  // keep what the backward pass needs
  Workspace::State& state;

  const ModelConfig& config() const { return model.config(); }
  int64_t rows() const { return batch.rows * batch.tokens; }
  // Dropout at one place of the model: 0 the embeddings, then two in each layer.
  DropoutMask DropoutAt(int64_t place) const {
    const auto places = 2 * static_cast<uint64_t>(config().layers) + 1;
    return {dropout.probability, dropout.seed,
            dropout.step * places + static_cast<uint64_t>(place)};
  }
};

// A matrix [batch * tokens, heads * dim] with `first` columns to skip, as [batch, tokens, heads,
// dim].
inline TensorView HeadsView(const Batch& batch, Matrix<float> matrix, int64_t first, int64_t heads,
                            int64_t dim) {
  return {matrix.data + first,
          DType::kF32,
          {batch.rows, batch.tokens, heads, dim},
          {batch.tokens * matrix.stride, matrix.stride, dim, 1}};
}

}  // namespace rotary

#endif  // ROTARY_MODEL_WORKSPACE_H_
