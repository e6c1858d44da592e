// Properties: what was applied leaves rounding alone, whatever the factor and the direction, and
// both come back; a frequency that is off by k deviations raises chi^2 by k^2; each arithmetic
// leaves least of what it made itself; the score charges 36 for a fault; a glance never takes a fit
// for worse than it is.
#include "rotary/doctor/turn_fit.h"

#include <cmath>
#include <functional>

#include "gtest/gtest.h"
#include "rotary/base/error.h"
#include "rotary/doctor/test_samples.h"

namespace rotary {
namespace {

constexpr int kPairs = 8;

std::vector<double> Frequencies() {
  std::vector<double> frequency;
  for (int j = 0; j < kPairs; ++j) frequency.push_back(std::pow(500, -j / double{kPairs}));
  return frequency;
}

Simulation Plain() {
  return {.tokens = 100,
          .heads = 2,
          .head_dim = 2 * kPairs,
          .frequency = Frequencies(),
          .positions = Counted(100, 300),
          .kept = Precision::kF32};
}

TurnTable TableOf(const Samples& samples) {
  std::vector<int> first, second;
  for (int j = 0; j < kPairs; ++j) {
    first.push_back(j);
    second.push_back(j + kPairs);
  }
  return TurnTableOf(samples, first, second);
}

double LeftOf(const TurnTable& table, const std::vector<double>& frequency,
              const std::vector<double>& positions, const TurnArithmetic& arithmetic = {},
              double tolerance = 0) {
  return FitOf(table, frequency, positions, 1, arithmetic, tolerance).chi / table.numbers;
}

TEST(FitOfTest, WhatWasAppliedLeavesRounding) {
  for (const double factor : {1.0, 1.2, 0.3}) {
    for (const bool inverse : {false, true}) {
      for (const int64_t heads : {1, 5}) {
        Simulation simulation = Plain();
        simulation.heads = heads;
        simulation.factor = factor;
        for (double& w : simulation.frequency) w *= inverse ? -1 : 1;
        const Samples samples = Simulate(simulation);
        const TurnTable table = TableOf(samples);
        const std::string what = Sentence(factor, ", inverse ", inverse, ", heads ", heads);
        EXPECT_EQ(table.numbers, 100.0 * static_cast<double>(heads) * 2 * kPairs);
        const Fit fit = FitOf(table, Frequencies(), samples.positions, 1);
        EXPECT_TRUE(fit.chi / table.numbers > 0.2 && fit.chi / table.numbers < 1) << what;
        EXPECT_EQ(fit.inverse, inverse) << what;
        EXPECT_LE(std::abs(fit.factor - factor), 6 * fit.factor_deviation) << what;
        EXPECT_LT(fit.factor_deviation, 1e-8) << what;
      }
    }
  }
}

TEST(FitOfTest, DeviationsSquaredAreChi) {
  const Samples samples = Simulate(Plain());
  const TurnTable table = TableOf(samples);
  const Fit best = FitOf(table, Frequencies(), samples.positions, 1);
  for (const double off : {1e-7, 1e-5}) {
    std::vector<double> other = Frequencies();
    other[2] += off;
    double expected = 0;
    for (size_t t = 0; t < 100; ++t) {
      expected += std::pow(off * samples.positions[t] / table.pairs[2].deviation[t], 2);
    }
    const double chi = FitOf(table, other, samples.positions, 1).chi;
    EXPECT_NEAR((chi - best.chi) / expected, 1, 0.1) << off;
  }
}

TEST(FitOfTest, BesideNoiseTheTruthLeavesLeast) {
  Simulation simulation = Plain();
  simulation.noise = 1e-3;
  const Samples samples = Simulate(simulation);
  const TurnTable table = TableOf(samples);
  const Fit fit = FitOf(table, Frequencies(), samples.positions, 1);
  EXPECT_GT(fit.chi / table.numbers, 1e6);
  std::vector<double> other = Frequencies();
  other[0] += 0.1;
  EXPECT_GT(FitOf(table, other, samples.positions, 1).chi, 100 * fit.chi);
}

TEST(FitOfTest, CopiesCount) {
  Samples samples = Simulate(Plain());
  const TurnTable all = TableOf(samples);
  const TurnTable part = TurnTableOf(samples, {0}, {kPairs});
  EXPECT_GT(part.left, 1e6 * all.left);  // the others did turn
  EXPECT_EQ(part.numbers, all.numbers);
}

// The turn of a pair at a position, in some engine.
using Engine = std::function<std::pair<double, double>(double frequency, double position)>;

Engine Rounded(Precision angles, Precision tables, double factor = 1) {
  return [=](double frequency, double position) {
    const double angle = RoundedTo(angles, frequency * position);
    return std::pair(RoundedTo(tables, factor * std::cos(angle)),
                     RoundedTo(tables, factor * std::sin(angle)));
  };
}

Samples By(const Engine& engine) {
  Samples samples = Simulate(Plain());
  for (size_t i = 0; i < samples.after.size(); i += 2 * kPairs) {
    const double p = samples.positions[i / (4 * kPairs)];
    for (size_t j = 0; j < kPairs; ++j) {
      const auto [c, s] = engine(Frequencies()[j], p);
      const double x1 = samples.before[i + j], x2 = samples.before[i + j + kPairs];
      samples.after[i + j] = static_cast<float>(c * x1 - s * x2);
      samples.after[i + j + kPairs] = static_cast<float>(c * x2 + s * x1);
    }
  }
  return samples;
}

TEST(FitOfTest, EachArithmeticLeavesLeastOfItsOwn) {
  const struct {
    std::string name;
    TurnArithmetic arithmetic;
    Engine engine;
  } cases[] = {
      {"exact", {}, Rounded(Precision::kDouble, Precision::kDouble)},
      {"angles in bf16",
       {.angles = Precision::kBF16},
       Rounded(Precision::kBF16, Precision::kDouble)},
      {"angles in f16", {.angles = Precision::kF16}, Rounded(Precision::kF16, Precision::kDouble)},
      {"tables in bf16",
       {.tables = Precision::kBF16},
       Rounded(Precision::kDouble, Precision::kBF16)},
      {"tables in f16", {.tables = Precision::kF16}, Rounded(Precision::kDouble, Precision::kF16)},
      {"all in bf16",
       {.angles = Precision::kBF16, .tables = Precision::kBF16},
       Rounded(Precision::kBF16, Precision::kBF16)},
      {"factor in tables of bf16",
       {.tables = Precision::kBF16, .table_factor = 1.1},
       Rounded(Precision::kDouble, Precision::kBF16, 1.1)},
      {"float32",
       {.float32 = true},
       [](double frequency, double position) {
         const float angle = static_cast<float>(frequency) * static_cast<float>(position);
         return std::pair<double, double>(std::cos(angle), std::sin(angle));
       }},
  };
  for (const auto& truth : cases) {
    const Samples samples = By(truth.engine);
    const TurnTable table = TableOf(samples);
    const double own = LeftOf(table, Frequencies(), samples.positions, truth.arithmetic);
    EXPECT_LT(own, 2) << truth.name;
    for (const auto& other : cases) {
      if (&other == &truth) continue;
      EXPECT_GT(LeftOf(table, Frequencies(), samples.positions, other.arithmetic), 10 * own)
          << truth.name << ": " << other.name;
    }
  }
}

// Cosines of slow pairs all round to one number, which is not the factor: where a sine lies between
// two numbers of the format, the factor of all pairs says which.
TEST(FitOfTest, FactorInRoundedTablesOfSlowPairs) {
  constexpr double kFactor = 1.1401, kSlower = 1e-3;
  const Engine rounded = Rounded(Precision::kDouble, Precision::kF16, kFactor);
  const Samples samples =
      By([&](double frequency, double position) { return rounded(kSlower * frequency, position); });
  std::vector<double> slow = Frequencies();
  for (double& w : slow) w *= kSlower;
  const TurnArithmetic arithmetic{.tables = Precision::kF16, .table_factor = kFactor};
  EXPECT_LT(LeftOf(TableOf(samples), slow, samples.positions, arithmetic), 2);
}

TEST(FitOfTest, ToleranceExcusesRelativeErrorsOfAngles) {
  const Samples samples = By([](double frequency, double position) {
    const double angle = frequency * position * (1 + 0x1p-24 * std::sin(97 * position));
    return std::pair(std::cos(angle), std::sin(angle));
  });
  const TurnTable table = TableOf(samples);
  EXPECT_GT(LeftOf(table, Frequencies(), samples.positions), 20);
  EXPECT_LT(LeftOf(table, Frequencies(), samples.positions, {}, kFloat32Tolerance), 2);
  std::vector<double> other = Frequencies();
  other[0] *= 1 + 1e-5;
  EXPECT_GT(LeftOf(table, other, samples.positions, {}, kFloat32Tolerance), 20);
}

TEST(TurnTableTest, CoarseTablesShowInTheLengthsOfTurns) {
  const Samples coarse = By(Rounded(Precision::kDouble, Precision::kBF16));
  const TurnTable table = TableOf(coarse), exact = TableOf(Simulate(Plain()));
  for (size_t j = 0; j < kPairs; ++j) {
    EXPECT_EQ(exact.pairs[j].scatter, 1);
    for (size_t t = 0; t < 100; ++t) {
      const double angle = Frequencies()[j] * coarse.positions[t];
      const double off = std::arg(table.pairs[j].turn[t] * std::polar(1.0, -angle));
      EXPECT_LE(std::abs(off), 1.5 * table.pairs[j].AngleDeviation(t)) << j << ' ' << t;
    }
  }
  // Noise has a deviation of its own.
  Simulation simulation = Plain();
  simulation.heads = 4;
  simulation.noise = 0.01;
  for (const PairTurns& pair : TableOf(Simulate(simulation)).pairs) EXPECT_EQ(pair.scatter, 1);
}

TEST(ScoreOfTest, AFaultIsWorthSixDeviations) {
  EXPECT_EQ(kPenalty, 36);
  EXPECT_NEAR(ScoreOf(1000, 1000, 0), 0, 1e-12);
  EXPECT_NEAR(ScoreOf(1000, 1000, 2), 72, 1e-12);
  // Near 1, N ln(chi^2 / N) grows as chi^2 does.
  EXPECT_NEAR(ScoreOf(1e6, 1e6 + 36, 0), ScoreOf(1e6, 1e6, 1), 0.01);
  EXPECT_EQ(ScoreOf(1000, 1, 0), ScoreOf(1000, 100, 0));
  EXPECT_LT(ScoreOf(1000, 101, 0), ScoreOf(1000, 102, 0));
  for (const double faults : {0.0, 1.5}) {
    EXPECT_NEAR(ChiOfScore(1000, ScoreOf(1000, 4321, faults), faults), 4321, 1e-8);
  }
}

TEST(FitOfTest, AGlanceIsNeverWrong) {
  Simulation simulation = Plain();
  simulation.noise = 1e-4;
  const Samples samples = Simulate(simulation);
  const TurnTable table = TableOf(samples);
  for (const double off : {0.0, 1e-6, 1e-4, 0.1}) {
    std::vector<double> other = Frequencies();
    other[1] += off;
    const auto fit = [&](double most) {
      return FitOf(table, other, samples.positions, 1, {}, 0, most);
    };
    const double all = FitOf(table, other, samples.positions, 1).chi;
    for (const double share : {1.0001, 3.0}) EXPECT_EQ(fit(all * share).chi, all) << off;
    for (const double share : {0.001, 0.6, 0.7, 0.9, 0.999}) {
      EXPECT_GT(fit(all * share).chi, all * share) << off << ' ' << share;
    }
  }
}

}  // namespace
}  // namespace rotary
