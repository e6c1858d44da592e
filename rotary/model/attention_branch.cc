#include "rotary/model/attention_branch.h"

#include "rotary/attention/feature_map.h"
#include "rotary/attention/linear_attention.h"
#include "rotary/attention/softmax_attention.h"
#include "rotary/nn/add.h"
#include "rotary/nn/linear.h"
#include "rotary/rope/rotate.h"

namespace rotary {
namespace {

// q, k and v as they lie side by side in the rows of one matrix.
struct Heads {
  TensorView q, k, v;
};

Heads SplitHeads(const Pass& pass, Matrix<float> qkv) {
  const ModelConfig& config = pass.config();
  const int64_t dim = config.head_dim;
  return {HeadsView(pass.batch, qkv, 0, config.heads, dim),
          HeadsView(pass.batch, qkv, config.query_dim(), config.kv_heads, dim),
          HeadsView(pass.batch, qkv, config.query_dim() + config.key_dim(), config.kv_heads, dim)};
}

// Turns queries and keys in place; nothing where the model is not rotary.
void RotateHeads(const Pass& pass, TensorView q, TensorView k, Direction direction) {
  const Workspace::State& state = pass.state;
  const RotateOptions options{.direction = direction, .threads = pass.threads};
  if (state.key_phases) {
    Rotate(*state.phases, q, q, options);
    Rotate(*state.key_phases, k, k, options);
  } else if (state.phases) {
    RotateQK(*state.phases, q, k, options);
  }
}

ConstTensorView RowsView(const Batch& batch, const void* data, DType dtype) {
  return data == nullptr ? ConstTensorView()
                         : ConstTensorView(data, dtype, {batch.rows, batch.tokens});
}

AttentionOptions SoftmaxOptions(const Pass& pass) {
  AttentionOptions options{.threads = pass.threads};
  options.mask.causal = pass.config().causal;
  options.mask.key_padding = RowsView(pass.batch, pass.batch.padding.data(), DType::kU8);
  options.mask.query_documents = RowsView(pass.batch, pass.batch.documents.data(), DType::kI32);
  options.mask.key_documents = options.mask.query_documents;
  options.mask.alibi_slopes = pass.state.alibi_slopes;
  return options;
}

LinearAttentionOptions LinearOptions(const Pass& pass) {
  LinearAttentionOptions options{.causal = pass.config().causal, .threads = pass.threads};
  options.key_padding = RowsView(pass.batch, pass.batch.padding.data(), DType::kU8);
  return options;
}

// The random directions of one layer; no data where the map has none.
ConstTensorView Projection(const Pass& pass, int layer) {
  if (pass.config().feature_map != FeatureMap::kPerformer) return {};
  const ConstTensorView all = pass.model.projections().view();
  return {all.As<float>() + layer * all.stride(0), DType::kF32, {all.shape(1), all.shape(2)}};
}

// The features of one layer as tensors.
struct Features {
  TensorView q, k, rotated_q, rotated_k;
};

Features FeatureViews(const Pass& pass, Matrix<float> q, Matrix<float> k, Matrix<float> rotated_q,
                      Matrix<float> rotated_k) {
  const ModelConfig& config = pass.config();
  const auto view = [&](Matrix<float> matrix, int heads) {
    return HeadsView(pass.batch, matrix, 0, heads, config.features);
  };
  return {view(q, config.heads), view(k, config.kv_heads), view(rotated_q, config.heads),
          view(rotated_k, config.kv_heads)};
}

void LinearForward(const Pass& pass, int index, const Heads& heads, TensorView out,
                   LayerState& layer) {
  const ModelConfig& config = pass.config();
  const int64_t rows = pass.rows();
  const int64_t q_cols = int64_t{config.heads} * config.features;
  const int64_t k_cols = int64_t{config.kv_heads} * config.features;
  layer.q_features.Shape(rows, q_cols);
  layer.k_features.Shape(rows, k_cols);
  if (pass.state.phases) {
    layer.rotated_q.Shape(rows, q_cols);
    layer.rotated_k.Shape(rows, k_cols);
  } else {
    layer.rotated_q.value = layer.q_features.value;
    layer.rotated_k.value = layer.k_features.value;
  }
  const Features features = FeatureViews(pass, layer.q_features.value, layer.k_features.value,
                                         layer.rotated_q.value, layer.rotated_k.value);
  const ConstTensorView projection = Projection(pass, index);
  ApplyFeatureMap(config.feature_map, Side::kQuery, projection, heads.q, features.q, pass.threads);
  ApplyFeatureMap(config.feature_map, Side::kKey, projection, heads.k, features.k, pass.threads);
  if (pass.state.phases) {
    Rotate(*pass.state.phases, features.q, features.rotated_q, {.threads = pass.threads});
    Rotate(*pass.state.phases, features.k, features.rotated_k, {.threads = pass.threads});
  }
  LinearAttention(features.q, features.k, features.rotated_q, features.rotated_k, heads.v, out,
                  LinearOptions(pass));
}

void LinearBackward(const Pass& pass, int index, const LayerState& layer, const Heads& heads,
                    TensorView d_out, const Heads& d_heads) {
  const ModelConfig& config = pass.config();
  Workspace::State& state = pass.state;
  const Features features = FeatureViews(pass, layer.q_features.value, layer.k_features.value,
                                         layer.rotated_q.value, layer.rotated_k.value);
  const int64_t rows = pass.rows();
  const int64_t q_cols = layer.q_features.value.cols;
  const int64_t k_cols = layer.k_features.value.cols;
  const Matrix<float> d_q = state.d_q_features.Shape(rows, q_cols);
  const Matrix<float> d_k = state.d_k_features.Shape(rows, k_cols);
  const Matrix<float> d_rotated_q = state.d_rotated_q.Shape(rows, q_cols);
  const Matrix<float> d_rotated_k = state.d_rotated_k.Shape(rows, k_cols);
  const Features d_features = FeatureViews(pass, d_q, d_k, d_rotated_q, d_rotated_k);
  LinearAttentionBackward(features.q, features.k, features.rotated_q, features.rotated_k, heads.v,
                          d_out, d_features.q, d_features.k, d_features.rotated_q,
                          d_features.rotated_k, d_heads.v, LinearOptions(pass));
  RotateHeads(pass, d_features.rotated_q, d_features.rotated_k, Direction::kGradient);
  AddTo(d_rotated_q, d_q, pass.threads);
  AddTo(d_rotated_k, d_k, pass.threads);
  const ConstTensorView projection = Projection(pass, index);
  ApplyFeatureMapBackward(config.feature_map, Side::kQuery, projection, heads.q, features.q,
                          d_features.q, d_heads.q, pass.threads);
  ApplyFeatureMapBackward(config.feature_map, Side::kKey, projection, heads.k, features.k,
                          d_features.k, d_heads.k, pass.threads);
}

}  // namespace

Matrix<float> AttentionBranch(const Pass& pass, const LayerParameters<const float>& parameters,
                              int index, Matrix<float> x, LayerState& layer) {
  const ModelConfig& config = pass.config();
  layer.attention_input = x;
  const Matrix<float> qkv = layer.qkv.Shape(x.rows, config.qkv_dim());
  Linear(x, parameters.qkv.weight, parameters.qkv.bias, qkv, pass.threads);
  const Heads heads = SplitHeads(pass, qkv);
  const Matrix<float> attended = layer.attended.Shape(x.rows, config.query_dim());
  const TensorView out = HeadsView(pass.batch, attended, 0, config.heads, config.head_dim);
  if (config.attention == AttentionForm::kLinear) {
    LinearForward(pass, index, heads, out, layer);
  } else {
    RotateHeads(pass, heads.q, heads.k, Direction::kForward);
    TensorView log_sums;
    if (pass.training) {
      const Matrix<float> matrix =
          layer.log_sums.Shape(pass.batch.rows * config.heads, pass.batch.tokens);
      log_sums = {matrix.data, DType::kF32, {pass.batch.rows, config.heads, pass.batch.tokens}};
    }
    SoftmaxAttention(heads.q, heads.k, heads.v, out, log_sums, SoftmaxOptions(pass));
  }
  const Matrix<float> branch = pass.state.branch.Shape(x.rows, config.model_dim);
  Linear(attended, parameters.output.weight, parameters.output.bias, branch, pass.threads);
  return branch;
}

void AttentionBranchBackward(const Pass& pass, const LayerParameters<const float>& parameters,
                             int index, LayerState& layer, Matrix<const float> d_branch, float beta,
                             Matrix<float> d_x, const LayerParameters<float>& gradient) {
  const ModelConfig& config = pass.config();
  Workspace::State& state = pass.state;
  const int threads = pass.threads;
  LinearBackwardWeight(d_branch, layer.attended.value, gradient.output.weight, gradient.output.bias,
                       threads);
  const Matrix<float> d_attended = state.d_attended.Shape(d_branch.rows, config.query_dim());
  LinearBackwardInput(d_branch, parameters.output.weight, 0, d_attended, threads);

  const Matrix<float> d_qkv = state.d_qkv.Shape(d_branch.rows, config.qkv_dim());
  const Heads heads = SplitHeads(pass, layer.qkv.value);
  const Heads d_heads = SplitHeads(pass, d_qkv);
  const TensorView d_out = HeadsView(pass.batch, d_attended, 0, config.heads, config.head_dim);
  if (config.attention == AttentionForm::kLinear) {
    LinearBackward(pass, index, layer, heads, d_out, d_heads);
  } else {
    const TensorView out =
        HeadsView(pass.batch, layer.attended.value, 0, config.heads, config.head_dim);
    const ConstTensorView log_sums(layer.log_sums.value.data, DType::kF32,
                                   {pass.batch.rows, config.heads, pass.batch.tokens});
    SoftmaxAttentionBackward(heads.q, heads.k, heads.v, out, log_sums, d_out, d_heads.q, d_heads.k,
                             d_heads.v, SoftmaxOptions(pass));
    RotateHeads(pass, d_heads.q, d_heads.k, Direction::kGradient);
  }
  LinearBackwardWeight(d_qkv, layer.attention_input, gradient.qkv.weight, gradient.qkv.bias,
                       threads);
  LinearBackwardInput(d_qkv, parameters.qkv.weight, beta, d_x, threads);
}

}  // namespace rotary
