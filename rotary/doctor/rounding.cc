#include "rotary/doctor/rounding.h"

#include <cmath>

namespace rotary {

double ChiOfCopies(const Samples& samples, const std::vector<int>& first,
                   const std::vector<int>& second) {
  std::vector<char> turns(static_cast<size_t>(samples.head_dim), 0);
  for (const auto* list : {&first, &second}) {
    for (const int channel : *list) turns[static_cast<size_t>(channel)] = 1;
  }
  std::vector<size_t> copies;
  for (size_t c = 0; c < turns.size(); ++c) {
    if (!turns[c]) copies.push_back(c);
  }
  double chi = 0;
  for (size_t head = 0; head < samples.before.size(); head += turns.size()) {
    for (const size_t c : copies) {
      const double x = samples.before[head + c], y = samples.after[head + c];
      if (x == y) continue;
      const double variance = RoundingVariance(y == 0 ? x * x : y * y, samples.unit);
      chi += (y - x) * (y - x) / std::max(variance, kLeastVariance);
    }
  }
  return chi;
}

}  // namespace rotary
