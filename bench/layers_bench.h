// The speed of what a model does between its matrix products, against moving the same bytes.
#ifndef ROTARY_BENCH_LAYERS_BENCH_H_
#define ROTARY_BENCH_LAYERS_BENCH_H_

#include <vector>

#include "bench/bench.h"

namespace rotary {

// Rows layers/LAYER/ROWSxCOLS of f32, at the shapes of training steps. The limit moves the bytes
// that the layer must move: what it writes is scaled in place (as memory is read before it is
// written to), what it only reads is read.
std::vector<BenchResult> BenchLayers(const BenchOptions& options);

}  // namespace rotary

#endif  // ROTARY_BENCH_LAYERS_BENCH_H_
