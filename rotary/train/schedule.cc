#include "rotary/train/schedule.h"

#include <cmath>
#include <numbers>

#include "rotary/base/error.h"

namespace rotary {

void CheckSchedule(const Schedule& schedule) {
  Require(schedule.steps >= 1, "schedule: steps must be at least 1, got ", schedule.steps);
  Require(schedule.warmup_steps >= 0 && schedule.warmup_steps < schedule.steps,
          "schedule: the warm-up must be shorter than the run of ", schedule.steps, " steps, got ",
          schedule.warmup_steps);
  Require(std::isfinite(schedule.peak_rate) && schedule.peak_rate > 0,
          "schedule: the learning rate must be positive, got ", schedule.peak_rate);
  Require(schedule.final_rate >= 0 && schedule.final_rate <= schedule.peak_rate,
          "schedule: the final learning rate must lie between 0 and the peak (", schedule.peak_rate,
          "), got ", schedule.final_rate);
}

double LearningRate(const Schedule& schedule, int64_t step) {
  if (step <= schedule.warmup_steps) {
    return schedule.peak_rate * static_cast<double>(step) /
           static_cast<double>(schedule.warmup_steps);
  }
  const double progress = static_cast<double>(step - 1 - schedule.warmup_steps) /
                          static_cast<double>(schedule.steps - schedule.warmup_steps);
  const double remaining = schedule.decay == Decay::kCosine
                               ? 0.5 * (1 + std::cos(std::numbers::pi * progress))
                               : 1 - progress;
  return schedule.final_rate + (schedule.peak_rate - schedule.final_rate) * remaining;
}

}  // namespace rotary
