#include "rotary/rope/video_rotations.h"

#include <cmath>
#include <numbers>
#include <numeric>
#include <string_view>

#include "rotary/base/error.h"
#include "rotary/rope/axes.h"
#include "rotary/rope/image_rotations.h"
#include "rotary/rope/rules.h"
#include "rotary/rope/spectra.h"

namespace rotary {
namespace {

std::vector<std::vector<double>> SpectrumOfEach(std::span<const int> channels, double theta) {
  std::vector<std::vector<double>> blocks;
  for (const int count : channels) blocks.push_back(PlainFrequencies(count, theta));
  return blocks;
}

int Sum(std::span<const int> channels) {
  return std::accumulate(channels.begin(), channels.end(), 0);
}

void CheckBlocks(int head_dim, std::span<const int> channels) {
  for (const int count : channels) {
    Require(count >= 0 && count % 2 == 0 && count <= head_dim,
            "video rotation: an axis must have an even number of channels up to head_dim (",
            head_dim, "), got ", count);
  }
}

int AxesOf(std::span<const int> channels) { return static_cast<int>(channels.size()); }

void CheckHead(std::string_view model, int head_dim, int least) {
  Require(head_dim >= least && head_dim % 2 == 0, "video rotation: head_dim of ", model,
          " must be even and at least ", least, ", got ", head_dim);
}

}  // namespace

Rotation BlockRotation(int head_dim, std::span<const int> channels, double theta, Layout layout) {
  CheckBlocks(head_dim, channels);
  return RotationOfAngles(head_dim, AxesOf(channels), PairsOf(Sum(channels), layout),
                          AnglesInBlocks(SpectrumOfEach(channels, theta)));
}

std::array<int, 3> WanBlocks(int head_dim) {
  CheckHead("Wan", head_dim, 6);
  const int side = 2 * (head_dim / 6);
  return {head_dim - 2 * side, side, side};
}

std::array<int, 3> CogVideoXBlocks(int head_dim) {
  Require(head_dim >= 16 && head_dim % 16 == 0,
          "video rotation: head_dim of CogVideoX must be a positive multiple of 16, got ",
          head_dim);
  return {head_dim / 4, head_dim / 8 * 3, head_dim / 8 * 3};
}

std::array<int, 3> VJepa2Blocks(int head_dim) {
  CheckHead("V-JEPA 2", head_dim, 6);
  const int block = 2 * (head_dim / 6);
  return {block, block, block};
}

Rotation Cosmos(int head_dim, std::array<double, 3> scale, double theta) {
  const std::array<int, 3> channels = WanBlocks(head_dim);
  std::vector<std::vector<double>> blocks;
  for (size_t axis = 0; axis < channels.size(); ++axis) {
    blocks.push_back(MakeSpectrum(channels[axis], theta, NtkRule{scale[axis]}).frequency);
  }
  return RotationOfAngles(head_dim, 3, PairsOf(head_dim, Layout::kHalf), AnglesInBlocks(blocks));
}

Rotation VJepa2(int head_dim, double theta) {
  const std::array<int, 3> channels = VJepa2Blocks(head_dim);
  std::vector<Angle> first, second;
  for (int axis = 0; axis < 3; ++axis) {
    const std::vector<double> spectrum = PlainFrequencies(channels[0], theta);
    const size_t count = spectrum.size();
    for (size_t i = 0; i < count; ++i) {
      first.push_back({axis, spectrum[2 * i % count]});
      second.push_back({axis, spectrum[(2 * i + 1) % count]});
    }
  }
  return RotationOfAngles(head_dim, 3, PairsOf(Sum(channels), Layout::kInterleaved), first, second);
}

Rotation ErnieImage(int head_dim, std::span<const int> channels, double theta) {
  CheckBlocks(head_dim, channels);
  Require(Sum(channels) == head_dim,
          "video rotation: the blocks of ERNIE-Image must have head_dim (", head_dim,
          ") channels in all, got ", Sum(channels));
  const Pairs pairs = PairsOf(head_dim, Layout::kHalf);
  const std::vector<Angle> angles = AnglesInBlocks(SpectrumOfEach(channels, theta));
  const auto of_channels = [&](const std::vector<int32_t>& list) {
    std::vector<Angle> chosen;
    chosen.reserve(list.size());
    for (const int32_t channel : list) chosen.push_back(angles[static_cast<size_t>(channel / 2)]);
    return chosen;
  };
  return RotationOfAngles(head_dim, AxesOf(channels), pairs, of_channels(pairs.first),
                          of_channels(pairs.second));
}

Rotation Ltx(int head_dim, int heads, int axes, double theta, Layout layout) {
  CheckHead("LTX", head_dim, 2);
  Require(heads >= 1 && axes >= 1, "video rotation: LTX needs heads and axes, got ", heads, " and ",
          axes);
  const int pairs = heads * (head_dim / 2);
  const int count = pairs / axes;
  const std::vector<double> band =
      GeometricFrequencies(count, std::numbers::pi / 2, theta * std::numbers::pi / 2);
  const std::vector<Angle> angles = AnglesInTurn(std::vector(static_cast<size_t>(axes), band));
  std::vector<double> frequency(static_cast<size_t>(pairs) * static_cast<size_t>(axes));
  const size_t still = static_cast<size_t>(pairs) - angles.size();
  for (size_t k = 0; k < angles.size(); ++k) {
    frequency[(still + k) * static_cast<size_t>(axes) + static_cast<size_t>(angles[k].axis)] =
        angles[k].frequency;
  }
  return LearnedRotation(head_dim, heads, axes, std::move(frequency), layout);
}

}  // namespace rotary
