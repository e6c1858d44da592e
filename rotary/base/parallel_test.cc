// Properties: every item is visited once, whatever the number of threads; nested loops stay on
// their thread; the first exception reaches the caller.
#include "rotary/base/parallel.h"

#include <atomic>
#include <stdexcept>
#include <vector>

#include "gtest/gtest.h"

namespace rotary {
namespace {

TEST(ParallelForTest, VisitsEveryItemOnce) {
  for (const int threads : {0, 1, 2, 3, 7}) {
    for (const int64_t count : {0, 1, 2, 5, 100, 1001}) {
      std::vector<std::atomic<int>> visits(static_cast<size_t>(count));
      ParallelFor(count, threads, 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) ++visits[static_cast<size_t>(i)];
      });
      for (const auto& visit : visits) ASSERT_EQ(visit, 1) << threads << " threads";
    }
  }
}

TEST(ParallelForTest, SmallWorkStaysOnOneThread) {
  int ranges = 0;
  ParallelFor(15, 4, 8, [&](int64_t begin, int64_t end) {
    ++ranges;
    EXPECT_EQ(end - begin, 15);
  });
  EXPECT_EQ(ranges, 1);
}

TEST(ParallelTasksTest, VisitsEveryTaskOnceWithWorkersInRange) {
  for (const int threads : {1, 2, 5}) {
    std::vector<std::atomic<int>> visits(333);
    ParallelTasks(333, threads, [&](int64_t task, int worker) {
      EXPECT_GE(worker, 0);
      EXPECT_LT(worker, threads);
      ++visits[static_cast<size_t>(task)];
    });
    for (const auto& visit : visits) ASSERT_EQ(visit, 1);
  }
}

TEST(ParallelTasksTest, NestedLoopsRunOnTheirThread) {
  ParallelTasks(4, 2, [&](int64_t, int) {
    int64_t ranges = 0;  // not atomic: the inner loop is this thread's alone
    ParallelFor(100, 4, 1, [&](int64_t, int64_t) { ++ranges; });
    EXPECT_EQ(ranges, 1);
  });
}

TEST(ParallelTest, ExceptionsReachTheCaller) {
  for (const int threads : {1, 3}) {
    EXPECT_THROW(ParallelFor(9, threads, 1,
                             [](int64_t, int64_t) { throw std::out_of_range("no such item"); }),
                 std::out_of_range);
    EXPECT_THROW(ParallelTasks(9, threads,
                               [](int64_t task, int) {
                                 if (task == 4) throw std::out_of_range("no such task");
                               }),
                 std::out_of_range);
  }
  EXPECT_THROW(ResolveThreads(-1), std::invalid_argument);
}

}  // namespace
}  // namespace rotary
