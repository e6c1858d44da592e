// Properties: what was added, norms that were changed, the steps of a quantisation and noise are
// told from each other, with their size, whatever the size.
#include "rotary/doctor/residue.h"

#include <algorithm>
#include <cmath>

#include "gtest/gtest.h"
#include "rotary/doctor/test_samples.h"

namespace rotary {
namespace {

// What a rotation makes of 64 tokens of 4 heads of 16 channels.
Samples Rotated(uint64_t seed = 1) {
  return Simulate({.tokens = 64,
                   .heads = 4,
                   .head_dim = 16,
                   .frequency = {1, 0.7, 0.5, 0.3, 0.2, 0.1, 0.05, 0.02},
                   .seed = seed});
}

double RootMeanSquare(const std::vector<double>& values) {
  double sum = 0;
  for (const double x : values) sum += x * x;
  return std::sqrt(sum / static_cast<double>(values.size()));
}

// The residue of outputs that `spoil` changed one by one: (number, index).
template <class Spoil>
Residue ResidueAfter(const Spoil& spoil) {
  Samples samples = Rotated();
  const std::vector<double> predicted = samples.after;
  std::vector<double> off;
  for (size_t i = 0; i < samples.after.size(); ++i) {
    samples.after[i] = spoil(predicted[i], i);
    off.push_back(samples.after[i] - predicted[i]);
  }
  const Residue residue = ResidueOf(samples, predicted);
  EXPECT_NEAR(residue.relative, RootMeanSquare(off) / RootMeanSquare(samples.after), 1e-12);
  EXPECT_FALSE(residue.sentence.empty());
  return residue;
}

TEST(ResidueTest, Added) {
  for (const double size : {1e-4, 0.3, 10.0}) {
    const Residue residue = ResidueAfter([&](double y, size_t i) {
      return y + size * std::sin(static_cast<double>(i % 16));  // a bias for each channel
    });
    EXPECT_EQ(residue.kind, "added") << size;
    double most = 0;
    for (int c = 0; c < 16; ++c) most = std::max(most, size * std::abs(std::sin(c)));
    EXPECT_NEAR(residue.size / most, 1, 1e-9);
  }
  // For each channel of each head.
  const auto own = static_cast<size_t>(16 * Rotated().heads);
  ASSERT_GT(own, 16u);
  const Residue residue = ResidueAfter(
      [&](double y, size_t i) { return y + std::sin(0.7 * static_cast<double>(i % own)); });
  EXPECT_EQ(residue.kind, "added");
}

TEST(ResidueTest, Norms) {
  for (const double size : {1e-3, 0.5}) {
    const Residue residue = ResidueAfter([&](double y, size_t i) {
      return y * (1 + size * std::cos(static_cast<double>(i / 16)));  // for each head of a token
    });
    EXPECT_EQ(residue.kind, "norms") << size;
    double most = 1;
    for (int head = 0; head < 256; ++head) {
      const double factor = 1 + size * std::cos(head);
      if (std::abs(std::log(factor)) > std::abs(std::log(most))) most = factor;
    }
    EXPECT_NEAR(residue.size, most, 1e-9);
  }
}

TEST(ResidueTest, Steps) {
  for (const double step : {0.001, 0.03, 0.25}) {
    const Residue residue =
        ResidueAfter([&](double y, size_t) { return step * std::nearbyint(y / step); });
    EXPECT_EQ(residue.kind, "steps") << step;
    EXPECT_NEAR(residue.size / step, 1, 1e-3);
  }
}

TEST(ResidueTest, StepsOfHeadsTooSmallToShowThem) {
  Samples samples = Simulate({.tokens = 64, .heads = 4, .head_dim = 2, .frequency = {0.3}});
  const std::vector<double> predicted = samples.after;
  for (double& y : samples.after) y = 0.05 * std::nearbyint(y / 0.05);
  const Residue residue = ResidueOf(samples, predicted);
  EXPECT_EQ(residue.kind, "steps");
  EXPECT_NEAR(residue.size, 0.05, 1e-4);
}

TEST(ResidueTest, StepsOfEachHead) {
  const std::vector<double> y = Rotated().after;
  double coarsest = 0;
  const Residue residue = ResidueAfter([&](double value, size_t i) {
    double most = 0;
    for (size_t c = 0; c < 16; ++c) most = std::max(most, std::abs(y[i / 16 * 16 + c]));
    const double step = most / 127;
    coarsest = std::max(coarsest, step);
    return step * std::nearbyint(value / step);
  });
  EXPECT_EQ(residue.kind, "steps");
  EXPECT_LE(residue.size, coarsest * 1.001);
  EXPECT_GT(residue.size, coarsest / 3);
}

TEST(ResidueTest, Noise) {
  const Random random(7, 7);
  for (const double size : {1e-4, 0.05, 1.0}) {
    const Residue residue =
        ResidueAfter([&](double y, size_t i) { return y + size * random.Normal(i); });
    EXPECT_EQ(residue.kind, "noise") << size;
    EXPECT_EQ(residue.size, residue.relative);
  }
  // What has nothing to do with the rotation.
  const std::vector<double> other = Rotated(2).after;
  EXPECT_EQ(ResidueAfter([&](double, size_t i) { return other[i]; }).kind, "noise");
}

}  // namespace
}  // namespace rotary
