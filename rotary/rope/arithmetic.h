// How cosines and sines are computed. Always a choice by name, never a default that hides.
#ifndef ROTARY_ROPE_ARITHMETIC_H_
#define ROTARY_ROPE_ARITHMETIC_H_

namespace rotary {

// kExact: frequencies and angles in double, cosines and sines rounded once.
// kFloat32: what training frameworks compute, see float32_arithmetic.h; no group at far positions,
// as the errors of p, q and p + q differ.
enum class Arithmetic { kExact, kFloat32 };

}  // namespace rotary

#endif  // ROTARY_ROPE_ARITHMETIC_H_
