// Scratch memory of the attention kernels: one block a call, cut into arrays for each worker.
#ifndef ROTARY_ATTENTION_SCRATCH_H_
#define ROTARY_ATTENTION_SCRATCH_H_

#include <cstddef>
#include <cstdint>

#include "rotary/base/memory.h"

namespace rotary {

// Hands out arrays one after the other, each on a cache line. Over null memory it only counts:
// the same constructor of arrays then says how many bytes it will need.
class Carver {
 public:
  explicit Carver(std::byte* memory) : memory_(memory) {}

  template <class T>
  T* Take(int64_t count) {
    std::byte* at = memory_ == nullptr ? nullptr : memory_ + bytes_;
    bytes_ += (static_cast<size_t>(count) * sizeof(T) + kAlignment - 1) / kAlignment * kAlignment;
    return reinterpret_cast<T*>(at);
  }
  size_t bytes() const { return bytes_; }

 private:
  std::byte* memory_;
  size_t bytes_ = 0;
};

// Memory that a thread keeps from call to call, as the first touch of fresh pages costs more than
// most kernels. Not initialised; valid until the thread asks again.
// Throws std::bad_alloc.
std::byte* ThreadScratch(size_t bytes);

}  // namespace rotary

#endif  // ROTARY_ATTENTION_SCRATCH_H_
