// The layout that a config names: how a checkpoint whose channels have moved says so.
#ifndef ROTARY_CONFIG_CONFIG_LAYOUT_H_
#define ROTARY_CONFIG_CONFIG_LAYOUT_H_

#include <filesystem>
#include <string>

#include "rotary/rope/rotation.h"

namespace rotary {

// The key by which a config names a layout that is not its family's: "half" or "interleaved".
// ReadRopeConfig follows it; other programs do not know it.
inline constexpr const char* kLayoutKey = "rotary_layout";

// `text`, a config of one object, for a checkpoint that has come to `layout`. Families with a key
// of their own for it ("rope_interleave") say so there, as their own programs do; for all others
// kLayoutKey is there where the layout is not the family's. All other bytes stay; the way back
// gives those of before. Throws FileError, in the name of `source`, for a config whose family is
// not known, or that cannot be changed so.
std::string ConfigInLayout(const std::string& text, const std::string& source, Layout layout);

}  // namespace rotary

#endif  // ROTARY_CONFIG_CONFIG_LAYOUT_H_
