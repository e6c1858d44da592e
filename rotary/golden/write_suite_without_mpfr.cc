// Stands in for write_suite.cc where the machine that built this has no MPFR.
#include <stdexcept>

#include "rotary/golden/write_suite.h"

namespace rotary {

int WriteGoldenSuite(const std::filesystem::path&) {
  throw std::runtime_error(
      "golden: this program was built without MPFR (libmpfr-dev), which computes the suite");
}

}  // namespace rotary
