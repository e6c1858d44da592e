#include "rotary/doctor/layout.h"

#include <algorithm>
#include <set>

namespace rotary {

ChannelLayout HalfLayout(int rotary_dim, int offset) {
  ChannelLayout layout{.name = "half", .rotary_dim = rotary_dim, .offset = offset};
  for (int i = 0; i < rotary_dim / 2; ++i) {
    layout.first.push_back(offset + i);
    layout.second.push_back(offset + i + rotary_dim / 2);
  }
  return layout;
}

ChannelLayout InterleavedLayout(int rotary_dim, int offset) {
  ChannelLayout layout{.name = "interleaved", .rotary_dim = rotary_dim, .offset = offset};
  for (int i = 0; i < rotary_dim; i += 2) {
    layout.first.push_back(offset + i);
    layout.second.push_back(offset + i + 1);
  }
  return layout;
}

bool Allows(const ChannelLayout& layout, const Pairing& found) {
  std::set<std::pair<int, int>> pairs;
  std::set<int> turning;
  for (size_t j = 0; j < layout.first.size(); ++j) {
    pairs.insert(std::minmax(layout.first[j], layout.second[j]));
    turning.insert({layout.first[j], layout.second[j]});
  }
  return std::all_of(found.pairs.begin(), found.pairs.end(),
                     [&](const FoundPair& pair) {
                       return pairs.contains({pair.first, pair.second});
                     }) &&
         std::all_of(found.unexplained.begin(), found.unexplained.end(),
                     [&](int channel) { return turning.contains(channel); });
}

std::vector<ChannelLayout> LayoutsOf(const Pairing& found, int head_dim) {
  std::vector<ChannelLayout> layouts;
  const auto add = [&](const ChannelLayout& layout) {
    if (layout.rotary_dim < 2 || layout.offset < 0 || layout.offset + layout.rotary_dim > head_dim)
      return;
    if (!Allows(layout, found)) return;
    if (std::find(layouts.begin(), layouts.end(), layout) == layouts.end()) {
      layouts.push_back(layout);
    }
  };
  if (found.pairs.empty()) return layouts;
  const int begin = found.pairs.front().first;
  int end = 0;
  for (const FoundPair& pair : found.pairs) end = std::max(end, pair.second + 1);
  const int distance = found.pairs.front().second - begin;
  // The fastest pair is seen first, and is the first of the span in both.
  add(HalfLayout(2 * distance, begin));
  if (distance == 1) {
    add(InterleavedLayout(end - begin, begin));
    add(InterleavedLayout((head_dim - begin) / 2 * 2, begin));
    add(InterleavedLayout(head_dim / 2 * 2, 0));
  }
  if (layouts.empty()) {
    ChannelLayout other{.name = "other", .offset = begin};
    for (const FoundPair& pair : found.pairs) {
      other.first.push_back(pair.first);
      other.second.push_back(pair.second);
    }
    other.rotary_dim = 2 * static_cast<int>(other.first.size());
    layouts.push_back(std::move(other));
  }
  return layouts;
}

}  // namespace rotary
