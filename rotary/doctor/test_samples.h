// Samples for tests: normal numbers, turned by cosines and sines that are written down anew here.
#ifndef ROTARY_DOCTOR_TEST_SAMPLES_H_
#define ROTARY_DOCTOR_TEST_SAMPLES_H_

#include <cmath>
#include <numbers>
#include <vector>

#include "rotary/base/random.h"
#include "rotary/doctor/precision.h"
#include "rotary/doctor/samples.h"

namespace rotary {

struct Simulation {
  int64_t tokens = 16, heads = 2;
  int head_dim = 8;
  std::vector<int> first, second = {};        // [pairs]; empty: (j, j + head_dim / 2)
  std::vector<double> frequency;              // [pairs]
  std::vector<double> second_frequency = {};  // of the second output; empty: that of the first
  std::vector<double> positions = {};         // [tokens]; empty: 0, 1 ..
  double factor = 1;
  double noise = 0;                     // standard deviation of what is added to each output
  Precision kept = Precision::kDouble;  // of what goes in and comes out
  uint64_t seed = 1;
};

// In long double: a double angle of 10^5 radians is off by 10^-11 already.
inline double AngleOf(double frequency, double position) {
  constexpr long double kTurn = 2 * std::numbers::pi_v<long double>;
  return static_cast<double>(std::remainder(static_cast<long double>(frequency) * position, kTurn));
}

inline Samples Simulate(Simulation s) {
  if (s.first.empty()) {
    for (int j = 0; j < s.head_dim / 2; ++j) {
      s.first.push_back(j);
      s.second.push_back(j + s.head_dim / 2);
    }
  }
  if (s.second_frequency.empty()) s.second_frequency = s.frequency;
  Samples samples{.tokens = s.tokens, .heads = s.heads, .head_dim = s.head_dim};
  samples.unit = std::ldexp(1.0, -DigitsOf(s.kept));
  const Random in(s.seed, 1), added(s.seed, 2);
  const auto dim = static_cast<size_t>(s.head_dim);
  for (int64_t t = 0; t < s.tokens; ++t) {
    const auto token = static_cast<size_t>(t);
    const double p = s.positions.empty() ? static_cast<double>(t) : s.positions[token];
    samples.row.push_back(0);
    samples.token.push_back(t);
    samples.positions.push_back(p);
    for (int64_t h = 0; h < s.heads; ++h) {
      const size_t start = samples.before.size();
      for (size_t c = 0; c < dim; ++c) {
        samples.before.push_back(RoundedTo(s.kept, in.Normal(start + c)));
      }
      std::vector<double> y(samples.before.end() - s.head_dim, samples.before.end());
      for (size_t j = 0; j < s.first.size(); ++j) {
        const auto f = static_cast<size_t>(s.first[j]), g = static_cast<size_t>(s.second[j]);
        const double a = AngleOf(s.frequency[j], p), b = AngleOf(s.second_frequency[j], p);
        const double x1 = samples.before[start + f], x2 = samples.before[start + g];
        y[f] = s.factor * (std::cos(a) * x1 - std::sin(a) * x2);
        y[g] = s.factor * (std::cos(b) * x2 + std::sin(b) * x1);
      }
      for (size_t c = 0; c < dim; ++c) {
        samples.after.push_back(RoundedTo(s.kept, y[c] + s.noise * added.Normal(start + c)));
      }
    }
  }
  return samples;
}

// 0, 1 .. count - 1, from `first` on.
inline std::vector<double> Counted(int64_t count, double first = 0) {
  std::vector<double> positions;
  for (int64_t t = 0; t < count; ++t) positions.push_back(first + static_cast<double>(t));
  return positions;
}

}  // namespace rotary

#endif  // ROTARY_DOCTOR_TEST_SAMPLES_H_
