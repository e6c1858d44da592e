#include "rotary/doctor/expectation.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <type_traits>
#include <utility>
#include <variant>

#include "rotary/base/error.h"
#include "rotary/doctor/customary.h"
#include "rotary/rope/float32_arithmetic.h"
#include "rotary/rope/spectra.h"

namespace rotary {
namespace {

// Thetas and factors of published models, without those of few.
std::vector<double> UsualThetas() { return CustomaryValues(Knob::kTheta, 3); }
std::vector<double> UsualFactors() { return CustomaryValues(Knob::kFactor, 2); }

bool IsPlain(const Rule& rule) { return std::holds_alternative<PlainRule>(rule); }

std::string RuleName(const Rule& rule) {
  return IsPlain(rule) ? "default" : std::string(Name(rule));
}

// MakeSpectrum's, of `pairs` pairs; nothing where the rule does not allow that many.
std::vector<double> SpectrumOf(int pairs, double theta, const Rule& rule, double length) {
  try {
    return MakeSpectrum(2 * pairs, theta, rule, length).frequency;
  } catch (const std::invalid_argument&) {
    return {};
  }
}

// The guess of a rule, in both arithmetics; empty where the rule does not allow as many pairs.
SpectrumGuess MadeBy(int pairs, double theta, const Rule& rule, double length) {
  SpectrumGuess guess{.frequency = SpectrumOf(pairs, theta, rule, length),
                      .theta = theta,
                      .rule = RuleName(rule),
                      .made_by = rule};
  if (!guess.frequency.empty()) {
    guess.float32_frequency = MakeFloat32Spectrum(2 * pairs, theta, rule, length).frequency;
  }
  return guess;
}

std::vector<double> Scaled(std::vector<double> frequency, double factor) {
  for (double& w : frequency) w *= factor;
  return frequency;
}

// Other ways to give as many pairs to each axis: axes in another order, sections one after the
// other or taking turns.
std::vector<std::vector<int>> OtherAxes(const std::vector<int>& axes, int count) {
  std::vector<std::vector<int>> others;
  const auto add = [&](std::vector<int> other) {
    if (other == axes || std::find(others.begin(), others.end(), other) != others.end()) return;
    others.push_back(std::move(other));
  };
  std::vector<int> pairs_of(static_cast<size_t>(count), 0), order(pairs_of.size());
  for (const int axis : axes) ++pairs_of[static_cast<size_t>(axis)];
  std::iota(order.begin(), order.end(), 0);
  do {
    std::vector<int> renamed, contiguous, turns(axes.size(), order[0]);
    for (const int axis : axes) renamed.push_back(order[static_cast<size_t>(axis)]);
    add(std::move(renamed));
    for (size_t x = 0; x < order.size(); ++x) {
      contiguous.insert(contiguous.end(), static_cast<size_t>(pairs_of[x]), order[x]);
      // Of Qwen3-VL: every count-th pair from x on, as long as the axis has pairs.
      for (int i = 0; x > 0 && i < pairs_of[x]; ++i) {
        const size_t at = static_cast<size_t>(i) * order.size() + x;
        if (at < turns.size()) turns[at] = order[x];
      }
    }
    add(std::move(contiguous));
    add(std::move(turns));
  } while (std::next_permutation(order.begin(), order.end()));
  return others;
}

// The rule with another factor, positions divided by it where there is none; nothing where the rule
// has no factor.
std::optional<Rule> WithFactor(const Rule& rule, double factor) {
  if (IsPlain(rule)) return LinearRule{.factor = factor};
  return std::visit(
      [&]<class R>(R own) -> std::optional<Rule> {
        if constexpr (requires { own.factor; } && !std::is_same_v<R, LongRopeRule>) {
          if (own.factor == factor) return std::nullopt;
          own.factor = factor;
          return own;
        }
        return std::nullopt;
      },
      rule);
}

// LongRoPE with its other list.
std::optional<Rule> WithOtherList(const Rule& rule) {
  const auto* longrope = std::get_if<LongRopeRule>(&rule);
  if (longrope == nullptr) return std::nullopt;
  LongRopeRule other = *longrope;
  std::swap(other.short_factor, other.long_factor);
  return other;
}

}  // namespace

void AddDistinct(SpectrumGuess guess, std::vector<SpectrumGuess>& guesses) {
  const auto same = [&](const SpectrumGuess& other) {
    return std::equal(guess.frequency.begin(), guess.frequency.end(), other.frequency.begin(),
                      other.frequency.end(),
                      [](double a, double b) { return std::abs(a - b) <= 1e-12 * std::abs(b); });
  };
  const auto known = std::find_if(guesses.begin(), guesses.end(), same);
  if (known == guesses.end()) {
    guesses.push_back(std::move(guess));
  } else if (guess.faults < known->faults) {
    if (guess.float32_frequency.empty()) {
      guess.float32_frequency = std::move(known->float32_frequency);
    }
    *known = std::move(guess);
  }
}

std::vector<int> AxesOfPairs(const Rotation& rotation) {
  std::vector<int> axes;
  for (int j = 0; j < rotation.pairs(); ++j) {
    int count = 0, axis = 0;
    for (int x = 0; x < rotation.axes; ++x) {
      if (rotation.frequency[static_cast<size_t>(j * rotation.axes + x)] == 0) continue;
      axis = x;
      ++count;
    }
    if (rotation.axes > 1 && count != 1) return {};
    axes.push_back(axis);
  }
  return axes;
}

std::vector<double> FrequenciesOfPairs(const Rotation& rotation, const std::vector<int>& axes) {
  std::vector<double> frequency;
  for (size_t j = 0; j < axes.size(); ++j) {
    frequency.push_back(
        rotation.frequency[j * static_cast<size_t>(rotation.axes) + static_cast<size_t>(axes[j])]);
  }
  return frequency;
}

std::vector<double> OnTheirAxes(const std::vector<double>& frequency, const std::vector<int>& axes,
                                int count) {
  std::vector<double> spread(frequency.size() * static_cast<size_t>(count), 0);
  for (size_t j = 0; j < frequency.size(); ++j) {
    spread[j * static_cast<size_t>(count) + static_cast<size_t>(axes[j])] = frequency[j];
  }
  return spread;
}

Expectation ExpectationOf(const LayerRope& group, bool of_keys, double length) {
  const std::optional<Rotation>& rotation = of_keys ? group.key : group.query;
  Require(rotation.has_value(), "doctor: layers of this group do not rotate ",
          of_keys ? "keys" : "queries");
  Expectation expected{.rotation = *rotation,
                       .theta = group.theta,
                       .rule = group.rule,
                       .length = length,
                       .centre = group.centre,
                       .of_keys = of_keys};
  expected.layout.name = group.layout;
  expected.layout.rotary_dim = group.rotary_dim;
  expected.layout.offset = rotation->first.empty()
                               ? 0
                               : *std::min_element(rotation->first.begin(), rotation->first.end());
  expected.layout.first.assign(rotation->first.begin(), rotation->first.end());
  expected.layout.second.assign(rotation->second.begin(), rotation->second.end());
  // A config's rotary_dim may leave out pairs that stand still; a layout has them.
  const int all = 2 * rotation->pairs();
  for (const ChannelLayout& whole :
       {HalfLayout(all, expected.layout.offset), InterleavedLayout(all, expected.layout.offset)}) {
    if (whole.first == expected.layout.first && whole.second == expected.layout.second) {
      expected.layout.rotary_dim = all;
      expected.layout.name = whole.name;
    }
  }
  if (expected.layout.name.empty()) expected.layout.name = "other";  // of a rotation in JSON
  // Whether theta and the rule make the frequencies: else other thetas say nothing.
  const std::vector<int> axes = AxesOfPairs(*rotation);
  expected.by_rule = rotation->heads == 1 && rotation->IsGroup() && !group.from_weights &&
                     group.theta > 0 && !axes.empty();
  if (expected.by_rule) {
    const std::vector<double> made = OnTheirAxes(
        SpectrumOf(rotation->pairs(), group.theta, group.rule, length), axes, rotation->axes);
    expected.by_rule = made.size() == rotation->frequency.size() &&
                       std::equal(made.begin(), made.end(), rotation->frequency.begin(),
                                  [](double a, double b) { return std::abs(a - b) <= 1e-6 * b; });
  }
  return expected;
}

std::vector<SpectrumGuess> UsualSpectra(const std::optional<Expectation>& expected,
                                        const ChannelLayout& layout, int head_dim) {
  std::vector<SpectrumGuess> guesses;
  const int pairs = static_cast<int>(layout.first.size());
  if (!expected) {
    for (const double theta : UsualThetas()) {
      guesses.push_back(
          {.frequency = PlainFrequencies(2 * pairs, theta),
           .float32_frequency = MakeFloat32Spectrum(2 * pairs, theta, PlainRule{}).frequency,
           .faults = 1,
           .theta = theta,
           .rule = "default"});
    }
    return guesses;
  }
  const Rotation& rotation = expected->rotation;
  if (rotation.heads > 1) return guesses;  // no list of turns that heads share
  const std::string rule = RuleName(expected->rule);
  const bool same_pairs = pairs == rotation.pairs();
  // Each with its axes, and with other axes.
  const std::vector<int> axes = AxesOfPairs(rotation);
  std::vector<std::vector<int>> others;
  if (rotation.axes > 1 && !axes.empty()) others = OtherAxes(axes, rotation.axes);
  const auto add_one = [&](SpectrumGuess guess) { AddDistinct(std::move(guess), guesses); };
  const auto add_spectrum = [&](SpectrumGuess guess) {
    if (guess.frequency.empty()) return;
    if (rotation.axes == 1) return add_one(std::move(guess));
    if (guess.frequency.size() != axes.size()) return;
    const auto add_on = [&](const std::vector<int>& own, SpectrumGuess spread) {
      for (auto* list : {&spread.frequency, &spread.float32_frequency}) {
        if (!list->empty()) *list = OnTheirAxes(*list, own, rotation.axes);
      }
      add_one(std::move(spread));
    };
    add_on(axes, guess);
    guess.codes.emplace_back("axis-order-differs");
    guess.faults += 1;
    for (const std::vector<int>& other : others) add_on(other, guess);
  };
  const auto add = [&](std::vector<std::string> codes, std::vector<double> frequency, double faults,
                       double theta, std::string name) {
    add_spectrum({.codes = std::move(codes),
                  .frequency = std::move(frequency),
                  .faults = faults,
                  .theta = theta,
                  .rule = std::move(name),
                  .made_by = expected->rule});
  };
  // The pairs' own frequencies, whatever made them.
  const std::vector<double> own = FrequenciesOfPairs(rotation, axes);
  if (same_pairs && axes.empty()) {
    const auto add_own = [&](std::vector<std::string> codes, double times, double faults) {
      add_one({.codes = std::move(codes),
               .frequency = Scaled(rotation.frequency, times),
               .faults = faults,
               .theta = expected->theta,
               .rule = rule,
               .made_by = expected->rule});
    };
    add_own({}, 1, 0);
    add_own({"rotated-twice"}, 2, 1);
  } else if (same_pairs) {
    if (!rotation.IsGroup()) {
      add({"tables-mismatch"}, own, 1, expected->theta, rule);
    } else if (!expected->by_rule) {
      add({}, own, 0, expected->theta, rule);
    }
    add({"rotated-twice"}, Scaled(own, 2), 1, expected->theta, rule);
  }
  if (!expected->by_rule) return guesses;
  const double theta = expected->theta;
  const auto add_rule = [&](std::vector<std::string> codes, double other_theta, const Rule& other,
                            double faults) {
    SpectrumGuess guess = MadeBy(pairs, other_theta, other, expected->length);
    guess.codes = std::move(codes);
    guess.faults = faults;
    add_spectrum(std::move(guess));
  };
  const bool has_scaling = !IsPlain(expected->rule);
  add_rule({}, theta, expected->rule, 0);
  if (has_scaling) add_rule({"scaling-missing"}, theta, PlainRule{}, 1);
  // theta^(-2i / d) with d the head, or as many channels as were to turn.
  for (const int denominator : {head_dim, expected->layout.rotary_dim}) {
    if (denominator == 2 * pairs || denominator <= 0) continue;
    const double other = std::pow(theta, 2.0 * pairs / denominator);
    add_rule({"denominator-differs"}, other, expected->rule, 1);
    if (has_scaling) add_rule({"denominator-differs", "scaling-missing"}, other, PlainRule{}, 2);
  }
  for (const double other : UsualThetas()) {
    if (other == theta) continue;
    add_rule({"theta-differs"}, other, expected->rule, 1.1);
    if (has_scaling) add_rule({"theta-differs", "scaling-missing"}, other, PlainRule{}, 2.1);
  }
  for (const double factor : UsualFactors()) {
    if (const auto other = WithFactor(expected->rule, factor)) {
      add_rule({"scaling-differs"}, theta, *other, 1.1);
    }
  }
  if (const auto other = WithOtherList(expected->rule)) {
    add_rule({"scaling-differs"}, theta, *other, 1);
  }
  return guesses;
}

}  // namespace rotary
