#include <cmath>

#include "rotary/attention/softmax_attention.h"
#include "rotary/base/error.h"

namespace rotary {

std::vector<float> AlibiSlopes(int heads) {
  Require(heads >= 1, "AlibiSlopes: heads must be at least 1, got ", heads);
  int power = 1;
  while (power <= heads / 2) power *= 2;
  std::vector<float> slopes;
  for (int i = 1; i <= power; ++i) {
    slopes.push_back(static_cast<float>(std::exp2(-8.0 * i / power)));
  }
  for (int i = 1; static_cast<int>(slopes.size()) < heads; i += 2) {
    slopes.push_back(static_cast<float>(std::exp2(-4.0 * i / power)));
  }
  return slopes;
}

}  // namespace rotary
