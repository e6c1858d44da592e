#include "rotary/attention/scratch.h"

namespace rotary {

std::byte* ThreadScratch(size_t bytes) {
  thread_local AlignedBytes memory;
  thread_local size_t size = 0;
  if (bytes > size) {
    memory.reset();
    size = 0;
    memory = AllocateAligned(bytes);
    size = bytes;
  }
  return memory.get();
}

}  // namespace rotary
