// What the commands that take the rotation of a config's layers share.
#ifndef ROTARY_CLI_CONFIG_GROUPS_H_
#define ROTARY_CLI_CONFIG_GROUPS_H_

#include <filesystem>
#include <string>
#include <vector>

#include "rotary/config/rope_config.h"

namespace rotary {

// The config in `path`: a file as ReadRopeConfig takes it, a pipe with JSON, or a folder with
// config.json or params.json, of a model or of a run. There is a warning for each key of
// options.ignore that it lacks. Throws FileError as ReadRopeConfig does, and for a folder with
// neither.
RopeConfig ReadConfig(const std::filesystem::path& path, const RopeConfigOptions& options);

// Prints each warning of the config on a line of the error stream.
void PrintWarnings(const RopeConfig& config);

// The layers of a group and its name: "0-4, 6-10: sliding_attention"; the name alone where it says
// no layers.
std::string LayersAndName(const LayerRope& group);

// Whether queries and keys of all groups, of which there is one at least, rotate as the first's.
bool RotateAlike(const std::vector<const LayerRope*>& groups);

}  // namespace rotary

#endif  // ROTARY_CLI_CONFIG_GROUPS_H_
