#include "rotary/lab/statistics.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "rotary/base/error.h"

namespace rotary {
namespace {

constexpr double kPointShare = 0.02;  // of the steps so far that a point of a recorded curve holds
constexpr double kInfinity = std::numeric_limits<double>::infinity();

}  // namespace

double StudentT95(int degrees) {
  // The 0.975 quantiles, from any statistical table.
  static constexpr std::array<double, 30> kT = {
      12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281,
      2.2010,  2.1788, 2.1604, 2.1448, 2.1314, 2.1199, 2.1098, 2.1009, 2.0930, 2.0860,
      2.0796,  2.0739, 2.0687, 2.0639, 2.0595, 2.0555, 2.0518, 2.0484, 2.0452, 2.0423};
  if (degrees < 1) return kInfinity;
  return kT[static_cast<size_t>(std::min(degrees, 30)) - 1];
}

double Estimate::Interval() const { return count < 2 ? kInfinity : StudentT95(count - 1) * error; }

bool Estimate::DiffersFrom(double value) const { return std::abs(mean - value) > Interval(); }

Estimate Summarise(std::span<const double> values) {
  Require(!values.empty(), "Summarise: there are no values");
  Estimate estimate;
  estimate.count = static_cast<int>(values.size());
  for (const double value : values) estimate.mean += value;
  estimate.mean /= estimate.count;
  if (estimate.count == 1) {
    estimate.error = kInfinity;
    return estimate;
  }
  double squares = 0;
  for (const double value : values) squares += (value - estimate.mean) * (value - estimate.mean);
  estimate.error = std::sqrt(squares / (estimate.count - 1.0) / estimate.count);
  return estimate;
}

Estimate PairedDifference(std::span<const double> a, std::span<const double> b) {
  Require(a.size() == b.size(), "PairedDifference: ", a.size(), " values against ", b.size());
  std::vector<double> differences;
  for (size_t i = 0; i < a.size(); ++i) differences.push_back(a[i] - b[i]);
  return Summarise(differences);
}

void CurveRecorder::Add(double seconds, double loss) {
  ++steps_;
  seconds_ += seconds;
  loss_ += loss;
  const double count = steps_ - first_step_ + 1;
  if (count < kPointShare * first_step_) return;
  curve_ = curve();
  first_step_ = steps_ + 1;
  seconds_ = loss_ = 0;
}

LossCurve CurveRecorder::curve() const {
  LossCurve curve = curve_;
  const double count = steps_ - first_step_ + 1;
  if (count > 0) {
    curve.step.push_back((first_step_ + steps_) / 2);
    curve.seconds.push_back(seconds_ / count);
    curve.loss.push_back(loss_ / count);
    curve.count.push_back(static_cast<int>(count));
  }
  return curve;
}

std::vector<double> SmoothedLoss(const LossCurve& curve, double width) {
  std::vector<double> smooth;
  size_t begin = 0, end = 0;  // the points within `width` of point i
  for (size_t i = 0; i < curve.size(); ++i) {
    while (curve.step[begin] * width < curve.step[i]) ++begin;
    while (end < curve.size() && curve.step[end] <= curve.step[i] * width) ++end;
    double weight = 0, x_sum = 0, y_sum = 0, xx_sum = 0, xy_sum = 0;
    for (size_t j = begin; j < end; ++j) {
      const double w = curve.count[j], x = std::log(curve.step[j] / curve.step[i]);
      weight += w;
      x_sum += w * x;
      y_sum += w * curve.loss[j];
      xx_sum += w * x * x;
      xy_sum += w * x * curve.loss[j];
    }
    // Least squares for y = value + slope x, read at x = 0.
    const double spread = weight * xx_sum - x_sum * x_sum;
    smooth.push_back(end - begin < 3 ? curve.loss[i] : (xx_sum * y_sum - x_sum * xy_sum) / spread);
  }
  return smooth;
}

std::optional<double> StepsToReach(std::span<const double> step, std::span<const double> loss,
                                   double target) {
  Require(step.size() == loss.size(), "StepsToReach: ", step.size(), " steps but ", loss.size(),
          " losses");
  for (size_t i = 0; i < step.size(); ++i) {
    if (!(loss[i] <= target)) continue;
    if (i == 0) return step[0];
    const double share = (loss[i - 1] - target) / (loss[i - 1] - loss[i]);
    return step[i - 1] * std::pow(step[i] / step[i - 1], share);
  }
  return std::nullopt;
}

std::optional<StepRatio> CompareSteps(std::span<const LossCurve> arm,
                                      std::span<const LossCurve> reference, double target) {
  Require(arm.size() == reference.size() && !arm.empty(), "CompareSteps: ", arm.size(),
          " seeds against ", reference.size());
  StepRatio result;
  result.target = target;
  result.seeds = static_cast<int>(arm.size());
  result.at_least = kInfinity;
  std::vector<double> ratios;
  for (size_t i = 0; i < arm.size(); ++i) {
    const auto base = StepsToReach(reference[i].step, reference[i].loss, target);
    if (!base) return std::nullopt;
    result.reference_steps += *base / result.seeds;
    if (const auto steps = StepsToReach(arm[i].step, arm[i].loss, target)) {
      ratios.push_back(*steps / *base);
    } else if (arm[i].size() > 0) {
      result.at_least = std::min(result.at_least, arm[i].step.back() / *base);
    }
  }
  result.reached = static_cast<int>(ratios.size());
  if (result.reached == result.seeds) result.ratio = Summarise(ratios);
  return result;
}

std::vector<double> TargetLosses(std::span<const LossCurve> reference, int count) {
  double high = kInfinity, low = -kInfinity;
  for (const LossCurve& curve : reference) {
    if (curve.size() == 0) return {};
    size_t early = 0;
    while (curve.step[early] < curve.step.back() / 20) ++early;
    high = std::min(high, curve.loss[early]);
    low = std::max(low, *std::min_element(curve.loss.begin(), curve.loss.end()));
  }
  for (const double spacing : {0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0}) {
    const auto first = std::floor(high / spacing), last = std::ceil(low / spacing);
    if (!(first - last + 1 <= count)) continue;
    std::vector<double> targets;
    for (int i = 0; first - i >= last; ++i) targets.push_back((first - i) * spacing);
    return targets;
  }
  return {};
}

}  // namespace rotary
