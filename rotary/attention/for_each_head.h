// Work handed out head by head, each worker with scratch memory of its own. For this room.
#ifndef ROTARY_ATTENTION_FOR_EACH_HEAD_H_
#define ROTARY_ATTENTION_FOR_EACH_HEAD_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "rotary/base/parallel.h"

namespace rotary {

// Calls body(batch row, head, scratch) for every batch row and head. A worker's scratch is made by
// make_scratch() when its first head comes. `multiplications` in total: where they cost less than
// waking threads, the calling thread does them all.
template <class MakeScratch, class Body>
void ForEachHead(int64_t batch, int64_t heads, int64_t multiplications, int threads,
                 const MakeScratch& make_scratch, const Body& body) {
  constexpr int64_t kSmallWork = 1 << 16;
  const int64_t wanted = ResolveThreads(threads);
  const int64_t workers = std::min(multiplications < kSmallWork ? 1 : wanted, batch * heads);
  std::vector<std::optional<decltype(make_scratch())>> scratch(static_cast<size_t>(workers));
  ParallelTasks(batch * heads, static_cast<int>(workers), [&](int64_t task, int worker) {
    auto& own = scratch[static_cast<size_t>(worker)];
    if (!own) own.emplace(make_scratch());
    body(task / heads, task % heads, *own);
  });
}

}  // namespace rotary

#endif  // ROTARY_ATTENTION_FOR_EACH_HEAD_H_
