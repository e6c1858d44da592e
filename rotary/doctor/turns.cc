#include "rotary/doctor/turns.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "rotary/doctor/rounding.h"

namespace rotary {
namespace {

// Of the two numbers of y together: each is a difference of products as large as the pair, which
// engines round too.
double PairVariance(std::complex<double> y, double unit) {
  return 2 * RoundingVariance(std::norm(y), unit);
}

// Adds, to turns that leave `left` where rounding would leave `rounded`, both squared and over
// `numbers` numbers, what is noise.
//   gain  [tokens], the variance of each part of a turn for numbers of variance 1
void AddNoise(double left, double rounded, int64_t numbers, const std::vector<double>& gain,
              PairTurns& turns) {
  // From few numbers noise is no more than a guess.
  if (numbers < 8 || left <= rounded) return;
  const double variance = (left - rounded) / static_cast<double>(numbers);
  for (const double g : gain) turns.noise.push_back(std::sqrt(variance * g));
}

}  // namespace

PairTurns TurnsOf(const Samples& samples, int first, int second) {
  PairTurns pair;
  pair.left_of.resize(static_cast<size_t>(samples.tokens), 0);
  double before = 0, length = 0, length_variance = 0, left = 0, rounded = 0;
  std::vector<double> gain;
  for (int64_t t = 0; t < samples.tokens; ++t) {
    std::complex<double> product = 0;
    double energy = 0, variance = 0;
    for (int64_t h = 0; h < samples.heads; ++h) {
      const double* x = samples.Before(t) + h * samples.head_dim;
      const double* y = samples.After(t) + h * samples.head_dim;
      const std::complex<double> in(x[first], x[second]), out(y[first], y[second]);
      product += out * std::conj(in);
      energy += std::norm(in);
      variance += std::norm(in) * PairVariance(out, samples.unit);
    }
    gain.push_back(energy > 0 ? 1 / energy : 0);
    if (energy == 0) {
      // Of nothing, turns make nothing.
      for (int64_t h = 0; h < samples.heads; ++h) {
        const double* y = samples.After(t) + h * samples.head_dim;
        const std::complex<double> out(y[first], y[second]);
        if (out != 0.0)
          pair.left_of[static_cast<size_t>(t)] +=
              2 * std::norm(out) / PairVariance(out, samples.unit);
      }
      pair.turn.push_back(0);
      pair.deviation.push_back(std::numeric_limits<double>::infinity());
      continue;
    }
    const std::complex<double> turn = product / energy;
    pair.turn.push_back(turn);
    pair.deviation.push_back(std::max(std::sqrt(variance / 2) / energy, 0x1p-52));
    before += energy;
    length += std::abs(product);
    length_variance += variance / 2;
    if (samples.heads == 1) continue;
    for (int64_t h = 0; h < samples.heads; ++h) {
      const double* x = samples.Before(t) + h * samples.head_dim;
      const double* y = samples.After(t) + h * samples.head_dim;
      const std::complex<double> in(x[first], x[second]), out(y[first], y[second]);
      // At least the rounding of double arithmetic here.
      const double rounding = PairVariance(out, samples.unit) + 1e-32 * std::norm(out);
      const double rest = std::norm(out - turn * in);
      if (rounding > 0) pair.left_of[static_cast<size_t>(t)] += 2 * rest / rounding;
      left += rest;
      rounded += rounding * (1 - std::norm(in) / energy);
    }
    pair.numbers += 2 * (samples.heads - 1);
  }
  pair.left = std::accumulate(pair.left_of.begin(), pair.left_of.end(), 0.0);
  AddNoise(left, rounded, pair.numbers, gain, pair);
  const double noise =
      pair.noise.empty() ? 0 : (left - rounded) / static_cast<double>(pair.numbers);
  pair.factor = before > 0 ? length / before : 1;
  pair.factor_deviation =
      before > 0 ? std::max(std::sqrt(length_variance + noise * before) / before, 0x1p-52) : 0;
  // Where a turn is below a few units in the last place, rounding gives back much of what went in:
  // an error towards no turn, the same at every such token, which no average makes smaller.
  const auto is_small = [&](std::complex<double> turn) {
    return std::abs(turn.imag()) < 8 * samples.unit && turn.real() > 0;
  };
  const auto small =
      static_cast<double>(std::count_if(pair.turn.begin(), pair.turn.end(), is_small));
  for (size_t t = 0; t < pair.turn.size(); ++t) {
    const double bias = is_small(pair.turn[t]) ? 2 * samples.unit * std::sqrt(small) : 0;
    pair.deviation[t] = std::hypot(pair.deviation[t], bias);
  }
  return pair;
}

PairTurns OutputTurns(const Samples& samples, int first, int second, bool of_second) {
  PairTurns turns;
  double left = 0, rounded = 0;
  int64_t numbers = 0;
  std::vector<double> gain;
  const int own = of_second ? second : first, other = of_second ? first : second;
  for (int64_t t = 0; t < samples.tokens; ++t) {
    double oo = 0, op = 0, pp = 0, oy = 0, py = 0, variance = 0;
    for (int64_t h = 0; h < samples.heads; ++h) {
      const double* x = samples.Before(t) + h * samples.head_dim;
      const double y = samples.After(t)[h * samples.head_dim + own];
      oo += x[own] * x[own];
      op += x[own] * x[other];
      pp += x[other] * x[other];
      oy += x[own] * y;
      py += x[other] * y;
      variance += PairVariance({x[own], x[other]}, samples.unit) / 2;
    }
    const double determinant = oo * pp - op * op;
    if (!(determinant > 1e-6 * oo * pp)) {
      turns.turn.push_back(0);
      turns.deviation.push_back(std::numeric_limits<double>::infinity());
      gain.push_back(0);
      continue;
    }
    const double c = (oy * pp - py * op) / determinant;
    const double s = (py * oo - oy * op) / determinant * (of_second ? 1 : -1);
    turns.turn.emplace_back(c, s);
    gain.push_back((oo + pp) / determinant);
    turns.deviation.push_back(
        std::max(std::sqrt(variance / static_cast<double>(samples.heads) * gain.back()), 1e-16));
    if (samples.heads < 3) continue;
    for (int64_t h = 0; h < samples.heads; ++h) {
      const double* x = samples.Before(t) + h * samples.head_dim;
      const double y = samples.After(t)[h * samples.head_dim + own];
      left += std::pow(y - c * x[own] - (of_second ? s : -s) * x[other], 2);
      rounded += 1e-32 * y * y;
    }
    numbers += samples.heads - 2;
    rounded +=
        variance / static_cast<double>(samples.heads) * static_cast<double>(samples.heads - 2);
  }
  AddNoise(left, rounded, numbers, gain, turns);
  return turns;
}

}  // namespace rotary
