#include "rotary/doctor/stories.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <optional>
#include <tuple>
#include <utility>

#include "rotary/base/error.h"
#include "rotary/doctor/candidates.h"
#include "rotary/doctor/config_difference.h"
#include "rotary/doctor/frequency_rounding.h"
#include "rotary/doctor/story_text.h"

namespace rotary {
namespace {

// No story is told in more ways than this.
constexpr size_t kMostStories = 12;

bool Explains(const RuleFit& fit) { return fit.agreement.Explains(); }

bool IsRamp(const Rule& rule) {
  return std::holds_alternative<YarnRule>(rule) || std::holds_alternative<Llama3Rule>(rule) ||
         std::holds_alternative<NtkByPartsRule>(rule);
}

// A rule whose numbers make it another, simpler one, or a ramp that speeds slow pairs up or stops
// them, which nobody means; the config's own are taken as they are.
bool IsSimplerInDisguise(const Hypothesis& h, const Hypothesis* config) {
  const double* factor = Slot(h, Knob::kFactor);
  if (factor == nullptr) return false;
  if (config != nullptr && config->rule.index() == h.rule.index() &&
      *Slot(*config, Knob::kFactor) == *factor) {
    return false;
  }
  constexpr double kMostFactor = 1e4;
  if (IsRamp(h.rule)) return !(*factor > 1 && *factor <= kMostFactor);
  return *factor == 1 && !std::holds_alternative<DynamicNtkRule>(h.rule) &&
         !std::holds_alternative<ProportionalRule>(h.rule);
}

// What makes two stories the same in words but for their numbers.
auto Kind(const Hypothesis& h, const std::vector<ConfigDifference>& differences) {
  const auto* yarn = std::get_if<YarnRule>(&h.rule);
  return std::tuple(h.rule.index(), yarn != nullptr && yarn->truncate, h.denominator, h.scale,
                    h.arithmetic, differences);
}

class Teller {
 public:
  Teller(const MeasuredSpectrum& measured, const Evidence& evidence, const Hypothesis* config)
      : measured_(measured), evidence_(evidence), config_(config) {}

  Story Tell(const RuleFit& fit) const {
    const Hypothesis& h = fit.hypothesis;
    FoundArithmetic found = ArithmeticOf(measured_, evidence_, fit);
    Story story{.name = h.list.empty() ? std::string(Name(h.rule)) : "list",
                .rule = h.rule,
                .theta = h.theta,
                .length = h.length,
                .denominator = h.denominator == 0 ? evidence_.rotary_dim : h.denominator,
                .scale = h.scale,
                .arithmetic = found.arithmetic,
                .parameters = ParametersOf(fit),
                .free_parameters = fit.FreeKnobs(),
                .frequency = std::move(found.frequency),
                .cost = fit.cost};
    if (config_ != nullptr) story.differences = DifferencesFrom(*config_, h, evidence_.rotary_dim);
    story.sentence = SentenceOf(evidence_, fit, config_);
    Compare(story);
    return story;
  }

  // Frequencies that no rule explains; `nearest` comes nearest to them.
  Story Own(const RuleFit* nearest) const {
    Story story{.name = "own", .frequency = measured_.frequency};
    for (size_t j = 0; j < story.frequency.size(); ++j) {
      if (!std::isfinite(evidence_.deviation[j])) story.frequency[j] = 0;
    }
    story.denominator = evidence_.rotary_dim;
    story.free_parameters = evidence_.known;
    if (config_ != nullptr) story.differences = {ConfigDifference::kOther};
    story.sentence = "frequencies of their own, which no known rule explains";
    if (nearest != nullptr) {
      story.sentence +=
          Sentence("; the nearest (", SentenceOf(evidence_, *nearest, config_),
                   ") is off by up to ", WithDeviation(nearest->agreement.worst, 1), " deviations");
    }
    Compare(story);
    return story;
  }

