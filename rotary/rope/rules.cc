#include "rotary/rope/rules.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numbers>
#include <type_traits>

#include "rotary/base/error.h"

namespace rotary {
namespace {

// One overload for each rule.
template <class... Bodies>
struct Overload : Bodies... {
  using Bodies::operator()...;
};
template <class... Bodies>
Overload(Bodies...) -> Overload<Bodies...>;  // clang 14 does not find it by itself

void RequirePositive(double value, std::string_view rule, std::string_view name) {
  Require(std::isfinite(value) && value > 0, "rope rule ", rule, ": ", name,
          " must be positive and finite, got ", value);
}

std::vector<double> Plain(int rotary_dim, double theta) {
  std::vector<double> frequency(static_cast<size_t>(rotary_dim / 2));
  for (size_t i = 0; i < frequency.size(); ++i) {
    frequency[i] = std::pow(theta, -2.0 * static_cast<double>(i) / rotary_dim);
  }
  return frequency;
}

// theta^(-2i / d) with theta alpha^(d / (d - 2)), without the division by zero at d = 2, whose one
// pair turns by 1 whatever the theta.
std::vector<double> Ntk(int rotary_dim, double theta, double alpha) {
  std::vector<double> frequency = Plain(rotary_dim, theta);
  for (size_t i = 1; i < frequency.size(); ++i) {
    frequency[i] *= std::pow(alpha, -2.0 * static_cast<double>(i) / (rotary_dim - 2));
  }
  return frequency;
}

std::vector<double> Divided(std::vector<double> frequency, double divisor) {
  for (double& w : frequency) w /= divisor;
  return frequency;
}

// The index, not whole, of the pair that turns `turns` times over the trained length.
double PairThatTurns(double turns, int rotary_dim, double theta, double trained_length) {
  return rotary_dim * std::log(trained_length / (2 * std::numbers::pi * turns)) /
         (2 * std::log(theta));
}

// 0 up to pair `low`, 1 from `high` on.
struct Ramp {
  double low, high;

