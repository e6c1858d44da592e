// --rope-config and what helps to read it, shared by the commands that run a whole model.
#ifndef ROTARY_CLI_ROPE_CONFIG_FLAGS_H_
#define ROTARY_CLI_ROPE_CONFIG_FLAGS_H_

#include <CLI/CLI.hpp>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "rotary/rope/rotation.h"

namespace rotary {

struct RopeConfigFlags {
  std::filesystem::path config;  // empty: not given
  std::optional<double> length;
  std::vector<std::string> ignore;
};

// Adds the flags and returns that of the config; parsing writes to `flags`, which must outlive the
// command.
CLI::Option* AddRopeConfigFlags(CLI::App& command, RopeConfigFlags& flags);

// The rotation by which every text layer of the config turns queries and keys, for models that
// have one rotation and no other word on scores. Warnings of the config go to standard error.
//   context  tokens of the text, where the flags do not say
//   layout   instead of the family's
// Throws std::invalid_argument, in the name of `command`: no text layers, layers that differ or do
// not rotate, queries and keys that rotate differently, a factor on scores, queries or values that
// the model would leave out; FileError as ReadRopeConfig does.
Rotation ReadModelRotation(const RopeConfigFlags& flags, int64_t context,
                           std::optional<Layout> layout, const std::string& command);

}  // namespace rotary

#endif  // ROTARY_CLI_ROPE_CONFIG_FLAGS_H_
