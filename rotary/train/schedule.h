// The learning rate of every step: a linear warm-up, then a decay.
//
//   rate  _______            peak_rate
//        /       \__
//       /           \___     kCosine: half a cosine; kLinear: a straight line
//      /                \___ final_rate
//     0  warmup       steps
#ifndef ROTARY_TRAIN_SCHEDULE_H_
#define ROTARY_TRAIN_SCHEDULE_H_

#include <cstdint>

namespace rotary {

enum class Decay { kCosine, kLinear };

struct Schedule {
  int64_t steps = 1;
  int64_t warmup_steps = 0;
  double peak_rate = 1e-3;
  double final_rate = 0;  // approached by the last steps, reached one step after them
  Decay decay = Decay::kCosine;
};

// Throws std::invalid_argument with one sentence: no steps, a warm-up as long as the run or longer,
// rates that are negative or not finite, a peak below the final rate.
void CheckSchedule(const Schedule& schedule);

// The rate of step 1 .. steps. The warm-up ends with its step number warmup_steps at the peak.
double LearningRate(const Schedule& schedule, int64_t step);

}  // namespace rotary

#endif  // ROTARY_TRAIN_SCHEDULE_H_
