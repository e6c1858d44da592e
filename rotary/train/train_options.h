// Everything that decides a training run besides its text. Each option is named once, in
// VisitTrainOptions: the flags of the command line, the keys of a checkpoint and the rules of
// resuming all come from that list.
#ifndef ROTARY_TRAIN_TRAIN_OPTIONS_H_
#define ROTARY_TRAIN_TRAIN_OPTIONS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rotary/io/json.h"
#include "rotary/model/model_config.h"
#include "rotary/train/dataset.h"
#include "rotary/train/schedule.h"

namespace rotary {

struct TrainOptions {
  // The model: RoFormer's form for masked words, Llama's for causal prediction (model_config.h).
  PositionEncoding encoding = PositionEncoding::kRotary;
  Objective objective = Objective::kCausal;
  AttentionForm attention = AttentionForm::kSoftmax;
  FeatureMap feature_map = FeatureMap::kEluPlusOne;
  int features = 0;  // of Performer; 0: head_dim
  int layers = 4;
  int model_dim = 128;
  int heads = 4;
  int kv_heads = 0;   // 0: heads
  int inner_dim = 0;  // 0: as ModelSizes says
  double sinusoidal_amplitude = 0.02;
  double theta = 10000;
  double rotary_fraction = 1;        // of the channels of a head
  std::optional<Layout> layout;      // else that of the form
  std::optional<Rotation> rotation;  // instead of theta, rotary_fraction and layout

  // The batches: batch x accumulation rows of context tokens a step.
  int64_t context = 128;
  int64_t batch = 32;
  int64_t accumulation = 1;
  double held_out = 0.1;  // the share of the text that is held out where no other text is

  // The steps.
  int64_t steps = 1000;
  double lr = 2e-3;
  std::optional<double> final_lr;  // else a tenth of lr
  std::optional<int64_t> warmup;   // else a tenth of the steps, at most 100
  Decay decay = Decay::kCosine;
  double weight_decay = 0.1;  // of projections; not of norms, biases and tables
  double beta1 = 0.9;
  double beta2 = 0.99;
  double epsilon = 1e-8;
  double clip = 1;  // the largest norm of the gradient; 0: any
  double dropout = 0;
  int64_t redraw_every = 0;  // steps between new random features of Performer; 0: never
  uint64_t seed = 1;

  // What is looked at on the way.
  int64_t evaluate_every = 100;
  int64_t evaluation_windows = 64;
  int64_t checkpoint_every = 100;
  int64_t keep = 2;  // checkpoints; older ones are removed

  int threads = 0;  // 0: all cores

  bool operator==(const TrainOptions&) const = default;
};

// Whether a resumed run may set an option anew: only where its weights stay the same to the bit.
enum class OnResume { kFixed, kFree };

// Calls visit(name, field, on_resume, help) for every option. `Options` is TrainOptions or const
// TrainOptions. Names are in snake_case, as JSON has them; the command line writes model_dim as
// --model-dim.
template <class Options, class Visit>
void VisitTrainOptions(Options& options, Visit&& visit) {
  constexpr OnResume kFixed = OnResume::kFixed;
  constexpr OnResume kFree = OnResume::kFree;
  visit("encoding", options.encoding, kFixed, "how the model knows positions");
  visit("objective", options.objective, kFixed, "predict the next token, or masked ones");
  visit("attention", options.attention, kFixed, "the form of attention");
  visit("feature_map", options.feature_map, kFixed, "features of linear attention");
  visit("features", options.features, kFixed,
        "number of Performer's random features (0: head size)");
  visit("layers", options.layers, kFixed, "layers");
  visit("model_dim", options.model_dim, kFixed, "width of the hidden states");
  visit("heads", options.heads, kFixed, "query heads");
  visit("kv_heads", options.kv_heads, kFixed, "key and value heads (0: as many as query heads)");
  visit("inner_dim", options.inner_dim, kFixed,
        "width inside the feed-forward part (0: 4 x model_dim, or the same cost)");
  visit("sinusoidal_amplitude", options.sinusoidal_amplitude, kFixed,
        "size of the sines that sinusoidal positions add to the embeddings");
  visit("theta", options.theta, kFixed, "base of the rotation's frequencies");
  visit("rotary_fraction", options.rotary_fraction, kFixed, "share of a head's channels that turn");
  visit("layout", options.layout, kFixed, "which channels pair up");
  visit("rotation", options.rotation, kFixed,
        "file with the rotation, instead of theta, fraction and layout");
  visit("context", options.context, kFixed, "tokens in a row");
  visit("batch", options.batch, kFixed, "rows in a batch");
  visit("accumulation", options.accumulation, kFixed, "batches in a step");
  visit("held_out", options.held_out, kFixed, "share of the text, at its end, that is held out");
  visit("steps", options.steps, kFixed, "steps of the run");
  visit("lr", options.lr, kFixed, "learning rate at its peak");
  visit("final_lr", options.final_lr, kFixed, "learning rate at the end (default: a tenth of lr)");
  visit("warmup", options.warmup, kFixed,
        "steps of the warm-up (default: a tenth of the run, at most 100)");
  visit("decay", options.decay, kFixed, "how the learning rate falls");
  visit("weight_decay", options.weight_decay, kFixed,
        "AdamW's decay (not on norms, biases and tables)");
  visit("beta1", options.beta1, kFixed, "AdamW's memory of the gradient");
  visit("beta2", options.beta2, kFixed, "AdamW's memory of its square");
  visit("epsilon", options.epsilon, kFixed, "AdamW's epsilon");
  visit("clip", options.clip, kFixed, "largest norm of the gradient (0: any)");
  visit("dropout", options.dropout, kFixed, "share of hidden values that are dropped");
  visit("redraw_every", options.redraw_every, kFixed,
        "steps between redraws of Performer's features (0: never)");
  visit("seed", options.seed, kFixed, "seed of every random number");
  visit("evaluate_every", options.evaluate_every, kFree, "steps between held-out losses");
  visit("evaluation_windows", options.evaluation_windows, kFixed,
        "held-out windows of a held-out loss");
  visit("checkpoint_every", options.checkpoint_every, kFree, "steps between checkpoints");
  visit("keep", options.keep, kFree, "checkpoints to keep");
  visit("threads", options.threads, kFree, "threads (0: all cores)");
}

// Throws std::invalid_argument with one sentence for the first option that breaks a rule of its
// own; the rules of the model are CheckModelConfig's, and those of the text WindowSource's.
void CheckTrainOptions(const TrainOptions& options);

// The model that the options ask for. Its tables of positions have `context` rows.
// Throws std::invalid_argument as CheckModelConfig and MakeRotation do.
ModelConfig MakeModelConfig(const TrainOptions& options, int64_t vocab_size);

Schedule MakeSchedule(const TrainOptions& options);

// {"encoding": "rotary", "objective": "causal", ..., "layout": null, ...}: every option by its
// name.
Json TrainOptionsToJson(const TrainOptions& options);
// Throws FileError for an option that is missing, unknown or of another kind.
TrainOptions TrainOptionsFromJson(const JsonValue& value);

// Throws std::invalid_argument that names the first option by which `wanted` would change the run
// that `begun` describes.
void CheckResume(const TrainOptions& begun, const TrainOptions& wanted);

}  // namespace rotary

#endif  // ROTARY_TRAIN_TRAIN_OPTIONS_H_
