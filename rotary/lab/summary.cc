#include "rotary/lab/summary.h"

#include <algorithm>

#include "rotary/base/error.h"

namespace rotary {

std::vector<double> OverSeeds(const Experiment& experiment, size_t encoding,
                              const std::function<double(const RunResult&)>& number) {
  std::vector<double> numbers;
  for (size_t seed = 0; seed < experiment.seeds.size(); ++seed) {
    numbers.push_back(number(experiment.Run(encoding, seed)));
  }
  return numbers;
}

std::optional<std::vector<double>> LossesAtLength(const Experiment& experiment, size_t encoding,
                                                  size_t length) {
  std::vector<double> losses;
  for (size_t seed = 0; seed < experiment.seeds.size(); ++seed) {
    const auto& lengths = experiment.Run(encoding, seed).lengths;
    if (length >= lengths.size() || !lengths[length].loss) return std::nullopt;
    losses.push_back(*lengths[length].loss);
  }
  return losses;
}

std::vector<LossCurve> SmoothedCurves(const Experiment& experiment, size_t encoding) {
  std::vector<LossCurve> curves;
  for (size_t seed = 0; seed < experiment.seeds.size(); ++seed) {
    curves.push_back(experiment.Run(encoding, seed).training);
    curves.back().loss = SmoothedLoss(curves.back());
  }
  return curves;
}

CurveBand BandOf(const std::vector<LossCurve>& curves) {
  CurveBand band;
  for (size_t point = 0; point < curves.at(0).size(); ++point) {
    double seconds = 0, low = curves[0].loss[point], high = low, sum = 0;
    for (const LossCurve& curve : curves) {
      const double loss = curve.loss.at(point);
      seconds += curve.seconds[point];
      sum += loss;
      low = std::min(low, loss);
      high = std::max(high, loss);
    }
    const auto count = static_cast<double>(curves.size());
    band.step.push_back(curves[0].step[point]);
    band.seconds.push_back(seconds / count);
    band.mean.push_back(sum / count);
    band.low.push_back(low);
    band.high.push_back(high);
  }
  return band;
}

CurveBand GapOf(const std::vector<LossCurve>& a, const std::vector<LossCurve>& b) {
  CurveBand band;
  if (a.size() < 2) return band;
  for (size_t point = 0; point < a[0].size(); ++point) {
    std::vector<double> of_a, of_b;
    for (const LossCurve& curve : a) of_a.push_back(curve.loss.at(point));
    for (const LossCurve& curve : b) of_b.push_back(curve.loss.at(point));
    const Estimate gap = PairedDifference(of_a, of_b);
    band.step.push_back(a[0].step[point]);
    band.mean.push_back(gap.mean);
    band.low.push_back(gap.mean - gap.Interval());
    band.high.push_back(gap.mean + gap.Interval());
  }
  return band;
}

size_t EarlyPoint(const LossCurve& curve) {
  Require(curve.size() > 0, "EarlyPoint: the curve is empty");
  size_t point = 0;
  while (point + 1 < curve.size() && curve.step[point + 1] <= curve.step.back() / 10) ++point;
  return point;
}

}  // namespace rotary
