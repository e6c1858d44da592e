#include "rotary/doctor/products.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace rotary {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// The rounding of the double products of this code.
constexpr double kDoubleTolerance = 0x1p-51;

// Frequencies [pairs, axes] as float code has them: of each pair those that explain its turns best,
// of float numbers up to two units in the last place away, as far as one pow and quotient are off
// from another.
std::vector<double> Float32Frequencies(const TurnTable& table, const Explanation& found, int axes) {
  const SpectrumGuess& spectrum = found.spectrum;
  std::vector<double> frequency =
      spectrum.float32_frequency.empty() ? spectrum.frequency : spectrum.float32_frequency;
  TurnArithmetic arithmetic = found.arithmetic;
  arithmetic.float32 = true;
  const auto n = static_cast<size_t>(axes);
  for (size_t j = 0; j < table.pairs.size(); ++j) {
    const TurnTable own{.pairs = {table.pairs[j]}, .tokens = table.tokens};
    const auto from = frequency.begin() + static_cast<std::ptrdiff_t>(j * n);
    const std::vector<double> middle(from, from + axes);
    double least = kInfinity;
    for (const int units : {0, -1, 1, -2, 2}) {
      std::vector<double> one = middle;
      for (double& w : one) {
        w += units * (std::nextafter(static_cast<float>(w), 2.0f * static_cast<float>(w)) -
                      static_cast<float>(w));
      }
      const double chi =
          FitOf(own, one, found.positions.positions, axes, arithmetic, kDoubleTolerance).chi;
      if (chi >= least) continue;
      least = chi;
      std::copy(one.begin(), one.end(), from);
    }
  }
  return frequency;
}

}  // namespace

Products ProductsOf(const TurnTable& table, const Explanation& found, int axes) {
  if (found.frequencies != Precision::kDouble || found.arithmetic.angles != Precision::kDouble) {
    return Products::kUnknown;
  }
  // Without the tolerance, which excuses what is to be told apart. Products and sums of the
  // rotation itself may be rounded too.
  constexpr double kMostLeft = 3;
  const auto left = [&](bool float32, const std::vector<double>& frequency) {
    TurnArithmetic arithmetic = found.arithmetic;
    arithmetic.float32 = float32;
    double least = kInfinity;
    for (const Precision tables : {found.arithmetic.tables, Precision::kF32}) {
      arithmetic.tables = tables;
      least = std::min(least, FitOf(table, frequency, found.positions.positions, axes, arithmetic,
                                    kDoubleTolerance)
                                  .chi);
    }
    return least / table.numbers;
  };
  const double exact = left(false, found.spectrum.frequency);
  const double float32 = left(true, Float32Frequencies(table, found, axes));
  const double least = std::min(exact, float32);
  if (!(least <= kMostLeft)) return Products::kNear;
  // As for a fault: 6 deviations.
  if (std::abs(exact - float32) * table.numbers < kPenalty * std::max(1.0, least)) {
    return Products::kEither;
  }
  return exact < float32 ? Products::kExact : Products::kFloat32;
}

}  // namespace rotary
