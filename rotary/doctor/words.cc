#include "rotary/doctor/words.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <variant>

namespace rotary {
namespace {

bool Near(double a, double b) { return std::abs(a - b) <= 1e-12 * std::abs(b); }

}  // namespace

std::string Number(double value) {
  const bool is_whole = value == std::round(value) && std::abs(value) < 1e15;
  std::string digits = is_whole ? fmt::format("{:.0f}", value) : fmt::format("{:.6g}", value);
  if (digits.find_first_not_of("-.0123456789") != digits.npos) return digits;  // 1.5e-05, inf
  const size_t sign = value < 0 ? 1 : 0;
  const size_t whole = std::min(digits.find('.'), digits.size());
  for (size_t i = whole; i > sign + 3; i -= 3) digits.insert(i - 3, 1, ',');
  return digits;
}

std::string Joined(const std::vector<std::string>& words) {
  std::string text;
  for (size_t i = 0; i < words.size(); ++i) {
    text += (i == 0 ? "" : i + 1 < words.size() ? ", " : " and ") + words[i];
  }
  return text;
}

std::string Listed(const std::string& what, const std::vector<int64_t>& which) {
  std::vector<std::string> numbers;
  for (const int64_t i : which) numbers.push_back(std::to_string(i));
  return fmt::format("{}{} {}", what, which.size() == 1 ? "" : "s", Joined(numbers));
}

std::string DescribeLayout(const ChannelLayout& layout, int head_dim) {
  std::string text = layout.name + " layout";
  if (layout.rotary_dim != head_dim) {
    text += fmt::format(" over {} of {} channels", layout.rotary_dim, head_dim);
  }
  if (layout.offset != 0) text += fmt::format(" from {} on", layout.offset);
  return text;
}

std::optional<double> FactorOf(const Rule& rule) {
  return std::visit(
      []<class R>(const R& own) -> std::optional<double> {
        if constexpr (requires { own.factor; }) return own.factor;
        return std::nullopt;
      },
      rule);
}

std::string ShortRule(const Rule& rule) {
  std::string text(Name(rule));
  if (const auto* ntk = std::get_if<NtkRule>(&rule)) {
    text += fmt::format(" (alpha {})", Number(ntk->alpha));
  } else if (const auto factor = FactorOf(rule)) {
    text += fmt::format(" (factor {})", Number(*factor));
  }
  return text;
}

std::string DescribeSpectrum(const SpectrumGuess& spectrum) {
  if (spectrum.theta == 0) return "frequencies of their own";
  std::string text = "theta " + Number(spectrum.theta);
  if (spectrum.denominator != 0) {
    text += fmt::format(" in exponents over {} channels", spectrum.denominator);
  }
  if (!spectrum.rule.empty() && spectrum.rule != "default") {
    text += " with " + (spectrum.made_by ? ShortRule(*spectrum.made_by) : spectrum.rule);
  }
  const bool is_told =
      std::count(spectrum.codes.begin(), spectrum.codes.end(), "rotated-twice") > 0;
  if (is_told) return text;
  if (Near(spectrum.scale, 2)) {
    text += ", every angle doubled";
  } else if (Near(spectrum.scale, 2 * std::numbers::pi)) {
    text += ", every angle times 2 pi";
  } else if (spectrum.scale != 1) {
    text += fmt::format(", every angle times {}", Number(spectrum.scale));
  }
  return text;
}

std::string DescribeAsked(const Expectation& expected) {
  if (!expected.by_rule) return "frequencies of its own";
  return DescribeSpectrum({.theta = expected.theta,
                           .rule = std::string(Name(expected.rule)),
                           .made_by = expected.rule});
}

std::string Asker(const Expectation& expected) {
  return expected.by_config ? "the config" : "the rotation you gave";
}

std::string OfAsker(const Expectation& expected) {
  return expected.by_config ? "the config's" : "those of the rotation you gave";
}

std::string DescribeFound(const Explanation& found, const std::optional<Expectation>& expected) {
  const bool is_asked = expected && found.spectrum.theta == 0 && found.spectrum.codes.empty();
  return is_asked ? "the frequencies asked for" : DescribeSpectrum(found.spectrum);
}

std::string DescribePositions(const PositionGuess& positions, bool given) {
  if (!given) {
    if (positions.kind == "as given") return "counted from 0";
    if (positions.kind == "shifted") return "counted from " + Number(positions.shift);
    const auto [least, most] =
        std::minmax_element(positions.positions.begin(), positions.positions.end());
    return fmt::format("between {} and {}", Number(*least), Number(*most));
  }
  if (positions.kind == "as given") return "as given";
  if (positions.kind == "rounded") {
    return fmt::format("rounded to {}", Name(positions.precision));
  }
  if (positions.kind == "shifted") {
    return fmt::format("{} {} than given", Number(std::abs(positions.shift)),
                       positions.shift > 0 ? "higher" : "lower");
  }
  return "others than given";
}

Precision RoundingOfFrequencies(const Explanation& explanation) {
  if (explanation.frequencies != Precision::kDouble) return explanation.frequencies;
  const Precision own = PrecisionOf(explanation.spectrum.arithmetic);
  return own == Precision::kF32 ? Precision::kDouble : own;  // as most engines have them
}

std::string DescribeArithmetic(const Explanation& explanation) {
  std::vector<std::string> parts;
  const auto add = [&](const char* what, Precision precision) {
    if (precision != Precision::kDouble) {
      parts.push_back(fmt::format("{} in {}", what, Name(precision)));
    }
  };
  if (explanation.positions.kind == "rounded") add("positions", explanation.positions.precision);
  add("frequencies", RoundingOfFrequencies(explanation));
  if (explanation.spectrum.arithmetic == FrequencyArithmetic::kRunningProduct) {
    parts.emplace_back("frequencies by a running product");
  }
  add("angles", explanation.arithmetic.angles);
  if (parts.empty()) {
    switch (explanation.products) {
      case Products::kUnknown:
        break;
      case Products::kExact:
        parts.emplace_back("exact");
        break;
      case Products::kFloat32:
        parts.emplace_back("float32");
        break;
      case Products::kEither:
        parts.emplace_back("exact or float32");
        break;
      case Products::kNear:
        parts.emplace_back("exact to float32's error");
        break;
    }
  }
  add("tables", explanation.arithmetic.tables);
  return fmt::format("{}", fmt::join(parts, ", "));
}

}  // namespace rotary
