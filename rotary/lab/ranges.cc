#include "rotary/lab/ranges.h"

#include <charconv>

#include "rotary/base/error.h"

namespace rotary {
namespace {

// The pieces of `text` between separators; one piece where there is none.
std::vector<std::string_view> Split(std::string_view text, std::string_view separator) {
  std::vector<std::string_view> pieces;
  for (;;) {
    const size_t at = text.find(separator);
    pieces.push_back(text.substr(0, at));
    if (at == text.npos) return pieces;
    text.remove_prefix(at + separator.size());
  }
}

}  // namespace

std::vector<int64_t> ParseRanges(std::string_view text, const std::string& what, int64_t most) {
  std::vector<int64_t> numbers;
  for (const std::string_view part : Split(text, ",")) {
    std::vector<int64_t> ends;
    for (const std::string_view piece : Split(part, "..")) {
      int64_t number = 0;
      const char* end = piece.data() + piece.size();
      const auto parsed = std::from_chars(piece.data(), end, number);
      // Half the range of 64 bits, so that differences of two of them are numbers too.
      constexpr int64_t kMost = int64_t{1} << 62;
      Require(parsed.ec == std::errc() && parsed.ptr == end && number > -kMost && number < kMost,
              what, ": \"", text, "\" is no list of whole numbers such as 0..12 or 0,1,5");
      ends.push_back(number);
    }
    Require(ends.size() <= 3, what, ": \"", part, "\" is no range such as 0..12 or 0..100..10");
    const int64_t first = ends.front();
    const int64_t last = ends.size() > 1 ? ends[1] : first;
    const int64_t step = ends.size() > 2 ? ends[2] : 1;
    Require(first <= last && step >= 1, what, ": a range goes up by 1 or more, got \"", part, "\"");
    const int64_t count = (last - first) / step + 1;
    Require(count <= most - std::ssize(numbers), what, ": more than ", most, " numbers in \"", text,
            "\"");
    for (int64_t i = 0; i < count; ++i) numbers.push_back(first + i * step);
  }
  return numbers;
}

}  // namespace rotary
