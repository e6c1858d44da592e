// Configs of families without a row of the registry: what of them can be read where a layout is
// given, and what only their own code can say.
#ifndef ROTARY_CONFIG_UNKNOWN_FAMILY_H_
#define ROTARY_CONFIG_UNKNOWN_FAMILY_H_

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "rotary/config/config_object.h"
#include "rotary/config/family.h"
#include "rotary/io/json.h"

namespace rotary {

// All layers rotate alike, by keys at the top of the config as transformers names them.
const Family& UnknownFamily();

// Throws FileError for a wrapper of several parts: its text is a family of its own.
void RefuseUnknownWrapper(const ConfigObject& config);

// Throws FileError for keys that no layout replaces: those of latent attention, of several axes and
// of layers that differ, but for those in `ignore`.
void RefuseBeyondLayout(const ConfigObject& config, const std::set<std::string>& ignore);

// Where layer_types names several types, which are taken to rotate alike.
std::vector<std::string> UnknownFamilyWarnings(const ConfigObject& config);

// The key by which a config says that its model rotates, though its family does not: people give
// their own code the model_type of a known one.
std::optional<JsonValue> SaysRotation(const ConfigObject& config);

}  // namespace rotary

#endif  // ROTARY_CONFIG_UNKNOWN_FAMILY_H_
