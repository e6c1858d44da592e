#include "rotary/rope/cache_positions.h"

#include <algorithm>

#include "rotary/base/error.h"

namespace rotary {
namespace {

void CheckCache(int64_t tokens, int64_t sinks, int64_t window) {
  Require(tokens >= 0 && sinks >= 0 && window >= 0,
          "cache: tokens, sinks and window must not be negative, got ", tokens, ", ", sinks,
          " and ", window);
}

// Rounded down, for positions below 0 too.
int64_t FloorDivide(int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

}  // namespace

std::vector<int64_t> StreamingTokens(int64_t tokens, int64_t sinks, int64_t window) {
  CheckCache(tokens, sinks, window);
  std::vector<int64_t> kept;
  for (int64_t i = 0; i < std::min(sinks, tokens); ++i) kept.push_back(i);
  const int64_t begin = window >= tokens ? 0 : tokens - window;
  for (int64_t i = std::max(begin, std::min(sinks, tokens)); i < tokens; ++i) kept.push_back(i);
  return kept;
}

std::vector<int64_t> StreamingDeltas(int64_t tokens, int64_t grown, int64_t sinks, int64_t window) {
  Require(grown >= tokens, "cache: a text of ", tokens, " tokens cannot grow to ", grown);
  const std::vector<int64_t> before = StreamingTokens(tokens, sinks, window);
  const std::vector<int64_t> after = StreamingTokens(grown, sinks, window);
  std::vector<int64_t> deltas;
  for (size_t i = 0; i < after.size(); ++i) {
    const auto old = std::lower_bound(before.begin(), before.end(), after[i]);
    const bool was_there = old != before.end() && *old == after[i];
    deltas.push_back(was_there ? static_cast<int64_t>(i) - (old - before.begin()) : 0);
  }
  return deltas;
}

SelfExtend::SelfExtend(int64_t group, int64_t window) : group_(group), window_(window) {
  Require(group >= 1, "self-extend: a group must have at least 1 token, got ", group);
  Require(window >= 0, "self-extend: the window must not be negative, got ", window);
}

int64_t SelfExtend::FarKey(int64_t position) const { return FloorDivide(position, group_); }

int64_t SelfExtend::FarQuery(int64_t position) const {
  return FloorDivide(position, group_) + window_ - window_ / group_;
}

int64_t SelfExtend::Distance(int64_t query, int64_t key) const {
  return query - key < window_ ? query - key : FarQuery(query) - FarKey(key);
}

}  // namespace rotary
