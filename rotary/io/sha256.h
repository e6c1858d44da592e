// SHA-256, so that a report can say which text it was made from.
// Source: FIPS 180-4, section 6.2. A hundred lines here instead of a cryptography library on every
// machine: nothing is kept secret by it, and reading a text costs far less than training on it.
#ifndef ROTARY_IO_SHA256_H_
#define ROTARY_IO_SHA256_H_

#include <string>
#include <string_view>

namespace rotary {

// The digest of `bytes` in 64 lower-case hexadecimal digits, as `sha256sum` prints it.
std::string Sha256(std::string_view bytes);

}  // namespace rotary

#endif  // ROTARY_IO_SHA256_H_
