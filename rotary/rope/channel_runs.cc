#include "rotary/rope/channel_runs.h"

namespace rotary {

ChannelRuns CutIntoRuns(int head_dim, std::span<const int32_t> first,
                        std::span<const int32_t> second) {
  ChannelRuns runs;
  // How many pairs from `j` on step both channels by `step`.
  const auto length = [&](size_t j, int32_t step) {
    size_t end = j + 1;
    while (end < first.size() && first[end] == first[end - 1] + step &&
           second[end] == second[end - 1] + step) {
      ++end;
    }
    return static_cast<int32_t>(end - j);
  };
  for (size_t j = 0; j < first.size();) {
    const int32_t half = length(j, 1);
    const int32_t interleaved = second[j] == first[j] + 1 ? length(j, 2) : 1;
    const int32_t count = interleaved > half ? interleaved : half;
    runs.pairs.push_back({.interleaved = interleaved > half,
                          .pair = static_cast<int32_t>(j),
                          .count = count,
                          .first = first[j],
                          .second = second[j]});
    j += static_cast<size_t>(count);
  }

  std::vector<bool> turns(static_cast<size_t>(head_dim));
  for (const int32_t channel : first) turns[static_cast<size_t>(channel)] = true;
  for (const int32_t channel : second) turns[static_cast<size_t>(channel)] = true;
  for (int32_t channel = 0; channel < head_dim; ++channel) {
    if (turns[static_cast<size_t>(channel)]) continue;
    if (runs.rest.empty() || runs.rest.back().begin + runs.rest.back().count != channel) {
      runs.rest.push_back({.begin = channel, .count = 0});
    }
    ++runs.rest.back().count;
  }
  return runs;
}

}  // namespace rotary
