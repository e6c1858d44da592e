// The speed of softmax attention, against what the arithmetic or the memory of this machine allows.
#ifndef ROTARY_BENCH_ATTENTION_BENCH_H_
#define ROTARY_BENCH_ATTENTION_BENCH_H_

#include <vector>

#include "bench/bench.h"

namespace rotary {

// Rows attention/prefill/DTYPE/TOKENS and attention/prefill-backward/..: 32 query and 8 key heads
// of 128 channels, causal; attention/decode/DTYPE/KEYS: one token against a cache of KEYS; then
// other shapes, named after what differs.
std::vector<BenchResult> BenchAttention(const BenchOptions& options);

}  // namespace rotary

#endif  // ROTARY_BENCH_ATTENTION_BENCH_H_
