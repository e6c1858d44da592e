// The layout that a config names: how a checkpoint whose channels have moved says so.
#ifndef ROTARY_CONFIG_CONFIG_LAYOUT_H_
#define ROTARY_CONFIG_CONFIG_LAYOUT_H_

#include <filesystem>
#include <string>

#include "rotary/rope/rotation.h"

namespace rotary {

// The key by which a config names a layout that is not its family's: "half" or "interleaved".
// ReadRopeConfig follows it. Other programs do not know it, so that the model_type beside it ends
// in the layout too: "llama_interleaved" is a name that they refuse, instead of rotating by halves.
inline constexpr const char* kLayoutKey = "rotary_layout";

// The family's own name: "llama" of "llama_interleaved" beside a kLayoutKey of "interleaved".
std::string WithoutLayout(const std::string& model_type, const std::string& layout);

// `text`, a config of one object, for a checkpoint that has come to `layout`. Families with a key
// of their own for it ("rope_interleave") say so there, as their own programs do; for all others
// kLayoutKey is there, and ends the model_type, where the layout is not the family's. All other
// bytes stay; the way back gives those of before.
// Throws FileError, in the name of `source`, for what ReadRopeConfig refuses.
std::string ConfigInLayout(const std::string& text, const std::string& source, Layout layout);

}  // namespace rotary

#endif  // ROTARY_CONFIG_CONFIG_LAYOUT_H_
