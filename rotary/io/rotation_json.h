// The JSON form of a rotation:
//
//   {"head_dim": 8, "attention_factor": 1, "axes": 1, "first": [0,1], "second": [4,5], "frequency":
//   [[1], [0.1]]}
//
// "frequency" is [pairs][axes], or [heads][pairs][axes] where "heads" is there and above 1.
// "second_frequency" (the same shape) and "log_decay" [pairs] are there only where they are not
// empty. Numbers have 17 significant digits, so that a rotation comes back to the bit.
#ifndef ROTARY_IO_ROTATION_JSON_H_
#define ROTARY_IO_ROTATION_JSON_H_

#include <filesystem>
#include <optional>
#include <string>

#include "rotary/io/json.h"
#include "rotary/rope/rotation.h"

namespace rotary {

// One line without a line break. Throws std::invalid_argument as CheckRotation does.
std::string RotationToJson(const Rotation& rotation);

// Throws FileError: a key missing or unknown, a list of another length, a value of another kind, a
// rule of CheckRotation.
Rotation RotationFromJson(const JsonValue& value);

// How the layers of one group rotate; nothing: they do not.
struct QueryKeyRotations {
  std::optional<Rotation> query, key;
  bool operator==(const QueryKeyRotations&) const = default;
};

// One rotation, or what `rotary inspect --json` prints: then its text layers, or all layers where
// none are text, which must rotate alike. Throws FileError as RotationFromJson does, and for layers
// that differ, with their names.
QueryKeyRotations QueryKeyRotationsFromJson(const JsonValue& value);
QueryKeyRotations ReadQueryKeyRotations(const std::filesystem::path& path);

// The same where queries and keys rotate alike. Throws FileError where they differ or do not.
Rotation ReadRotation(const std::filesystem::path& path);

}  // namespace rotary

#endif  // ROTARY_IO_ROTATION_JSON_H_
