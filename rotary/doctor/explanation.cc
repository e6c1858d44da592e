#include "rotary/doctor/explanation.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

#include "rotary/doctor/products.h"

namespace rotary {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
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

// Tries hypotheses of one layout and keeps the best, the first one first.
class Search {
 public:
  //   positions, factor  as for Explain
  Search(const Samples& samples, const TurnTable& table, const ChannelLayout& layout,
         const std::vector<SpectrumGuess>& spectra, const std::vector<double>& positions,
         double factor)
      : samples_(samples),
        table_(table),
        layout_(layout),
        spectra_(spectra),
        positions_(positions),
        usual_(UsualPositions(positions)),
        factor_(factor) {}

  // At the positions given, exact and with each stage of the arithmetic in each format.
  void TryUsual();
  // At positions that turns show; on several axes with one other departure at most.
  void TryMoved();
  // At positions that nobody gave, of frequencies or angles that are rounded: with no other
  // departure.
  void TryRoundedAnywhere();
  // With the best so far, what engines round last: tables, which may hold the factor.
  void TryTables();
  // The best without a tolerance, in which rounded tables hide.
  void TryStrictly();

  const Explanation& best() const { return kept_.front(); }

 private:
  static constexpr size_t kMost = 16;

  // Returns the fit, whether it is among the best or not.
  Fit Try(const SpectrumGuess& spectrum, Precision frequencies, const PositionGuess& positions,
          const TurnArithmetic& arithmetic, double tolerance = kFloat32Tolerance);
  // An explanation with tables in each format that shows.
  void TryTablesOf(const Explanation& one, const SpectrumGuess& spectrum, TurnArithmetic arithmetic,
                   double tolerance);
  // A spectrum and angles in a format, at the shifts of rows that leave least.
  void TryRoundedAnywhere(const SpectrumGuess& spectrum, Precision precision);

  bool MayRound(const SpectrumGuess& spectrum, const std::vector<double>& positions) const {
    return MayBeRounded(table_, spectrum.frequency, positions, samples_.axes);
  }
  // All of cosines, sines and angles in one format.
  TurnArithmetic AllIn(Precision precision) const {
    return {.angles = precision, .tables = precision, .table_factor = factor_};
  }
  TurnArithmetic TablesIn(Precision precision) const {
    return {.tables = precision, .table_factor = factor_};
  }
  // Whether tables in the format spoil as much as the rounding of what came out does.
  bool IsCoarse(Precision tables) const {
    return std::ldexp(1.0, -DigitsOf(tables)) >= samples_.unit;
  }

