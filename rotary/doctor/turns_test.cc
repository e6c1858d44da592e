// Properties: turns are those of least squares; over 1,000 draws they scatter by what is said of
// them where noise is added, and by no more where engines round, once or every product; noise is
// seen from two heads on; what no number tells is infinitely uncertain; the outputs of a pair that
// turn by two angles tell both.
#include "rotary/doctor/turns.h"

#include <cmath>
#include <complex>
#include <functional>

#include "gtest/gtest.h"
#include "rotary/base/error.h"
#include "rotary/doctor/test_samples.h"

namespace rotary {
namespace {

constexpr int kDraws = 1000;

// Root mean squares of (found - true) / deviation: of angles and of factors.
struct Pulls {
  double angle = 0, factor = 0;
};

// `spoil` changes what was simulated; it may be empty.
Pulls PullsOf(Simulation simulation, const std::function<void(Samples&)>& spoil = {}) {
  double angles = 0, factors = 0;
  for (int draw = 0; draw < kDraws; ++draw) {
    simulation.seed = static_cast<uint64_t>(draw) + 1;
    Samples samples = Simulate(simulation);
    if (spoil) spoil(samples);
    const PairTurns turns = TurnsOf(samples, 0, 1);
    for (size_t t = 0; t < turns.turn.size(); ++t) {
      const double angle = simulation.frequency[0] * samples.positions[t];
      const double off = std::arg(turns.turn[t] * std::polar(1.0, -angle));
      angles += std::pow(off / turns.AngleDeviation(t), 2);
    }
    factors += std::pow((turns.factor - simulation.factor) / turns.factor_deviation, 2);
  }
  return {std::sqrt(angles / kDraws / static_cast<double>(simulation.tokens)),
          std::sqrt(factors / kDraws)};
}

TEST(TurnsOfTest, LeastSquaresOverHeads) {
  Samples samples = Simulate({.tokens = 2, .heads = 3, .head_dim = 2, .frequency = {0.5}});
  samples.after[3] += 0.2;  // so that something is left
  const PairTurns turns = TurnsOf(samples, 0, 1);
  const auto left = [&](std::complex<double> turn) {
    double sum = 0;
    for (size_t h = 0; h < 3; ++h) {
      const std::complex<double> x(samples.before[2 * h], samples.before[2 * h + 1]);
      const std::complex<double> y(samples.after[2 * h], samples.after[2 * h + 1]);
      sum += std::norm(y - turn * x);
    }
    return sum;
  };
  const double least = left(turns.turn[0]);
  EXPECT_GT(least, 1e-3);
  for (const std::complex<double> step : {1e-4, -1e-4}) {
    EXPECT_LT(least, left(turns.turn[0] + step));
    EXPECT_LT(least, left(turns.turn[0] + step * std::complex<double>(0, 1)));
  }
  EXPECT_NEAR(std::abs(turns.turn[1] - std::polar(1.0, 0.5)), 0, 1e-15);
}

TEST(TurnsOfTest, DeviationsAreTheScatterOfNoise) {
  struct Case {
    Precision kept;
    double noise;
    int64_t heads;
  };
  for (const Case& c : {Case{Precision::kF32, 1e-5, 2}, Case{Precision::kDouble, 0.1, 2},
                        Case{Precision::kF32, 0.1, 8}}) {
    const Pulls pulls = PullsOf({.tokens = 8,
                                 .heads = c.heads,
                                 .head_dim = 2,
                                 .frequency = {0.7},
                                 .positions = Counted(8, 5),
                                 .factor = 1.25,
                                 .noise = c.noise,
                                 .kept = c.kept});
    const std::string what = Sentence(Name(c.kept), ", noise ", c.noise, ", heads ", c.heads);
    EXPECT_NEAR(pulls.angle, 1, 0.15) << what;
    EXPECT_NEAR(pulls.factor, 1, 0.2) << what;
  }
}

// Tables, every product and every sum are rounded.
void RoundEverything(Precision kept, double frequency, Samples& samples) {
  const auto rounded = [&](double x) { return RoundedTo(kept, x); };
  for (size_t i = 0; i < samples.after.size(); i += 2) {
    const double p = samples.positions[i / 2 / static_cast<size_t>(samples.heads)];
    const double c = std::cos(frequency * p), s = std::sin(frequency * p);
    const double x1 = samples.before[i], x2 = samples.before[i + 1];
    samples.after[i] = rounded(rounded(c * x1) - rounded(s * x2));
    samples.after[i + 1] = rounded(rounded(c * x2) + rounded(s * x1));
  }
}

TEST(TurnsOfTest, DeviationsCoverRoundingOnceAndOfEveryProduct) {
  for (const Precision kept : {Precision::kF32, Precision::kBF16}) {
    for (const int64_t heads : {1, 8}) {
      const Simulation simulation{.tokens = 8,
                                  .heads = heads,
                                  .head_dim = 2,
                                  .frequency = {0.7},
                                  .positions = Counted(8, 5),
                                  .kept = kept};
      const Pulls once = PullsOf(simulation);
      const Pulls every = PullsOf(simulation, [&](Samples& s) { RoundEverything(kept, 0.7, s); });
      const std::string what = Sentence(Name(kept), ", heads ", heads);
      EXPECT_NEAR(once.angle, 0.5, 0.1) << what;
      EXPECT_NEAR(every.angle, 0.8, 0.2) << what;
      EXPECT_NEAR(once.factor, 0.9, 0.15) << what;
      EXPECT_NEAR(every.factor, 1.1, 0.2) << what;
    }
  }
}

TEST(TurnsOfTest, NoiseIsSeenFromTwoHeadsOn) {
  const auto turns_of = [](int64_t tokens, int64_t heads, double noise) {
    return TurnsOf(Simulate({.tokens = tokens,
                             .heads = heads,
                             .head_dim = 2,
                             .frequency = {0.7},
                             .noise = noise,
                             .kept = Precision::kF32}),
                   0, 1);
  };
  EXPECT_TRUE(turns_of(64, 1, 0.01).noise.empty());
  EXPECT_TRUE(turns_of(3, 2, 0.01).noise.empty());  // six numbers
  EXPECT_EQ(turns_of(4, 2, 0.01).noise.size(), 4u);
  EXPECT_TRUE(turns_of(64, 4, 0).noise.empty());
  const PairTurns clean = turns_of(64, 4, 0), noisy = turns_of(64, 4, 0.01);
  const auto left = [](const PairTurns& t) { return t.left / static_cast<double>(t.numbers); };
  EXPECT_EQ(clean.numbers, 64 * 6);
  EXPECT_TRUE(left(clean) > 0.2 && left(clean) < 1) << left(clean);
  EXPECT_GT(left(noisy), 1e8);
}

TEST(TurnsOfTest, SilentChannelsTellNothing) {
  Samples samples = Simulate({.tokens = 3, .head_dim = 4, .frequency = {1, 0.1}});
  for (const size_t h : {size_t{2}, size_t{3}}) {  // of token 1
    for (const size_t c : {size_t{0}, size_t{2}}) {
      samples.before[4 * h + c] = samples.after[4 * h + c] = 0;
    }
  }
  const PairTurns turns = TurnsOf(samples, 0, 2);
  EXPECT_EQ(turns.turn[1], 0.0);
  EXPECT_TRUE(std::isinf(turns.deviation[1]) && std::isinf(turns.AngleDeviation(1)));
  EXPECT_NEAR(std::arg(turns.turn[2]), 2, 1e-14);
  EXPECT_NEAR(turns.factor, 1, 1e-14);
}

// Rounding gives back much of what went in where a turn is below half a unit: the same error at
// every token, which the mean of 128 must not believe to be small.
TEST(TurnsOfTest, TurnsBelowAUnitAreNoEvidenceOfNone) {
  for (const double angle : {1e-4, 1e-3, 3e-3}) {
    const PairTurns turns = TurnsOf(Simulate({.tokens = 128,
                                              .heads = 16,
                                              .head_dim = 2,
                                              .frequency = {angle},
                                              .positions = std::vector<double>(128, 1),
                                              .kept = Precision::kBF16}),
                                    0, 1);
    double off = 0, weights = 0;
    for (size_t t = 0; t < 128; ++t) {
      const double weight = std::pow(turns.AngleDeviation(t), -2);
      off += weight * (std::arg(turns.turn[t]) - angle);
      weights += weight;
    }
    EXPECT_LE(std::abs(off) / std::sqrt(weights), 3) << angle;
  }
}

TEST(OutputTurnsTest, TwoAnglesOfAPair) {
  for (const double noise : {0.0, 0.01}) {
    for (const int64_t heads : {2, 4}) {
      if (heads == 2 && noise > 0) continue;  // two unknowns of two numbers leave nothing to see
      double pull = 0;
      for (int draw = 0; draw < kDraws; ++draw) {
        const Samples samples = Simulate({.tokens = 8,
                                          .heads = heads,
                                          .head_dim = 2,
                                          .frequency = {0.7},
                                          .second_frequency = {-0.3},
                                          .noise = noise,
                                          .kept = Precision::kF32,
                                          .seed = static_cast<uint64_t>(draw) + 1});
        for (const bool of_second : {false, true}) {
          const PairTurns turns = OutputTurns(samples, 0, 1, of_second);
          for (size_t t = 0; t < 8; ++t) {
            if (std::isinf(turns.deviation[t])) continue;
            const double angle = (of_second ? -0.3 : 0.7) * static_cast<double>(t);
            const double off = std::arg(turns.turn[t] * std::polar(1.0, -angle));
            pull += std::pow(off / turns.AngleDeviation(t), 2) / 16 / kDraws;
          }
        }
      }
      // Of each part of a turn the same is said: the worse of the two, and less.
      EXPECT_TRUE(std::sqrt(pull) > 0.3 && std::sqrt(pull) < 1)
          << noise << ' ' << heads << ": " << std::sqrt(pull);
    }
  }
}

TEST(OutputTurnsTest, OneHeadTellsNothing) {
  const Samples samples = Simulate({.tokens = 2, .heads = 1, .head_dim = 2, .frequency = {0.7}});
  for (const double deviation : OutputTurns(samples, 0, 1, false).deviation) {
    EXPECT_TRUE(std::isinf(deviation));
  }
}

}  // namespace
}  // namespace rotary
