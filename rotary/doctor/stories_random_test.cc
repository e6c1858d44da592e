// Proves of rules from frequencies, over random rules, numbers, head sizes, arithmetics and
// qualities of data: the first story never says frequencies that are 6 deviations from the true
// ones anywhere, and nearly always there is one; a config that holds is never doubted; a fault that
// moves a frequency by 8 deviations is found. Prints a table.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <limits>
#include <map>
#include <string>

#include "rotary/doctor/precision.h"
#include "rotary/doctor/stories.h"
#include "rotary/doctor/test_spectrum.h"

namespace rotary {
namespace {

// Draws the numbers of one case.
class Dice {
 public:
  explicit Dice(uint64_t seed) : random_(20260, seed) {}

  double Uniform() { return random_.Uniform(count_++); }
  double LogUniform(double low, double high) { return low * std::pow(high / low, Uniform()); }
  template <class T>
  T Pick(std::initializer_list<T> values) {
    const auto index = static_cast<size_t>(Uniform() * static_cast<double>(values.size()));
    return *(values.begin() + static_cast<ptrdiff_t>(index));
  }
  bool Chance(double probability) { return Uniform() < probability; }

 private:
  Random random_;
  uint64_t count_ = 0;
};

struct Truth {
  std::string kind;
  int rotary_dim = 0, head_dim = 0;
  double theta = 0;
  Rule rule;
  std::vector<double> frequency;
};

Truth Draw(Dice& dice) {
  Truth truth;
  truth.rotary_dim = dice.Pick({8, 16, 32, 64, 96, 128, 256});
  truth.head_dim = dice.Chance(0.3) ? 2 * truth.rotary_dim : truth.rotary_dim;
  const int dim = truth.rotary_dim;
  const double theta = truth.theta =
      dice.Chance(0.7) ? dice.Pick({1e4, 5e5, 1e6, 1.5e5, 100.0}) : dice.LogUniform(100, 1e8);
  const double factor =
      dice.Chance(0.7) ? dice.Pick({2.0, 4.0, 8.0, 16.0, 32.0, 40.0}) : dice.LogUniform(1.3, 30);
  const double length =
      dice.Chance(0.7) ? std::exp2(9 + std::floor(9 * dice.Uniform())) : dice.LogUniform(600, 6e4);
  truth.kind =
      dice.Pick<const char*>({"default", "linear", "ntk-alpha", "yarn", "yarn smooth", "yarn turns",
                              "llama3", "twice", "denominator", "proportional"});
  auto& w = truth.frequency;
  if (truth.kind == "default") {
    truth.rule = PlainRule{};
    w = PlainSpectrum(dim, theta);
  } else if (truth.kind == "linear") {
    truth.rule = LinearRule{.factor = factor};
    w = PlainSpectrum(dim, theta, factor);
  } else if (truth.kind == "ntk-alpha") {
    truth.rule = NtkRule{.alpha = factor};
    w = PlainSpectrum(dim, theta * std::pow(factor, dim / (dim - 2.0)));
  } else if (truth.kind == "yarn" || truth.kind == "yarn smooth") {
    const bool whole = truth.kind == "yarn";
    truth.rule = YarnRule{.factor = factor, .trained_length = length, .truncate = whole};
    w = YarnSpectrum(dim, theta, factor, length, 32, 1, whole);
  } else if (truth.kind == "yarn turns") {
    const double fast = dice.Pick({8.0, 16.0, 64.0, 128.0}), slow = dice.Pick({1.0, 2.0, 4.0});
    const bool whole = dice.Chance(0.5);
    truth.rule = YarnRule{.factor = factor,
                          .trained_length = length,
                          .beta_fast = fast,
                          .beta_slow = slow,
                          .truncate = whole};
    w = YarnSpectrum(dim, theta, factor, length, fast, slow, whole);
  } else if (truth.kind == "llama3") {
    truth.rule = Llama3Rule{.factor = factor, .trained_length = length};
    w = Llama3Spectrum(dim, theta, factor, length);
  } else if (truth.kind == "twice") {
    truth.rule = PlainRule{};
    w = PlainSpectrum(dim, theta, 0.5);
  } else if (truth.kind == "denominator") {
    truth.rule = PlainRule{};
    w = PlainSpectrum(dim, std::pow(theta, static_cast<double>(dim) / truth.head_dim));
  } else {
    truth.rule = ProportionalRule{.moving = std::max(2, dim / 8)};
    w = PlainSpectrum(dim, theta);
    std::fill(w.begin() + std::max(2, dim / 8), w.end(), 0.0);
  }
  return truth;
}

MeasuredSpectrum MeasureAnyhow(const Truth& truth, Dice& dice, uint64_t seed) {
  // Deviations are the same for all pairs where they come of the same tokens.
  const double noise = dice.LogUniform(1e-13, 1e-3);
  MeasuredSpectrum measured = dice.Chance(0.6)
                                  ? Measure(truth.frequency, 0, seed, truth.head_dim, 0.01 * noise)
                                  : Measure(truth.frequency, noise, seed, truth.head_dim);
  if (dice.Chance(0.2)) {
    measured.deviation[static_cast<size_t>(dice.Uniform() * truth.rotary_dim / 2)] =
        std::numeric_limits<double>::infinity();
  }
  return measured;
}

// The deviations that two stories are told apart by: those of the data, and of float32 arithmetic,
// which the header promises not to take for another rule.
double DistanceOf(const MeasuredSpectrum& measured, const std::vector<double>& a,
                  const std::vector<double>& b) {
  double distance = 0;
  for (size_t j = 0; j < a.size(); ++j) {
    const double w = std::abs(measured.frequency[j]);
    const double single = w > 0 ? 0x1p-24 * w * (1 + std::abs(std::log(w)) / 2) : 0;
    const double deviation = std::max(std::hypot(measured.deviation[j], single), 1e-30);
    distance = std::max(distance, std::abs(a[j] - b[j]) / deviation);
  }
  return distance;
}

TEST(StoriesRandomTest, NoWrongStoryInThousandCases) {
  struct Row {
    int cases = 0, same_rule = 0, other_words = 0, own = 0;
  };
  std::map<std::string, Row> table;
  int own = 0;
  for (uint64_t seed = 0; seed < 1000; ++seed) {
    Dice dice(seed);
    Truth truth = Draw(dice);
    const Precision precision = dice.Pick({Precision::kDouble, Precision::kDouble, Precision::kF32,
                                           Precision::kF32, Precision::kBF16, Precision::kF16});
    for (double& w : truth.frequency) w = RoundedTo(precision, w);
    const MeasuredSpectrum measured = MeasureAnyhow(truth, dice, seed);
    const Stories found = FindStories(measured);
    ASSERT_FALSE(found.stories.empty()) << seed;
    const Story& first = found.stories[0];
    Row& row = table[truth.kind];
    ++row.cases;
    if (first.name == "own") {
      ++row.own;
      ++own;
      continue;
    }
    const double distance = DistanceOf(measured, first.frequency, truth.frequency);
    EXPECT_LT(distance, 6) << seed << ": " << truth.kind << ", " << Describe(truth.rule)
                           << ", theta " << truth.theta << ", but " << first.sentence;
    for (const Story& story : found.stories) EXPECT_LT(story.distance, 6) << story.sentence;
    ++(first.rule.index() == truth.rule.index() ? row.same_rule : row.other_words);
  }
  std::printf("%-14s %6s %10s %12s %4s\n", "rule", "cases", "same rule", "other words", "own");
  for (const auto& [kind, row] : table) {
    std::printf("%-14s %6d %10d %12d %4d\n", kind.c_str(), row.cases, row.same_rule,
                row.other_words, row.own);
  }
  EXPECT_LE(own, 5);
}

TEST(StoriesRandomTest, AConfigThatHoldsIsNeverDoubted) {
  int cases = 0;
  for (uint64_t seed = 0; cases < 1000; ++seed) {
    Dice dice(5000 + seed);
    Truth truth = Draw(dice);
    if (truth.kind == "twice" || truth.kind == "denominator") continue;
    if (dice.Chance(0.5)) {
      for (double& w : truth.frequency) w = RoundedTo(Precision::kF32, w);
    }
    const MeasuredSpectrum measured = MeasureAnyhow(truth, dice, seed);
    const ExpectedRule config{.theta = truth.theta, .rule = truth.rule};
    const Stories found = FindStories(measured, &config);
    ++cases;
    EXPECT_TRUE(found.stories[0].differences.empty()) << seed << ": " << found.stories[0].sentence;
  }
}

TEST(StoriesRandomTest, FaultsOfEightDeviationsAreFound) {
  int decided = 0, named = 0;
  for (uint64_t seed = 0; seed < 1000; ++seed) {
    Dice dice(9000 + seed);
    const Truth truth = Draw(dice);
    const MeasuredSpectrum measured = MeasureAnyhow(truth, dice, seed);
    // The config has another theta or no scaling.
    ExpectedRule config{.theta = truth.theta, .rule = truth.rule};
    if (dice.Chance(0.5)) {
      config.theta *= dice.Pick({0.1, 10.0, 50.0});
    } else {
      config.rule = YarnRule{.factor = 4, .trained_length = 8192};
    }
    std::vector<double> asked;
    try {
      asked = MakeSpectrum(truth.rotary_dim, config.theta, config.rule).frequency;
    } catch (const std::invalid_argument&) {
      continue;  // no such ramp
    }
    if (DistanceOf(measured, asked, truth.frequency) < 8) continue;
    ++decided;
    const Stories found = FindStories(measured, &config);
    named += !found.stories[0].differences.empty();
    EXPECT_FALSE(found.stories[0].differences.empty()) << seed;
    if (found.stories[0].name == "own") continue;
    EXPECT_LT(DistanceOf(measured, found.stories[0].frequency, truth.frequency), 6)
        << seed << ": " << found.stories[0].sentence;
  }
  std::printf("faults: %d of %d named\n", named, decided);
  EXPECT_GE(decided, 700);
}

}  // namespace
}  // namespace rotary
