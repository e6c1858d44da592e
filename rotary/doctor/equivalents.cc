#include "rotary/doctor/equivalents.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <variant>

#include "rotary/doctor/measurements.h"
#include "rotary/doctor/regression.h"
#include "rotary/doctor/stories.h"
#include "rotary/doctor/words.h"

namespace rotary {
namespace {

bool Has(const std::vector<std::string>& codes, const char* code) {
  return std::find(codes.begin(), codes.end(), code) != codes.end();
}

// Whether every token has the same number on all axes.
bool AxesAreEqual(const std::vector<double>& positions, int axes) {
  for (size_t i = 0; i < positions.size(); ++i) {
    if (positions[i] != positions[i - i % static_cast<size_t>(axes)]) return false;
  }
  return true;
}

// What holds whatever the numbers are.
void AddStructural(const Explanation& found, const Samples& samples,
                   std::vector<std::string>& stories) {
  const SpectrumGuess& spectrum = found.spectrum;
  if (Has(spectrum.codes, "rotated-twice") || spectrum.scale == 2) {
    stories.emplace_back(
        "Rotated twice, every frequency doubled, or every position doubled: the same angles.");
  }
  if (spectrum.made_by) {
    if (const auto* linear = std::get_if<LinearRule>(&*spectrum.made_by)) {
      stories.push_back(fmt::format(
          "Positions divided by {} at plain theta {}: that is what linear scaling does.",
          Number(linear->factor), Number(spectrum.theta)));
    }
    if (const auto* ntk = std::get_if<NtkRule>(&*spectrum.made_by)) {
      const double d = 2.0 * static_cast<double>(found.layout.first.size());
      stories.push_back(fmt::format("Plain theta {}: that is what NTK-aware scaling by {} does.",
                                    Number(spectrum.theta * std::pow(ntk->alpha, d / (d - 2))),
                                    Number(ntk->alpha)));
    }
  }
  if (found.fit.inverse) {
    stories.emplace_back(
        "The two channels of each pair exchanged, or every position negative: the same as turning "
        "backwards.");
  }
  const double g = found.fit.factor;
  if (std::abs(g - 1) > 0.005 && found.layout.rotary_dim == samples.head_dim) {
    stories.push_back(fmt::format(
        "What goes in, or comes out, multiplied by {:.4g}, with cosines and sines as they are.",
        g));
  }
  if (!found.places.empty()) {
    stories.emplace_back(
        "What goes in brought to that order of channels, and then turned in the pairs as they lie "
        "there.");
  }
  if (samples.axes > 1 && AxesAreEqual(found.positions.positions, samples.axes)) {
    stories.emplace_back(
        "Positions are the same on every axis: which pair reads which axis does not show, and one "
        "axis would do the same.");
  }
}

// Words of stories.h as a sentence; keys of configs stay as they are spelt.
std::string Sentence(const std::string& words) {
  std::string sentence = words + ".";
  const bool is_key = sentence.substr(0, sentence.find(' ')).find('_') != sentence.npos;
  if (!is_key && sentence[0] >= 'a' && sentence[0] <= 'z') sentence[0] += 'A' - 'a';
  return sentence;
}

// Whether a story is what was found, but for digits.
bool IsTold(const Story& story, const SpectrumGuess& spectrum) {
  return story.name == spectrum.rule && std::abs(story.scale / spectrum.scale - 1) <= 1e-6 &&
         std::abs(story.theta / spectrum.theta - 1) <= 1e-6;
}

// True, but meant by nobody: a context made shorter, a theta beyond all that are in use.
bool IsFarFetched(const Story& story) {
  const auto* ntk = std::get_if<NtkRule>(&story.rule);
  return (ntk != nullptr && ntk->alpha < 1) || FactorOf(story.rule).value_or(1) < 1 ||
         story.theta > 1e9;
}

// Rules with the same frequencies, rules that are as near, and what is left open.
void AddRules(const Explanation& found, const Samples& samples,
              const std::optional<Expectation>& expected, std::vector<std::string>& stories) {
  constexpr size_t kMost = 4;
  if (found.whole || samples.axes > 1 || found.spectrum.theta == 0) return;
  const Samples in_place = found.places.empty() ? samples : PutBack(samples, found.places);
  const TurnTable table = TurnTableOf(in_place, found.layout.first, found.layout.second);
  const Measurements measured =
      MeasurementsOf(table, in_place, found.positions.positions, expected);
  if (measured.spectra.empty()) return;
  const Stories rules = FindStories(measured.spectra[0]);
  std::vector<std::string> same, near;
  for (const Story& story : rules.stories) {
    if (story.name == "own" || IsTold(story, found.spectrum) || IsFarFetched(story)) continue;
    (story.same_rotation ? same : near).push_back(story.sentence);
  }
  for (size_t i = 0; i < std::min(same.size(), kMost); ++i) {
    stories.push_back(Sentence("The same frequencies: " + same[i]));
  }
  for (size_t i = 0; i < std::min(near.size(), kMost); ++i) {
    stories.push_back(Sentence("Not told apart by these tokens: " + near[i]));
  }
  for (const std::string& limit : rules.limits) stories.push_back(Sentence(limit));
}

}  // namespace

std::vector<std::string> EquivalentStories(const Explanation& found, const Samples& samples,
                                           const std::optional<Expectation>& expected) {
  std::vector<std::string> stories;
  AddStructural(found, samples, stories);
  AddRules(found, samples, expected, stories);
  return stories;
}

}  // namespace rotary
