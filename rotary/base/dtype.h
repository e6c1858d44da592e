// Element types and the conversions between them, each rounded to nearest even.
#ifndef ROTARY_BASE_DTYPE_H_
#define ROTARY_BASE_DTYPE_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "rotary/base/error.h"

namespace rotary {

enum class DType : uint8_t { kF64, kF32, kBF16, kF16, kI64, kI32, kU8 };

// The upper half of an f32: 8 exponent bits, 7 of mantissa.
struct BF16 {
  uint16_t bits;
  bool operator==(const BF16&) const = default;
};

// IEEE binary16: 5 exponent bits, 10 of mantissa.
struct F16 {
  uint16_t bits;
  bool operator==(const F16&) const = default;
};

inline float ToFloat(float x) { return x; }
inline float ToFloat(double x) { return static_cast<float>(x); }
inline float ToFloat(BF16 x) { return std::bit_cast<float>(static_cast<uint32_t>(x.bits) << 16); }
inline float ToFloat(F16 x) {
  const uint32_t sign = static_cast<uint32_t>(x.bits & 0x8000u) << 16;
  const uint32_t magnitude = x.bits & 0x7fffu;
  if (magnitude >= 0x7c00u) {  // infinity, NaN
    return std::bit_cast<float>(sign | 0x7f800000u | ((magnitude & 0x3ffu) << 13));
  }
  // The product is exact and makes subnormals normal: 2^112 is the difference of the exponent
  // biases.
  const float scaled = std::bit_cast<float>(magnitude << 13) * 0x1p112f;
  return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(scaled));
}

// Rounds to nearest, ties to even; NaN stays a (quiet) NaN.
inline BF16 ToBF16(float x) {
  const uint32_t bits = std::bit_cast<uint32_t>(x);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return {static_cast<uint16_t>((bits >> 16) | 0x40u)};
  return {static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16)};
}

// Rounds to nearest, ties to even; beyond 65,519 gives infinity; NaN stays a (quiet) NaN.
inline F16 ToF16(float x) {
  const uint32_t bits = std::bit_cast<uint32_t>(x);
  const uint32_t sign = (bits >> 16) & 0x8000u;
  const uint32_t magnitude = bits & 0x7fffffffu;
  uint32_t half;
  if (magnitude > 0x7f800000u) {
    half = 0x7e00u | ((magnitude >> 13) & 0x3ffu);
  } else if (magnitude >= 0x47800000u) {  // 2^16
    half = 0x7c00u;
  } else if (magnitude <
             0x38800000u) {  // 2^-14: a subnormal half; the sum rounds at the last bit kept
    half = std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) - 0x3f000000u;
  } else {
    half = (magnitude - 0x38000000u + 0xfffu + ((magnitude >> 13) & 1u)) >> 13;
  }
  return {static_cast<uint16_t>(sign | half)};
}

template <class T>
T FromFloat(float x);
template <>
inline double FromFloat<double>(float x) {
  return x;
}
template <>
inline float FromFloat<float>(float x) {
  return x;
}
template <>
inline BF16 FromFloat<BF16>(float x) {
  return ToBF16(x);
}
template <>
inline F16 FromFloat<F16>(float x) {
  return ToF16(x);
}

template <class T>
inline constexpr DType kDTypeOf = [] {
  static_assert(sizeof(T) == 0, "no DType for this type");
  return DType::kF32;
}();
template <>
inline constexpr DType kDTypeOf<double> = DType::kF64;
template <>
inline constexpr DType kDTypeOf<float> = DType::kF32;
template <>
inline constexpr DType kDTypeOf<BF16> = DType::kBF16;
template <>
inline constexpr DType kDTypeOf<F16> = DType::kF16;
template <>
inline constexpr DType kDTypeOf<int64_t> = DType::kI64;
template <>
inline constexpr DType kDTypeOf<int32_t> = DType::kI32;
template <>
inline constexpr DType kDTypeOf<uint8_t> = DType::kU8;

inline size_t SizeOf(DType dtype) {
  switch (dtype) {
    case DType::kF64:
    case DType::kI64:
      return 8;
    case DType::kF32:
    case DType::kI32:
      return 4;
    case DType::kBF16:
    case DType::kF16:
      return 2;
    case DType::kU8:
      return 1;
  }
  throw std::invalid_argument("SizeOf: not a dtype");
}

inline std::string_view Name(DType dtype) {
  switch (dtype) {
    case DType::kF64:
      return "f64";
    case DType::kF32:
      return "f32";
    case DType::kBF16:
      return "bf16";
    case DType::kF16:
      return "f16";
    case DType::kI64:
      return "i64";
    case DType::kI32:
      return "i32";
    case DType::kU8:
      return "u8";
  }
  throw std::invalid_argument("Name: not a dtype");
}

// Calls `body.operator()<T>()` with the C++ type of a floating `dtype`.
// Throws std::invalid_argument, in the name of `operation`, for any other dtype.
template <class Body>
decltype(auto) DispatchFloat(DType dtype, std::string_view operation, Body&& body) {
  switch (dtype) {
    case DType::kF64:
      return body.template operator()<double>();
    case DType::kF32:
      return body.template operator()<float>();
    case DType::kBF16:
      return body.template operator()<BF16>();
    case DType::kF16:
      return body.template operator()<F16>();
    default:
      throw std::invalid_argument(
          Sentence(operation, ": dtype must be f64, f32, bf16 or f16, got ", Name(dtype)));
  }
}

}  // namespace rotary

#endif  // ROTARY_BASE_DTYPE_H_
