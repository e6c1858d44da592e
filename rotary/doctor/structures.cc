#include "rotary/doctor/structures.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "rotary/doctor/measurements.h"
#include "rotary/doctor/output_fit.h"
#include "rotary/doctor/regression.h"
#include "rotary/rope/spectra.h"

namespace rotary {
namespace {

// The first channel that came out otherwise than it went in, and how many there are up to the last.
struct ChangedSpan {
  int first = 0, count = 0;
};

ChangedSpan ChangedSpanOf(const Samples& samples) {
  const auto head_dim = static_cast<size_t>(samples.head_dim);
  size_t first = head_dim, end = 0;
  for (size_t i = 0; i < samples.before.size(); ++i) {
    if (samples.before[i] == samples.after[i]) continue;
    first = std::min(first, i % head_dim);
    end = std::max(end, i % head_dim + 1);
  }
  if (end == 0) return {};
  return {static_cast<int>(first), static_cast<int>(end - first)};
}

// The layouts to look at: the expected one, those that the pairs allow, and where pairs say little,
// the usual ones.
std::vector<ChannelLayout> LayoutsToTry(const Samples& samples,
                                        const std::optional<Expectation>& expected) {
  const Pairing pairing = FindPairs(samples);
  std::vector<ChannelLayout> layouts;
  const auto add = [&](const ChannelLayout& layout) {
    if (std::find(layouts.begin(), layouts.end(), layout) == layouts.end()) {
      layouts.push_back(layout);
    }
  };
  const bool is_conclusive = !pairing.pairs.empty() && pairing.unexplained.empty();
  if (expected && (!is_conclusive || Allows(expected->layout, pairing))) add(expected->layout);
  for (const ChannelLayout& layout : LayoutsOf(pairing, samples.head_dim)) add(layout);
  // Channels that came out as they went in may lie outside the span, or turn slowly at its end.
  const ChangedSpan changed = ChangedSpanOf(samples);
  for (const int rotary_dim :
       {(changed.count + 1) / 2 * 2, samples.head_dim / 4 * 2, samples.head_dim / 8 * 2}) {
    if (rotary_dim < 2 || rotary_dim < changed.count) continue;
    if (changed.first + rotary_dim > samples.head_dim) continue;
    for (const ChannelLayout& layout :
         {HalfLayout(rotary_dim, changed.first), InterleavedLayout(rotary_dim, changed.first)}) {
      if (!is_conclusive || Allows(layout, pairing)) add(layout);
    }
  }
  if (is_conclusive) return layouts;
  const int wanted_dim = expected ? expected->layout.rotary_dim : 0;
  const int wanted_offset = expected ? expected->layout.offset : 0;
  for (const int rotary_dim : {samples.head_dim / 2 * 2, wanted_dim}) {
    for (const int offset : {0, wanted_offset}) {
      if (rotary_dim < 2 || offset + rotary_dim > samples.head_dim) continue;
      add(HalfLayout(rotary_dim, offset));
      add(InterleavedLayout(rotary_dim, offset));
    }
  }
  return layouts;
}

double LayoutFaults(const ChannelLayout& layout, const std::optional<Expectation>& expected) {
  if (!expected) return layout.name == "other" ? 1 : 0;
  const ChannelLayout& wanted = expected->layout;
  if (layout == wanted) return 0;
  const double faults = (layout.name != wanted.name ? 1.0 : 0.0) +
                        (layout.rotary_dim != wanted.rotary_dim ? 1.0 : 0.0) +
                        (layout.offset != wanted.offset ? 1.0 : 0.0);
  return std::max(faults, 1.0);
}

void Keep(std::optional<Explanation>& best, Explanation own) {
  if (!best || own.score < best->score) best = std::move(own);
}

// A layout with all that was measured in it.
struct Measured {
  ChannelLayout layout;
  TurnTable table;
  Measurements measurements;
  std::vector<SpectrumGuess> spectra;
};

//   moved  whether tokens may stand at other positions than were given
std::optional<Explanation> ExplainPlain(const Samples& samples,
                                        const std::optional<Expectation>& expected,
                                        bool moved = true) {
  const std::vector<double> positions = GivenPositions(samples);
  std::vector<Measured> layouts;
  for (const ChannelLayout& layout : LayoutsToTry(samples, expected)) {
    if (layout.first.empty()) continue;
    Measured one{.layout = layout, .table = TurnTableOf(samples, layout.first, layout.second)};
    one.measurements = MeasurementsOf(one.table, samples, positions, expected);
    one.spectra = UsualSpectra(expected, layout, samples.head_dim);
    for (SpectrumGuess& guess :
         RuleSpectra(one.measurements, one.table, samples, positions, expected)) {
      AddDistinct(std::move(guess), one.spectra);
    }
    layouts.push_back(std::move(one));
  }
  // Layouts in which the lengths of turns say that others pair up.
  // Of those with many pairs: one or two may fit by chance, exactly where tables are rounded.
  size_t most_pairs = 0;
  for (const Measured& one : layouts) most_pairs = std::max(most_pairs, one.table.pairs.size());
  double least = std::numeric_limits<double>::infinity();
  for (const Measured& one : layouts) {
    if (2 * one.table.pairs.size() < most_pairs) continue;
    least = std::min(least, LengthScatter(one.table));
  }
  std::erase_if(layouts,
                [&](const Measured& one) { return LengthScatter(one.table) > 100 + 10 * least; });
  std::optional<Explanation> best;
  const double factor = expected ? expected->rotation.attention_factor : 1;
  // What is left by the best of a layout.
  const auto explain = [&](const Measured& one, const std::vector<SpectrumGuess>& spectra,
                           bool anywhere) {
    if (spectra.empty()) return std::numeric_limits<double>::infinity();
    Explanation own = Explain(samples, one.table, one.layout, spectra, positions, factor, anywhere);
    const double left = own.Left();
    own.faults += LayoutFaults(one.layout, expected);
    own.score += kPenalty * LayoutFaults(one.layout, expected);
    Keep(best, std::move(own));
    return left;
  };
  // Positions as given first: mostly little is left for others to explain, and nothing in layouts
  // that are far off. Numbers that are fitted may take the place of a shift.
  constexpr double kLittle = 2, kFarOff = 100;
  std::vector<double> left;
  left.reserve(layouts.size());
  for (const Measured& one : layouts) left.push_back(explain(one, one.spectra, false));
  const bool by_rule = best && best->spectrum.free_numbers == 0;
  if (by_rule && best->Left() <= kLittle) return best;
  const bool is_near = by_rule && best->Left() <= kExplained;
  for (size_t i = 0; i < layouts.size() && moved; ++i) {
    if (is_near && left[i] > kFarOff * best->Left()) continue;
    explain(layouts[i], layouts[i].spectra, true);
  }
  // Frequencies of their own always come nearer than a rule, which is off by the engine's
  // arithmetic.
  if (best && best->Left() <= kExplained) return best;
  for (const Measured& one : layouts) {
    explain(one, OwnSpectra(one.measurements, samples.axes, expected), moved);
  }
  return best;
}

// The turns of each output of a list of pairs alone: of the firsts, then of the seconds. Two heads
// at least.
TurnTable TurnsOfOutputs(const Samples& samples, const Rotation& rotation) {
  TurnTable table;
  table.tokens = static_cast<size_t>(samples.tokens);
  for (const bool of_second : {false, true}) {
    for (size_t j = 0; j < rotation.first.size(); ++j) {
      table.pairs.push_back(OutputTurns(samples, rotation.first[j], rotation.second[j], of_second));
    }
  }
  return table;
}

// Positions at which two angles of each pair would have come about.
std::vector<PositionGuess> PositionsOfOutputs(const Samples& samples, const Rotation& rotation,
                                              const std::vector<double>& given) {
  if (samples.heads < 2 || rotation.heads > 1 || rotation.IsGroup()) return {};
  std::vector<double> frequency = rotation.frequency;
  frequency.insert(frequency.end(), rotation.second_frequency.begin(),
                   rotation.second_frequency.end());
  return PositionsFound(TurnsOfOutputs(samples, rotation), samples, frequency, false, given,
                        kFloat32Tolerance);
}

// Tries a rotation as a whole at the usual positions and near ones.
void TryWhole(const Samples& samples, const WholeRotation& whole, const Explanation& words,
              double faults, std::optional<Explanation>& best) {
  std::vector<PositionGuess> guesses = UsualPositions(GivenPositions(samples));
  for (const double shift : {1.0, -1.0, 2.0, -2.0, 3.0, -3.0, 4.0, -4.0}) {
    PositionGuess shifted{
        .kind = "shifted", .shift = shift, .positions = guesses[0].positions, .faults = 1};
    for (double& p : shifted.positions) p += shift;
    guesses.push_back(std::move(shifted));
  }
  for (PositionGuess& found : PositionsOfOutputs(samples, whole.rotation, guesses[0].positions)) {
    guesses.push_back(std::move(found));
  }
  for (PositionGuess& positions : guesses) {
    Explanation own = words;
    own.numbers = static_cast<double>(samples.after.size());
    own.whole = whole;
    own.faults = faults + positions.faults;
    const double most = best ? ChiOfScore(own.numbers, best->score, own.faults)
                             : std::numeric_limits<double>::infinity();
    own.fit = OutputFitOf(samples, whole, positions.positions, kFloat32Tolerance, most);
    own.score = ScoreOf(own.numbers, own.fit.chi, own.faults);
    own.positions = std::move(positions);
    Keep(best, std::move(own));
  }
}

// Appends the frequencies [axes] of a channel where a table holds each twice in a row
// (interleaved), or all twice (half).
void AppendOfChannel(const std::vector<double>& frequency, size_t axes, int channel,
                     bool table_is_half, std::vector<double>& out) {
  const auto c = static_cast<size_t>(channel);
  const size_t index = table_is_half ? c % (frequency.size() / axes) : c / 2;
  const auto from = frequency.begin() + static_cast<std::ptrdiff_t>(index * axes);
  out.insert(out.end(), from, from + static_cast<std::ptrdiff_t>(axes));
}

// Pairs in one layout, tables in the other: two angles in a pair.
void TryMismatchedTables(const Samples& samples, const std::optional<Expectation>& expected,
                         std::optional<Explanation>& best) {
  const auto axes = static_cast<size_t>(samples.axes);
  const int rotary_dim = expected ? expected->layout.rotary_dim : samples.head_dim / 2 * 2;
  const int offset = expected ? expected->layout.offset : 0;
  if (rotary_dim < 4) return;
  for (const bool pairs_are_half : {true, false}) {
    const ChannelLayout layout =
        pairs_are_half ? HalfLayout(rotary_dim, offset) : InterleavedLayout(rotary_dim, offset);
    for (const SpectrumGuess& spectrum : UsualSpectra(expected, layout, samples.head_dim)) {
      Explanation words;
      words.codes = {"tables-mismatch"};
      words.layout = layout;
      words.spectrum = spectrum;
      Rotation rotation{.head_dim = samples.head_dim, .axes = samples.axes};
      for (size_t j = 0; j < layout.first.size(); ++j) {
        rotation.first.push_back(layout.first[j]);
        rotation.second.push_back(layout.second[j]);
        AppendOfChannel(spectrum.frequency, axes, layout.first[j] - offset, !pairs_are_half,
                        rotation.frequency);
        AppendOfChannel(spectrum.frequency, axes, layout.second[j] - offset, !pairs_are_half,
                        rotation.second_frequency);
      }
      const double faults = 1 + spectrum.faults + LayoutFaults(layout, expected);
      TryWhole(samples, {.rotation = rotation}, words, faults, best);
    }
  }
}

// A rotation that is no list of turns: as it is.
void TryExpected(const Samples& samples, const Expectation& expected,
                 std::optional<Explanation>& best) {
  const Rotation& rotation = expected.rotation;
  if (rotation.head_dim != samples.head_dim) return;
  if (rotation.heads > 1 && rotation.heads != samples.heads) return;
  Explanation words;
  words.layout = expected.layout;
  words.spectrum.frequency = rotation.frequency;
  words.spectrum.theta = expected.theta;
  const Side side = expected.of_keys ? Side::kKey : Side::kQuery;
  TryWhole(samples, {rotation, side, expected.centre}, words, 0, best);
}

// The channels of a half or interleaved span in the order of the other.
std::vector<int> OtherOrder(int head_dim, int rotary_dim, int offset, bool to_half) {
  std::vector<int> places(static_cast<size_t>(head_dim));
  for (int c = 0; c < head_dim; ++c) places[static_cast<size_t>(c)] = c;
  for (int i = 0; i < rotary_dim / 2; ++i) {
    for (const int side : {0, 1}) {
      const int interleaved = offset + 2 * i + side;
      const int half = offset + i + side * (rotary_dim / 2);
      places[static_cast<size_t>(to_half ? interleaved : half)] = to_half ? half : interleaved;
    }
  }
  return places;
}

void TryPermuted(const Samples& samples, const std::optional<Expectation>& expected,
                 std::optional<Explanation>& best) {
  std::vector<std::vector<int>> orders;
  const auto add = [&](std::vector<int> places) {
    const bool known = std::find(orders.begin(), orders.end(), places) != orders.end();
    if (!places.empty() && !known) orders.push_back(std::move(places));
  };
  for (const bool to_half : {true, false}) {
    add(OtherOrder(samples.head_dim, samples.head_dim / 2 * 2, 0, to_half));
    if (expected && expected->layout.rotary_dim >= 4) {
      add(OtherOrder(samples.head_dim, expected->layout.rotary_dim, expected->layout.offset,
                     to_half));
    }
  }
  if (samples.heads >= 3) add(PlacesOf(samples, SourcesOf(samples)));
  // Enough numbers to see pairs: an order without them is no order.
  const bool has_many = samples.tokens * samples.heads >= 16;
  for (const std::vector<int>& places : orders) {
    const Samples back = PutBack(samples, places);
    if (has_many && FindPairs(back).pairs.empty()) continue;
    std::optional<Explanation> own = ExplainPlain(back, expected, samples.positions.empty());
    if (!own) continue;
    own->codes = {"channels-permuted"};
    own->places = places;
    own->faults += 1;
    own->score += kPenalty;
    Keep(best, std::move(*own));
  }
}

}  // namespace

std::optional<Explanation> ExplainStructure(const Samples& samples,
                                            const std::optional<Expectation>& expected) {
  std::optional<Explanation> best = ExplainPlain(samples, expected);
  if (expected && !expected->IsPlain()) TryExpected(samples, *expected, best);
  if (best && best->Left() <= kExplained) return best;
  std::optional<Explanation> other = best;
  TryMismatchedTables(samples, expected, other);
  if (other && other->Left() <= kExplained) return other;
  TryPermuted(samples, expected, other);
  // Structures that explain nothing only hide the rotation that is nearest.
  return other && other->Left() <= kExplained ? other : best;
}

double LeftOf(const Explanation& explanation, const Samples& explained, const Samples& whole_part) {
  const Samples part =
      explanation.places.empty() ? whole_part : PutBack(whole_part, explanation.places);
  std::vector<PositionGuess> guesses;
  if (auto positions = PositionsOf(explanation.positions, explained, part)) {
    guesses.push_back({.positions = std::move(*positions)});
  }
  double least = std::numeric_limits<double>::infinity();
  if (explanation.whole) {
    for (const PositionGuess& guess : guesses) {
      const Fit fit =
          OutputFitOf(part, *explanation.whole, guess.positions, kFloat32Tolerance, least);
      least = std::min(least, fit.chi);
    }
  } else {
    const TurnTable table = TurnTableOf(part, explanation.layout.first, explanation.layout.second);
    std::vector<double> frequency = explanation.spectrum.frequency;
    for (double& w : frequency) w = RoundedTo(explanation.frequencies, w);
    const bool is_other_row =
        std::find(explained.row.begin(), explained.row.end(), part.row[0]) == explained.row.end();
    if (part.positions.empty() && is_other_row) {
      for (PositionGuess& found : PositionsFound(table, part, frequency, explanation.fit.inverse,
                                                 GivenPositions(part), kFloat32Tolerance)) {
        guesses.push_back(std::move(found));
      }
    }
    for (const PositionGuess& guess : guesses) {
      const Fit fit = FitOf(table, frequency, guess.positions, part.axes, explanation.arithmetic,
                            kFloat32Tolerance, least);
      least = std::min(least, fit.chi);
    }
  }
  return least / static_cast<double>(part.after.size());
}

}  // namespace rotary
