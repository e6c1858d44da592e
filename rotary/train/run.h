// A whole run: steps, held-out losses and checkpoints in their turn, until it is done or asked to
// stop.
#ifndef ROTARY_TRAIN_RUN_H_
#define ROTARY_TRAIN_RUN_H_

#include <cstdint>
#include <filesystem>
#include <functional>

#include "rotary/train/trainer.h"

namespace rotary {

// What a caller wants to hear of, and to decide. Any may be empty.
struct RunHooks {
  std::function<void(const StepReport& report)> on_step;
  std::function<void(int64_t step, double loss)> on_evaluation;
  // Saves the state for good: where it is empty, nothing is saved.
  std::function<void(const TrainingState& state)> save;
  // Asked after every step.
  std::function<bool()> stop;
};

enum class RunEnd { kDone, kStopped };

// Goes on from the trainer's step to the last one. Held-out losses come before the first step,
// every options.evaluate_every steps and after the last; saves every options.checkpoint_every
// steps, after the last and when stopped, and only what Trainer::CheckSound lets pass. Throws
// TrainingDiverged, and what the hooks throw.
RunEnd RunTraining(Trainer& trainer, const RunHooks& hooks);

}  // namespace rotary

#endif  // ROTARY_TRAIN_RUN_H_
