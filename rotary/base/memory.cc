#include "rotary/base/memory.h"

#include <cstdlib>
#include <limits>
#include <new>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace rotary {

void FreeAligned::operator()(void* memory) const { std::free(memory); }

AlignedBytes AllocateAligned(size_t bytes) {
  constexpr size_t kHugePage = size_t{2} << 20;
  const size_t alignment = bytes >= 2 * kHugePage ? kHugePage : kAlignment;
  if (bytes > std::numeric_limits<size_t>::max() - alignment) throw std::bad_alloc();
  const size_t rounded = (bytes + alignment - 1) / alignment * alignment;
  void* memory = std::aligned_alloc(alignment, rounded == 0 ? alignment : rounded);
  if (memory == nullptr) throw std::bad_alloc();
#ifdef __linux__
  if (alignment == kHugePage)
    madvise(memory, rounded, MADV_HUGEPAGE);  // advice: a refusal costs only speed
#endif
  return AlignedBytes(static_cast<std::byte*>(memory));
}

}  // namespace rotary
