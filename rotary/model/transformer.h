// The transformer: one forward and one backward pass for every ModelConfig.
// Source: Vaswani et al. 2017; RoFormer: Su et al. 2021, arXiv:2104.09864; Llama: Touvron et al.
// 2023, arXiv:2302.13971.
//
//   ids -> embeddings (+ positions) -> layers x [attention, feed-forward] -> head -> logits -> loss
//
// Rotary and ALiBi positions act inside attention; sinusoidal and learned ones are added to the
// embeddings.
#ifndef ROTARY_MODEL_TRANSFORMER_H_
#define ROTARY_MODEL_TRANSFORMER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "rotary/base/tensor.h"
#include "rotary/model/model_config.h"
#include "rotary/model/parameters.h"
#include "rotary/rope/phases.h"

namespace rotary {

// Rows of tokens. Borrowed: the spans must outlive the calls that they are passed to.
struct Batch {
  int64_t rows = 0;                      // B
  int64_t tokens = 0;                    // T, of every row
  std::span<const int32_t> ids;          // [B, T]
  std::span<const int32_t> token_types;  // empty: all 0
  std::span<const int64_t> positions;    // [B, T]; empty: 0 .. T-1 in every row
  std::span<const uint8_t> padding;      // empty, or [B, T]: 0 marks a token that is not there
  std::span<const int32_t>
      documents;  // empty, or [B, T]: no score crosses from one document to another
  std::span<const int32_t> targets;  // [B, T], -1: nothing to predict here; empty: no loss
};

// A model: its config, its weights, and what its positions need. Reading it from several threads is
// safe.
class Transformer {
 public:
  // Weights are zero. Throws std::invalid_argument as CheckModelConfig does.
  explicit Transformer(ModelConfig config);

  const ModelConfig& config() const { return config_; }
  const ParameterLayout& layout() const { return layout_; }
  std::span<float> weights() { return weights_.span<float>(); }
  std::span<const float> weights() const { return weights_.span<float>(); }

  // Initial weights; with Performer also the first random features.
  void Initialise(uint64_t seed);

  // Performer's random directions, [layers, features, head_dim]; empty for every other map. A draw
  // depends on its arguments alone; training may draw anew from time to time, and a checkpoint
  // keeps the tensor.
  void DrawFeatures(uint64_t seed, uint64_t draw);
  Tensor& projections() { return projections_; }
  const Tensor& projections() const { return projections_; }

  // Another rotation for the same weights, as when a context is stretched. Rotary only.
  // Throws std::invalid_argument, and the model is as it was: another encoding; as CheckModelConfig
  // does.
  void SetRotation(Rotation rotation);

  // Rotary only.
  const PhaseTable& phase_table() const { return *phase_table_; }

 private:
  ModelConfig config_;
  ParameterLayout layout_;
  Tensor weights_;
  Tensor projections_;
  std::optional<PhaseTable> phase_table_;
};

// Dropout of hidden states: after the embeddings and on the output of every branch. A mask depends
// on (seed, step) and its place in the model alone.
struct HiddenDropout {
  double probability = 0;
  uint64_t seed = 0;
  uint64_t step = 0;  // differs between the micro-batches of a run
};

// The memory of a pass, used again by the next one: hold one for as long as batches of a like size
// follow one another.
class Workspace {
 public:
  Workspace();
  ~Workspace();
  Workspace(Workspace&&) noexcept;
  Workspace& operator=(Workspace&&) noexcept;
  struct State;
  State& state() { return *state_; }

 private:
  std::unique_ptr<State> state_;
};

struct Loss {
  double sum = 0;     // of -log p(target), in nats
  int64_t count = 0;  // targets
  double mean() const { return sum / static_cast<double>(count); }
};

// Returns the loss over batch.targets and adds the gradient of scale * loss.sum to `gradient` (the
// layout of the weights). Throws std::invalid_argument or std::out_of_range on a batch that does
// not fit, as all functions here do: an id outside the vocabulary, a position beyond a learned
// table, lengths that differ. `gradient` is then untouched. Threads: the same bits for any count,
// here and below.
Loss LossAndGradient(const Transformer& model, const Batch& batch, const HiddenDropout& dropout,
                     double scale, std::span<float> gradient, Workspace& workspace,
                     int threads = 0);

// The loss over batch.targets, without dropout.
//   losses  empty, or [B, T], written: the loss of every target, 0 where there is none
Loss ComputeLoss(const Transformer& model, const Batch& batch, std::span<float> losses,
                 Workspace& workspace, int threads = 0);

// The logits of every token, [B, T, vocab_size] f32; targets are not read.
Tensor Logits(const Transformer& model, const Batch& batch, Workspace& workspace, int threads = 0);

}  // namespace rotary

#endif  // ROTARY_MODEL_TRANSFORMER_H_
