// Keys of a config that belong to rotations and that nothing used: each is an error, because a
// misspelt key that is ignored leaves a model that is fluent and wrong.
#ifndef ROTARY_CONFIG_UNUSED_KEYS_H_
#define ROTARY_CONFIG_UNUSED_KEYS_H_

#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rotary/config/family.h"
#include "rotary/io/json.h"

namespace rotary {

// Whether a key, by its name, belongs to rotations, or is a known one misspelt.
bool BelongsToRope(std::string_view key);

// `members` nobody asked for: those that belong to rotations (in a rope dictionary: all of them)
// are refused, but for those in `ignore` and those that `family` is known not to read. Throws
// FileError with the key's path, its value, the nearest known key, and how to leave it aside.
void RefuseUnused(const std::vector<std::pair<std::string, JsonValue>>& members,
                  const Family& family, const std::set<std::string>& ignore, bool in_dictionary);

}  // namespace rotary

#endif  // ROTARY_CONFIG_UNUSED_KEYS_H_
