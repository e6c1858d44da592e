// Memory aligned for vectors, zeroed or not.
#ifndef ROTARY_BASE_MEMORY_H_
#define ROTARY_BASE_MEMORY_H_

#include <cstddef>
#include <memory>

namespace rotary {

// A cache line, and the widest vector of any SIMD target here.
inline constexpr size_t kAlignment = 64;

struct FreeAligned {
  void operator()(void* memory) const;
};
using AlignedBytes = std::unique_ptr<std::byte[], FreeAligned>;

// Returns `bytes` bytes aligned to kAlignment, not initialised; large blocks ask the system for
// huge pages, because first touch of 4 KiB pages costs more than most kernels. Throws
// std::bad_alloc.
AlignedBytes AllocateAligned(size_t bytes);

}  // namespace rotary

#endif  // ROTARY_BASE_MEMORY_H_
