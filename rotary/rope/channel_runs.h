// A list of pairs cut into runs that a vector can walk, and the channels that no pair holds.
//
//   half runs         first: i, i+1, i+2 ...     second: j, j+1, j+2 ...
//   interleaved runs  first: i, i+2, i+4 ...     second: i+1, i+3, i+5 ...
//
// Every list can be cut: a pair that goes with no other is a half run of one.
#ifndef ROTARY_ROPE_CHANNEL_RUNS_H_
#define ROTARY_ROPE_CHANNEL_RUNS_H_

#include <cstdint>
#include <span>
#include <vector>

namespace rotary {

struct PairRun {
  bool interleaved = false;
  int32_t pair = 0;  // the first of `count` consecutive pairs of the list
  int32_t count = 0;
  int32_t first = 0;  // the channels of that pair
  int32_t second = 0;
};

struct ChannelRange {
  int32_t begin = 0;
  int32_t count = 0;
};

struct ChannelRuns {
  std::vector<PairRun> pairs;
  std::vector<ChannelRange> rest;  // channels in no pair, ascending
};

// Greedy, the longer kind first. The pairs must be valid (CheckRotation).
ChannelRuns CutIntoRuns(int head_dim, std::span<const int32_t> first,
                        std::span<const int32_t> second);

}  // namespace rotary

#endif  // ROTARY_ROPE_CHANNEL_RUNS_H_
