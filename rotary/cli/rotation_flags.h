// The flags that choose a rotation, shared by the commands that apply one.
#ifndef ROTARY_CLI_ROTATION_FLAGS_H_
#define ROTARY_CLI_ROTATION_FLAGS_H_

#include <CLI/CLI.hpp>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "rotary/config/rope_config.h"
#include "rotary/rope/phases.h"
#include "rotary/rope/rotation.h"

namespace rotary {

struct RotationFlags {
  std::filesystem::path config, weights, rotation, frequencies;
  std::optional<int> layer;
  std::string part;
  std::optional<double> length, centre;
  std::string layout;
  std::vector<std::string> ignore;
  std::string arithmetic = "exact";
};

// Adds the flags; parsing writes to `flags`, which must outlive the command.
void AddRotationFlags(CLI::App& command, RotationFlags& flags);

// The files that the flags name; empty where a flag is not given.
std::vector<std::filesystem::path> InputsOf(const RotationFlags& flags);

// The rotations of one layer.
struct LayerRotations {
  // Nothing: a layer that does not rotate. The two differ where heads do (MLA).
  std::optional<Rotation> query, key;
  double centre = 0;  // from where xPos counts
  // What the model does to scores, queries or values beside these rotations, in words.
  std::vector<std::string> beside;
  Arithmetic arithmetic = Arithmetic::kExact;

  const std::optional<Rotation>& Of(Side side) const { return side == Side::kQuery ? query : key; }
};

// The one group of layers that the flags choose. Throws std::invalid_argument, in the name of
// `command`: a layer or part that is not there, layers that rotate in several ways without a
// choice.
const LayerRope& ChooseGroup(const RopeConfig& config, const RotationFlags& flags,
                             const std::string& command);

// Reads what the flags name. Warnings of the config go to standard error.
// Throws std::invalid_argument, in the name of `command`: neither a config nor a rotation given, a
// layer or part that is not there, layers that rotate in several ways without a choice; FileError
// as the readers do.
LayerRotations ReadLayerRotations(const RotationFlags& flags, const std::string& command);

}  // namespace rotary

#endif  // ROTARY_CLI_ROTATION_FLAGS_H_
