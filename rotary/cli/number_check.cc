#include "rotary/cli/number_check.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include "rotary/base/error.h"

namespace rotary {
namespace {

// Nothing: no number, or one that no double holds.
std::optional<double> Parse(const std::string& text) {
  double number = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  if (parsed.ec != std::errc() || parsed.ptr != end || !std::isfinite(number)) return std::nullopt;
  return number;
}

// A whole number in digits, without zeros in front, which the parser of options takes for octal:
// 1000 for 1e3, 8 for 08. Nothing for any other text.
std::optional<std::string> Digits(const std::string& text) {
  const std::string sign = text.starts_with('-') ? "-" : "";
  const std::string digits = text.substr(sign.size());
  if (!digits.empty() && digits.find_first_not_of("0123456789") == digits.npos) {
    const size_t first = std::min(digits.find_first_not_of('0'), digits.size() - 1);
    return sign + digits.substr(first);
  }
  constexpr double kBeyond = 0x1p63;  // what an int64_t does not hold
  const std::optional<double> number = Parse(text);
  const bool is_whole = number && *number == std::floor(*number);
  if (!is_whole || !(std::abs(*number) < kBeyond)) return std::nullopt;
  return std::to_string(static_cast<int64_t>(*number));
}

// Of digits; nothing where T cannot hold them.
template <class T>
std::optional<T> Held(const std::string& digits) {
  T number = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return parsed.ec == std::errc() ? std::optional(number) : std::nullopt;
}

bool IsAtLeast(const std::string& digits, int64_t least) {
  const std::optional<int64_t> number = Held<int64_t>(digits);
  return number ? *number >= least : !digits.starts_with('-');
}

bool IsAtMost(const std::string& digits, uint64_t most) {
  if (digits.starts_with('-')) return true;
  const std::optional<uint64_t> number = Held<uint64_t>(digits);
  return number && *number <= most;
}

}  // namespace

NumberForm WholeNumber(std::string flag, int64_t least, uint64_t most) {
  return [flag = std::move(flag), least, most](const std::string& text) {
    const bool in_words = least >= 0;  // else what the type holds: a rule only where it is broken
    const std::optional<std::string> digits = Digits(text);
    Require(digits.has_value(), flag, " must be a whole number",
            in_words ? Sentence(" of at least ", least) : "", ", got ", text);
    Require(IsAtLeast(*digits, least), flag, " must be a whole number of at least ", least,
            ", got ", text);
    Require(IsAtMost(*digits, most), flag, " must be a whole number of at most ", most, ", got ",
            text);
    return *digits;
  };
}

NumberCheck FiniteNumber(std::string flag) {
  return [flag = std::move(flag)](const std::string& text) {
    Require(Parse(text).has_value(), flag, " must be a number, got ", text);
    return std::string();
  };
}

NumberCheck PositiveNumber(std::string flag) {
  return [flag = std::move(flag)](const std::string& text) {
    const std::optional<double> number = Parse(text);
    Require(number && *number > 0, flag, " must be a number above 0, got ", text);
    return std::string();
  };
}

}  // namespace rotary
