#include "rotary/cli/number_check.h"

#include <charconv>
#include <cmath>
#include <limits>
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

}  // namespace

NumberCheck WholeNumber(std::string flag, int least) {
  return [flag = std::move(flag), least](const std::string& text) {
    constexpr int kMost = std::numeric_limits<int>::max();
    const std::optional<double> number = Parse(text);
    const bool is_whole = number && *number == std::floor(*number);
    Require(is_whole && *number >= least, flag, " must be a whole number of at least ", least,
            ", got ", text);
    Require(*number <= kMost, flag, " must be a whole number of at most ", kMost, ", got ", text);
    return std::string();
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
