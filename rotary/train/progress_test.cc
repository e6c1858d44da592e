// Proves: off a terminal the first and the last update and one every ten seconds are lines; on one
// a bar is drawn over itself, never wider than the terminal, makes room for lines and goes away;
// the time left counts only what was done here.
#include "rotary/train/progress.h"

#include <gtest/gtest.h>

#include <sstream>

namespace rotary {
namespace {

TEST(ProgressTest, WritesALineNowAndThen) {
  std::ostringstream out;
  double now = 100;
  {
    Progress progress("training", 400, 0, out, 0, [&] { return now; });
    for (int64_t step = 1; step <= 400; ++step) {
      now += 0.03125;
      progress.Update(step, "loss 2");
    }
  }
  EXPECT_EQ(out.str(),
            "training   1/400  loss 2  12 s left\n"
            "training 321/400  loss 2  2 s left\n"
            "training 400/400  loss 2\n");
}

TEST(ProgressTest, WorkThatWasDoneBeforeDoesNotCount) {
  std::ostringstream out;
  double now = 0;
  Progress progress("training", 100, 90, out, 0, [&] { return now; });
  now = 60;
  progress.Update(91);
  EXPECT_EQ(out.str(), "training  91/100  9:00 left\n");
}

TEST(ProgressTest, DrawsABarOverItself) {
  std::ostringstream out;
  double now = 0;
  {
    Progress progress("training", 4, 0, out, 80, [&] { return now; });
    progress.Update(1, "loss 2");
    progress.Update(2, "loss 1");  // too early
    progress.Line("held-out loss 1.5");
    now = 1;
    progress.Update(2);
  }
  EXPECT_EQ(out.str(),
            "\rtraining 1/4 [======>                 ]  loss 2  0 s left\x1b[K"
            "\r\x1b[Kheld-out loss 1.5\n"
            "\rtraining 2/4 [============>           ]  1 s left\x1b[K"
            "\r\x1b[K");
}

TEST(ProgressTest, NeverWraps) {
  std::ostringstream out;
  Progress progress("training", 4, 0, out, 20, [] { return 0; });
  progress.Update(4, "loss 2");
  EXPECT_EQ(out.str(), "\rtraining 4/4 [=====\x1b[K");
}

TEST(ProgressTest, SaysHowLong) {
  EXPECT_EQ(Duration(0.2), "0 s");
  EXPECT_EQ(Duration(59.6), "1:00");
  EXPECT_EQ(Duration(83), "1:23");
  EXPECT_EQ(Duration(7384), "2:03:04");
}

}  // namespace
}  // namespace rotary
