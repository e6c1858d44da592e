// The number formats in which engines keep frequencies, positions, angles and tables.
#ifndef ROTARY_DOCTOR_PRECISION_H_
#define ROTARY_DOCTOR_PRECISION_H_

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace rotary {

// kDouble stands for no rounding.
enum class Precision { kDouble, kF32, kTF32, kF16, kBF16 };

inline const char* Name(Precision precision) {
  switch (precision) {
    case Precision::kF32:
      return "float32";
    case Precision::kTF32:
      return "TF32";
    case Precision::kF16:
      return "float16";
    case Precision::kBF16:
      return "bfloat16";
    default:
      return "double";
  }
}

// Binary digits of a number, the first included.
inline int DigitsOf(Precision precision) {
  switch (precision) {
    case Precision::kF32:
      return 24;
    case Precision::kTF32:
    case Precision::kF16:
      return 11;
    case Precision::kBF16:
      return 8;
    default:
      return 53;
  }
}

// Nearest number of the format, ties to even; float16 has subnormals below 2^-14 and infinity from
// 65520 on, the others the range of float32.
inline double RoundedTo(Precision precision, double x) {
  if (precision == Precision::kDouble || x == 0 || !std::isfinite(x)) return x;
  int exponent = std::ilogb(x);
  if (precision == Precision::kF16 && exponent < -14) exponent = -14;
  const double unit = std::ldexp(1.0, exponent - DigitsOf(precision) + 1);
  const double rounded = std::nearbyint(x / unit) * unit;
  if (precision == Precision::kF16 && std::abs(rounded) > 65504) {
    return std::copysign(std::numeric_limits<double>::infinity(), x);
  }
  return rounded;
}

// The same, and the next number beyond where x is so near to the middle of the two that other code
// may have gone there; else twice the same.
//   slack  how far other code's x may be off; no more than a sixteenth of a unit counts
inline std::pair<double, double> RoundedEitherWay(Precision precision, double x, double slack) {
  const double rounded = RoundedTo(precision, x);
  if (rounded == x) return {rounded, rounded};
  const double other = RoundedTo(precision, x + (x - rounded));  // across the middle, if near
  const double allowed = std::min(slack, std::abs(rounded - other) / 16);
  const bool is_near = std::abs(2 * x - rounded - other) <= 2 * allowed;
  return {rounded, is_near ? other : rounded};
}

}  // namespace rotary

#endif  // ROTARY_DOCTOR_PRECISION_H_
