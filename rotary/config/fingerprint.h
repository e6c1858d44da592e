// A short name for what a model's rotations do.
#ifndef ROTARY_CONFIG_FINGERPRINT_H_
#define ROTARY_CONFIG_FINGERPRINT_H_

#include <string>

#include "rotary/config/rope_config.h"
#include "rotary/rope/rotation.h"

namespace rotary {

// The same rotation with its pairs in the order of their channels, and (a, b, w) written as
// (b, a, -w) where b < a.
Rotation InOrder(const Rotation& rotation);

// One line that two rotations share where they do the same to every head: InOrder, numbers in 12
// significant digits, pairs that do nothing left out.
std::string CanonicalText(const Rotation& rotation);

// 16 hexadecimal digits: equal where two models rotate queries and keys alike in every layer. Names
// of layers and parts, rules and how they were written do not count.
std::string Fingerprint(const RopeConfig& config);

}  // namespace rotary

#endif  // ROTARY_CONFIG_FINGERPRINT_H_
