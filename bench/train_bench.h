// The speed of training steps, against the matrix products that they are made of.
#ifndef ROTARY_BENCH_TRAIN_BENCH_H_
#define ROTARY_BENCH_TRAIN_BENCH_H_

#include <vector>

#include "bench/bench.h"

namespace rotary {

// Rows train/roformer-23m/f32 (6 layers, 512 wide, 8 heads, 2048 inside, 256 x 16 tokens of 8192
// words, masked) and train/demo/f32 (4 layers, 128 wide, 4 heads, 128 x 32 bytes, causal): whole
// steps of a Trainer, from drawing the batch to AdamW. The limit is the fastest of the step's own
// matrix products, each at its own shape.
std::vector<BenchResult> BenchTrain(const BenchOptions& options);

}  // namespace rotary

#endif  // ROTARY_BENCH_TRAIN_BENCH_H_
