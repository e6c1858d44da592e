// Checks of flags that take a number, whose sentences say what may stand there.
#ifndef ROTARY_CLI_NUMBER_CHECK_H_
#define ROTARY_CLI_NUMBER_CHECK_H_

#include <cstdint>
#include <functional>
#include <limits>
#include <string>

namespace rotary {

// For CLI::Option::check, and for CLI::Option::transform: the number in digits, as the parser of
// options wants it. They throw std::invalid_argument for anything else.
using NumberCheck = std::function<std::string(const std::string&)>;
using NumberForm = std::function<std::string(std::string)>;

// `--layer must be a whole number of at least 0, got -1`. At most what an int holds, which is more
// than any count of layers, threads or tokens, or `most`. Where `least` is below 0, a word is told
// `--steps must be a whole number, got x`. 1e3 and 08 are whole numbers.
NumberForm WholeNumber(std::string flag, int64_t least,
                       uint64_t most = std::numeric_limits<int>::max());

// `--by must be a number, got x`. Finite; below 0 too.
NumberCheck FiniteNumber(std::string flag);

// `--minutes must be a number above 0, got 0`
NumberCheck PositiveNumber(std::string flag);

}  // namespace rotary

#endif  // ROTARY_CLI_NUMBER_CHECK_H_