  const Samples& samples_;
  const TurnTable& table_;
  const ChannelLayout& layout_;
  const std::vector<SpectrumGuess>& spectra_;
  const std::vector<double>& positions_;
  std::vector<PositionGuess> usual_;  // as given first
  double factor_;
  std::vector<char> inverse_;      // [spectra], of each as given
  std::vector<Explanation> kept_;  // the best first
};

Fit Search::Try(const SpectrumGuess& spectrum, Precision frequencies,
                const PositionGuess& positions, const TurnArithmetic& arithmetic,
                double tolerance) {
  // A little more than other positions: where one token does not decide, the position is said.
  constexpr double kReversed = 1.05;
  // All but the direction, which the fit decides.
  double faults = spectrum.faults + positions.faults +
                  RoundingWeight(frequencies, positions.precision, arithmetic);
  const double worst =
      kept_.size() < kMost ? kInfinity : ChiOfScore(table_.numbers, kept_.back().score, faults);
  const Fit fit = FitOf(table_, Rounded(frequencies, spectrum.frequency), positions.positions,
                        samples_.axes, arithmetic, tolerance, worst);
  if (!(fit.chi <= worst)) return fit;  // not a number, where an angle is beyond float16
  faults += fit.inverse ? kReversed : 0;
  const double score = ScoreOf(table_.numbers, fit.chi, faults);
  const auto place =
      std::lower_bound(kept_.begin(), kept_.end(), score,
                       [](const Explanation& other, double value) { return other.score < value; });
  // The same numbers in the same way are the same hypothesis.
  const bool is_known = place != kept_.end() && place->score == score && place->fit.chi == fit.chi;
  if (is_known || (kept_.size() == kMost && place == kept_.end())) return fit;
  kept_.insert(place, {.layout = layout_,
                       .spectrum = spectrum,
                       .frequencies = frequencies,
                       .positions = positions,
                       .arithmetic = arithmetic,
                       .fit = fit,
                       .faults = faults,
                       .score = score,
                       .numbers = table_.numbers});
  if (kept_.size() > kMost) kept_.pop_back();
  return fit;
}

void Search::TryUsual() {
  const PositionGuess& as_given = usual_.front();
  for (const SpectrumGuess& spectrum : spectra_) {
    inverse_.push_back(Try(spectrum, Precision::kDouble, as_given, {}).inverse);
    if (!MayRound(spectrum, positions_)) continue;
    for (const Precision precision : kShort) {
      // Both operands of a product in one format, and the product too where all is in the dtype.
      for (const PositionGuess& rounded : usual_) {
        if (rounded.precision != precision && rounded.kind != "as given") continue;
        Try(spectrum, precision, rounded, {});
        if (precision == Precision::kTF32) continue;
        Try(spectrum, precision, rounded, {.angles = precision});
        Try(spectrum, precision, rounded, AllIn(precision));
      }
      if (precision == Precision::kTF32) continue;
      Try(spectrum, Precision::kDouble, as_given, {.angles = precision});
      if (IsCoarse(precision)) Try(spectrum, Precision::kDouble, as_given, TablesIn(precision));
    }
    for (size_t i = 1; i < usual_.size(); ++i) Try(spectrum, Precision::kDouble, usual_[i], {});
  }
}

void Search::TryMoved() {
  for (size_t i = 0; i < spectra_.size(); ++i) {
    const SpectrumGuess& spectrum = spectra_[i];
    if (samples_.axes > 1 && spectrum.faults > 1.2) continue;
    for (const bool direction : {inverse_[i] != 0, inverse_[i] == 0}) {
      for (const PositionGuess& guess : PositionsFound(table_, samples_, spectrum.frequency,
                                                       direction, positions_, kFloat32Tolerance)) {
        Try(spectrum, Precision::kDouble, guess, {});
        if (!MayRound(spectrum, guess.positions)) continue;
        for (const Precision precision : kShort) {
          Try(spectrum, precision, guess, {});
          if (precision == Precision::kTF32 || !IsCoarse(precision)) continue;
          Try(spectrum, Precision::kDouble, guess, TablesIn(precision));
        }
      }
    }
  }
}

void Search::TryRoundedAnywhere() {
  double least = kInfinity;
  for (const SpectrumGuess& spectrum : spectra_) least = std::min(least, spectrum.faults);
  for (const SpectrumGuess& spectrum : spectra_) {
    if (spectrum.faults > least + 0.2) continue;
    for (const Precision precision : kShort) {
      for (const PositionGuess& guess :
           PositionsFound(table_, samples_, Rounded(precision, spectrum.frequency), false,
                          positions_, kFloat32Tolerance)) {
        Try(spectrum, precision, guess, {});
      }
      TryRoundedAnywhere(spectrum, precision);
    }
  }
}

void Search::TryRoundedAnywhere(const SpectrumGuess& spectrum, Precision precision) {
  const std::map<int64_t, double> shifts =
      ShiftsOfRows(table_, samples_, spectrum.frequency, positions_, precision);
  const auto nothing = [](const std::vector<double>&, double) { return 0.0; };
  const PositionGuess near =
      PositionsRounded(shifts, samples_, positions_, precision, false, nothing);
  if (!MayRound(spectrum, near.positions)) return;
  const auto try_with = [&](Precision frequencies, const TurnArithmetic& arithmetic) {
    const std::vector<double> rounded = Rounded(frequencies, spectrum.frequency);
    const auto left = [&](const std::vector<double>& own, double most) {
      return FitOf(table_, rounded, own, samples_.axes, arithmetic, kFloat32Tolerance, most).chi;
    };
    for (const bool rounds : {false, true}) {
      Try(spectrum, frequencies,
          PositionsRounded(shifts, samples_, positions_, precision, rounds, left), arithmetic);
    }
  };
  try_with(Precision::kDouble, {});
  try_with(precision, {});
  if (precision == Precision::kTF32) return;
  try_with(Precision::kDouble, {.angles = precision});
  try_with(precision, {.angles = precision});
  try_with(precision, AllIn(precision));
}

void Search::TryTablesOf(const Explanation& one, const SpectrumGuess& spectrum,
                         TurnArithmetic arithmetic, double tolerance) {
  for (const Precision tables : {Precision::kF32, Precision::kBF16, Precision::kF16}) {
    if (!IsCoarse(tables)) continue;
    arithmetic.tables = tables;
    std::vector<double> factors = {1};
    if (std::abs(factor_ - 1) > 1e-9) factors.push_back(factor_);
    for (const double own : factors) {
      arithmetic.table_factor = own;
      Try(spectrum, one.frequencies, one.positions, arithmetic, tolerance);
    }
  }
}

void Search::TryTables() {
  for (const Explanation& one : std::vector<Explanation>(kept_)) {
    TryTablesOf(one, one.spectrum, one.arithmetic, kFloat32Tolerance);
  }
}

void Search::TryStrictly() {
  const Explanation one = best();
  TurnArithmetic arithmetic = one.arithmetic;
  arithmetic.tables = Precision::kDouble;
  Try(one.spectrum, one.frequencies, one.positions, arithmetic, 0);
  TryTablesOf(one, one.spectrum, arithmetic, 0);
  if (arithmetic.angles != Precision::kDouble || one.frequencies != Precision::kDouble) return;
  arithmetic.float32 = true;
  SpectrumGuess spectrum = one.spectrum;
  if (!spectrum.float32_frequency.empty()) spectrum.frequency = spectrum.float32_frequency;
  Try(spectrum, one.frequencies, one.positions, arithmetic, 0);
  TryTablesOf(one, spectrum, arithmetic, 0);
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
  Search search(samples, table, layout, spectra, positions, factor);
  search.TryUsual();
  if (moved) search.TryMoved();
  const bool is_open = search.best().Left() > kExplained;
  if (moved && is_open && samples.positions.empty()) search.TryRoundedAnywhere();
  search.TryTables();
  search.TryStrictly();
  Explanation found = search.best();
  if (found.Left() <= kExplained) found.products = ProductsOf(table, found, samples.axes);
  return found;
}

}  // namespace rotary
