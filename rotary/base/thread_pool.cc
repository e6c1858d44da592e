#include "rotary/base/thread_pool.h"

#include <signal.h>

#include <system_error>
#include <thread>

#include "hwy/cache_control.h"

namespace rotary {
namespace {

// Waits until done(value) holds for the value of `variable`, and returns it. Spins for tens of
// microseconds, the usual pause between two sections of a training step; then sleeps until it is
// notified.
template <class Done>
int WaitUntil(const std::atomic<int>& variable, Done&& done) {
  for (int spin = 0; spin < 1000; ++spin) {
    const int value = variable.load();
    if (done(value)) return value;
    hwy::Pause();
  }
  int value = variable.load();
  while (!done(value)) {
    variable.wait(value);
    value = variable.load();
  }
  return value;
}

}  // namespace

ThreadPool& ThreadPool::Get() {
  static ThreadPool* const pool = new ThreadPool;  // never destroyed: its threads use it to the end
  return *pool;
}

void ThreadPool::Start(int threads) {
  if (threads_ >= threads) return;
  // Signals are for the caller's threads: a new thread inherits the mask.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    for (; threads_ < threads; ++threads_) std::thread([this] { Serve(); }).detach();
  } catch (const std::system_error&) {
    // The system grants no more: the ones there do the work.
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void ThreadPool::Run(int workers, FunctionRef<void(int worker)> work) {
  const std::unique_lock lock(one_section_, std::try_to_lock);
  if (!lock || workers <= 1) {
    work(0);
    return;
  }
  Start(workers - 1);
  work_ = &work;
  workers_ = workers;
  next_worker_.store(1);
  sections_.fetch_add(1);
  sections_.notify_all();
  work(0);
  // A thread counts itself as inside before it looks whether a section is open. So it either finds
  // this one closed, or is waited for here.
  sections_.fetch_add(1);
  WaitUntil(inside_, [](int inside) { return inside == 0; });
}

void ThreadPool::Serve() {
  int seen = 0;
  while (true) {
    WaitUntil(sections_, [&](int sections) { return sections != seen && (sections & 1) != 0; });
    inside_.fetch_add(1);
    seen = sections_.load();
    if ((seen & 1) != 0) {
      const int worker = next_worker_.fetch_add(1);
      if (worker < workers_) (*work_)(worker);
    }
    if (inside_.fetch_sub(1) == 1) inside_.notify_one();
  }
}

}  // namespace rotary
