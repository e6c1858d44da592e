#include "rotary/train/run.h"

namespace rotary {

RunEnd RunTraining(Trainer& trainer, const RunHooks& hooks) {
  const TrainOptions& options = trainer.options();
  const auto evaluate = [&] {
    const double loss = trainer.Evaluate();
    if (hooks.on_evaluation) hooks.on_evaluation(trainer.state().step, loss);
  };
  if (trainer.state().step == 0) evaluate();
  while (!trainer.Done()) {
    const StepReport report = trainer.Step();
    if (hooks.on_step) hooks.on_step(report);
    if (report.step % options.evaluate_every == 0 || trainer.Done()) evaluate();
    const bool stop = !trainer.Done() && hooks.stop && hooks.stop();
    if (hooks.save && (report.step % options.checkpoint_every == 0 || trainer.Done() || stop)) {
      trainer.CheckSound();
      hooks.save(trainer.state());
    }
    if (stop) return RunEnd::kStopped;
  }
  return RunEnd::kDone;
}

}  // namespace rotary
