#include "rotary/train/trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include "rotary/base/error.h"
#include "rotary/model/hf_config.h"
#include "rotary/nn/adamw.h"
#include "rotary/train/evaluate.h"

namespace rotary {
namespace {

double SecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

TrainingState NewState(const TrainOptions& options, const Tokenizer& tokenizer) {
  CheckTrainOptions(options);
  Transformer model(MakeModelConfig(options, tokenizer.vocab_size()));
  model.Initialise(options.seed);
  return TrainingState(std::move(model));
}

// A causal run needs no mask, so its tokenizer may lack one.
Masking MaskingOf(const TrainOptions& options, const Tokenizer& tokenizer) {
  return options.objective == Objective::kMasked ? MaskingFor(tokenizer) : Masking();
}

const TrainOptions& Checked(const TrainOptions& options) {
  CheckTrainOptions(options);
  return options;
}

}  // namespace

TrainingState::TrainingState(Transformer new_model)
    : model(std::move(new_model)),
      first_moment(DType::kF32, {model.layout().size()}),
      second_moment(DType::kF32, {model.layout().size()}) {}

Trainer::Trainer(const TrainOptions& options, const Corpus& corpus, const Tokenizer& tokenizer)
    : Trainer(options, corpus, tokenizer, NewState(options, tokenizer)) {}

Trainer::Trainer(const TrainOptions& options, const Corpus& corpus, const Tokenizer& tokenizer,
                 TrainingState state)
    : options_(Checked(options)),
      schedule_(MakeSchedule(options)),
      training_(corpus.training, options.objective, options.context, MaskingOf(options, tokenizer),
                "the text"),
      held_out_(WindowSource(corpus.held_out, options.objective, options.context,
                             MaskingOf(options, tokenizer), "the held-out text")
                    .Spread(options.evaluation_windows)),
      state_(std::move(state)),
      gradient_(DType::kF32, {state_.model.layout().size()}) {
  // Compared as they are written: a file leaves out fields that mean nothing in its model.
  const ModelConfig wanted = MakeModelConfig(options, tokenizer.vocab_size());
  Require(CheckpointConfigToJson(state_.model.config(), "") == CheckpointConfigToJson(wanted, ""),
          "train: the saved model is not the one that the options describe");
}

StepReport Trainer::Step() {
  const auto start = std::chrono::steady_clock::now();
  const int64_t step = state_.step + 1;
  if (options_.redraw_every > 0 && step > 1 && (step - 1) % options_.redraw_every == 0) {
    state_.model.DrawFeatures(options_.seed,
                              static_cast<uint64_t>((step - 1) / options_.redraw_every));
  }

  std::vector<TokenBatch> batches;
  Loss loss;
  for (int64_t i = 0; i < options_.accumulation; ++i) {
    batches.push_back(training_.Draw(options_.seed, step, i * options_.batch, options_.batch));
    loss.count += batches.back().target_count;
  }
  const double scale = 1 / static_cast<double>(loss.count);
  for (int64_t i = 0; i < options_.accumulation; ++i) {
    const HiddenDropout dropout{
        .probability = options_.dropout,
        .seed = options_.seed,
        .step = static_cast<uint64_t>((step - 1) * options_.accumulation + i)};
    loss.sum += LossAndGradient(state_.model, batches[static_cast<size_t>(i)].view(), dropout,
                                scale, gradient_.span<float>(), workspace_, options_.threads)
                    .sum;
  }

  const double norm = std::sqrt(SquaredNorm(gradient_.span<float>(), options_.threads));
  if (!std::isfinite(loss.sum) || !std::isfinite(norm)) Diverge(step, loss.mean(), norm);
  const double rate = LearningRate(schedule_, step);
  Update(step, rate, options_.clip > 0 && norm > options_.clip ? options_.clip / norm : 1);
  state_.step = step;

  Curve& curve = state_.curve;
  const double seconds = SecondsSince(start);
  curve.seconds.push_back(seconds + (curve.seconds.empty() ? 0 : curve.seconds.back()));
  curve.loss.push_back(loss.mean());
  curve.learning_rate.push_back(rate);
  curve.gradient_norm.push_back(norm);
  return {.step = step,
          .loss = loss.mean(),
          .learning_rate = rate,
          .gradient_norm = norm,
          .seconds = seconds,
          .tokens = options_.accumulation * options_.batch * options_.context};
}

void Trainer::Update(int64_t step, double rate, double gradient_scale) {
  for (const Parameter& parameter : state_.model.layout().parameters()) {
    const auto part = [&](std::span<float> buffer) {
      return buffer.subspan(static_cast<size_t>(parameter.offset),
                            static_cast<size_t>(parameter.count()));
    };
    AdamW(part(state_.model.weights()), part(gradient_.span<float>()),
          part(state_.first_moment.span<float>()), part(state_.second_moment.span<float>()),
          {.learning_rate = rate,
           .beta1 = options_.beta1,
           .beta2 = options_.beta2,
           .epsilon = options_.epsilon,
           .weight_decay = parameter.decays() ? options_.weight_decay : 0,
           .step = step,
           .gradient_scale = gradient_scale,
           .clear_gradient = true,
           .threads = options_.threads});
  }
}

void Trainer::Diverge(int64_t step, double loss, double gradient_norm) {
  std::ranges::fill(gradient_.span<float>(), 0.0f);
  throw TrainingDiverged(Sentence("train: step ", step, " of ", options_.steps, " gave a loss of ",
                                  loss, " and a gradient of norm ", gradient_norm));
}

double Trainer::Evaluate() {
  const double loss =
      EvaluateWindows(state_.model, held_out_, options_.batch, workspace_, options_.threads).mean();
  state_.curve.evaluation_step.push_back(state_.step);
  state_.curve.evaluation_loss.push_back(loss);
  return loss;
}

void Trainer::CheckSound() {
  const double norm = std::sqrt(SquaredNorm(state_.model.weights(), options_.threads));
  const Batch batch = held_out_.view(0, std::min(options_.batch, held_out_.rows));
  const double loss = ComputeLoss(state_.model, batch, {}, workspace_, options_.threads).mean();
  if (!std::isfinite(norm) || !std::isfinite(loss)) {
    throw TrainingDiverged(Sentence("train: step ", state_.step, " of ", options_.steps,
                                    " left weights of norm ", norm, " and a held-out loss of ",
                                    loss));
  }
}

}  // namespace rotary
