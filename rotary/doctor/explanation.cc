#include "rotary/doctor/explanation.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

namespace rotary {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
// The rounding of the double products of this code.
constexpr double kDoubleTolerance = 0x1p-51;
constexpr Precision kShort[] = {Precision::kBF16, Precision::kF16, Precision::kTF32};

std::vector<double> Rounded(Precision precision, std::vector<double> values) {
  for (double& x : values) x = RoundedTo(precision, x);
  return values;
}

// What rounding weighs: one for each format in which frequencies, positions or angles are, because
// an engine that computes in a format does so in several steps; less for tables, which most engines
// keep short on purpose.
double RoundingWeight(Precision frequencies, Precision positions,
                      const TurnArithmetic& arithmetic) {
  constexpr double kAgain = 0.1, kTables = 0.4;
  double weight = arithmetic.float32 ? kAgain : 0;
  std::vector<Precision> formats;
  const auto is_known = [&](Precision format) {
    return std::find(formats.begin(), formats.end(), format) != formats.end();
  };
  for (const Precision format : {frequencies, positions, arithmetic.angles}) {
    if (format == Precision::kDouble) continue;
    weight += is_known(format) ? kAgain : 1;
    formats.push_back(format);
  }
  if (arithmetic.tables == Precision::kDouble) return weight;
  const bool is_cheap = arithmetic.tables == Precision::kF32 || is_known(arithmetic.tables);
  return weight + (is_cheap ? kAgain : kTables);
}

// Tries hypotheses and keeps them, the best first.
class Search {
 public:
  Search(const Samples& samples, const TurnTable& table, const ChannelLayout& layout)
      : table_(table), layout_(layout), axes_(samples.axes) {}

  // Returns the fit, whether it is the best or not.
  Fit Try(const SpectrumGuess& spectrum, Precision frequencies, const PositionGuess& positions,
          const TurnArithmetic& arithmetic, double tolerance = kFloat32Tolerance) {
    const auto one = [](bool is) { return is ? 1.0 : 0.0; };
    // All but the direction, which the fit decides.
    double faults = spectrum.faults + positions.faults +
                    RoundingWeight(frequencies, positions.precision, arithmetic);
    const double worst =
        kept_.size() < kMost ? kInfinity : ChiOfScore(table_.numbers, kept_.back().score, faults);
    const Fit fit = FitOf(table_, Rounded(frequencies, spectrum.frequency), positions.positions,
                          axes_, arithmetic, tolerance, worst);
    if (fit.chi > worst) return fit;
    faults += 1.05 * one(fit.inverse);  // a little more than other positions
    const double score = ScoreOf(table_.numbers, fit.chi, faults);
    if (kept_.size() == kMost && score >= kept_.back().score) return fit;
    Explanation own{.layout = layout_,
                    .spectrum = spectrum,
                    .frequencies = frequencies,
                    .positions = positions,
                    .arithmetic = arithmetic,
                    .fit = fit,
                    .faults = faults,
                    .score = score,
                    .numbers = table_.numbers};
    const auto place = std::upper_bound(
        kept_.begin(), kept_.end(), score,
        [](double value, const Explanation& other) { return value < other.score; });
    kept_.insert(place, std::move(own));
    if (kept_.size() > kMost) kept_.pop_back();
    return fit;
  }

  const std::vector<Explanation>& kept() const { return kept_; }

 private:
  static constexpr size_t kMost = 16;

  const TurnTable& table_;
  const ChannelLayout& layout_;
  int axes_;
  std::vector<Explanation> kept_;
};

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

}  // namespace

Rotation AppliedRotation(const Explanation& explanation, const Samples& samples) {
  Rotation rotation;
  if (explanation.whole) {
    rotation = explanation.whole->rotation;
    rotation.attention_factor = explanation.fit.factor;
    return rotation;
  }
  rotation.head_dim = samples.head_dim;
  rotation.axes = samples.axes;
  rotation.attention_factor = explanation.fit.factor;
  rotation.first.assign(explanation.layout.first.begin(), explanation.layout.first.end());
  rotation.second.assign(explanation.layout.second.begin(), explanation.layout.second.end());
  for (const double w : explanation.spectrum.frequency) {
    rotation.frequency.push_back(RoundedTo(explanation.frequencies, w) *
                                 (explanation.fit.inverse ? -1 : 1));
  }
  return rotation;
}

