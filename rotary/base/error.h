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

// Throws std::invalid_argument with the sentence made of `parts` unless `rule` holds.
template <class... Parts>
inline void Require(bool rule, const Parts&... parts) {
  if (!rule) [[unlikely]] {
    throw std::invalid_argument(Sentence(parts...));
  }
}

}  // namespace rotary

#endif  // ROTARY_BASE_ERROR_H_
