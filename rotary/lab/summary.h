// An experiment's numbers over its seeds: what tables show, charts draw and sentences judge.
#ifndef ROTARY_LAB_SUMMARY_H_
#define ROTARY_LAB_SUMMARY_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "rotary/lab/results.h"
#include "rotary/lab/statistics.h"

namespace rotary {

// One number of each seed's run of an encoding.
std::vector<double> OverSeeds(const Experiment& experiment, size_t encoding,
                              const std::function<double(const RunResult&)>& number);

// Losses at one length; empty where the encoding cannot go that far.
std::optional<std::vector<double>> LossesAtLength(const Experiment& experiment, size_t encoding,
                                                  size_t length);

// The training curves of an encoding, smoothed, one for each seed.
std::vector<LossCurve> SmoothedCurves(const Experiment& experiment, size_t encoding);

// The mean over seeds at every point of a curve, and the least and greatest.
struct CurveBand {
  std::vector<double> step, seconds, mean, low, high;
};
CurveBand BandOf(const std::vector<LossCurve>& curves);

// The mean over seeds of a - b at every point, and its 95% interval; no points with one seed.
CurveBand GapOf(const std::vector<LossCurve>& a, const std::vector<LossCurve>& b);

// The point of a curve at which a run counts as early: the last within a tenth of the steps.
size_t EarlyPoint(const LossCurve& curve);

}  // namespace rotary

#endif  // ROTARY_LAB_SUMMARY_H_
