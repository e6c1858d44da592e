// For tests: files as a bad disk, a cut download or a careless editor leaves them.
#ifndef ROTARY_IO_TEST_DAMAGE_H_
#define ROTARY_IO_TEST_DAMAGE_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "rotary/base/random.h"

namespace rotary {

// `bytes` after one to three random changes: bytes changed, cut off, repeated elsewhere, left out.
// Depends on its arguments alone.
inline std::string Damaged(std::string bytes, uint64_t round) {
  constexpr std::string_view kSyntax = "0123456789-,:[]{}\"eE. \\\xff";
  const Random random(7, round);
  const uint64_t changes = 1 + random.Bits(0) % 3;
  for (uint64_t change = 0; change < changes && !bytes.empty(); ++change) {
    const size_t where = random.Bits(3 * change + 1) % bytes.size();
    const uint64_t value = random.Bits(3 * change + 2);
    switch (random.Bits(3 * change + 3) % 5) {
      case 0:
        bytes[where] = static_cast<char>(value);
        break;
      case 1:
        bytes[where] = kSyntax[value % kSyntax.size()];
        break;
      case 2:
        bytes.resize(where);
        break;
      case 3:
        bytes.insert(where, bytes.substr(value % bytes.size(), 1 + value % 20));
        break;
      default:
        bytes.erase(where, 1 + value % 20);
    }
  }
  return bytes;
}

}  // namespace rotary

#endif  // ROTARY_IO_TEST_DAMAGE_H_
