// Checks of flags that take a number, whose sentences say what may stand there.
#ifndef ROTARY_CLI_NUMBER_CHECK_H_
#define ROTARY_CLI_NUMBER_CHECK_H_

#include <functional>
#include <string>

namespace rotary {

// For CLI::Option::check. Throws std::invalid_argument for anything else.
using NumberCheck = std::function<std::string(const std::string&)>;

// `--layer must be a whole number of at least 0, got -1`. At most what an int holds, which is more
// than any count of layers, threads or tokens.
NumberCheck WholeNumber(std::string flag, int least);

// `--by must be a number, got x`. Finite; below 0 too.
NumberCheck FiniteNumber(std::string flag);

// `--minutes must be a number above 0, got 0`
NumberCheck PositiveNumber(std::string flag);

}  // namespace rotary

#endif  // ROTARY_CLI_NUMBER_CHECK_H_
