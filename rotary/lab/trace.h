// A vector as it turns: what a rotation makes of it at each position.
#ifndef ROTARY_LAB_TRACE_H_
#define ROTARY_LAB_TRACE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "rotary/rope/rotation.h"

namespace rotary {

struct Trace {
  Rotation rotation;
  std::vector<double> vector;  // [head_dim]
  std::vector<int64_t> positions;
  std::vector<std::vector<double>> rows;  // [positions, head_dim]
};

// Turns `vector` in double, as a query.
// Throws std::invalid_argument: a vector of another length than head_dim or with a number that is
// not finite, a rotation of several axes or with its own frequencies for each head.
Trace MakeTrace(const Rotation& rotation, std::vector<double> vector,
                std::vector<int64_t> positions);

// "1,0,-0.5" as numbers. Throws std::invalid_argument, in the name of trace.
std::vector<double> ParseVector(std::string_view text);

// All pairs of `head_dim` channels at the same frequency: `degrees` a position.
Rotation RotationByDegrees(int head_dim, double degrees, Layout layout);

// A line a position: its channels, three decimals each.
std::string TraceToText(const Trace& trace);
// {"rotation": {...}, "vector": [...], "rows": [{"position": 0, "vector": [...]}]}
std::string TraceToJson(const Trace& trace);
// A whole page: each pair as an arrow that turns, and the table.
std::string TraceHtml(const Trace& trace);

}  // namespace rotary

#endif  // ROTARY_LAB_TRACE_H_
