#include "rotary/rope/axes.h"

#include <algorithm>
#include <cmath>

#include "rotary/base/error.h"

namespace rotary {
namespace {

void CheckSections(std::span<const int> sections) {
  for (const int count : sections) {
    Require(count >= 0, "axes: sections must not be negative, got ", count);
  }
}

// [pairs, axes]: the frequency of each pair at its axis, zero elsewhere.
std::vector<double> Rows(size_t pairs, int axes, std::span<const Angle> angles) {
  Require(angles.size() == pairs, "axes: ", angles.size(), " angles for ", pairs, " pairs");
  std::vector<double> frequency(pairs * static_cast<size_t>(axes));
  for (size_t j = 0; j < pairs; ++j) {
    const Angle& angle = angles[j];
    Require(angle.axis >= 0 && angle.axis < axes, "axes: an axis must be in [0, ", axes, "), got ",
            angle.axis);
    frequency[j * static_cast<size_t>(axes) + static_cast<size_t>(angle.axis)] = angle.frequency;
  }
  return frequency;
}

}  // namespace

Pairs PairsOf(int dim, Layout layout, int offset) {
  Require(dim >= 0 && dim % 2 == 0, "axes: channels must be even in number, got ", dim);
  Require(offset >= 0, "axes: offset must not be negative, got ", offset);
  if (dim == 0) return {};
  const Rotation plain = MakeRotation(
      {.head_dim = offset + dim, .rotary_dim = dim, .offset = offset, .layout = layout});
  return {plain.first, plain.second};
}

Pairs PairsInBlocks(std::span<const int> dims, Layout layout, int offset) {
  Pairs all;
  for (const int dim : dims) {
    const Pairs block = PairsOf(dim, layout, offset);
    all.first.insert(all.first.end(), block.first.begin(), block.first.end());
    all.second.insert(all.second.end(), block.second.begin(), block.second.end());
    offset += dim;
  }
  return all;
}

std::vector<Angle> AnglesOnAxes(std::span<const double> frequency, std::span<const int> axis) {
  Require(axis.size() == frequency.size(), "axes: ", axis.size(), " axes for ", frequency.size(),
          " frequencies");
  std::vector<Angle> angles;
  for (size_t i = 0; i < axis.size(); ++i) angles.push_back({axis[i], frequency[i]});
  return angles;
}

std::vector<Angle> AnglesInBlocks(std::span<const std::vector<double>> blocks) {
  std::vector<Angle> angles;
  for (size_t axis = 0; axis < blocks.size(); ++axis) {
    for (const double frequency : blocks[axis]) {
      angles.push_back({static_cast<int>(axis), frequency});
    }
  }
  return angles;
}

std::vector<Angle> AnglesInTurn(std::span<const std::vector<double>> blocks) {
  std::vector<Angle> angles;
  const size_t count = blocks.empty() ? 0 : blocks[0].size();
  for (const auto& block : blocks) {
    Require(block.size() == count, "axes: axes that alternate must have as many frequencies, got ",
            count, " and ", block.size());
  }
  for (size_t i = 0; i < count; ++i) {
    for (size_t axis = 0; axis < blocks.size(); ++axis) {
      angles.push_back({static_cast<int>(axis), blocks[axis][i]});
    }
  }
  return angles;
}

Rotation RotationOfAngles(int head_dim, int axes, const Pairs& pairs,
                          std::span<const Angle> angles) {
  Require(axes >= 1, "axes: there must be at least one, got ", axes);
  Rotation rotation;
  rotation.head_dim = head_dim;
  rotation.axes = axes;
  rotation.first = pairs.first;
  rotation.second = pairs.second;
  rotation.frequency = Rows(pairs.first.size(), axes, angles);
  CheckRotation(rotation);
  return rotation;
}

Rotation RotationOfAngles(int head_dim, int axes, const Pairs& pairs, std::span<const Angle> first,
                          std::span<const Angle> second) {
  Rotation rotation = RotationOfAngles(head_dim, axes, pairs, first);
  rotation.second_frequency = Rows(pairs.first.size(), axes, second);
  CheckRotation(rotation);
  return rotation;
}

Rotation OnAxes(const Rotation& one_axis, int axes, std::span<const int> axis) {
  CheckRotation(one_axis);
  Require(one_axis.axes == 1, "axes: the rotation already has ", one_axis.axes, " axes");
  Require(axes >= 1, "axes: there must be at least one, got ", axes);
  const auto pairs = static_cast<size_t>(one_axis.pairs());
  // [heads, pairs] to [heads, pairs, axes]
  const auto spread = [&](std::span<const double> from) {
    std::vector<double> to;
    for (size_t begin = 0; begin < from.size(); begin += pairs) {
      const auto rows = Rows(pairs, axes, AnglesOnAxes(from.subspan(begin, pairs), axis));
      to.insert(to.end(), rows.begin(), rows.end());
    }
    return to;
  };
  Require(axis.size() == pairs, "axes: ", axis.size(), " axes for ", pairs, " pairs");
  Rotation rotation = one_axis;
  rotation.axes = axes;
  rotation.frequency = spread(one_axis.frequency);
  rotation.second_frequency = spread(one_axis.second_frequency);
  return rotation;
}

Rotation WithFrequencies(Rotation rotation, std::span<const double> frequency) {
  CheckRotation(rotation);
  Require(std::ssize(frequency) == rotation.pairs(), "frequencies: the rotation has ",
          rotation.pairs(), " pairs, the list ", frequency.size());
  Require(
      rotation.heads == 1 && rotation.IsGroup(),
      "frequencies: one list needs a rotation whose heads are alike, without a second frequency");
  const auto axes = static_cast<size_t>(rotation.axes);
  for (size_t j = 0; j < frequency.size(); ++j) {
    const std::span<double> row = std::span(rotation.frequency).subspan(j * axes, axes);
    const auto still = std::count(row.begin(), row.end(), 0.0);
    Require(still + 1 >= rotation.axes, "frequencies: pair ", j, " reads several axes");
    const auto moving = std::find_if(row.begin(), row.end(), [](double w) { return w != 0; });
    (moving == row.end() ? row.front() : *moving) = frequency[j];
  }
  CheckRotation(rotation);
  return rotation;
}

std::vector<int> ContiguousSections(std::span<const int> sections) {
  CheckSections(sections);
  std::vector<int> axis;
  for (size_t x = 0; x < sections.size(); ++x) {
    axis.insert(axis.end(), static_cast<size_t>(sections[x]), static_cast<int>(x));
  }
  return axis;
}

std::vector<int> InterleavedSections(int pairs, std::span<const int> sections) {
  CheckSections(sections);
  Require(pairs >= 0, "axes: the number of pairs must not be negative, got ", pairs);
  const int axes = static_cast<int>(sections.size());
  std::vector<int> axis(static_cast<size_t>(pairs), 0);
  for (int x = 1; x < axes; ++x) {
    const int end = std::min(pairs, axes * sections[static_cast<size_t>(x)]);
    for (int i = x; i < end; i += axes) axis[static_cast<size_t>(i)] = x;
  }
  return axis;
}

std::vector<int> ErnieSections(int h, int w, int t) {
  CheckSections(std::vector<int>{h, w, t});
  Require(h == w, "axes: h and w alternate and must be alike, got ", h, " and ", w);
  std::vector<int> axis;
  for (int i = 0; i < h; ++i) axis.insert(axis.end(), {1, 2});
  axis.insert(axis.end(), static_cast<size_t>(t), 0);
  return axis;
}

Rotation WithXpos(Rotation rotation, double scale_base) {
  Require(std::isfinite(scale_base) && scale_base > 0,
          "axes: scale_base of xPos must be positive and finite, got ", scale_base);
  const double dim = 2.0 * rotation.pairs();
  rotation.log_decay.clear();
  for (int i = 0; i < rotation.pairs(); ++i) {
    const double zeta = (2 * i + 0.4 * dim) / (1.4 * dim);
    rotation.log_decay.push_back(std::log(zeta) / scale_base);
  }
  return rotation;
}

}  // namespace rotary
