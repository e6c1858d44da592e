#include "rotary/doctor/odd_tokens.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "rotary/doctor/structures.h"
#include "rotary/rope/rotate.h"

namespace rotary {
namespace {

// What a rotation makes of samples, [tokens, heads, head_dim], as doubles.
std::vector<double> Rotated(const Samples& samples, const PhaseTable& table,
                            const WholeRotation& whole, const std::vector<double>& positions) {
  std::vector<double> y(samples.before.size());
  const Dims shape{samples.tokens, samples.heads, samples.head_dim};
  Rotate(table, ConstTensorView(positions.data(), DType::kF64, {1, samples.tokens, samples.axes}),
         ConstTensorView(samples.before.data(), DType::kF64, shape),
         TensorView(y.data(), DType::kF64, shape), {.centre = whole.centre}, whole.side);
  return y;
}

// [tokens]: root mean square of what is left of each token, relative to it, in units of rounding.
std::vector<double> RestOfTokens(const Samples& samples, const std::vector<double>& predicted) {
  std::vector<double> rests;
  const size_t numbers = samples.after.size() / static_cast<size_t>(samples.tokens);
  for (size_t t = 0; t < static_cast<size_t>(samples.tokens); ++t) {
    double rest = 0, energy = 0;
    for (size_t i = t * numbers; i < (t + 1) * numbers; ++i) {
      const double off = samples.after[i] - predicted[i];
      rest += off * off;
      energy +=
          std::max(samples.before[i] * samples.before[i], samples.after[i] * samples.after[i]);
    }
    rests.push_back(energy > 0 ? std::sqrt(rest / energy) / samples.unit : 0);
  }
  return rests;
}

}  // namespace

std::vector<char> FarOff(const Samples& samples, const Explanation& explanation) {
  std::vector<char> far(static_cast<size_t>(samples.tokens), 0);
  if (explanation.whole) return far;
  constexpr double kFar = 25, kSpread = 4;
  std::vector<double> frequency = explanation.spectrum.frequency;
  for (double& w : frequency) w = RoundedTo(explanation.frequencies, w);
  const std::vector<double> left =
      LeftOfTokens(TurnTableOf(samples, explanation.layout.first, explanation.layout.second),
                   frequency, explanation.positions.positions, samples.axes, explanation.arithmetic,
                   kFloat32Tolerance, explanation.fit);
  std::vector<double> sorted = left;
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
  std::nth_element(sorted.begin(), middle, sorted.end());
  for (size_t t = 0; t < far.size(); ++t)
    far[t] = left[t] > kFar * std::max(1.0, kSpread * *middle);
  return far;
}

std::vector<int64_t> FindOddTokens(const Observation& observation, const Samples& samples,
                                   const Explanation& explanation) {
  if (!explanation.places.empty()) return UnwrittenTokens(observation);
  const int64_t row = observation.before.shape(1), all = observation.before.shape(0) * row;
  const std::vector<char> far = FarOff(samples, explanation);
  std::set<int64_t> odd;
  for (size_t t = 0; t < far.size(); ++t) {
    if (far[t]) odd.insert(samples.row[t] * row + samples.token[t]);
  }
  const auto in_order = [&] { return std::vector<int64_t>(odd.begin(), odd.end()); };
  if (all <= samples.tokens) return in_order();
  const WholeRotation whole =
      explanation.whole.value_or(WholeRotation{.rotation = AppliedRotation(explanation, samples)});
  const PhaseTable table(whole.rotation);
  const std::vector<double> known =
      RestOfTokens(samples, Rotated(samples, table, whole, explanation.positions.positions));
  double worst = 2;
  for (size_t t = 0; t < known.size(); ++t) {
    if (!far[t]) worst = std::max(worst, known[t]);
  }
  constexpr int64_t kAtOnce = 128;
  for (int64_t begin = 0; begin < all; begin += kAtOnce) {
    std::vector<int64_t> places(static_cast<size_t>(std::min(kAtOnce, all - begin)));
    std::iota(places.begin(), places.end(), begin);
    Samples some = TakeTokens(observation, places);
    some.unit = samples.unit;
    const auto positions = PositionsOf(explanation.positions, samples, some);
    if (!positions) {
      for (const int64_t place : UnwrittenTokens(observation)) odd.insert(place);
      return in_order();
    }
    const std::vector<double> rests = RestOfTokens(some, Rotated(some, table, whole, *positions));
    for (size_t t = 0; t < rests.size(); ++t) {
      if (!(rests[t] <= 4 * worst)) odd.insert(places[t]);
    }
  }
  return in_order();
}

}  // namespace rotary
