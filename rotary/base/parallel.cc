#include "rotary/base/parallel.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>

#ifdef __linux__
#include <sched.h>
#endif

#include "rotary/base/error.h"
#include "rotary/base/thread_pool.h"

namespace rotary {
namespace {

thread_local bool t_inside = false;

// Marks the calling thread as inside a parallel section for the life of the object.
class Inside {
 public:
  Inside() : before_(t_inside) { t_inside = true; }
  ~Inside() { t_inside = before_; }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;

 private:
  bool before_;
};

// Keeps the first exception of several threads.
class FirstException {
 public:
  template <class Body>
  void Run(Body&& body) {
    try {
      body();
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!first_) first_ = std::current_exception();
      failed_.store(true, std::memory_order_relaxed);
    }
  }
  bool failed() const { return failed_.load(std::memory_order_relaxed); }
  void Rethrow() const {
    if (first_) std::rethrow_exception(first_);
  }

 private:
  std::mutex mutex_;
  std::exception_ptr first_;
  std::atomic<bool> failed_{false};
};

// Hands out tasks [0, tasks) in ascending order to at most `workers` threads, this one among them.
void HandOut(int64_t tasks, int workers, FunctionRef<void(int64_t task, int worker)> body) {
  FirstException exceptions;
  std::atomic<int64_t> next{0};
  ThreadPool::Get().Run(workers, [&](int worker) {
    const Inside inside;
    exceptions.Run([&] {
      while (!exceptions.failed()) {
        const int64_t task = next.fetch_add(1, std::memory_order_relaxed);
        if (task >= tasks) break;
        body(task, worker);
      }
    });
  });
  exceptions.Rethrow();
}

}  // namespace

int HardwareThreads() {
  static const int count = [] {
#ifdef __linux__
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) == 0) return std::max(1, CPU_COUNT(&set));
#endif
    return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  }();
  return count;
}

int ResolveThreads(int threads) {
  Require(threads >= 0, "threads must be 0 (all cores) or more, got ", threads);
  return threads == 0 ? HardwareThreads() : threads;
}

void ParallelFor(int64_t count, int threads, int64_t grain,
                 FunctionRef<void(int64_t begin, int64_t end)> body) {
  if (count <= 0) return;
  const int64_t most = std::max<int64_t>(1, count / std::max<int64_t>(1, grain));
  const int workers =
      t_inside ? 1 : static_cast<int>(std::min<int64_t>(most, ResolveThreads(threads)));
  if (workers == 1) {
    body(0, count);
    return;
  }
  HandOut(workers, workers, [&](int64_t range, int) {
    body(count * range / workers, count * (range + 1) / workers);
  });
}

void ParallelTasks(int64_t tasks, int threads, FunctionRef<void(int64_t task, int worker)> body) {
  if (tasks <= 0) return;
  const int workers =
      t_inside ? 1 : static_cast<int>(std::min<int64_t>(tasks, ResolveThreads(threads)));
  if (workers == 1) {
    for (int64_t task = 0; task < tasks; ++task) body(task, 0);
    return;
  }
  HandOut(tasks, workers, body);
}

}  // namespace rotary
