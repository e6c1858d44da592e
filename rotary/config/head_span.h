// Which channels of a head turn.
#ifndef ROTARY_CONFIG_HEAD_SPAN_H_
#define ROTARY_CONFIG_HEAD_SPAN_H_

#include <string>
#include <string_view>
#include <vector>

#include "rotary/config/config_object.h"
#include "rotary/config/family.h"
#include "rotary/config/layer_numbers.h"
#include "rotary/config/rope_dictionary.h"

namespace rotary {

// Of a head, in any config that is read; more is a mistake.
inline constexpr int kMostChannels = 1 << 16;

// The channels of a head: where the rotation lies.
struct HeadSpan {
  int head_dim = 0, rotary_dim = 0, offset = 0;
  double fraction = 1;
  int key_head_dim = 0, key_offset = 0;
};

// A count of channels. Throws FileError, which calls it `what`, for what is none.
int ChannelsOf(const ConfigObject& config, std::string_view what, double number);

// Of the layers of `numbers`, whose type has a rope of its `own` (or null).
//   dictionary  theirs; its partial_rotary_factor goes before that of the config
//   warnings    gets one where no channel turns
// Throws FileError: a width that is missing, or a span that does not lie in the head.
HeadSpan ReadHeadSpan(const ConfigObject& config, const Family& family, const LayerTypeRope* own,
                      const RopeDictionary& dictionary, const LayerNumbers& numbers,
                      std::vector<std::string>& warnings);

}  // namespace rotary

#endif  // ROTARY_CONFIG_HEAD_SPAN_H_
