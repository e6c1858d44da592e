// What this machine allows: the bounds that benchmarks are compared with, each as fast as its
// instructions go.
//
// They run on the active SIMD target and split their work with ParallelFor, so that starting
// threads costs them what it costs the kernels.
#ifndef ROTARY_BENCH_LIMITS_H_
#define ROTARY_BENCH_LIMITS_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "bench/bench.h"

namespace rotary {

// f32 multiply-adds in registers, about a millisecond a call; an FMA counts as two operations.
// Twelve independent chains cover a latency of four to six cycles on two units.
Workload FmaWorkload(int threads);

// Scales f32 numbers in place, by 1: read and written once each, so `work` is twice the bytes. Any
// bits but f32 subnormals are good numbers to it (bf16 and f16 ones of ordinary size are), and it
// changes none. `data` is borrowed; its size must be a multiple of 4 bytes.
Workload ScaleWorkload(std::span<std::byte> data, int threads);

// The same for the rows of two blocks in turn, as rotation meets those of queries and keys: around
// the size of the last cache the order decides how much of the data is still there. `rows` must
// divide both sizes into multiples of 4 bytes.
Workload ScaleRowsWorkload(std::span<std::byte> a, std::span<std::byte> b, int64_t rows,
                           int threads);

// Reads every byte once. `data` is borrowed; its size must be a multiple of 4 bytes.
Workload ReadWorkload(std::span<const std::byte> data, int threads);

}  // namespace rotary

#endif  // ROTARY_BENCH_LIMITS_H_
