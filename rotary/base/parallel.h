// Loops over several threads, which stand by from call to call and are not waited for where they
// come late: thread_pool.h. The matrix library is called on one thread at a time
// (rotary/nn/matmul.h), so it has no threads to share.
#ifndef ROTARY_BASE_PARALLEL_H_
#define ROTARY_BASE_PARALLEL_H_

#include <cstdint>

#include "rotary/base/function_ref.h"

namespace rotary {

// The cores this process may use, at least 1.
int HardwareThreads();

// `threads` as every function here takes it: 0 means HardwareThreads(). Throws
// std::invalid_argument below 0.
int ResolveThreads(int threads);

// Calls body(begin, end) on contiguous ranges that together cover [0, count) once, at most
// `threads` at a time. No range but the last is shorter than `grain` items, so small work stays on
// the calling thread. Inside another ParallelFor or ParallelTasks it runs on the calling thread
// alone. After an exception of `body` no new range starts, and it reaches the caller.
void ParallelFor(int64_t count, int threads, int64_t grain,
                 FunctionRef<void(int64_t begin, int64_t end)> body);

// Calls body(task, worker) for each task in [0, tasks), handed out one by one in ascending order to
// up to `threads` workers numbered from 0: for tasks of uneven cost, and for scratch memory by
// worker. Nesting and exceptions as above.
void ParallelTasks(int64_t tasks, int threads, FunctionRef<void(int64_t task, int worker)> body);

}  // namespace rotary

#endif  // ROTARY_BASE_PARALLEL_H_
