// One golden vector: a rotation, positions and the exact result, as NAME.json and NAME.safetensors
// in a folder (conformance/README.md describes both for engines in any language).
#ifndef ROTARY_GOLDEN_GOLDEN_CASE_H_
#define ROTARY_GOLDEN_GOLDEN_CASE_H_

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rotary/io/json.h"
#include "rotary/rope/rotate.h"
#include "rotary/rope/rotation.h"

namespace rotary {

// In the order in which they are scored; an engine earns a badge for each.
inline constexpr std::array<std::string_view, 7> kGoldenLevels = {
    "core", "scaling", "positions", "precision", "backward", "multi-axis", "cache"};

// How near an output must come to the exact one.
//   kFloat32  angles in float32 (eight roundings), products and sums in the dtype of the output
//   kExact    angles in double, products in float32 at least, rounded once to the output's dtype
enum class Tolerance { kFloat32, kExact };

// Heads [begin, end) of a wider tensor.
struct HeadRange {
  int begin = 0, end = 0;
};

struct GoldenCase {
  std::string name;              // of its files
  std::string level;             // one of kGoldenLevels
  std::string meaning;           // in words, for people
  std::string catches;           // which documented mistakes it finds
  Json config;                   // as people write it; null where nobody writes one
  Json from_config;              // of a cache that moves from one rotation to another; else null
  std::optional<double> length;  // tokens of the text, where the rule asks
  std::string part;              // of the model, where several rotate ("indexer")
  int layer = 0;                 // of the model
  Side side = Side::kQuery;
  Direction direction = Direction::kForward;  // or kInverse
  double centre = 0;                          // from which log_decay counts
  std::string layout;                         // "half", "interleaved", "other"
  int rotary_dim = 0, offset = 0;             // channels that may turn
  Tolerance tolerance = Tolerance::kFloat32;
  Rotation rotation;
  int heads = 1;                     // of x
  std::optional<HeadRange> strided;  // x is this part of the tensor x_wide
};

std::string_view Name(Tolerance tolerance);

// The JSON text of a case: rotation and, beside it, the same numbers as hexadecimal floats.
std::string GoldenCaseToJson(const GoldenCase& golden);

// Throws FileError: a key missing or unknown, a value of another kind, other heads than the
// rotation has, hexadecimal numbers that are not the decimal ones.
GoldenCase ReadGoldenCase(const std::filesystem::path& path);

// The cases of a folder by level, then name.
// Throws FileError: none there, or as above.
std::vector<GoldenCase> ReadGoldenCases(const std::filesystem::path& folder);

}  // namespace rotary

#endif  // ROTARY_GOLDEN_GOLDEN_CASE_H_
