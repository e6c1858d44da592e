// Properties: the frequency of every pair comes back within what is said of its certainty, from
// neighbours and from tokens far apart, in few bits and in many; a shift of positions is the phase
// at 0; what cannot be told apart is said.
#include "rotary/doctor/frequency.h"

#include <cmath>
#include <numbers>

#include "gtest/gtest.h"
#include "rotary/doctor/test_observation.h"

namespace rotary {
namespace {

TEST(FrequencyTest, ComesBackWithItsCertainty) {
  for (const DType dtype : {DType::kF64, DType::kF32, DType::kF16, DType::kBF16}) {
    for (const double theta : {10000.0, 500000.0}) {
      const Rotation rotation = MakeRotation({.head_dim = 128, .theta = theta});
      const ObservationShape shape{.rows = 2, .tokens = 2000, .heads = 4, .dtype = dtype};
      TestObservation test(rotation, shape, CountedFrom(3, shape, 100000));
      const Samples samples = TakeSamples(test.observation(), 256);
      for (int j = 0; j < rotation.pairs(); ++j) {
        const auto i = static_cast<size_t>(j);
        const PairTurns turns = TurnsOf(samples, rotation.first[i], rotation.second[i]);
        EXPECT_LE(std::abs(turns.factor - 1), 6 * turns.factor_deviation + 1e-12) << j;
        const FoundFrequency found = FrequencyOf(turns, samples.positions);
        EXPECT_LE(std::abs(found.frequency - rotation.frequency[i]), 6 * found.deviation + 1e-14)
            << Name(dtype) << ' ' << j << ": " << found.frequency << " of "
            << rotation.frequency[i];
        EXPECT_LE(std::abs(found.phase), 6 * found.phase_deviation + 1e-9) << j;
        EXPECT_LT(found.residual, 3) << j;
        EXPECT_LT(found.deviation, dtype == DType::kBF16 ? 2e-5 : 1e-7) << j;
      }
    }
  }
}

TEST(FrequencyTest, AShiftIsThePhase) {
  const Rotation rotation = MakeRotation({.head_dim = 8, .theta = 100});
  const ObservationShape shape{.tokens = 50, .heads = 2};
  TestObservation test(rotation, shape, CountedFrom(1, shape));
  test.observation().positions = CountedFrom(0, shape);  // what the config believes
  const Samples samples = TakeSamples(test.observation(), 256);
  for (size_t j = 0; j < 4; ++j) {
    const FoundFrequency found =
        FrequencyOf(TurnsOf(samples, rotation.first[j], rotation.second[j]), samples.positions);
    EXPECT_NEAR(found.phase, rotation.frequency[j], 6 * found.phase_deviation);
  }
}

TEST(FrequencyTest, OnePositionTellsNothing) {
  const Rotation rotation = MakeRotation({.head_dim = 8});
  const ObservationShape shape{.tokens = 1, .heads = 2};
  TestObservation test(rotation, shape, CountedFrom(5, shape));
  const Samples samples = TakeSamples(test.observation(), 256);
  EXPECT_TRUE(std::isinf(FrequencyOf(TurnsOf(samples, 0, 4), samples.positions).deviation));
}

}  // namespace
}  // namespace rotary
