// One training run, step by step:
//
//   draw the step's batches -> count their targets -> for each: forward, backward with scale 1 /
//   count -> norm of the gradient -> clip -> AdamW
//
// Targets are counted before the first backward pass, so that accumulated batches weigh what one
// large batch would. A run depends on its options and texts alone: every random number comes from
// (seed, purpose, step, place). It has the same bits for any number of threads, and continued from
// a saved state those of a run that never stopped.
#ifndef ROTARY_TRAIN_TRAINER_H_
#define ROTARY_TRAIN_TRAINER_H_

#include <cstdint>
#include <stdexcept>
#include <vector>

#include "rotary/base/tensor.h"
#include "rotary/model/transformer.h"
#include "rotary/text/tokenizer.h"
#include "rotary/train/dataset.h"
#include "rotary/train/train_options.h"

namespace rotary {

// The loss or the gradient of a step is no number any more.
class TrainingDiverged : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// What happened so far.
struct Curve {
  // One entry for each step.
  std::vector<double> loss;  // mean over the step's targets, in nats, before the step's update
  std::vector<double> learning_rate;
  std::vector<double> gradient_norm;  // before clipping
  std::vector<double> seconds;        // of all steps so far, without what came between them
  // One entry for each evaluation.
  std::vector<int64_t> evaluation_step;  // steps done
  std::vector<double> evaluation_loss;   // of the fixed held-out windows, in nats
};

// All that a run carries from one step to the next.
struct TrainingState {
  explicit TrainingState(Transformer new_model);  // with moments of zero

  Transformer model;
  Tensor first_moment, second_moment;  // of AdamW, in the layout of the weights
  int64_t step = 0;                    // steps done
  Curve curve;
};

struct StepReport {
  int64_t step = 0;  // of options.steps, counted from 1
  double loss = 0;
  double learning_rate = 0;
  double gradient_norm = 0;
  double seconds = 0;  // of this step
  int64_t tokens = 0;  // of this step
};

class Trainer {
 public:
  // A new run. Borrows the corpus.
  // Throws std::invalid_argument: options, a model or texts that break a rule.
  Trainer(const TrainOptions& options, const Corpus& corpus, const Tokenizer& tokenizer);
  // One that goes on from `state`, which came from a run of the same options and corpus.
  Trainer(const TrainOptions& options, const Corpus& corpus, const Tokenizer& tokenizer,
          TrainingState state);

  const TrainOptions& options() const { return options_; }
  const TrainingState& state() const { return state_; }
  bool Done() const { return state_.step >= options_.steps; }

  // Throws TrainingDiverged; the weights, the moments and the number of steps then are as before
  // the call.
  StepReport Step();

  // The held-out loss, which joins the curve.
  double Evaluate();

  // Throws TrainingDiverged unless the weights and the model's loss on held-out windows are finite:
  // a step can leave weights behind that only the next one finds to be useless.
  void CheckSound();

 private:
  void Update(int64_t step, double rate, double gradient_scale);
  [[noreturn]] void Diverge(int64_t step, double loss, double gradient_norm);

  TrainOptions options_;
  Schedule schedule_;
  WindowSource training_;
  TokenBatch held_out_;
  TrainingState state_;
  Tensor gradient_;
  Workspace workspace_;
};

}  // namespace rotary

#endif  // ROTARY_TRAIN_TRAINER_H_
