// The speed of rotating queries and keys, against scaling the same bytes in place.
#ifndef ROTARY_BENCH_ROTATE_BENCH_H_
#define ROTARY_BENCH_ROTATE_BENCH_H_

#include <vector>

#include "bench/bench.h"

namespace rotary {

// Rows rotate/DTYPE/TOKENS: 32 query and 8 key heads of 128 channels, half layout, one RotateQK in
// place from a ready table; then other shapes, layouts and directions, named after what differs.
// by-rows: against a stricter limit, scaling the rows of q and k in the order of rotation.
std::vector<BenchResult> BenchRotate(const BenchOptions& options);

}  // namespace rotary

#endif  // ROTARY_BENCH_ROTATE_BENCH_H_