Explanation Explain(const Samples& samples, const TurnTable& table, const ChannelLayout& layout,
                    const std::vector<SpectrumGuess>& spectra, const std::vector<double>& positions,
                    double factor, bool moved) {
  Search search(samples, table, layout);
  const std::vector<PositionGuess> usual = UsualPositions(positions);
  const PositionGuess& as_given = usual.front();
  std::vector<char> inverse;
  // Tables that spoil as much as the rounding of what came out does.
  const auto is_coarse = [&](Precision tables) {
    return std::ldexp(1.0, -DigitsOf(tables)) >= samples.unit;
  };
  for (const SpectrumGuess& spectrum : spectra) {
    const Fit plain = search.Try(spectrum, Precision::kDouble, as_given, {});
    inverse.push_back(plain.inverse);
    if (!MayBeRounded(table, spectrum.frequency, positions, samples.axes)) continue;
    for (const Precision precision : kShort) {
      // Both operands of a product in one format, and the product too where all is in the dtype.
      for (const PositionGuess& rounded : usual) {
        if (rounded.precision != precision && rounded.kind != "as given") continue;
        search.Try(spectrum, precision, rounded, {});
        if (precision == Precision::kTF32) continue;
        search.Try(spectrum, precision, rounded, {.angles = precision});
        search.Try(spectrum, precision, rounded,
                   {.angles = precision, .tables = precision, .table_factor = factor});
      }
      if (precision != Precision::kTF32) {
        search.Try(spectrum, Precision::kDouble, as_given, {.angles = precision});
        if (is_coarse(precision)) {
          search.Try(spectrum, Precision::kDouble, as_given,
                     {.tables = precision, .table_factor = factor});
        }
      }
    }
    for (size_t i = 1; i < usual.size(); ++i) {
      search.Try(spectrum, Precision::kDouble, usual[i], {});
    }
  }
  // On several axes with one other departure at most.
  for (size_t i = 0; i < spectra.size() && moved; ++i) {
    const SpectrumGuess& spectrum = spectra[i];
    if (samples.axes > 1 && spectrum.faults > 1.2) continue;
    for (const bool direction : {inverse[i] != 0, inverse[i] == 0}) {
      for (const PositionGuess& guess : PositionsFound(table, samples, spectrum.frequency,
                                                       direction, positions, kFloat32Tolerance)) {
        search.Try(spectrum, Precision::kDouble, guess, {});
        if (!MayBeRounded(table, spectrum.frequency, guess.positions, samples.axes)) continue;
        for (const Precision precision : kShort) {
          search.Try(spectrum, precision, guess, {});
          if (precision == Precision::kTF32 || !is_coarse(precision)) continue;
          search.Try(spectrum, Precision::kDouble, guess,
                     {.tables = precision, .table_factor = factor});
        }
      }
    }
  }
  // Positions that nobody gave, of frequencies or angles that are rounded: with no other departure.
  double least = kInfinity;
  for (const SpectrumGuess& spectrum : spectra) least = std::min(least, spectrum.faults);
  const bool is_open = moved && search.kept().front().Left() > kExplained;
  for (size_t i = 0; i < spectra.size() && samples.positions.empty() && is_open; ++i) {
    const SpectrumGuess& spectrum = spectra[i];
    if (spectrum.faults > least + 0.2) continue;
    for (const Precision precision : kShort) {
      for (const PositionGuess& guess :
           PositionsFound(table, samples, Rounded(precision, spectrum.frequency), false, positions,
                          kFloat32Tolerance)) {
        search.Try(spectrum, precision, guess, {});
      }
      const std::map<int64_t, double> shifts =
          ShiftsOfRows(table, samples, spectrum.frequency, positions, precision);
      const auto try_with = [&](Precision frequencies, const TurnArithmetic& arithmetic) {
        const std::vector<double> rounded = Rounded(frequencies, spectrum.frequency);
        const auto left = [&](const std::vector<double>& own) {
          return FitOf(table, rounded, own, samples.axes, arithmetic, kFloat32Tolerance).chi;
        };
        for (const Precision of_positions : {Precision::kDouble, precision}) {
          search.Try(spectrum, frequencies,
                     PositionsRounded(shifts, samples, positions, of_positions, left), arithmetic);
        }
      };
      const PositionGuess near = PositionsRounded(shifts, samples, positions, Precision::kDouble,
                                                  [](const std::vector<double>&) { return 0.0; });
      if (!MayBeRounded(table, spectrum.frequency, near.positions, samples.axes)) continue;
      try_with(Precision::kDouble, {});
      try_with(precision, {});
      if (precision == Precision::kTF32) continue;
      try_with(Precision::kDouble, {.angles = precision});
      try_with(precision, {.angles = precision});
      try_with(precision, {.angles = precision, .tables = precision, .table_factor = factor});
    }
  }
  // With the best of these, what engines round last: tables, which may hold the factor.
  const std::vector<Explanation> so_far = search.kept();
  const auto try_tables = [&](const Explanation& one, const SpectrumGuess& spectrum,
                              TurnArithmetic arithmetic, double tolerance) {
    for (const Precision tables : {Precision::kF32, Precision::kBF16, Precision::kF16}) {
      // Finer than what came out: nothing tells.
      if (std::ldexp(1.0, -DigitsOf(tables)) < samples.unit) continue;
      arithmetic.tables = tables;
      std::vector<double> factors = {1};
      if (std::abs(factor - 1) > 1e-9) factors.push_back(factor);
      for (const double own : factors) {
        arithmetic.table_factor = own;
        search.Try(spectrum, one.frequencies, one.positions, arithmetic, tolerance);
      }
    }
  };
  for (const Explanation& one : so_far) {
    try_tables(one, one.spectrum, one.arithmetic, kFloat32Tolerance);
  }
  // Whether angles are exact, those of float32 products, or only near: rounded tables hide in what
  // a tolerance allows.
  const Explanation best = search.kept().front();
  TurnArithmetic arithmetic = best.arithmetic;
  arithmetic.tables = Precision::kDouble;
  search.Try(best.spectrum, best.frequencies, best.positions, arithmetic, 0);
  try_tables(best, best.spectrum, arithmetic, 0);
  if (arithmetic.angles == Precision::kDouble && best.frequencies == Precision::kDouble) {
    arithmetic.float32 = true;
    SpectrumGuess spectrum = best.spectrum;
    if (!spectrum.float32_frequency.empty()) spectrum.frequency = spectrum.float32_frequency;
    search.Try(spectrum, best.frequencies, best.positions, arithmetic, 0);
    try_tables(best, spectrum, arithmetic, 0);
  }
  Explanation found = search.kept().front();
  if (found.Left() <= kExplained) found.products = ProductsOf(table, found, samples.axes);
  return found;
}

}  // namespace rotary
