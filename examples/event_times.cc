// Times: positions are real numbers, here seconds. Two stations hear the same events, each stamps
// them with its own clock, and nobody knows how far the clocks are apart. Scores need only
// differences of times, so they are the same on any clock; and turning the keys of one station by
// the right number of seconds lines the two up.
#include <cmath>
#include <cstdio>
#include <numbers>
#include <vector>

#include "rotary/base/random.h"
#include "rotary/rope/rotate.h"
#include "rotary/rope/spectra.h"

namespace {

constexpr int kEvents = 40, kHeadDim = 64;

// One turn takes from 50 milliseconds (the first pair) to 100 seconds (the last).
rotary::Rotation OfSeconds() {
  rotary::Rotation rotation = rotary::MakeRotation({.head_dim = kHeadDim});
  rotation.frequency =
      rotary::TurnsPerUnit(rotary::GeometricFrequencies(kHeadDim / 2, 1 / 0.05, 1 / 100.0));
  return rotation;
}

// The events as one station heard them, turned to the times of its clock.
rotary::Tensor Turned(const rotary::PhaseTable& table, const rotary::Tensor& events,
                      const std::vector<double>& times, double offset) {
  rotary::Tensor seconds(rotary::DType::kF64, {kEvents});
  for (size_t i = 0; i < times.size(); ++i) seconds.data<double>()[i] = times[i] + offset;
  rotary::Tensor result = events.Clone();
  rotary::Rotate(table, seconds.view(), result.view(), result.view());
  return result;
}

// The mean score of an event at one station with the same event at the other.
double Agreement(const rotary::Tensor& q, const rotary::Tensor& k) {
  double sum = 0;
  for (int64_t i = 0; i < q.count(); ++i) sum += q.data<float>()[i] * k.data<float>()[i];
  return sum / kEvents;
}

}  // namespace

int main() {
  const rotary::PhaseTable table(OfSeconds());
  const rotary::Random random(/*seed=*/1, /*stream=*/0);
  rotary::Tensor events(rotary::DType::kF32, {kEvents, 1, kHeadDim});  // tokens, heads, channels
  for (int64_t i = 0; i < events.count(); ++i) {
    events.data<float>()[i] = static_cast<float>(random.Normal(static_cast<uint64_t>(i)));
  }
  std::vector<double> times;
  for (uint64_t i = 0; i < kEvents; ++i) times.push_back(60 * random.Uniform(1'000'000 + i));

  // The second clock is 3.7 seconds ahead.
  const rotary::Tensor first = Turned(table, events, times, 0);
  std::printf("seconds taken off the second clock   agreement\n");
  double best = 0, best_agreement = 0;
  for (int tenths = 30; tenths <= 44; ++tenths) {
    const double taken = tenths / 10.0;
    const double agreement = Agreement(first, Turned(table, events, times, 3.7 - taken));
    std::printf("%34.1f %11.2f\n", taken, agreement);
    if (agreement > best_agreement) best = taken, best_agreement = agreement;
  }
  // Both clocks a day later: nothing changes.
  const double now = Agreement(first, Turned(table, events, times, 0.35));
  const double later =
      Agreement(Turned(table, events, times, 86'400), Turned(table, events, times, 86'400.35));
  std::printf("the best is %.1f; a day later on both clocks, scores differ by %.1e\n", best,
              std::abs(now - later));
  return best == 3.7 && std::abs(now - later) < 1e-4 ? 0 : 1;
}
