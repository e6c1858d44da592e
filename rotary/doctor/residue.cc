#include "rotary/doctor/residue.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

namespace rotary {
namespace {

double SquaredRest(std::span<const double> y, std::span<const double> predicted, double scale = 1) {
  double rest = 0;
  for (size_t i = 0; i < y.size(); ++i) {
    const double off = y[i] - scale * predicted[i];
    rest += off * off;
  }
  return rest;
}

// The step of a grid that all numbers lie on, or 0: steps as coarse as the rest is large.
double StepOf(std::span<const double> y, double rest) {
  std::vector<double> sizes;
  for (const double value : y) {
    if (value != 0) sizes.push_back(std::abs(value));
  }
  if (sizes.size() < 4) return 0;
  std::sort(sizes.begin(), sizes.end());
  double step = sizes.front();
  // Differences of neighbours, by Euclid's algorithm with room for rounding.
  const double room = 1e-4;
  for (size_t i = 0; i + 1 < sizes.size(); ++i) {
    double a = sizes[i + 1], b = step;
    a = std::abs(std::remainder(a, b));
    while (a > room * b) {
      std::swap(a, b);
      a = std::abs(std::remainder(a, b));
      if (b < rest / 4) return 0;  // finer than the rest: no steps
    }
    step = b;
  }
  // Uniform rounding leaves a step over the square root of twelve.
  return step < 8 * rest && step > 1.5 * rest ? step : 0;
}

}  // namespace

Residue ResidueOf(const Samples& samples, const std::vector<double>& predicted) {
  const auto dim = static_cast<size_t>(samples.head_dim);
  const std::vector<double>& y = samples.after;
  double energy = 0;
  for (const double value : y) energy += value * value;
  const double rest = SquaredRest(y, predicted);
  Residue residue{.kind = "noise", .relative = std::sqrt(rest / std::max(energy, 1e-300))};
  const double typical = std::sqrt(rest / static_cast<double>(y.size()));
  residue.size = residue.relative;

  // What was added: the mean of the rest of each channel, of all heads or of each.
  const size_t heads = y.size() / dim;
  for (const size_t period : {dim, dim * static_cast<size_t>(samples.heads)}) {
    const size_t count = y.size() / period;
    std::vector<double> mean(period, 0);
    for (size_t i = 0; i < y.size(); ++i) {
      mean[i % period] += (y[i] - predicted[i]) / static_cast<double>(count);
    }
    double explained = 0, largest = 0;
    for (const double m : mean) {
      explained += m * m * static_cast<double>(count);
      largest = std::max(largest, std::abs(m));
    }
    if (count < 4 || explained <= 0.9 * rest) continue;
    residue.kind = "added";
    residue.size = largest;
    residue.sentence = fmt::format(
        "Something is added to what the rotation makes: up to {:.3g} in a channel.", largest);
    return residue;
  }
  // One factor for each head of each token.
  double left = 0, most = 1;
  for (size_t h = 0; h < heads; ++h) {
    const std::span<const double> own(&y[h * dim], dim), made(&predicted[h * dim], dim);
    double crossed = 0, norm = 0;
    for (size_t c = 0; c < dim; ++c) {
      crossed += own[c] * made[c];
      norm += made[c] * made[c];
    }
    const double scale = norm > 0 ? crossed / norm : 1;
    left += SquaredRest(own, made, scale);
    if (std::abs(std::log(std::max(scale, 1e-9))) > std::abs(std::log(most))) most = scale;
  }
  if (left < 0.1 * rest) {
    residue.kind = "norms";
    residue.size = most;
    residue.sentence = fmt::format(
        "Norms are changed: a rotation keeps the length of each head, here lengths are multiplied "
        "by up to {:.4g}.",
        most);
    return residue;
  }
  // Steps: of all numbers, or of each head of each token.
  double step = StepOf(y, typical);
  if (step == 0) {
    size_t with_steps = 0;
    for (size_t h = 0; h < heads; ++h) {
      const std::span<const double> own(&y[h * dim], dim);
      const double own_rest =
          std::sqrt(SquaredRest(own, {&predicted[h * dim], dim}) / static_cast<double>(dim));
      const double own_step = StepOf(own, own_rest);
      if (own_step > 0) ++with_steps;
      step = std::max(step, own_step);
    }
    if (2 * with_steps < heads) step = 0;
  }
  if (step > 0) {
    residue.kind = "steps";
    residue.size = step;
    residue.sentence =
        fmt::format("What came out is quantised in steps of {:.3g}, {:.2g} of it in all.", step,
                    residue.relative);
    return residue;
  }
  residue.sentence = fmt::format(
      "The rotation leaves {:.2g} of what came out, far more than its rounding: noise, or "
      "something "
      "that is no rotation.",
      residue.relative);
  return residue;
}

}  // namespace rotary
