#include "rotary/doctor/token_positions.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

#include "rotary/doctor/token_shifts.h"

namespace rotary {
namespace {

// Shifts that are known to less than this are whole numbers for certain.
constexpr double kKnown = 0.3;

double MedianOf(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// Nobody counts further: turns that seem to come from beyond are those of another rotation.
constexpr double kFarthest = 0x1p31;

// A whole number where it is as good as one.
double Snapped(double value) {
  const double whole = std::round(value);
  return std::abs(value - whole) < 0.25 ? whole : value;
}

// given [tokens, axes], moved by one number for each token.
std::vector<double> Moved(const std::vector<double>& given, const std::vector<double>& shifts) {
  std::vector<double> moved = given;
  const size_t axes = given.size() / shifts.size();
  for (size_t i = 0; i < moved.size(); ++i) moved[i] += shifts[i / axes];
  return moved;
}

// Whether the format holds all numbers without becoming infinite, and changes one of them.
bool Round(Precision precision, std::vector<double>& positions) {
  bool changes = false, is_finite = true;
  for (double& p : positions) {
    const double rounded = RoundedTo(precision, p);
    changes = changes || rounded != p;
    is_finite = is_finite && std::isfinite(rounded);
    p = rounded;
  }
  return changes && is_finite;
}

// How often the shift changes within rows.
int Changes(const Samples& samples, const std::vector<double>& shifts) {
  int count = 0;
  for (size_t t = 1; t < shifts.size(); ++t) {
    if (samples.row[t] == samples.row[t - 1] && shifts[t] != shifts[t - 1]) ++count;
  }
  return count;
}

// Whether positions run backwards where those that were given go on: a rotation turned back is the
// simpler story.
bool IsMirrored(const std::vector<double>& given, const std::vector<double>& positions) {
  bool same_sum = true, some_move = false;
  for (size_t i = 1; i < given.size(); ++i) {
    same_sum = same_sum && given[i] + positions[i] == given[0] + positions[0];
    some_move = some_move || given[i] != given[0];
  }
  return same_sum && some_move;
}

void AddTogether(const TokenShifts& search, const Samples& samples,
                 const std::vector<double>& given, std::vector<PositionGuess>& guesses) {
  const std::vector<TokenShift> own = search.Each();
  std::vector<double> known;
  std::map<int64_t, std::vector<double>> by_row;
  for (size_t t = 0; t < own.size(); ++t) {
    if (!(own[t].deviation < kKnown)) continue;
    known.push_back(own[t].shift);
    by_row[samples.row[t]].push_back(own[t].shift);
  }
  if (known.empty()) return;
  const double one = samples.positions.empty() ? 0.5 : 1;  // where any shift is as good as none
  PositionGuess shifted{.kind = "shifted", .shift = Snapped(MedianOf(known)), .faults = one};
  shifted.positions = Moved(given, std::vector<double>(own.size(), shifted.shift));
  // Positions doubled are a rotation applied twice: the simpler story.
  const bool is_double =
      std::all_of(given.begin(), given.end(), [&](double p) { return p == shifted.shift; });
  if (is_double) shifted.faults += 0.5;
  if (shifted.shift != 0) guesses.push_back(shifted);
  if (by_row.size() > 1) {
    std::vector<double> shifts;
    for (size_t t = 0; t < own.size(); ++t) {
      const auto row = by_row.find(samples.row[t]);
      shifts.push_back(row == by_row.end() ? 0 : Snapped(MedianOf(row->second)));
    }
    PositionGuess rows{.kind = "by row", .positions = Moved(given, shifts)};
    rows.faults = one + 0.25 * static_cast<double>(by_row.size());
    if (!IsMirrored(given, rows.positions)) guesses.push_back(std::move(rows));
  }
  const std::vector<double> shared = search.Shared(own);
  PositionGuess other{.kind = "other", .positions = Moved(given, shared)};
  other.faults = one + 0.25 * (static_cast<double>(by_row.size()) + Changes(samples, shared));
  if (IsMirrored(given, other.positions)) return;
  guesses.push_back(std::move(other));
  const bool are_whole =
      std::all_of(given.begin(), given.end(), [](double p) { return p == std::round(p); });
  std::vector<double> each;
  for (const TokenShift& token : own) {
    const bool is_known = token.deviation < kKnown;
    each.push_back(!is_known ? 0 : are_whole ? std::round(token.shift) : Snapped(token.shift));
  }
  if (each == shared) return;
  guesses.push_back({.kind = "other",
                     .positions = Moved(given, each),
                     .faults = one + 0.5 + 0.25 * static_cast<double>(known.size())});
}

void EraseFar(const std::vector<double>& given, std::vector<PositionGuess>& guesses) {
  double farthest = kFarthest;
  for (const double p : given) farthest = std::max(farthest, 4 * std::abs(p));
  std::erase_if(guesses, [&](const PositionGuess& guess) {
    return std::any_of(guess.positions.begin(), guess.positions.end(),
                       [&](double p) { return !(std::abs(p) <= farthest); });
  });
}

}  // namespace

std::vector<PositionGuess> UsualPositions(const std::vector<double>& given) {
  std::vector<PositionGuess> guesses = {{.kind = "as given", .positions = given}};
  for (const Precision precision : {Precision::kBF16, Precision::kF16, Precision::kTF32}) {
    PositionGuess guess{.kind = "rounded", .precision = precision, .positions = given};
    if (Round(precision, guess.positions)) guesses.push_back(std::move(guess));
  }
  return guesses;
}

std::vector<PositionGuess> PositionsFound(const TurnTable& table, const Samples& samples,
                                          const std::vector<double>& frequency, bool inverse,
                                          const std::vector<double>& given, double tolerance) {
  std::vector<PositionGuess> guesses;
  const TokenShifts together(table, frequency, samples.axes, inverse, given, tolerance, {});
  AddTogether(together, samples, given, guesses);
  EraseFar(given, guesses);
  if (samples.axes == 1) return guesses;
  // Each axis by a shift of its own, shared by many tokens or not.
  PositionGuess shared{.kind = "other", .positions = given, .faults = 1.5};
  PositionGuess each = shared;
  const auto axes = static_cast<size_t>(samples.axes);
  for (int axis = 0; axis < samples.axes; ++axis) {
    const TokenShifts search(table, frequency, samples.axes, inverse, given, tolerance, axis);
    const std::vector<TokenShift> own = search.Each();
    const std::vector<double> common = search.Shared(own);
    for (size_t t = 0; t < own.size(); ++t) {
      const size_t i = t * axes + static_cast<size_t>(axis);
      shared.positions[i] += common[t];
      if (!(own[t].deviation < kKnown)) continue;
      each.positions[i] += std::round(own[t].shift);
      each.faults += 0.25;
    }
    shared.faults += 0.25 * (1 + Changes(samples, common));
  }
  guesses.push_back(std::move(shared));
  guesses.push_back(std::move(each));
  EraseFar(given, guesses);
  return guesses;
}

std::map<int64_t, double> ShiftsOfRows(const TurnTable& table, const Samples& samples,
                                       const std::vector<double>& frequency,
                                       const std::vector<double>& given, Precision precision) {
  const double tolerance = std::ldexp(1.0, -DigitsOf(precision));
  const TokenShifts search(table, frequency, samples.axes, false, given, tolerance, {});
  const std::vector<TokenShift> near = search.Near();
  std::map<int64_t, std::vector<double>> known;
  for (size_t t = 0; t < near.size(); ++t) {
    if (std::isfinite(near[t].deviation)) known[samples.row[t]].push_back(near[t].shift);
  }
  std::map<int64_t, double> shifts;
  for (auto& [row, own] : known) shifts[row] = std::round(MedianOf(std::move(own)));
  return shifts;
}

PositionGuess PositionsRounded(std::map<int64_t, double> shifts, const Samples& samples,
                               const std::vector<double>& given, Precision format, bool rounds,
                               const PositionsLeft& left) {
  PositionGuess best;
  const auto guess_of = [&] {
    std::vector<double> by_token;
    for (const int64_t row : samples.row) by_token.push_back(shifts[row]);
    PositionGuess guess{.kind = "shifted", .shift = by_token[0], .faults = 0.5};
    const bool is_one =
        std::count(by_token.begin(), by_token.end(), by_token[0]) == std::ssize(by_token);
    if (!is_one) {
      guess.kind = "by row";
      guess.shift = 0;
      guess.faults += 0.25 * static_cast<double>(shifts.size());
    }
    guess.positions = Moved(given, by_token);
    if (rounds && Round(format, guess.positions)) {
      guess.kind = "rounded";
      guess.precision = format;
    }
    return guess;
  };
  best = guess_of();
  double least = left(best.positions, std::numeric_limits<double>::infinity());
  // Rows have nothing in common: each alone, in steps down to one from what the format leaves open.
  double farthest = 0;
  for (const double p : best.positions) farthest = std::max(farthest, std::abs(p));
  constexpr int kWidest = 64;
  const double open = std::ldexp(farthest, -DigitsOf(format));
  int widest = 2;
  while (widest < open && widest < kWidest) widest *= 2;
  for (auto& [row, shift] : shifts) {
    for (int step = widest; step >= 1; step /= 2) {
      const double middle = shift;
      double own = middle;
      for (const int by : {-step, step}) {
        shift = middle + by;
        PositionGuess moved = guess_of();
        const double now = left(moved.positions, least);
        if (!(now < least)) continue;
        least = now;
        own = shift;
        best = std::move(moved);
      }
      shift = own;
    }
  }
  return best;
}

std::optional<std::vector<double>> PositionsOf(const PositionGuess& guess, const Samples& explained,
                                               const Samples& some) {
  std::vector<double> positions = GivenPositions(some);
  if (guess.kind == "as given") return positions;
  if (guess.kind == "rounded" || guess.kind == "shifted") {
    for (double& p : positions) p = RoundedTo(guess.precision, p + guess.shift);
    return positions;
  }
  // Those of the same token, or where a row is shifted as a whole, of any of the row.
  const bool by_row = guess.kind == "by row";
  const std::vector<double> given = GivenPositions(explained);
  const auto axes = static_cast<size_t>(some.axes);
  std::map<std::pair<int64_t, int64_t>, size_t> known;
  for (size_t t = 0; t < explained.row.size(); ++t) {
    known[{explained.row[t], by_row ? 0 : explained.token[t]}] = t * axes;
  }
  for (size_t t = 0; t < some.row.size(); ++t) {
    const auto found = known.find({some.row[t], by_row ? 0 : some.token[t]});
    if (found == known.end()) return std::nullopt;
    for (size_t a = 0; a < axes; ++a) {
      positions[t * axes + a] += guess.positions[found->second + a] - given[found->second + a];
    }
  }
  return positions;
}

}  // namespace rotary
