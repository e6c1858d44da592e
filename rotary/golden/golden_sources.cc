#include "rotary/golden/golden_sources.h"

#include <cstddef>
#include <utility>

namespace rotary {
namespace {

template <class T>
Tensor Flat(const std::vector<std::vector<T>>& rows) {
  Tensor tensor(kDTypeOf<T>,
                {static_cast<int64_t>(rows.size()), static_cast<int64_t>(rows.at(0).size())});
  size_t at = 0;
  for (const auto& row : rows) {
    for (const T value : row) tensor.span<T>()[at++] = value;
  }
  return tensor;
}

template <class T>
Tensor Tuples(const std::vector<std::vector<std::vector<T>>>& rows) {
  Tensor tensor(kDTypeOf<T>,
                {static_cast<int64_t>(rows.size()), static_cast<int64_t>(rows.at(0).size()),
                 static_cast<int64_t>(rows.at(0).at(0).size())});
  size_t at = 0;
  for (const auto& row : rows) {
    for (const auto& token : row) {
      for (const T value : token) tensor.span<T>()[at++] = value;
    }
  }
  return tensor;
}

}  // namespace

GoldenSources AllGoldenSources() {
  GoldenSources sources;
  AddCoreCases(sources);
  AddScalingCases(sources);
  AddPositionCases(sources);
  AddBackwardCases(sources);
  AddAxisCases(sources);
  AddCacheCases(sources);
  return sources;
}

ChannelPairs Half(int rotary_dim, int offset) {
  ChannelPairs pairs{.layout = "half", .rotary_dim = rotary_dim, .offset = offset};
  for (int i = 0; i < rotary_dim / 2; ++i) {
    pairs.first.push_back(offset + i);
    pairs.second.push_back(offset + i + rotary_dim / 2);
  }
  return pairs;
}

ChannelPairs Interleaved(int rotary_dim, int offset) {
  ChannelPairs pairs{.layout = "interleaved", .rotary_dim = rotary_dim, .offset = offset};
  for (int i = 0; i < rotary_dim; i += 2) {
    pairs.first.push_back(offset + i);
    pairs.second.push_back(offset + i + 1);
  }
  return pairs;
}

ChannelPairs HalfInBlocks(const std::vector<int>& dims) {
  ChannelPairs pairs{.layout = "half"};
  for (const int dim : dims) {
    const ChannelPairs block = Half(dim, pairs.rotary_dim);
    pairs.first.insert(pairs.first.end(), block.first.begin(), block.first.end());
    pairs.second.insert(pairs.second.end(), block.second.begin(), block.second.end());
    pairs.rotary_dim += dim;
  }
  return pairs;
}

AxisFrequencies InBlocks(const std::vector<exact::Frequencies>& axes) {
  AxisFrequencies angles;
  for (size_t axis = 0; axis < axes.size(); ++axis) {
    for (const Exact& w : axes[axis]) angles.push_back({static_cast<int>(axis), w});
  }
  return angles;
}

AxisFrequencies OnAxes(const exact::Frequencies& frequency, const std::vector<int>& axis) {
  AxisFrequencies angles;
  for (size_t i = 0; i < frequency.size(); ++i) angles.push_back({axis.at(i), frequency[i]});
  return angles;
}

std::vector<int> Sections(const std::vector<int>& counts) {
  std::vector<int> axis;
  for (size_t x = 0; x < counts.size(); ++x) {
    axis.insert(axis.end(), static_cast<size_t>(counts[x]), static_cast<int>(x));
  }
  return axis;
}

Rotation Rounded(int head_dim, const ChannelPairs& pairs, const exact::Scaled& scaled) {
  Rotation rotation{.head_dim = head_dim,
                    .attention_factor = scaled.attention_factor.Double(),
                    .first = pairs.first,
                    .second = pairs.second};
  for (const Exact& w : scaled.frequency) rotation.frequency.push_back(w.Double());
  return rotation;
}

Rotation Rounded(int head_dim, int axes, const ChannelPairs& pairs, const AxisFrequencies& angles) {
  Rotation rotation{
      .head_dim = head_dim, .axes = axes, .first = pairs.first, .second = pairs.second};
  for (const AxisFrequency& angle : angles) {
    for (int axis = 0; axis < axes; ++axis) {
      rotation.frequency.push_back(axis == angle.axis ? angle.frequency.Double() : 0);
    }
  }
  return rotation;
}

Json Config(const std::string& text) { return ParseJson(text, "a golden case"); }

Tensor Whole(const std::vector<std::vector<int64_t>>& rows) { return Flat(rows); }
Tensor Real(const std::vector<std::vector<double>>& rows) { return Flat(rows); }
Tensor WholeTuples(const std::vector<std::vector<std::vector<int64_t>>>& rows) {
  return Tuples(rows);
}
Tensor RealTuples(const std::vector<std::vector<std::vector<double>>>& rows) {
  return Tuples(rows);
}

Tensor UsualPositions() { return Whole({{0, 1, 7, 2049, 65537}, {4097, 2, 131071, 5, 30011}}); }

Tensor UsualTuples(int axes) {
  const auto count = static_cast<size_t>(axes);
  const auto token = [&](std::vector<int64_t> numbers) {
    numbers.resize(count, 3);
    return numbers;
  };
  std::vector<std::vector<int64_t>> one_axis(count + 1, std::vector<int64_t>(count, 0));
  std::vector<std::vector<int64_t>> all;
  for (size_t axis = 0; axis < count; ++axis) one_axis[axis + 1][axis] = 1;
  for (const std::vector<int64_t>& numbers :
       std::vector<std::vector<int64_t>>{{5, 3, 11, 2},
                                         {40, 4, 17, 1},
                                         {2049, 2050, 2065},
                                         {0, 30, 7},
                                         {4097, 4097, 4097, 4097}}) {
    if (all.size() <= count) all.push_back(token(numbers));
  }
  return WholeTuples({one_axis, all});
}

void Add(GoldenSources& sources, GoldenCase golden, const ChannelPairs& pairs, Rotation rotation,
         Tensor positions) {
  golden.layout = pairs.layout;
  golden.rotary_dim = pairs.rotary_dim;
  golden.offset = pairs.offset;
  golden.rotation = std::move(rotation);
  sources.push_back({std::move(golden), std::move(positions)});
}

}  // namespace rotary
