#include "rotary/model/transformer.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "rotary/attention/feature_map.h"
#include "rotary/attention/softmax_attention.h"
#include "rotary/base/error.h"
#include "rotary/model/attention_branch.h"
#include "rotary/model/embedding_stage.h"
#include "rotary/model/feed_forward_branch.h"
#include "rotary/model/head.h"
#include "rotary/model/join.h"
#include "rotary/model/workspace.h"

namespace rotary {
namespace {

void CheckBatch(const Transformer& model, const Batch& batch) {
  Require(batch.rows > 0 && batch.tokens > 0,
          "model: a batch has at least one row and one token, got ", batch.rows, " x ",
          batch.tokens);
  const auto size = static_cast<size_t>(batch.rows * batch.tokens);
  const auto check = [&](size_t got, const char* name, bool optional) {
    Require(got == size || (optional && got == 0), "model: the batch needs ", size, " ", name,
            ", got ", got);
  };
  check(batch.ids.size(), "ids", false);
  check(batch.token_types.size(), "token_types", true);
  check(batch.positions.size(), "positions", true);
  check(batch.padding.size(), "padding marks", true);
  check(batch.documents.size(), "documents", true);
  check(batch.targets.size(), "targets", true);
  Require(batch.token_types.empty() || model.config().token_types > 0,
          "model: this model has no token types");
  Require(batch.documents.empty() || model.config().attention == AttentionForm::kSoftmax,
          "model: packed documents need softmax attention; linear attention sums over all keys");
}

// What rotary and ALiBi positions need in every layer.
void PreparePositions(const Pass& pass) {
  Workspace::State& state = pass.state;
  const ModelConfig& config = pass.config();
  state.phases.reset();
  state.key_phases.reset();
  state.alibi_slopes.clear();
  if (config.positions == PositionEncoding::kRotary) {
    const Batch& batch = pass.batch;
    std::vector<int64_t> counted;
    ConstTensorView positions(batch.positions.data(), DType::kI64, {batch.rows, batch.tokens});
    if (batch.positions.empty()) {
      counted.resize(static_cast<size_t>(batch.tokens));
      std::iota(counted.begin(), counted.end(), 0);
      positions = ConstTensorView(counted.data(), DType::kI64, {batch.tokens});
    }
    const PhaseTable& table = pass.model.phase_table();
    state.phases.emplace(table, positions, DType::kF32, Side::kQuery, 0, pass.threads);
    if (!table.rotation().log_decay.empty()) {
      state.key_phases.emplace(table, positions, DType::kF32, Side::kKey, 0, pass.threads);
    }
  } else if (config.positions == PositionEncoding::kAlibi) {
    state.alibi_slopes = AlibiSlopes(config.heads);
  }
}

// From ids to the output of the last layer, which is left in state.hidden.
void RunLayers(const Pass& pass, const ModelParameters<const float>& parameters) {
  Workspace::State& state = pass.state;
  const ModelConfig& config = pass.config();
  PreparePositions(pass);
  Matrix<float> value = EmbeddingStage(pass, parameters);
  Matrix<const float> residual = value;
  const bool pre_norm = config.norm_placement == NormPlacement::kPre;
  if (pre_norm) {
    Join(pass, parameters.layers[0].attention_norm, {}, value, {}, state.entry);
    residual = state.entry.sum.value;
    value = state.entry.value.value;
  }
  // Without a backward pass to come, all layers share the memory of one.
  state.layers.resize(
      std::max(state.layers.size(), static_cast<size_t>(pass.training ? config.layers : 1)));
  for (int index = 0; index < config.layers; ++index) {
    const LayerParameters<const float>& layer = parameters.layers[static_cast<size_t>(index)];
    LayerState& saved = state.layers[pass.training ? static_cast<size_t>(index) : 0];
    const Matrix<float> attended = AttentionBranch(pass, layer, index, value, saved);
    Join(pass, AttentionJoinNorm(pass, parameters, index), pass.DropoutAt(2 * index + 1), attended,
         residual, saved.attention_join);
    residual = ResidualAfter(pass, saved.attention_join);
    value = saved.attention_join.value.value;

    const Matrix<float> fed = FeedForwardBranch(pass, layer, value, saved);
    Join(pass, FeedForwardJoinNorm(pass, parameters, index), pass.DropoutAt(2 * index + 2), fed,
         residual, saved.feed_forward_join);
    residual = ResidualAfter(pass, saved.feed_forward_join);
    value = saved.feed_forward_join.value.value;
  }
  state.hidden = value;
}

// From the gradient by state.hidden, in state.d_value, to the gradients of all weights below the
// head.
void RunLayersBackward(const Pass& pass, const ModelParameters<const float>& parameters,
                       const ModelParameters<float>& d_parameters) {
  Workspace::State& state = pass.state;
  const ModelConfig& config = pass.config();
  const bool pre_norm = config.norm_placement == NormPlacement::kPre;
  StreamGradient gradient{.value = state.d_value.value, .stream = state.d_value.value};
  if (pre_norm) gradient.stream = state.d_stream.Shape(pass.rows(), config.model_dim);
  for (int index = config.layers - 1; index >= 0; --index) {
    const auto i = static_cast<size_t>(index);
    LayerState& saved = state.layers[i];
    const LayerParameters<const float>& layer = parameters.layers[i];
    const LayerParameters<float>& d_layer = d_parameters.layers[i];
    const Matrix<float> d_fed = JoinBackward(
        pass, FeedForwardJoinNorm(pass, parameters, index), pass.DropoutAt(2 * index + 2),
        saved.feed_forward_join, FeedForwardJoinNorm(pass, d_parameters, index), gradient);
    FeedForwardBranchBackward(pass, layer, saved, d_fed, gradient.branch_beta(), gradient.value,
                              d_layer);

    const Matrix<float> d_attended = JoinBackward(
        pass, AttentionJoinNorm(pass, parameters, index), pass.DropoutAt(2 * index + 1),
        saved.attention_join, AttentionJoinNorm(pass, d_parameters, index), gradient);
    AttentionBranchBackward(pass, layer, index, saved, d_attended, gradient.branch_beta(),
                            gradient.value, d_layer);
  }
  if (pre_norm) {
    JoinBackward(pass, parameters.layers[0].attention_norm, {}, state.entry,
                 d_parameters.layers[0].attention_norm, gradient);
  }
  EmbeddingStageBackward(pass, parameters, gradient.stream, d_parameters);
}

ModelParameters<const float> Bind(const Transformer& model) {
  return BindParameters<const float>(model.config(), model.layout(), model.weights());
}

}  // namespace

Transformer::Transformer(ModelConfig config)
    : config_(std::move(config)), layout_(config_), weights_(DType::kF32, {layout_.size()}) {
  if (config_.positions == PositionEncoding::kRotary) phase_table_.emplace(config_.rotation);
  if (config_.attention == AttentionForm::kLinear &&
      config_.feature_map == FeatureMap::kPerformer) {
    projections_ = Tensor(DType::kF32, {config_.layers, config_.features, config_.head_dim});
  }
}

void Transformer::SetRotation(Rotation rotation) {
  Require(config_.positions == PositionEncoding::kRotary,
          "model: a rotation is for the encoding rotary, this model has ", Name(config_.positions));
  ModelConfig config = config_;
  config.rotation = std::move(rotation);
  CheckModelConfig(config);
  PhaseTable table(config.rotation);
  config_ = std::move(config);
  phase_table_ = std::move(table);
}

void Transformer::Initialise(uint64_t seed) {
  InitialiseParameters(config_, layout_, seed, weights());
  DrawFeatures(seed, 0);
}

void Transformer::DrawFeatures(uint64_t seed, uint64_t draw) {
  if (projections_.count() == 0) return;
  const int64_t size = int64_t{config_.features} * config_.head_dim;
  for (int layer = 0; layer < config_.layers; ++layer) {
    const uint64_t layer_draw =
        draw * static_cast<uint64_t>(config_.layers) + static_cast<uint64_t>(layer);
    const Tensor projection =
        PerformerProjection(config_.features, config_.head_dim, seed, layer_draw);
    std::copy_n(projection.data<float>(), size, projections_.data<float>() + layer * size);
  }
}

Workspace::Workspace() : state_(std::make_unique<State>()) {}
Workspace::~Workspace() = default;
Workspace::Workspace(Workspace&&) noexcept = default;
Workspace& Workspace::operator=(Workspace&&) noexcept = default;

Loss LossAndGradient(const Transformer& model, const Batch& batch, const HiddenDropout& dropout,
                     double scale, std::span<float> gradient, Workspace& workspace, int threads) {
  CheckBatch(model, batch);
  Require(!batch.targets.empty(), "model: a gradient needs targets");
  const ModelParameters<const float> parameters = Bind(model);
  const ModelParameters<float> d_parameters =
      BindParameters<float>(model.config(), model.layout(), gradient);
  const Pass pass{model, batch, dropout, threads, true, workspace.state()};
  RunLayers(pass, parameters);
  const Loss loss = HeadLossAndGradient(pass, parameters, scale, d_parameters);
  if (loss.count > 0) RunLayersBackward(pass, parameters, d_parameters);
  return loss;
}

Loss ComputeLoss(const Transformer& model, const Batch& batch, std::span<float> losses,
                 Workspace& workspace, int threads) {
  CheckBatch(model, batch);
  Require(!batch.targets.empty(), "model: a loss needs targets");
  Require(losses.empty() || losses.size() == batch.targets.size(), "model: losses must have ",
          batch.targets.size(), " elements, got ", losses.size());
  const ModelParameters<const float> parameters = Bind(model);
  const Pass pass{model, batch, {}, threads, false, workspace.state()};
  RunLayers(pass, parameters);
  return HeadLoss(pass, parameters, losses);
}

Tensor Logits(const Transformer& model, const Batch& batch, Workspace& workspace, int threads) {
  CheckBatch(model, batch);
  const ModelParameters<const float> parameters = Bind(model);
  const Pass pass{model, batch, {}, threads, false, workspace.state()};
  RunLayers(pass, parameters);
  return HeadLogits(pass, parameters);
}

}  // namespace rotary