 private:
  void Compare(Story& story) const {
    const Agreement agreement = Judge(evidence_, story.frequency);
    story.chi2 = agreement.chi2;
    story.freedom = evidence_.known - story.free_parameters;
    for (size_t j = 0; j < story.frequency.size(); ++j) {
      story.off.push_back((evidence_.frequency[j] - story.frequency[j]) / evidence_.deviation[j]);
    }
  }

  const MeasuredSpectrum& measured_;
  const Evidence& evidence_;
  const Hypothesis* config_;
};

// By how much deviations were taken too small: the square of the scale that makes the best fit one
// of its degrees of freedom; between 1 and 4.
double Inflation(const std::vector<RuleFit>& fits) {
  double least = 4;
  for (const RuleFit& fit : fits) {
    const int freedom = fit.agreement.known - fit.FreeKnobs();
    if (freedom > 0) least = std::min(least, fit.agreement.chi2 / freedom);
  }
  return std::max(least, 1.0);
}

}  // namespace

Stories FindStories(const MeasuredSpectrum& measured, const ExpectedRule* expected) {
  const Evidence evidence = EvidenceOf(measured);
  const AskedRule asked = AskedRuleOf(measured, expected);
  const Hypothesis* own = asked.hypothesis();
  if (evidence.known == 0) return {};

  std::vector<RuleFit> all = AllCandidates(measured, evidence, asked);
  std::erase_if(all, [&](const RuleFit& fit) {
    return fit.predicted.empty() || IsSimplerInDisguise(fit.hypothesis, own);
  });
  std::vector<RuleFit> fits;
  std::copy_if(all.begin(), all.end(), std::back_inserter(fits), Explains);
  const Teller teller(measured, evidence, own);
  Stories found;
  if (fits.empty()) {
    const auto nearest = std::min_element(
        all.begin(), all.end(),
        [](const RuleFit& a, const RuleFit& b) { return a.agreement.worst < b.agreement.worst; });
    found.stories.push_back(teller.Own(nearest == all.end() ? nullptr : &*nearest));
    return found;
  }
  const double inflation = Inflation(fits);
  const auto score = [&](const RuleFit& fit) { return fit.agreement.chi2 / inflation + fit.cost; };
  std::stable_sort(fits.begin(), fits.end(),
                   [&](const RuleFit& a, const RuleFit& b) { return score(a) < score(b); });

  const RuleFit& first = fits[0];
  std::vector<decltype(Kind(first.hypothesis, {}))> kinds;
  for (const RuleFit& fit : fits) {
    if (found.stories.size() == kMostStories) break;
    const double distance = Distance(evidence, first.predicted, fit.predicted);
    const bool told_apart = distance >= kApart ||
                            fit.agreement.chi2 > first.agreement.chi2 + kApart * kApart * inflation;
    // A story with more numbers always comes as near; one that is no richer form of the first, only
    // where both are ramps.
    const bool needless = fit.FreeKnobs() > first.FreeKnobs() &&
                          !(IsRamp(fit.hypothesis.rule) && IsRamp(first.hypothesis.rule));
    if (told_apart || needless) continue;
    std::vector<ConfigDifference> differences;
    if (own != nullptr) differences = DifferencesFrom(*own, fit.hypothesis, evidence.rotary_dim);
    auto kind = Kind(fit.hypothesis, differences);
    if (std::find(kinds.begin(), kinds.end(), kind) != kinds.end()) continue;
    kinds.push_back(std::move(kind));
    Story story = teller.Tell(fit);
    story.distance = distance;
    story.same_rotation = true;
    for (size_t j = 0; j < fit.predicted.size(); ++j) {
      story.same_rotation =
          story.same_rotation &&
          std::abs(fit.predicted[j] - first.predicted[j]) <= 1e-9 * std::abs(first.predicted[j]);
    }
    found.stories.push_back(std::move(story));
  }
  found.limits = LimitsOf(evidence, found.stories[0]);
  return found;
}

}  // namespace rotary
