#include "rotary/rope/image_rotations.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "rotary/base/error.h"
#include "rotary/rope/axes.h"
#include "rotary/rope/spectra.h"

namespace rotary {
namespace {

void CheckHead(int head_dim) {
  Require(head_dim > 0 && head_dim % 4 == 0,
          "image rotation: head_dim must be a positive multiple of 4, got ", head_dim);
}

// The same frequencies on `axes` axes, block after block.
std::vector<Angle> EachAxis(int axes, const std::vector<double>& frequency) {
  return AnglesInBlocks(std::vector(static_cast<size_t>(axes), frequency));
}

Rotation TwoAxes(int head_dim, Layout layout, std::span<const Angle> angles) {
  return RotationOfAngles(head_dim, 2, PairsOf(head_dim, layout), angles);
}

}  // namespace

Rotation AxialInterleaved(int head_dim, double theta) {
  CheckHead(head_dim);
  return TwoAxes(head_dim, Layout::kInterleaved,
                 EachAxis(2, PlainFrequencies(head_dim / 2, theta)));
}

Rotation AxialHalf(int head_dim, double theta) {
  CheckHead(head_dim);
  return TwoAxes(head_dim, Layout::kHalf, EachAxis(2, PlainFrequencies(head_dim / 2, theta)));
}

Rotation AxialHalfInBlocks(int head_dim, double theta, int axes) {
  Require(axes >= 1 && head_dim >= 2 * axes, "image rotation: head_dim must be at least ", 2 * axes,
          " for ", axes, " axes, got ", head_dim);
  const int block = 2 * (head_dim / (2 * axes));
  return RotationOfAngles(
      head_dim, axes,
      PairsInBlocks(std::vector<int>(static_cast<size_t>(axes), block), Layout::kHalf),
      EachAxis(axes, PlainFrequencies(block, theta)));
}

Rotation Pixtral(int head_dim, double theta, Layout layout) {
  CheckHead(head_dim);
  const std::vector<double> whole = PlainFrequencies(head_dim, theta);
  std::vector<std::vector<double>> blocks(2);
  for (size_t i = 0; i < whole.size(); ++i) blocks[i % 2].push_back(whole[i]);
  return TwoAxes(head_dim, layout, AnglesInBlocks(blocks));
}

Rotation MoonVit(int head_dim, double theta, Layout layout) {
  CheckHead(head_dim);
  const std::vector<std::vector<double>> blocks(2, PlainFrequencies(head_dim / 2, theta));
  return TwoAxes(head_dim, layout, AnglesInTurn(blocks));
}

Rotation Dinov3(int head_dim, std::span<const double> periods) {
  CheckHead(head_dim);
  Require(periods.size() == static_cast<size_t>(head_dim / 4), "image rotation: ", periods.size(),
          " periods for a head of ", head_dim, " channels, which takes ", head_dim / 4);
  return TwoAxes(head_dim, Layout::kHalf, EachAxis(2, FrequenciesOfPeriods(periods)));
}

std::vector<double> Dinov3Periods(int head_dim, double base) {
  CheckHead(head_dim);
  std::vector<double> periods = PlainFrequencies(head_dim / 2, base);
  for (double& period : periods) period = 1 / period;
  return periods;
}

Rotation PixelBands(int head_dim, double max_resolution, bool linear) {
  CheckHead(head_dim);
  const double first = std::numbers::pi, last = std::numbers::pi * max_resolution / 2;
  return TwoAxes(head_dim, Layout::kInterleaved,
                 EachAxis(2, linear ? LinearFrequencies(head_dim / 4, first, last)
                                    : GeometricFrequencies(head_dim / 4, first, last)));
}

Rotation LearnedRotation(int head_dim, int heads, int axes, std::vector<double> frequency,
                         Layout layout) {
  Rotation rotation;
  rotation.head_dim = head_dim;
  rotation.heads = heads;
  rotation.axes = axes;
  Pairs pairs = PairsOf(head_dim, layout);
  rotation.first = std::move(pairs.first);
  rotation.second = std::move(pairs.second);
  rotation.frequency = std::move(frequency);
  CheckRotation(rotation);
  return rotation;
}

Rotation FalconOcr(int head_dim, int heads, std::span<const double> frequency, double theta) {
  CheckHead(head_dim);
  const std::vector<double> of_tokens = PlainFrequencies(head_dim / 2, theta);
  const size_t all = of_tokens.size() * static_cast<size_t>(std::max(heads, 0));
  Require(heads >= 1 && frequency.size() == 2 * all, "image rotation: ", frequency.size(),
          " frequencies for ", heads, " heads of ", head_dim, " channels, which take ", 2 * all);
  std::vector<double> on_axes;  // [heads, pairs, (token, y, x)]
  for (size_t head = 0; head < static_cast<size_t>(heads); ++head) {
    for (const double w : of_tokens) on_axes.insert(on_axes.end(), {w, 0, 0});
    for (size_t i = head * of_tokens.size(); i < (head + 1) * of_tokens.size(); ++i) {
      on_axes.insert(on_axes.end(), {0, frequency[2 * i], frequency[2 * i + 1]});
    }
  }
  return LearnedRotation(head_dim, heads, 3, std::move(on_axes), Layout::kInterleaved);
}

std::vector<double> MixedFrequencies(int head_dim, std::span<const double> direction,
                                     double theta) {
  CheckHead(head_dim);
  const std::vector<double> length = PlainFrequencies(head_dim / 2, theta);
  std::vector<double> frequency;
  for (const double phi : direction) {
    for (const double turned : {phi, phi + std::numbers::pi / 2}) {
      for (const double m : length) {
        frequency.push_back(m * std::cos(turned));
        frequency.push_back(m * std::sin(turned));
      }
    }
  }
  return frequency;
}

}  // namespace rotary
