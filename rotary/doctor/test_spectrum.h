// Frequencies for tests, by formulas written down anew, with noise.
#ifndef ROTARY_DOCTOR_TEST_SPECTRUM_H_
#define ROTARY_DOCTOR_TEST_SPECTRUM_H_

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <string_view>
#include <vector>

#include "rotary/base/random.h"
#include "rotary/doctor/story.h"

namespace rotary {

inline std::vector<double> PlainSpectrum(int rotary_dim, double theta, double factor = 1) {
  std::vector<double> w;
  for (int j = 0; j < rotary_dim / 2; ++j) {
    w.push_back(std::exp(-std::log(theta) * 2 * j / rotary_dim) / factor);
  }
  return w;
}

inline std::vector<double> YarnSpectrum(int rotary_dim, double theta, double factor, double length,
                                        double fast = 32, double slow = 1, bool whole = true) {
  // The pair that turns `turns` times: length theta^(-2j / d) = 2 pi turns.
  const auto pair = [&](double turns) {
    return std::log(length / (2 * std::numbers::pi * turns)) / std::log(theta) * rotary_dim / 2;
  };
  double low = pair(fast), high = pair(slow);
  if (whole) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, rotary_dim - 1.0);
  std::vector<double> w = PlainSpectrum(rotary_dim, theta);
  for (size_t j = 0; j < w.size(); ++j) {
    const double slowed = std::clamp((static_cast<double>(j) - low) / (high - low), 0.0, 1.0);
    w[j] *= 1 - slowed * (1 - 1 / factor);
  }
  return w;
}

inline std::vector<double> Llama3Spectrum(int rotary_dim, double theta, double factor,
                                          double length, double slow = 1, double fast = 4) {
  std::vector<double> w = PlainSpectrum(rotary_dim, theta);
  for (double& f : w) {
    const double turns = f * length / (2 * std::numbers::pi);
    const double keeps = slow == fast ? (turns >= slow ? 1.0 : 0.0)
                                      : std::clamp((turns - slow) / (fast - slow), 0.0, 1.0);
    f *= keeps + (1 - keeps) / factor;
  }
  return w;
}

// The number of a story by its name, NaN where it has none.
inline double Parameter(const Story& story, std::string_view name) {
  for (const StoryParameter& parameter : story.parameters) {
    if (parameter.name == name) return parameter.value;
  }
  return std::numeric_limits<double>::quiet_NaN();
}

// What an estimate of `exact` with relative standard deviations `relative`, and never better than
// `absolute`, would be.
inline MeasuredSpectrum Measure(const std::vector<double>& exact, double relative, uint64_t seed,
                                int head_dim = 0, double absolute = 0) {
  const int rotary_dim = 2 * static_cast<int>(exact.size());
  MeasuredSpectrum measured{.head_dim = head_dim == 0 ? rotary_dim : head_dim,
                            .rotary_dim = rotary_dim};
  const Random random(seed, 0x5ec);
  for (size_t j = 0; j < exact.size(); ++j) {
    const double deviation = std::max(relative * exact[j], absolute);
    measured.frequency.push_back(exact[j] + deviation * random.Normal(j));
    measured.deviation.push_back(deviation);
  }
  return measured;
}

}  // namespace rotary

#endif  // ROTARY_DOCTOR_TEST_SPECTRUM_H_
