// For tests: the sentence of what a call throws.
#ifndef ROTARY_BASE_TEST_THROWN_H_
#define ROTARY_BASE_TEST_THROWN_H_

#include <string>

#include "rotary/base/error.h"

namespace rotary {

// The sentence of the Error that `call` throws; "nothing was thrown" where it throws none. Other
// types pass through.
template <class Error = FileError, class Call>
std::string Thrown(Call&& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

}  // namespace rotary

#endif  // ROTARY_BASE_TEST_THROWN_H_
