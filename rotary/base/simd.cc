#include "rotary/base/simd.h"

#include <algorithm>

#include "hwy/highway.h"
#include "rotary/base/error.h"

namespace rotary {

std::vector<int64_t> SimdTargets() { return hwy::SupportedAndGeneratedTargets(); }

std::string SimdTargetName(int64_t target) { return hwy::TargetName(target); }

std::string ActiveSimdTarget() {
  const auto targets = hwy::SupportedAndGeneratedTargets();
  return hwy::TargetName(targets.empty() ? HWY_STATIC_TARGET : targets.front());
}

ScopedSimdTarget::ScopedSimdTarget(int64_t target) {
  const auto targets = SimdTargets();
  Require(std::find(targets.begin(), targets.end(), target) != targets.end(),
          "ScopedSimdTarget: this machine has no ", hwy::TargetName(target));
  hwy::SetSupportedTargetsForTest(target);
  hwy::GetChosenTarget().Update(target);
}

ScopedSimdTarget::~ScopedSimdTarget() {
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().DeInit();
}

}  // namespace rotary
