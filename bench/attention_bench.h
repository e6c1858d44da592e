// The speed of softmax and of linear attention, against what the arithmetic or the memory of this
// machine allows.
#ifndef ROTARY_BENCH_ATTENTION_BENCH_H_
#define ROTARY_BENCH_ATTENTION_BENCH_H_

#include <vector>

#include "bench/bench.h"

namespace rotary {

// Of 128 channels, causal, one batch row, unless the name says more; f32 without a suffix and
// decode with 32 query and 8 key heads, other rows of prefill with 8 and 2:
//   attention/prefill/DTYPE/TOKENS           against multiply-adds; only the scores that exist
//   count attention/prefill-backward/DTYPE/TOKENS  forward and backward together, against the same
//   attention/decode/DTYPE/KEYS              one token over a cache of KEYS, against reading it
std::vector<BenchResult> BenchSoftmaxAttention(const BenchOptions& options);

// attention/linear/f32/TOKENS and attention/linear-backward/f32/TOKENS (forward and backward
// together), as many features as channels, against multiply-adds.
std::vector<BenchResult> BenchLinearAttention(const BenchOptions& options);

// Both, in this order.
std::vector<BenchResult> BenchAttention(const BenchOptions& options);

}  // namespace rotary

#endif  // ROTARY_BENCH_ATTENTION_BENCH_H_
