// Properties: a section runs worker 0 on the calling thread and every other worker at most once, no
// call outlives its section, and a section does not wait for threads that come late; sections of
// several threads at once, many sections in a row, and a section in the child of a fork all end.
#include "rotary/base/thread_pool.h"

#include <array>
#include <chrono>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

#ifdef __linux__
#include <sys/wait.h>
#include <unistd.h>
#endif

namespace rotary {
namespace {

TEST(ThreadPoolTest, EachWorkerComesOnceAndTheFirstIsTheCaller) {
  for (const int workers : {1, 2, 5}) {
    std::vector<std::atomic<int>> calls(static_cast<size_t>(workers));
    const auto caller = std::this_thread::get_id();
    ThreadPool::Get().Run(workers, [&](int worker) {
      ++calls[static_cast<size_t>(worker)];
      EXPECT_EQ(std::this_thread::get_id() == caller, worker == 0);
    });
    EXPECT_EQ(calls[0], 1);
    for (const auto& count : calls) EXPECT_LE(count, 1);
  }
}

TEST(ThreadPoolTest, OtherThreadsCome) {
  std::atomic<int> came{0};
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  ThreadPool::Get().Run(3, [&](int) {
    ++came;
    // The section stays open until all are here.
    while (came < 3 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  });
  EXPECT_EQ(came, 3);
}

TEST(ThreadPoolTest, NoCallOutlivesItsSection) {
  for (int section = 0; section < 5000; ++section) {
    std::array<std::atomic<int>, 3> items{};  // of this section alone: a late call would be seen
    std::atomic<size_t> next{0};
    std::atomic<bool> open{true};
    ThreadPool::Get().Run(3, [&](int) {
      EXPECT_TRUE(open);
      for (size_t item = next++; item < items.size(); item = next++) ++items[item];
    });
    open = false;
    for (const auto& item : items) ASSERT_EQ(item, 1) << section;
    // Pauses of every length up to where threads go to sleep.
    if (section % 250 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

TEST(ThreadPoolTest, TheSectionWaitsForCallsThatBegan) {
  using Clock = std::chrono::steady_clock;
  for (int section = 0; section < 50; ++section) {
    std::atomic<int> began{0}, ended{0};
    const auto deadline = Clock::now() + std::chrono::milliseconds(5);
    ThreadPool::Get().Run(2, [&](int worker) {
      ++began;
      if (worker == 0) {
        while (began < 2 && Clock::now() < deadline) std::this_thread::yield();
      } else {
        std::this_thread::sleep_for(std::chrono::microseconds(200));
      }
      ++ended;
    });
    ASSERT_EQ(ended, began);
  }
}

TEST(ThreadPoolTest, SectionsOfSeveralThreadsDoNotMix) {
  std::vector<std::thread> callers;
  callers.reserve(3);
  for (int caller = 0; caller < 3; ++caller) {
    callers.emplace_back([] {
      for (int section = 0; section < 2000; ++section) {
        std::atomic<int> next{0}, done{0};
        ThreadPool::Get().Run(2, [&](int) {
          while (next++ < 4) ++done;
        });
        ASSERT_EQ(done, 4);
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
}

#if defined(__linux__) && !defined(__SANITIZE_THREAD__)
TEST(ThreadPoolTest, TheChildOfAForkWorksAlone) {
  ThreadPool::Get().Run(2, [](int) {});  // threads there before the fork
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    int calls = 0;
    ThreadPool::Get().Run(2, [&](int) { ++calls; });
    _exit(calls == 1 ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}
#endif

}  // namespace
}  // namespace rotary
