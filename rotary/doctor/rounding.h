// What rounding leaves in numbers.
#ifndef ROTARY_DOCTOR_ROUNDING_H_
#define ROTARY_DOCTOR_ROUNDING_H_

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

#include "rotary/doctor/samples.h"

namespace rotary {

// The exponent of the smallest normal number of the format with this unit (samples.h): numbers
// below lie as far apart as there.
inline int LeastExponent(double unit) {
  if (unit == 0x1p-11) return -14;        // f16
  return unit >= 0x1p-24 ? -126 : -1022;  // bf16 and f32, f64
}

// The variance of an error spread evenly over one unit in the last place, of a number whose square
// is `squared`: half a unit, squared, over three. 0 for 0.
//   unit  half a unit of numbers from 1 to 2 (samples.h)
inline double RoundingVariance(double squared, double unit) {
  if (squared == 0) return 0;
  // 4^floor(log2(squared) / 2) is the square of the power of two at or below the number.
  const auto exponent = static_cast<int64_t>(std::bit_cast<uint64_t>(squared) >> 52);
  const int64_t normal = 1023 + 2 * std::max<int64_t>(LeastExponent(unit), -511);
  const auto even = std::bit_cast<double>(
      static_cast<uint64_t>(std::max({exponent - 1, normal - 1, int64_t{0}}) | 1) << 52);
  return unit * unit / 3 * even;
}

// Variances that are divided by are this at least: numbers that ought to be 0 and are not.
inline constexpr double kLeastVariance = 1e-60;

// Chi^2 of the channels in none of the pairs: the sum of (y - x)^2 over rounding.
double ChiOfCopies(const Samples& samples, const std::vector<int>& first,
                   const std::vector<int>& second);

}  // namespace rotary

#endif  // ROTARY_DOCTOR_ROUNDING_H_
