// Properties proved here:
//  - the machine is described without gaps
//  - peak memory grows by what is touched, and a reset forgets what was given back
#include "rotary/lab/machine.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstring>

namespace rotary {
namespace {

TEST(Machine, IsDescribed) {
  const Machine machine = DescribeMachine();
  EXPECT_FALSE(machine.cpu.empty());
  EXPECT_GE(machine.cores, 1);
  EXPECT_FALSE(machine.simd.empty());
  EXPECT_FALSE(machine.compiler.empty());
}

TEST(PeakMemory, GrowsWithUseAndForgetsAfterAReset) {
  constexpr int64_t kBytes = 64 << 20, kSlack = 8 << 20;
  ResetPeakMemory();
  const int64_t before = PeakMemory().value();
  // From the system directly: allocators of sanitizers keep what is freed.
  void* bytes = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(bytes, MAP_FAILED);
  std::memset(bytes, 1, kBytes);
  EXPECT_GE(PeakMemory().value(), before + kBytes - kSlack);
  munmap(bytes, kBytes);
  EXPECT_GE(PeakMemory().value(), before + kBytes - kSlack);
  if (ResetPeakMemory()) {
    EXPECT_LE(PeakMemory().value(), before + kSlack);
  }
}

}  // namespace
}  // namespace rotary
