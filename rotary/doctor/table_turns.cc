#include "rotary/doctor/table_turns.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "rotary/doctor/frequency.h"

namespace rotary {

Samples SamplesOf(const CosSinTable& table, const std::vector<double>& positions, double unit) {
  Samples samples;
  samples.tokens = static_cast<int64_t>(table.rows.size());
  samples.heads = 1;
  samples.head_dim = static_cast<int>(2 * table.pairs);
  samples.token = table.rows;
  samples.row.assign(table.rows.size(), 0);
  samples.unit = unit;
  for (const int64_t row : table.rows) {
    samples.positions.push_back(positions.empty() ? static_cast<double>(row)
                                                  : positions[static_cast<size_t>(row)]);
  }
  return samples;
}

double MeanLength(const CosSinTable& table) {
  double sum = 0;
  for (const auto& turn : table.turn) sum += std::norm(turn);
  return std::sqrt(sum / static_cast<double>(table.turn.size()));
}

TurnTable TurnsOf(const CosSinTable& table, const ChannelLayout& layout, double unit) {
  // Errors spread evenly over a unit in the last place of the longest number, which is below 1 but
  // for factors above 1.
  const double factor = MeanLength(table);
  const double deviation = std::ldexp(unit, std::ilogb(factor * (1 - 2 * unit))) / std::sqrt(3.0);
  TurnTable turns{.first = layout.first, .second = layout.second, .tokens = table.rows.size()};
  turns.numbers = static_cast<double>(2 * table.turn.size());
  for (int64_t j = 0; j < table.pairs; ++j) {
    PairTurns pair;
    for (size_t row = 0; row < table.rows.size(); ++row) pair.turn.push_back(table.At(row, j));
    pair.deviation.assign(table.rows.size(), deviation);
    pair.factor = factor;
    turns.pairs.push_back(std::move(pair));
  }
  return turns;
}

TurnTable FirstOf(const TurnTable& turns, size_t tokens) {
  TurnTable first = turns;
  first.tokens = std::min(tokens, turns.tokens);
  for (PairTurns& pair : first.pairs) {
    pair.turn.resize(first.tokens);
    pair.deviation.resize(first.tokens);
  }
  return first;
}

MeasuredSpectrum Measure(const TurnTable& turns, std::vector<double> positions, int head_dim) {
  positions.resize(turns.tokens);
  MeasuredSpectrum measured{.head_dim = head_dim,
                            .rotary_dim = static_cast<int>(2 * turns.pairs.size())};
  double sum = 0;
  for (const PairTurns& pair : turns.pairs) {
    const FoundFrequency found = FrequencyOf(pair, positions);
    measured.frequency.push_back(found.frequency);
    measured.deviation.push_back(found.deviation);
    if (std::isfinite(found.deviation)) sum += found.frequency;
  }
  if (sum < 0) {
    for (double& w : measured.frequency) w = -w;
  }
  return measured;
}

}  // namespace rotary
