// Threads that stand by, so that a parallel section costs about a microsecond, on a busy machine
// too.
//
// A section does not wait for threads that are late for it: where another process holds a core, the
// calling thread does the work alone instead of waiting for that core. (A barrier, as OpenMP has
// it, waits for the scheduler at every section.)
#ifndef ROTARY_BASE_THREAD_POOL_H_
#define ROTARY_BASE_THREAD_POOL_H_

#include <atomic>
#include <mutex>

#include "rotary/base/function_ref.h"

namespace rotary {

class ThreadPool {
 public:
  // The pool of the process. Its threads start when they are first needed and end with the process.
  // In the child of a fork there are none, and sections run on the calling thread.
  static ThreadPool& Get();

  // Calls work(0) on the calling thread, and beside it work(1), work(2) .. on up to workers - 1
  // others, as far as they come while work(0) runs; returns when all calls that began have ended.
  // So `work` must take its items from a common counter, and may return only when there are none
  // left. It must not throw, nor call Run. While another thread's section runs, work(0) runs alone.
  void Run(int workers, FunctionRef<void(int worker)> work);

 private:
  ThreadPool() = default;

  void Start(int threads);
  void Serve();

  std::mutex one_section_;
  int threads_ = 0;

  // What the open section runs, valid while it is open or anyone is inside.
  FunctionRef<void(int worker)>* work_ = nullptr;
  int workers_ = 0;
  std::atomic<int> next_worker_{0};

  std::atomic<int> sections_{0};  // opened and closed so far, so odd while one is open
  std::atomic<int> inside_{0};    // threads that may be looking at the open section
};

}  // namespace rotary

#endif  // ROTARY_BASE_THREAD_POOL_H_
