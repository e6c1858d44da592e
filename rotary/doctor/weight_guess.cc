#include "rotary/doctor/weight_guess.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <numeric>
#include <utility>

#include "rotary/base/random.h"

namespace rotary {
namespace {

constexpr int kPermutations = 10'000;
constexpr size_t kLeastChannels = 8;

using Numbers = std::vector<double>;

// A line and a parabola in the index of the pair, of length 1, at right angles to constants and to
// each other.
std::array<Numbers, 2> Parabolas(size_t channels, Layout layout) {
  Numbers line, square;
  const size_t pairs = channels / 2;
  const auto last = static_cast<double>(pairs - 1);
  for (size_t c = 0; c < channels; ++c) {
    const size_t pair = layout == Layout::kHalf ? c % pairs : c / 2;
    line.push_back(static_cast<double>(pair) - last / 2);
    square.push_back(line.back() * line.back());
  }
  const double mean =
      std::accumulate(square.begin(), square.end(), 0.0) / static_cast<double>(channels);
  for (double& x : square) x -= mean;  // the line is at right angles to it by symmetry
  for (Numbers* numbers : {&line, &square}) {
    const double length =
        std::sqrt(std::inner_product(numbers->begin(), numbers->end(), numbers->begin(), 0.0));
    for (double& x : *numbers) x /= length;
  }
  return {line, square};
}

// Rows of one number of channels, and what explains them.
struct Group {
  std::array<Numbers, 2> half, interleaved;
  std::vector<const Numbers*> rows;
  std::vector<size_t> order;  // of channels

  // Of the squares of all rows, what the parabolas of a layout explain.
  double Explained(const std::array<Numbers, 2>& parabolas) const {
    double sum = 0;
    for (const Numbers& parabola : parabolas) {
      Numbers moved(parabola.size());
      for (size_t c = 0; c < moved.size(); ++c) moved[order[c]] = parabola[c];
      for (const Numbers* row : rows) {
        const double part = std::inner_product(row->begin(), row->end(), moved.begin(), 0.0);
        sum += part * part;
      }
    }
    return sum;
  }
};

// U of both layouts.
std::pair<double, double> Left(const std::map<size_t, Group>& groups, double total) {
  double half = total, interleaved = total;
  for (const auto& [channels, group] : groups) {
    half -= group.Explained(group.half);
    interleaved -= group.Explained(group.interleaved);
  }
  // Rounding may leave less than nothing.
  const double least = 1e-12 * total;
  return {std::max(half, least) / total, std::max(interleaved, least) / total};
}

// The permutation of that number.
void Shuffle(std::vector<size_t>& order, uint64_t number) {
  const Random random(0x5eed, number);
  for (size_t i = order.size(); i > 1; --i) {
    std::swap(order[i - 1], order[random.Below(i, i)]);
  }
}

}  // namespace

LayoutGuess GuessLayout(const std::vector<RowLengths>& rows) {
  LayoutGuess guess;
  std::map<size_t, Group> groups;
  double total = 0;
  for (const RowLengths& row : rows) {
    const size_t channels = row.log_length.size();
    if (row.heads == 0 || channels < kLeastChannels || channels % 2 != 0) continue;
    Group& group = groups[channels];
    if (group.rows.empty()) {
      group.half = Parabolas(channels, Layout::kHalf);
      group.interleaved = Parabolas(channels, Layout::kInterleaved);
      group.order.resize(channels);
      std::iota(group.order.begin(), group.order.end(), size_t{0});
    }
    group.rows.push_back(&row.log_length);
    total += std::inner_product(row.log_length.begin(), row.log_length.end(),
                                row.log_length.begin(), 0.0);
  }
  // All rows of one length, but for rounding.
  if (!(total > 1e-20)) return guess;
  std::tie(guess.left_by_half, guess.left_by_interleaved) = Left(groups, total);
  const double found = std::log(guess.left_by_interleaved / guess.left_by_half);
  guess.permutations = kPermutations;
  for (int i = 0; i < kPermutations; ++i) {
    for (auto& [channels, group] : groups) Shuffle(group.order, static_cast<uint64_t>(i));
    const auto [half, interleaved] = Left(groups, total);
    if (std::abs(std::log(interleaved / half)) >= std::abs(found)) ++guess.as_far;
  }
  if (2000 * (guess.as_far + 1) >= kPermutations + 1) return guess;
  guess.layout = found > 0 ? Layout::kHalf : Layout::kInterleaved;
  const bool is_certain = guess.as_far == 0 && std::abs(found) >= std::log(2.0);
  guess.certainty = is_certain ? Certainty::kCertain : Certainty::kLikely;
  return guess;
}

void AddHead(const std::vector<double>& lengths, RowLengths& rows) {
  Numbers logs;
  for (const double length : lengths) {
    if (!(length > 0) || !std::isfinite(length)) return;
    logs.push_back(std::log(length));
  }
  const double mean =
      std::accumulate(logs.begin(), logs.end(), 0.0) / static_cast<double>(logs.size());
  if (rows.heads == 0) rows.log_length.assign(logs.size(), 0);
  ++rows.heads;
  for (size_t c = 0; c < logs.size(); ++c) {
    rows.log_length[c] += (logs[c] - mean - rows.log_length[c]) / rows.heads;
  }
}

}  // namespace rotary
