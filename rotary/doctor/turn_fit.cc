#include "rotary/doctor/turn_fit.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "rotary/doctor/rounding.h"
#include "rotary/rope/float32_arithmetic.h"
#include "rotary/rope/phase_rows.h"

namespace rotary {
namespace {

// How far the code in question may be off before it rounds, as float32 is: of a number near 1, and
// of an angle, relative.
constexpr double kOffOne = 0x1p-22;
constexpr double kOffAngle = 0x1p-23;

// Cosine and sine as tables hold them; off by `off` before they are rounded.
std::complex<double> TableTurn(double cos, double sin, const TurnArithmetic& arithmetic, double off,
                               std::complex<double> seen) {
  if (arithmetic.tables == Precision::kDouble) return {cos, sin};
  const double g = arithmetic.table_factor;
  const auto rounded = [&](double x, double measured) {
    const auto [one, other] = RoundedEitherWay(arithmetic.tables, g * x, g * off);
    return (std::abs(one - g * measured) <= std::abs(other - g * measured) ? one : other) / g;
  };
  return {rounded(cos, seen.real()), rounded(sin, seen.imag())};
}

// The turn of a pair at a position, in some arithmetic. What lies so near to the middle of two
// numbers that other code may round it otherwise is rounded as `seen`, the turn that was measured.
std::complex<double> TurnAt(const double* frequency, const double* position, int axes,
                            const TurnArithmetic& arithmetic, std::complex<double> seen) {
  if (arithmetic.float32) {
    const Turn turn = Float32TurnBy(frequency, position, axes);
    return TableTurn(turn.cos, turn.sin, arithmetic, kOffOne, seen);
  }
  // As TurnBy, which is exact to the last bit and slower: the products' own rounding is put back.
  double angle = 0, error = 0;
  for (int axis = 0; axis < axes; ++axis) {
    const double product = frequency[axis] * position[axis];
    error += std::fma(frequency[axis], position[axis], -product);
    angle += product;
  }
  const double off = kOffOne + kOffAngle * std::abs(angle);
  if (arithmetic.angles == Precision::kDouble) {
    const double cos = std::cos(angle), sin = std::sin(angle);
    return TableTurn(cos - error * sin, sin + error * cos, arithmetic, off, seen);
  }
  const auto turn = [&](double rounded) {
    return TableTurn(std::cos(rounded), std::sin(rounded), arithmetic, kOffOne, seen);
  };
  const auto [one, other] = RoundedEitherWay(arithmetic.angles, angle, off);
  const std::complex<double> first = turn(one);
  if (one == other) return first;
  const std::complex<double> second = turn(other);
  return std::norm(first - seen) <= std::norm(second - seen) ? first : second;
}

// Turns as they were seen, as they are predicted, and their weights: of all pairs and tokens, or of
// every stride-th. Deviations are those of turns and `tolerance` of the angle and `floor` together.
//   factor  of all turns, where it is known; 0: that of each pair
struct Comparison {
  std::vector<std::complex<double>> seen, predicted;
  std::vector<double> weight;  // 0 where nothing is known
};

Comparison Compare(const TurnTable& table, const std::vector<double>& frequency,
                   const std::vector<double>& positions, size_t axes,
                   const TurnArithmetic& arithmetic, double tolerance, bool inverse, size_t stride,
                   double floor = 0, double factor = 0) {
  Comparison comparison;
  for (size_t i = 0; i < table.pairs.size() * table.tokens; i += stride) {
    const size_t j = i / table.tokens, t = i % table.tokens;
    const PairTurns& pair = table.pairs[j];
    const double* w = &frequency[j * axes];
    const double* p = &positions[t * axes];
    double angle = 0;
    for (size_t a = 0; a < axes; ++a) angle += std::abs(w[a] * p[a]);
    const double deviation = std::hypot(pair.deviation[t], tolerance * angle + floor);
    comparison.weight.push_back(std::isfinite(deviation) ? 1 / (deviation * deviation) : 0);
    const std::complex<double> seen =
        (inverse ? std::conj(pair.turn[t]) : pair.turn[t]) / (factor > 0 ? factor : pair.factor);
    comparison.predicted.push_back(TurnAt(w, p, static_cast<int>(axes), arithmetic, seen));
    comparison.seen.push_back(pair.turn[t]);
  }
  return comparison;
}

// g by least squares, then what is left beside `chi`: a difference of nearly equal sums would lose
// it.
Fit FitOfTurns(const Comparison& comparison, double chi, bool inverse) {
  double crossed = 0, predicted = 0;
  const auto each = [&](const auto& body) {
    for (size_t i = 0; i < comparison.seen.size(); ++i) {
      const std::complex<double> own = comparison.predicted[i];
      body(comparison.seen[i], inverse ? std::conj(own) : own, comparison.weight[i]);
    }
  };
  each([&](std::complex<double> turn, std::complex<double> own, double weight) {
    crossed += weight * (turn * std::conj(own)).real();
    predicted += weight * std::norm(own);
  });
  Fit fit{.chi = chi, .inverse = inverse};
  if (predicted > 0) {
    fit.factor = std::max(crossed / predicted, 1e-3);
    fit.factor_deviation = 1 / std::sqrt(predicted);
  }
  each([&](std::complex<double> turn, std::complex<double> own, double weight) {
    fit.chi += weight * std::norm(turn - fit.factor * own);
  });
  return fit;
}

// How many turns are a glance.
constexpr size_t kGlance = 192;

// The stride by which about `count` of all pairs and tokens are seen, every token as often.
size_t StrideFor(size_t all, size_t tokens, size_t count) {
  size_t stride = std::max<size_t>(1, all / count);
  while (std::gcd(stride, tokens) != 1) ++stride;
  return stride;
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

double LengthScatter(const TurnTable& table) {
  double sum = 0, count = 0;
  for (const PairTurns& pair : table.pairs) {
    for (size_t t = 0; t < table.tokens; ++t) {
      if (!std::isfinite(pair.deviation[t])) continue;
      const double off = (std::abs(pair.turn[t]) - pair.factor) / pair.deviation[t];
      sum += off * off;
      ++count;
    }
  }
  return count > 0 ? std::sqrt(sum / count) : 0;
}

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
          double tolerance, double most) {
  const auto n = static_cast<size_t>(axes);
  const bool is_rounded =
      arithmetic.angles != Precision::kDouble || arithmetic.tables != Precision::kDouble;
  const auto fit_of = [&](size_t stride) {
    const auto compare = [&](bool inverse, double factor = 0) {
      return Compare(table, frequency, positions, n, arithmetic, tolerance, inverse, stride, 0,
                     factor);
    };
    const Comparison turned = compare(false);
    const Fit forward = FitOfTurns(turned, table.left, false);
    const Fit inverse = FitOfTurns(is_rounded ? compare(true) : turned, table.left, true);
    const Fit best = inverse.chi < forward.chi ? inverse : forward;
    if (!is_rounded || stride > 1) return best;
    // Slow pairs have the length of one rounded cosine, not that of all: where two numbers are
    // nearly as near, the factor of all decides.
    const Fit again = FitOfTurns(compare(best.inverse, best.factor), table.left, best.inverse);
    return again.chi < best.chi ? again : best;
  };
  // The sum over a part, with a factor of its own, is never more than that over all; and mostly its
  // share of it.
  constexpr double kShare = 0.7;
  const size_t all = table.pairs.size() * table.tokens;
  if (all > 4 * kGlance && std::isfinite(most)) {
    const size_t stride = StrideFor(all, table.tokens, kGlance);
    Fit glance = fit_of(stride);
    glance.chi += (glance.chi - table.left) * (kShare * static_cast<double>(stride) - 1);
    if (glance.chi > most) return glance;
  }
  return fit_of(1);
}

std::vector<double> LeftOfTokens(const TurnTable& table, const std::vector<double>& frequency,
                                 const std::vector<double>& positions, int axes,
                                 const TurnArithmetic& arithmetic, double tolerance,
                                 const Fit& fit) {
  const Comparison all = Compare(table, frequency, positions, static_cast<size_t>(axes), arithmetic,
                                 tolerance, fit.inverse, 1, 0, fit.factor);
  std::vector<double> left(table.tokens, 0), numbers(table.tokens, 0);
  for (size_t i = 0; i < all.seen.size(); ++i) {
    if (all.weight[i] == 0) continue;
    const PairTurns& pair = table.pairs[i / table.tokens];
    const size_t t = i % table.tokens;
    const std::complex<double> own = fit.inverse ? std::conj(all.predicted[i]) : all.predicted[i];
    left[t] += pair.left_of[t] + all.weight[i] * std::norm(all.seen[i] - fit.factor * own);
    numbers[t] += 2 + static_cast<double>(pair.numbers) / static_cast<double>(table.tokens);
  }
  for (size_t t = 0; t < table.tokens; ++t) left[t] = numbers[t] > 0 ? left[t] / numbers[t] : 0;
  return left;
}

bool MayBeRounded(const TurnTable& table, const std::vector<double>& frequency,
                  const std::vector<double>& positions, int axes) {
  constexpr double kShort = 0x1p-8, kMost = 30;
  const size_t all = table.pairs.size() * table.tokens;
  if (all == 0) return false;
  const Comparison glance = Compare(table, frequency, positions, static_cast<size_t>(axes), {},
                                    kShort, false, StrideFor(all, table.tokens, kGlance), kShort);
  const double most = kMost * static_cast<double>(glance.seen.size());
  return FitOfTurns(glance, 0, false).chi <= most || FitOfTurns(glance, 0, true).chi <= most;
}

double ScoreOf(double numbers, double chi, double faults) {
  // Below a tenth, errors are no longer those of rounding: nothing is learned from less.
  return numbers * std::log(std::max(chi / numbers, 0.1)) + kPenalty * faults;
}

double ChiOfScore(double numbers, double score, double faults) {
  return numbers * std::exp((score - kPenalty * faults) / numbers);
}

}  // namespace rotary
