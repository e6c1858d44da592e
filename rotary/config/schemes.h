// The schemes of image, video and audio models: the word under "scheme" in families.json, and what
// it builds. The rotations themselves are those of rotary/rope.
#ifndef ROTARY_CONFIG_SCHEMES_H_
#define ROTARY_CONFIG_SCHEMES_H_

#include <string_view>
#include <vector>

#include "rotary/config/config_object.h"
#include "rotary/rope/rotation.h"

namespace rotary {

// What a scheme may need; the keys that only one scheme has it asks of `config` itself.
struct SchemeInput {
  const ConfigObject& config;
  int head_dim = 0;
  int heads = 0;  // 0 where the config does not say
  double theta = 0;
  Layout layout = Layout::kHalf;
  std::vector<int> channels;  // of each axis, where the config lists them
};

bool IsScheme(std::string_view scheme);

// Where the frequencies are learned, they are all zero: the checkpoint has them
// (frequency_weights.h).
// Throws std::invalid_argument as the functions of rotary/rope do and for a name that is no scheme,
// FileError for a key that is missing or of another kind.
Rotation BuildScheme(std::string_view scheme, const SchemeInput& input);

}  // namespace rotary

#endif  // ROTARY_CONFIG_SCHEMES_H_
