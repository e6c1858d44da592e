// rotary doctor --weights: which layout a checkpoint is stored in.
#ifndef ROTARY_CLI_DOCTOR_WEIGHTS_H_
#define ROTARY_CLI_DOCTOR_WEIGHTS_H_

#include <CLI/CLI.hpp>
#include <filesystem>

#include "rotary/cli/rotation_flags.h"

namespace rotary {

// Adds --weights; parsing writes to `checkpoint`, which must outlive the command.
void AddDoctorWeights(CLI::App& command, std::filesystem::path& checkpoint);

// Prints what the rows of queries and keys tell; whether that is another layout than the config's.
//   flags  config (else the checkpoint's own), layout and ignore
// Throws FileError: as the readers and QueryKeyRows do; std::invalid_argument: a single file
// without a config.
bool RunDoctorWeights(const std::filesystem::path& checkpoint, const RotationFlags& flags,
                      bool json);

}  // namespace rotary

#endif  // ROTARY_CLI_DOCTOR_WEIGHTS_H_
