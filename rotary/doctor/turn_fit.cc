#include "rotary/doctor/turn_fit.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "rotary/rope/float32_arithmetic.h"
#include "rotary/rope/phase_rows.h"

namespace rotary {
namespace {

// Copies that are off count as this many units at least where y is 0.
constexpr double kLeastVariance = 1e-60;

double ChiOfCopies(const Samples& samples, const std::vector<int>& first,
                   const std::vector<int>& second) {
  std::vector<char> turns(static_cast<size_t>(samples.head_dim), 0);
  for (const auto* list : {&first, &second}) {
    for (const int channel : *list) turns[static_cast<size_t>(channel)] = 1;
  }
  double chi = 0;
  for (size_t i = 0; i < samples.before.size(); ++i) {
    if (turns[i % turns.size()]) continue;
    const double x = samples.before[i], y = samples.after[i];
    if (x == y) continue;
    const double half = std::ldexp(samples.unit, std::ilogb(y == 0 ? x : y));
    chi += (y - x) * (y - x) / std::max(half * half / 3, kLeastVariance);
  }
  return chi;
}

// How far the code in question may be off before it rounds, relative: as float32 is.
constexpr double kBeforeRounding = 0x1p-20;

// The turn of a pair at a position, in some arithmetic. What lies so near to the middle of two
// numbers that other code may round it otherwise is rounded as `seen`, the turn that was measured.
std::complex<double> TurnAt(const double* frequency, const double* position, int axes,
                            const TurnArithmetic& arithmetic, std::complex<double> seen) {
  double cos = 1, sin = 0;
  if (arithmetic.float32) {
    const Turn turn = Float32TurnBy(frequency, position, axes);
    cos = turn.cos;
    sin = turn.sin;
  } else {
    // As TurnBy, which is exact to the last bit and slower: the products' own rounding is put back.
    double angle = 0, error = 0;
    for (int axis = 0; axis < axes; ++axis) {
      const double product = frequency[axis] * position[axis];
      error += std::fma(frequency[axis], position[axis], -product);
      angle += product;
    }
    if (arithmetic.angles != Precision::kDouble) {
      const double nearest = angle + std::remainder(std::arg(seen) - angle, 2 * std::numbers::pi);
      angle = RoundedTo(arithmetic.angles, angle, nearest, kBeforeRounding);
      error = 0;
    }
    cos = std::cos(angle) - error * std::sin(angle);
    sin = std::sin(angle) + error * std::cos(angle);
  }
  if (arithmetic.tables == Precision::kDouble) return {cos, sin};
  const double g = arithmetic.table_factor;
  const auto rounded = [&](double x, double measured) {
    return RoundedTo(arithmetic.tables, g * x, g * measured, kBeforeRounding) / g;
  };
  return {rounded(cos, seen.real()), rounded(sin, seen.imag())};
}

// The weight of each turn, [pairs, tokens]; 0 where nothing is known of it.
std::vector<double> WeightsOf(const TurnTable& table, const std::vector<double>& frequency,
                              const std::vector<double>& positions, size_t axes, double tolerance) {
  std::vector<double> weights;
  weights.reserve(table.pairs.size() * table.tokens);
  for (size_t j = 0; j < table.pairs.size(); ++j) {
    const PairTurns& pair = table.pairs[j];
    for (size_t t = 0; t < table.tokens; ++t) {
      double angle = 0;
      for (size_t a = 0; a < axes; ++a) {
        angle += std::abs(frequency[j * axes + a] * positions[t * axes + a]);
      }
      const double deviation = std::hypot(pair.deviation[t], tolerance * angle);
      weights.push_back(std::isfinite(deviation) ? 1 / (deviation * deviation) : 0);
    }
  }
  return weights;
}

// [pairs, tokens]: every turn that is predicted.
std::vector<std::complex<double>> Predicted(const TurnTable& table,
                                            const std::vector<double>& frequency,
                                            const std::vector<double>& positions, size_t axes,
                                            const TurnArithmetic& arithmetic, bool inverse) {
  std::vector<std::complex<double>> z;
  z.reserve(table.pairs.size() * table.tokens);
  for (size_t j = 0; j < table.pairs.size(); ++j) {
    const PairTurns& pair = table.pairs[j];
    for (size_t t = 0; t < table.tokens; ++t) {
      const std::complex<double> seen = pair.turn[t] / pair.factor;
      z.push_back(TurnAt(&frequency[j * axes], &positions[t * axes], static_cast<int>(axes),
                         arithmetic, inverse ? std::conj(seen) : seen));
    }
  }
  return z;
}

// g by least squares, then what is left: a difference of nearly equal sums would lose it.
Fit FitOfTurns(const TurnTable& table, const std::vector<std::complex<double>>& z,
               const std::vector<double>& weights, bool inverse) {
  double crossed = 0, predicted = 0;
  const auto each = [&](const auto& body) {
    size_t i = 0;
    for (const PairTurns& pair : table.pairs) {
      for (size_t t = 0; t < table.tokens; ++t, ++i) {
        body(pair.turn[t], inverse ? std::conj(z[i]) : z[i], weights[i]);
      }
    }
  };
  each([&](std::complex<double> turn, std::complex<double> own, double weight) {
    crossed += weight * (turn * std::conj(own)).real();
    predicted += weight * std::norm(own);
  });
  Fit fit{.chi = table.left, .inverse = inverse};
  if (predicted > 0) {
    fit.factor = std::max(crossed / predicted, 1e-3);
    fit.factor_deviation = 1 / std::sqrt(predicted);
  }
  each([&](std::complex<double> turn, std::complex<double> own, double weight) {
    fit.chi += weight * std::norm(turn - fit.factor * own);
  });
  return fit;
}

// Cosines and sines in rounded tables are off alike, so that the lengths of turns, which ought to
// be one number, show by how much angles are off. Tokens near each other may share that error: four
// times the root mean square is more than the largest.
void SetScatter(TurnTable& table) {
  std::vector<double> factors;
  for (const PairTurns& pair : table.pairs) factors.push_back(pair.factor);
  if (factors.empty()) return;
  const auto middle = factors.begin() + static_cast<std::ptrdiff_t>(factors.size() / 2);
  std::nth_element(factors.begin(), middle, factors.end());
  double all = 0, known = 0;
  for (const PairTurns& pair : table.pairs) {
    for (size_t t = 0; t < table.tokens; ++t) {
      if (!std::isfinite(pair.deviation[t])) continue;
      const double off = std::abs(pair.turn[t]) - *middle;
      all += off * off;
      ++known;
    }
  }
  const double typical = known > 0 ? std::sqrt(all / known) : 0;
  for (PairTurns& pair : table.pairs) {
    double own = 0, count = 0;
    for (size_t t = 0; t < table.tokens; ++t) {
      const double deviation = pair.DeviationAt(t);
      if (!std::isfinite(deviation)) continue;
      own += deviation * deviation;
      ++count;
    }
    own = count > 0 ? std::sqrt(own / count) : 1;
    if (typical > 3 * own) pair.scatter = 4 * typical / own;
  }
}

}  // namespace

TurnTable TurnTableOf(const Samples& samples, std::vector<int> first, std::vector<int> second) {
  TurnTable table;
  table.tokens = static_cast<size_t>(samples.tokens);
  table.numbers = static_cast<double>(samples.before.size());
  table.left = ChiOfCopies(samples, first, second);
  for (size_t j = 0; j < first.size(); ++j) {
    table.pairs.push_back(TurnsOf(samples, first[j], second[j]));
    table.left += table.pairs.back().left;
  }
  SetScatter(table);
  table.first = std::move(first);
  table.second = std::move(second);
  return table;
}

Fit FitOf(const TurnTable& table, const std::vector<double>& frequency,
          const std::vector<double>& positions, int axes, const TurnArithmetic& arithmetic,
          double tolerance) {
  const auto n = static_cast<size_t>(axes);
  const std::vector<double> weights = WeightsOf(table, frequency, positions, n, tolerance);
  const auto predicted = [&](bool inverse) {
    return Predicted(table, frequency, positions, n, arithmetic, inverse);
  };
  const std::vector<std::complex<double>> z = predicted(false);
  const bool is_rounded =
      arithmetic.angles != Precision::kDouble || arithmetic.tables != Precision::kDouble;
  const Fit forward = FitOfTurns(table, z, weights, false);
  const Fit inverse = FitOfTurns(table, is_rounded ? predicted(true) : z, weights, true);
  return inverse.chi < forward.chi ? inverse : forward;
}

double ScoreOf(double numbers, double chi, double faults) {
  // Below a tenth, errors are no longer those of rounding: nothing is learned from less.
  return numbers * std::log(std::max(chi / numbers, 0.1)) + kPenalty * faults;
}

}  // namespace rotary
