// What a few seeds can tell: means with their uncertainty, paired differences, and how many steps a
// loss takes.
#ifndef ROTARY_LAB_STATISTICS_H_
#define ROTARY_LAB_STATISTICS_H_

#include <optional>
#include <span>
#include <vector>

namespace rotary {

// A mean over seeds. With one seed nothing is known about its error: error and Interval() are then
// infinite.
struct Estimate {
  double mean = 0;
  double error = 0;  // standard error of the mean
  int count = 0;

  // Half the width of the 95% interval: Student's t for count - 1 degrees of freedom, times the
  // error. Two seeds need 12.7 errors, three 4.3, five 2.8, and never are fewer than 2 enough.
  double Interval() const;
  // Whether `value` lies outside the interval. False where the mean is not a number.
  bool DiffersFrom(double value) const;
};

// Throws std::invalid_argument when `values` is empty.
Estimate Summarise(std::span<const double> values);

// The mean of a[i] - b[i]: runs of the same seed share initial weights and batches, and much of
// their noise. Throws std::invalid_argument when the lengths differ or are 0.
Estimate PairedDifference(std::span<const double> a, std::span<const double> b);

// The two-sided 95% point of Student's t; above 30 degrees that of 30, which is on the safe side.
double StudentT95(int degrees);

// A loss by step. A point is the mean of `count` steps in a row: of their numbers, of the seconds
// since the start, and of their losses.
struct LossCurve {
  std::vector<double> step, seconds, loss;
  std::vector<int> count;

  size_t size() const { return step.size(); }
  bool operator==(const LossCurve&) const = default;
};

// Gathers the steps of a run into points that get wider as the curve gets flatter: a point holds
// about 2% of the steps before it. 1,000,000 steps become about 550 points, and runs of the same
// length have points at the same steps.
class CurveRecorder {
 public:
  // Steps count from 1, in order.
  void Add(double seconds, double loss);
  // With the steps of an unfinished point as its last.
  LossCurve curve() const;

 private:
  LossCurve curve_;
  double first_step_ = 1, steps_ = 0;
  double seconds_ = 0, loss_ = 0;  // sums over the point under way
};

// The losses without most of their noise: at each point the value of a straight line in log(step),
// fitted to the points within a factor `width` of its step, each by the steps it holds. A line
// instead of a mean, as the ends have neighbours on one side only and the loss falls there.
std::vector<double> SmoothedLoss(const LossCurve& curve, double width = 1.15);

// The step at which `loss` first falls to `target`, interpolated in log(step) between points; empty
// where it does not.
//   step, loss  of equal length, steps ascending
std::optional<double> StepsToReach(std::span<const double> step, std::span<const double> loss,
                                   double target);

// How many times the steps of `reference` an arm needs for the same loss, by seed.
struct StepRatio {
  double target = 0;
  double reference_steps = 0;     // mean over seeds
  int seeds = 0, reached = 0;     // seeds of the arm that reached the target
  std::optional<Estimate> ratio;  // where all seeds of the arm did
  double at_least = 0;            // where none did: the smallest ratio that its steps rule out
};

// `arm` and `reference` hold one smoothed curve for each seed, in the same order. Empty where a
// seed of the reference does not reach the target.
std::optional<StepRatio> CompareSteps(std::span<const LossCurve> arm,
                                      std::span<const LossCurve> reference, double target);

// How many losses the tables and sentences ask for.
inline constexpr int kTargetLosses = 5;

// Up to `count` round losses that the reference reaches in all seeds, spread from the end of its
// first twentieth of steps to its last, descending.
std::vector<double> TargetLosses(std::span<const LossCurve> reference, int count);

}  // namespace rotary

#endif  // ROTARY_LAB_STATISTICS_H_
