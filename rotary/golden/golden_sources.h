// What the golden vectors are made from: each case with its positions. The numbers in here are
// computed by exact_rules.h from what the case says; nothing reads the configs beside them (the
// tests compare these with what the config room makes of them).
#ifndef ROTARY_GOLDEN_GOLDEN_SOURCES_H_
#define ROTARY_GOLDEN_GOLDEN_SOURCES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "rotary/base/tensor.h"
#include "rotary/golden/exact_rules.h"
#include "rotary/golden/golden_case.h"

namespace rotary {

struct GoldenSource {
  GoldenCase golden;
  Tensor positions;  // i64 or f64 [batch, tokens] or [batch, tokens, axes]
};
using GoldenSources = std::vector<GoldenSource>;

// All of them, without an order.
GoldenSources AllGoldenSources();

void AddCoreCases(GoldenSources& sources);
void AddScalingCases(GoldenSources& sources);
void AddPositionCases(GoldenSources& sources);
void AddBackwardCases(GoldenSources& sources);
void AddAxisCases(GoldenSources& sources);
void AddCacheCases(GoldenSources& sources);

// ---- What cases are written with ----

// Channels that turn, and how they pair up.
struct ChannelPairs {
  std::string layout;
  int rotary_dim = 0, offset = 0;
  std::vector<int32_t> first, second;
};
ChannelPairs Half(int rotary_dim, int offset = 0);
ChannelPairs Interleaved(int rotary_dim, int offset = 0);
ChannelPairs HalfInBlocks(const std::vector<int>& dims);

// The frequency of a pair on one axis.
struct AxisFrequency {
  int axis = 0;
  Exact frequency;
};
using AxisFrequencies = std::vector<AxisFrequency>;

// One axis after the other, each with its frequencies.
AxisFrequencies InBlocks(const std::vector<exact::Frequencies>& axes);
// One list of frequencies, each on the axis of the other list.
AxisFrequencies OnAxes(const exact::Frequencies& frequency, const std::vector<int>& axis);
// `counts[x]` times axis x, in order.
std::vector<int> Sections(const std::vector<int>& counts);

// Rounds to doubles: the numbers that a case prints.
Rotation Rounded(int head_dim, const ChannelPairs& pairs, const exact::Scaled& scaled);
Rotation Rounded(int head_dim, int axes, const ChannelPairs& pairs, const AxisFrequencies& angles);

Json Config(const std::string& text);

// Positions. Rows of whole numbers, of real ones; tokens of several numbers.
Tensor Whole(const std::vector<std::vector<int64_t>>& rows);
Tensor Real(const std::vector<std::vector<double>>& rows);
Tensor WholeTuples(const std::vector<std::vector<std::vector<int64_t>>>& rows);
Tensor RealTuples(const std::vector<std::vector<std::vector<double>>>& rows);
// Two rows with different offsets, from 0 to 131,071.
Tensor UsualPositions();
// Two rows of t, y, x that move one axis at a time, then all: no grid is square.
Tensor UsualTuples(int axes);

// Fills in what the pairs say.
void Add(GoldenSources& sources, GoldenCase golden, const ChannelPairs& pairs, Rotation rotation,
         Tensor positions);

}  // namespace rotary

#endif  // ROTARY_GOLDEN_GOLDEN_SOURCES_H_
