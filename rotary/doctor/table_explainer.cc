#include "rotary/doctor/table_explainer.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "rotary/doctor/story_findings.h"

namespace rotary {
namespace {

// Tokens from the beginning by which frequencies are measured where later rows may be rounded.
constexpr size_t kNear = 128;

}  // namespace

TableExplainer::TableExplainer(const CosSinTable& table, const std::vector<double>& positions,
                               double unit, const std::optional<Expectation>& expected)
    : expected_(expected), samples_(SamplesOf(table, positions, unit)) {
  const auto pairs = static_cast<int>(table.pairs);
  rule_ = ExpectedRuleOf(expected, pairs);
  const bool as_many = expected && expected->rotation.pairs() == pairs;
  layout_ = as_many ? expected->layout : HalfLayout(2 * pairs, 0);
  head_dim_ = expected ? std::max(expected->rotation.head_dim, 2 * pairs) : 2 * pairs;
  turns_ = TurnsOf(table, layout_, unit);
  measured_ = Measure(turns_, samples_.positions, head_dim_);
}

std::optional<Explanation> TableExplainer::Best() {
  std::vector<SpectrumGuess> spectra = UsualSpectra(expected_, layout_, head_dim_);
  const auto add = [&](const MeasuredSpectrum& measured) {
    const ExpectedRule* asked = rule_ ? &*rule_ : nullptr;
    const Stories told = FindStories(measured, asked);
    for (SpectrumGuess& guess : GuessesOf(told, asked)) spectra.push_back(std::move(guess));
    stories_.insert(stories_.end(), told.stories.begin(), told.stories.end());
  };
  add(measured_);
  // Rows far down may be rounded away from the line.
  if (turns_.tokens > kNear) add(Measure(FirstOf(turns_, kNear), positions(), head_dim_));
  const std::vector<double>& deviations = measured_.deviation;
  const bool all_measured =
      std::all_of(deviations.begin(), deviations.end(), [](double d) { return std::isfinite(d); });
  if (!all_measured && !expected_) return std::nullopt;
  Explanation best = Explain(samples_, turns_, layout_, spectra, positions());
  if (best.Left() <= kExplained || !all_measured) return best;
  // Frequencies of their own only where no rule explains the table: they always come nearer.
  SpectrumGuess own{.frequency = measured_.frequency,
                    .faults = 2 + 0.3 * static_cast<double>(measured_.frequency.size())};
  if (expected_) own.codes = {"scaling-differs"};
  return Explain(samples_, turns_, layout_, {own}, positions());
}

const Story* TableExplainer::StoryOf(const SpectrumGuess& spectrum) const {
  const auto found = std::find_if(stories_.begin(), stories_.end(), [&](const Story& story) {
    return story.theta == spectrum.theta && story.name == spectrum.rule &&
           story.frequency == spectrum.frequency;
  });
  return found == stories_.end() ? nullptr : &*found;
}

}  // namespace rotary
