#include "rotary/rope/spectra.h"

#include <cmath>
#include <numbers>
#include <string_view>

#include "rotary/base/error.h"
#include "rotary/rope/rules.h"

namespace rotary {
namespace {

void RequirePositive(double value, std::string_view name) {
  Require(std::isfinite(value) && value > 0, "frequencies: ", name,
          " must be positive and finite, got ", value);
}

// The place of number i between the first (0) and the last (1).
double Part(int i, int count) { return count > 1 ? static_cast<double>(i) / (count - 1) : 0; }

}  // namespace

std::vector<double> PlainFrequencies(int dim, double theta) {
  return MakeSpectrum(dim, theta, PlainRule()).frequency;
}

std::vector<double> GeometricFrequencies(int count, double first, double last) {
  Require(count >= 0, "frequencies: their number must not be negative, got ", count);
  RequirePositive(first, "the first");
  RequirePositive(last, "the last");
  std::vector<double> frequency(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) {
    frequency[static_cast<size_t>(i)] = first * std::pow(last / first, Part(i, count));
  }
  return frequency;
}

std::vector<double> LinearFrequencies(int count, double first, double last) {
  Require(count >= 0, "frequencies: their number must not be negative, got ", count);
  Require(std::isfinite(first) && std::isfinite(last), "frequencies: ends must be finite, got ",
          first, " and ", last);
  std::vector<double> frequency(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) {
    frequency[static_cast<size_t>(i)] = first + (last - first) * Part(i, count);
  }
  return frequency;
}

std::vector<double> TurnsPerUnit(std::span<const double> turns) {
  std::vector<double> frequency;
  for (const double f : turns) frequency.push_back(2 * std::numbers::pi * f);
  return frequency;
}

std::vector<double> FrequenciesOfPeriods(std::span<const double> periods) {
  std::vector<double> frequency;
  for (const double period : periods) {
    RequirePositive(period, "periods");
    frequency.push_back(2 * std::numbers::pi / period);
  }
  return frequency;
}

}  // namespace rotary
