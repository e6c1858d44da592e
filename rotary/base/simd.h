// The SIMD targets that the kernels were compiled for and this machine has.
#ifndef ROTARY_BASE_SIMD_H_
#define ROTARY_BASE_SIMD_H_

#include <cstdint>
#include <string>
#include <vector>

namespace rotary {

// Highway's bits of the targets that can run here, the best first. There is at least one.
std::vector<int64_t> SimdTargets();

// "AVX3", "AVX2", "SSE4", "SSE2", "NEON", ...
std::string SimdTargetName(int64_t target);

// The name of the target that kernels run on now.
std::string ActiveSimdTarget();

// While it lives, every kernel runs on `target`: how tests and benchmarks reach the targets below
// the best. Not for use while other threads run kernels. Throws std::invalid_argument when the
// machine lacks the target.
class ScopedSimdTarget {
 public:
  explicit ScopedSimdTarget(int64_t target);
  ~ScopedSimdTarget();
  ScopedSimdTarget(const ScopedSimdTarget&) = delete;
  ScopedSimdTarget& operator=(const ScopedSimdTarget&) = delete;
};

}  // namespace rotary

#endif  // ROTARY_BASE_SIMD_H_
