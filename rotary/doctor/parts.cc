#include "rotary/doctor/parts.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "rotary/doctor/structures.h"

namespace rotary {
namespace {

// One head, or one row.
struct Part {
  int64_t number = 0;
  Samples samples;
};

std::optional<Split> SplitInto(const std::vector<Part>& parts,
                               const std::optional<Expectation>& expected) {
  if (parts.size() < 2) return std::nullopt;
  std::optional<Split> best;
  constexpr size_t kMostTried = 3;
  for (size_t tried = 0; tried < std::min(parts.size(), kMostTried); ++tried) {
    const Samples& one = parts[tried].samples;
    if (IsUntouched(one)) continue;  // what anything slow enough explains
    const std::optional<Explanation> own = ExplainStructure(one, expected);
    if (!own || own->Left() > kExplained) continue;
    Split split{.common = *own, .explained = one};
    for (const Part& part : parts) {
      if (LeftOf(*own, one, part.samples) <= kExplained) continue;
      split.odd.push_back(part.number);
      split.odd_untouched = split.odd_untouched && IsUntouched(part.samples);
    }
    const auto rank = [](const Split& s) { return std::pair(s.odd.size(), s.common.faults); };
    if (!best || rank(split) < rank(*best)) best = std::move(split);
  }
  if (!best || best->odd.empty() || 2 * best->odd.size() > parts.size()) return std::nullopt;
  return best;
}

std::vector<Part> HeadsOf(const Samples& samples) {
  std::vector<Part> heads;
  for (int64_t h = 0; h < samples.heads; ++h) heads.push_back({h, OfHead(samples, h)});
  return heads;
}

std::vector<Part> RowsOf(const Samples& samples) {
  std::vector<Part> rows;
  for (const int64_t row : std::set(samples.row.begin(), samples.row.end())) {
    rows.push_back({row, OfRow(samples, row)});
  }
  return rows;
}

// Whether an explanation of other rows turns a row that came out as it went in far enough to be
// seen. Where positions were not given, tokens follow each other: the last one at least.
bool WouldTurn(const Explanation& explanation, const Samples& explained, const Samples& row) {
  if (!row.positions.empty()) return LeftOf(explanation, explained, row) > kExplained;
  double fastest = 0;
  for (const double w : explanation.spectrum.frequency) fastest = std::max(fastest, std::abs(w));
  return fastest * static_cast<double>(row.tokens - 1) > 16 * row.unit;
}

}  // namespace

std::optional<Split> SplitIntoHeads(const Samples& samples,
                                    const std::optional<Expectation>& expected) {
  return SplitInto(HeadsOf(samples), expected);
}

std::optional<Split> SplitIntoRows(const Samples& samples,
                                   const std::optional<Expectation>& expected) {
  return SplitInto(RowsOf(samples), expected);
}

std::optional<Split> SplitUntouchedRows(const Samples& samples,
                                        const std::optional<Expectation>& expected) {
  std::vector<Part> still;
  std::set<int64_t> moved;
  for (Part& row : RowsOf(samples)) {
    if (IsUntouched(row.samples)) {
      still.push_back(std::move(row));
    } else {
      moved.insert(row.number);
    }
  }
  if (still.empty() || moved.empty()) return std::nullopt;
  Split split{.explained = OfRows(samples, moved)};
  const std::optional<Explanation> own = ExplainStructure(split.explained, expected);
  if (!own || own->Left() > kExplained) return std::nullopt;
  split.common = *own;
  for (const Part& row : still) {
    if (WouldTurn(*own, split.explained, row.samples)) split.odd.push_back(row.number);
  }
  if (split.odd.empty()) return std::nullopt;
  return split;
}

}  // namespace rotary
