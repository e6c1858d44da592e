// Proves: the warm-up is a straight line that ends at the peak; both decays begin at the peak, fall
// without a rise, pass their middle half-way and approach the final rate; rules that are broken
// give one sentence.
#include "rotary/train/schedule.h"

#include <gtest/gtest.h>

#include <limits>
#include <stdexcept>
#include <string>

namespace rotary {
namespace {

constexpr Schedule kSchedule{
    .steps = 110, .warmup_steps = 10, .peak_rate = 1e-3, .final_rate = 1e-4};

TEST(ScheduleTest, WarmsUpInAStraightLine) {
  EXPECT_DOUBLE_EQ(LearningRate(kSchedule, 1), 1e-4);
  EXPECT_DOUBLE_EQ(LearningRate(kSchedule, 5), 5e-4);
  EXPECT_DOUBLE_EQ(LearningRate(kSchedule, 10), 1e-3);
}

TEST(ScheduleTest, BothDecaysPassTheirMiddleHalfWay) {
  for (const Decay decay : {Decay::kCosine, Decay::kLinear}) {
    Schedule schedule = kSchedule;
    schedule.decay = decay;
    EXPECT_DOUBLE_EQ(LearningRate(schedule, 11), 1e-3);
    EXPECT_DOUBLE_EQ(LearningRate(schedule, 61), 5.5e-4);
    for (int64_t step = 12; step <= schedule.steps; ++step) {
      EXPECT_LT(LearningRate(schedule, step), LearningRate(schedule, step - 1)) << step;
      EXPECT_GT(LearningRate(schedule, step), schedule.final_rate) << step;
    }
    EXPECT_DOUBLE_EQ(LearningRate(schedule, 111), 1e-4);
  }
}

TEST(ScheduleTest, QuarterOfTheWay) {
  Schedule schedule = kSchedule;
  schedule.decay = Decay::kLinear;
  EXPECT_DOUBLE_EQ(LearningRate(schedule, 36), 1e-4 + 9e-4 * 0.75);
  schedule.decay = Decay::kCosine;
  EXPECT_NEAR(LearningRate(schedule, 36), 1e-4 + 9e-4 * 0.8535533905932737,
              1e-18);  // (1 + 1/sqrt 2) / 2
}

TEST(ScheduleTest, WithoutWarmUpTheFirstStepIsThePeak) {
  EXPECT_DOUBLE_EQ(LearningRate({.steps = 1, .peak_rate = 0.5}, 1), 0.5);
}

std::string Complaint(const Schedule& schedule) {
  try {
    CheckSchedule(schedule);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "";
}

TEST(ScheduleTest, NamesTheBrokenRule) {
  EXPECT_EQ(Complaint(kSchedule), "");
  EXPECT_EQ(Complaint({.steps = 0}), "schedule: steps must be at least 1, got 0");
  EXPECT_EQ(Complaint({.steps = 10, .warmup_steps = 10}),
            "schedule: the warm-up must be shorter than the run of 10 steps, got 10");
  EXPECT_EQ(Complaint({.peak_rate = 0}), "schedule: the learning rate must be positive, got 0");
  EXPECT_EQ(Complaint({.peak_rate = std::numeric_limits<double>::quiet_NaN()}),
            "schedule: the learning rate must be positive, got nan");
  EXPECT_EQ(Complaint({.peak_rate = 1, .final_rate = 2}),
            "schedule: the final learning rate must lie between 0 and the peak (1), got 2");
}

}  // namespace
}  // namespace rotary
