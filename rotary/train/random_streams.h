// The random numbers of a training run: every purpose and step has a stream of its own.
#ifndef ROTARY_TRAIN_RANDOM_STREAMS_H_
#define ROTARY_TRAIN_RANDOM_STREAMS_H_

#include <cstdint>

#include "rotary/base/random.h"

namespace rotary {

enum class Purpose : uint64_t { kWindows = 1, kMasks = 2 };

// For steps below 2^56.
inline Random StepRandom(uint64_t seed, Purpose purpose, int64_t step) {
  return Random(seed, (static_cast<uint64_t>(purpose) << 56) | static_cast<uint64_t>(step));
}

// The masks of held-out text: the same in every run, so that losses compare.
inline Random HeldOutMasks() { return StepRandom(0, Purpose::kMasks, 0); }

}  // namespace rotary

#endif  // ROTARY_TRAIN_RANDOM_STREAMS_H_