  double operator()(size_t i) const {
    return std::clamp((static_cast<double>(i) - low) / (high - low), 0.0, 1.0);
  }
};

Ramp RampBetween(std::string_view rule, double fast_turns, double slow_turns, bool truncate,
                 int rotary_dim, double theta, double trained_length) {
  RequirePositive(fast_turns, rule, "the number of turns of fast pairs");
  RequirePositive(slow_turns, rule, "the number of turns of slow pairs");
  Require(fast_turns >= slow_turns, "rope rule ", rule,
          ": fast pairs must turn at least as often (", fast_turns, ") as slow ones (", slow_turns,
          ")");
  Require(theta != 1, "rope rule ", rule, ": theta must not be 1, as all pairs turn alike");
  double low = PairThatTurns(fast_turns, rotary_dim, theta, trained_length);
  double high = PairThatTurns(slow_turns, rotary_dim, theta, trained_length);
  if (truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  // Up to d - 1, not to the last pair d/2 - 1: all engines do so, and checkpoints were trained so.
  low = std::max(low, 0.0);
  high = std::min(high, rotary_dim - 1.0);
  if (low == high) high += 0.001;
  Require(low < high, "rope rule ", rule, ": the ramp would end (pair ", high,
          ") before it begins (pair ", low, "); the trained length ", trained_length,
          " does not fit rotary_dim ", rotary_dim, " and theta ", theta);
  return {low, high};
}

Spectrum Apply(const NtkByPartsRule& rule, int rotary_dim, double theta) {
  RequirePositive(rule.factor, "ntk-by-parts", "factor");
  RequirePositive(rule.trained_length, "ntk-by-parts", "trained_length");
  const std::vector<double> plain = Plain(rotary_dim, theta);
  const std::vector<double> ntk = Ntk(rotary_dim, theta, rule.factor);
  const auto ramp = [&](const double* turns) {
    return RampBetween("ntk-by-parts", turns[0], turns[1], true, rotary_dim, theta,
                       rule.trained_length);
  };
  const Ramp beta = ramp(rule.beta), gamma = ramp(rule.gamma);
  Spectrum spectrum;
  for (size_t i = 0; i < plain.size(); ++i) {
    const double linear = plain[i] / rule.factor;
    const double slow = linear * beta(i) + ntk[i] * (1 - beta(i));
    spectrum.frequency.push_back(slow * gamma(i) + plain[i] * (1 - gamma(i)));
  }
  return spectrum;
}

double AttentionFactor(const YarnRule& rule) {
  if (rule.attention_factor) return *rule.attention_factor;
  const auto g = [&](double m) { return YarnMagnitude(rule.factor, m, rule.magnitude); };
  const double factor = rule.mscale.value_or(0) != 0 && rule.mscale_all_dim.value_or(0) != 0
                            ? g(*rule.mscale) / g(*rule.mscale_all_dim)
                            : g(1);
  return factor * rule.attn_factor;
}

Ramp RampOf(const YarnRule& rule, int rotary_dim, double theta) {
  return RampBetween("yarn", rule.beta_fast, rule.beta_slow, rule.truncate, rotary_dim, theta,
                     rule.trained_length);
}

Spectrum Apply(const YarnRule& rule, int rotary_dim, double theta) {
  RequirePositive(rule.factor, "yarn", "factor");
  RequirePositive(rule.trained_length, "yarn", "trained_length");
  const std::vector<double> plain = Plain(rotary_dim, theta);
  const Ramp ramp = RampOf(rule, rotary_dim, theta);
  Spectrum spectrum;
  spectrum.attention_factor = AttentionFactor(rule);
  for (size_t i = 0; i < plain.size(); ++i) {
    const double stays = (1 - ramp(i)) * rule.extrapolation_factor;
    spectrum.frequency.push_back(rule.logarithmic
                                     ? plain[i] * std::pow(rule.factor, stays - 1)
                                     : plain[i] / rule.factor * (1 - stays) + plain[i] * stays);
  }
  return spectrum;
}

Spectrum Apply(const LongRopeRule& rule, int rotary_dim, double theta, double length) {
  RequirePositive(rule.factor, "longrope", "factor");
  RequirePositive(rule.trained_length, "longrope", "trained_length");
  const size_t pairs = static_cast<size_t>(rotary_dim / 2);
  const bool is_long = length > rule.trained_length;
  for (const auto* list : {&rule.short_factor, &rule.long_factor}) {
    const std::string_view name = list == &rule.short_factor ? "short_factor" : "long_factor";
    Require(list->size() == pairs, "rope rule longrope: ", name, " must have ", pairs,
            " values (rotary_dim / 2), got ", list->size());
    for (const double divisor : *list) RequirePositive(divisor, "longrope", name);
  }
  const std::vector<double>& divisors = is_long ? rule.long_factor : rule.short_factor;
  Spectrum spectrum{.frequency = Plain(rotary_dim, theta)};
  for (size_t i = 0; i < pairs; ++i) spectrum.frequency[i] /= divisors[i];
  if (rule.attention_factor) {
    spectrum.attention_factor = *rule.attention_factor;
  } else if (rule.factor > 1) {
    Require(rule.trained_length > 1, "rope rule longrope: trained_length must be above 1, got ",
            rule.trained_length);
    spectrum.attention_factor =
        std::sqrt(1 + std::log(rule.factor) / std::log(rule.trained_length));
  }
  return spectrum;
}

Spectrum Apply(const Llama3Rule& rule, int rotary_dim, double theta) {
  RequirePositive(rule.factor, "llama3", "factor");
  RequirePositive(rule.trained_length, "llama3", "trained_length");
  RequirePositive(rule.low_freq_factor, "llama3", "low_freq_factor");
  RequirePositive(rule.high_freq_factor, "llama3", "high_freq_factor");
  Require(rule.low_freq_factor <= rule.high_freq_factor, "rope rule llama3: low_freq_factor (",
          rule.low_freq_factor, ") must be at most high_freq_factor (", rule.high_freq_factor, ")");
  Spectrum spectrum{.frequency = Plain(rotary_dim, theta)};
  for (double& w : spectrum.frequency) {
    const double turns = rule.trained_length * w / (2 * std::numbers::pi);
    if (turns < rule.low_freq_factor) {
      w /= rule.factor;
    } else if (turns < rule.high_freq_factor) {  // never where low = high
      const double stays =
          (turns - rule.low_freq_factor) / (rule.high_freq_factor - rule.low_freq_factor);
      w = (1 - stays) * w / rule.factor + stays * w;
    }
  }
  return spectrum;
}

Spectrum Apply(const ProportionalRule& rule, int rotary_dim, double theta) {
  RequirePositive(rule.factor, "proportional", "factor");
  Require(rule.moving >= 0 && rule.moving <= rotary_dim / 2,
          "rope rule proportional: moving pairs must be in [0, ", rotary_dim / 2, "], got ",
          rule.moving);
  Spectrum spectrum{.frequency = Divided(Plain(rotary_dim, theta), rule.factor)};
  std::fill(spectrum.frequency.begin() + rule.moving, spectrum.frequency.end(), 0.0);
  return spectrum;
}

// "factor 4, " and the like.
std::string Named(std::string_view name, double value) {
  char text[80];
  std::snprintf(text, sizeof(text), "%.*s %.12g", static_cast<int>(name.size()), name.data(),
                value);
  return text;
}

}  // namespace

double YarnMagnitude(double factor, double m, double magnitude) {
  return factor <= 1 ? 1 : magnitude * m * std::log(factor) + 1;
}

YarnRange YarnRamp(int rotary_dim, double theta, const YarnRule& rule) {
  return {PairThatTurns(rule.beta_fast, rotary_dim, theta, rule.trained_length),
          PairThatTurns(rule.beta_slow, rotary_dim, theta, rule.trained_length)};
}

YarnRange YarnRampEnds(int rotary_dim, double theta, const YarnRule& rule) {
  const Ramp ramp = RampOf(rule, rotary_dim, theta);
  return {ramp.low, ramp.high};
}

Spectrum MakeSpectrum(int rotary_dim, double theta, const Rule& rule, double length) {
  Require(rotary_dim >= 0 && rotary_dim % 2 == 0, "rope rule ", Name(rule),
          ": rotary_dim must be even, got ", rotary_dim);
  RequirePositive(theta, Name(rule), "theta");
  Require(std::isfinite(length) && length >= 0, "rope rule ", Name(rule),
          ": the length must be finite and not negative, got ", length);
  if (rotary_dim == 0) return {};
  const auto plain_factor = [&](std::vector<double> frequency) {
    return Spectrum{.frequency = std::move(frequency)};
  };
  Spectrum spectrum = std::visit(
      Overload{[&](const PlainRule&) { return plain_factor(Plain(rotary_dim, theta)); },
               [&](const LinearRule& r) {
                 RequirePositive(r.factor, "linear", "factor");
                 return plain_factor(Divided(Plain(rotary_dim, theta), r.factor));
               },
               [&](const NtkRule& r) {
                 RequirePositive(r.alpha, "ntk-alpha", "alpha");
                 return plain_factor(Ntk(rotary_dim, theta, r.alpha));
               },
               [&](const KexueNtkRule& r) {
                 RequirePositive(r.factor, "ntk", "factor");
                 if (!r.mixed) {
                   return plain_factor(Divided(Plain(rotary_dim, theta * r.factor),
                                               std::pow(r.factor, 2.0 / rotary_dim)));
                 }
                 std::vector<double> frequency = Plain(rotary_dim, theta);
                 const double a = std::log(r.factor) / std::pow(rotary_dim / 2, *r.mixed);
                 for (size_t i = 0; i < frequency.size(); ++i) {
                   frequency[i] /= std::exp(a * std::pow(static_cast<double>(i + 1), *r.mixed));
                 }
                 return plain_factor(std::move(frequency));
               },
               [&](const DynamicNtkRule& r) {
                 RequirePositive(r.factor, "dynamic", "factor");
                 RequirePositive(r.max_length, "dynamic", "max_length");
                 const double stretch = std::max(length, r.max_length) / r.max_length;
                 // factor * stretch - (factor - 1), exactly 1 where stretch is
                 return plain_factor(Ntk(rotary_dim, theta, 1 + r.factor * (stretch - 1)));
               },
               [&](const QwenNtkRule& r) {
                 RequirePositive(r.trained_length, "qwen-dynamic", "trained_length");
                 const double turns = std::ceil(std::log2(length / r.trained_length) + 1);
                 return plain_factor(
                     Ntk(rotary_dim, theta,
                         length > r.trained_length ? std::max(1.0, std::exp2(turns) - 1) : 1.0));
               },
               [&](const LongRopeRule& r) { return Apply(r, rotary_dim, theta, length); },
               [&](const auto& r) { return Apply(r, rotary_dim, theta); }},
      rule);
  RequirePositive(spectrum.attention_factor, Name(rule), "the attention factor");
  return spectrum;
}

bool DependsOnLength(const Rule& rule) {
  return std::holds_alternative<DynamicNtkRule>(rule) ||
         std::holds_alternative<QwenNtkRule>(rule) || std::holds_alternative<LongRopeRule>(rule);
}

std::string_view Name(const Rule& rule) {
  return std::visit(
      Overload{
          [](const PlainRule&) { return std::string_view("default"); },
          [](const LinearRule&) { return std::string_view("linear"); },
          [](const NtkRule&) { return std::string_view("ntk-alpha"); },
          [](const KexueNtkRule&) { return std::string_view("ntk"); },
          [](const DynamicNtkRule&) { return std::string_view("dynamic"); },
          [](const QwenNtkRule&) { return std::string_view("qwen-dynamic"); },
          [](const NtkByPartsRule&) { return std::string_view("ntk-by-parts"); },
          [](const YarnRule& r) { return std::string_view(r.logarithmic ? "yarn_log" : "yarn"); },
          [](const LongRopeRule&) { return std::string_view("longrope"); },
          [](const Llama3Rule&) { return std::string_view("llama3"); },
          [](const ProportionalRule&) { return std::string_view("proportional"); }},
      rule);
}

std::string Describe(const Rule& rule) {
  const std::string numbers = std::visit(
      Overload{
          [](const PlainRule&) { return std::string(); },
          [](const LinearRule& r) { return Named("factor", r.factor); },
          [](const NtkRule& r) { return Named("alpha", r.alpha); },
          [](const KexueNtkRule& r) {
            return Named("factor", r.factor) + (r.mixed ? Named(", mixed", *r.mixed) : "");
          },
          [](const DynamicNtkRule& r) {
            return Named("factor", r.factor) + Named(" beyond", r.max_length) + " tokens";
          },
          [](const QwenNtkRule& r) { return Named("steps beyond", r.trained_length) + " tokens"; },
          [](const NtkByPartsRule& r) {
            return Named("factor", r.factor) + Named(" from", r.trained_length) + " tokens";
          },
          [](const YarnRule& r) {
            return Named("factor", r.factor) + Named(" from", r.trained_length) +
                   Named(" tokens, beta", r.beta_fast) + Named(" to", r.beta_slow) +
                   (r.truncate ? "" : ", not truncated");
          },
          [](const LongRopeRule& r) {
            return Named("factor", r.factor) + Named(" from", r.trained_length) + " tokens";
          },
          [](const Llama3Rule& r) {
            return Named("factor", r.factor) + Named(" from", r.trained_length) +
                   Named(" tokens, turns", r.low_freq_factor) + Named(" to", r.high_freq_factor);
          },
          [](const ProportionalRule& r) {
            return Named("factor", r.factor) + Named(", moving pairs", r.moving);
          }},
      rule);
  return std::string(Name(rule)) + (numbers.empty() ? "" : ": " + numbers);
}

}  // namespace rotary
