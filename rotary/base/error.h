// Errors with one sentence each: the operation, the rule, and what came.
//
//   Require(head_dim % 2 == 0, "rotate: head_dim must be even, got ", head_dim);
//
// The library throws std::invalid_argument for a rule that the caller broke, std::out_of_range for
// an index and FileError for a file. It never prints, exits or leaves an output half-written.
#ifndef ROTARY_BASE_ERROR_H_
#define ROTARY_BASE_ERROR_H_

#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace rotary {

// A file that is missing, unreadable, cut short or not what it claims to be.
class FileError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Joins its arguments into one string.
template <class... Parts>
std::string Sentence(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

// A name from a file as sentences quote it: 60 bytes of a longer one, or less, so that no character
// of UTF-8 is cut, and "...".
inline std::string Shortened(std::string_view name) {
  constexpr size_t kMost = 60;
  if (name.size() <= kMost) return std::string(name);
  size_t end = kMost;
  while (end > 0 && (name[end] & 0xc0) == 0x80) --end;  // in the middle of a character
  return std::string(name.substr(0, end)) + "...";
}

// Throws std::invalid_argument with the sentence made of `parts` unless `rule` holds.
template <class... Parts>
inline void Require(bool rule, const Parts&... parts) {
  if (!rule) [[unlikely]] {
    throw std::invalid_argument(Sentence(parts...));
  }
}

}  // namespace rotary

#endif  // ROTARY_BASE_ERROR_H_
