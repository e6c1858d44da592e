// rotary doctor FILE, or two .npy files: which rotation made what came out of what went in.
#ifndef ROTARY_CLI_DOCTOR_TENSORS_H_
#define ROTARY_CLI_DOCTOR_TENSORS_H_

#include <CLI/CLI.hpp>
#include <filesystem>
#include <optional>
#include <string>

#include "rotary/cli/doctor_input.h"
#include "rotary/cli/rotation_flags.h"
#include "rotary/doctor/expectation.h"

namespace rotary {

struct DoctorTensors {
  DoctorSource source;
  bool keys = false;
  // Of these config, rotation, layer, part, length, layout, centre and ignore.
  RotationFlags rotation;
  std::filesystem::path out;  // of the page; empty: none
};

// Adds FILE and its flags; parsing writes to `tensors`, which must outlive the command.
void AddDoctorTensors(CLI::App& command, DoctorTensors& tensors);

// What was asked for; nothing where no flag says it. Throws as ReadRopeConfig and ExpectationOf do.
std::optional<Expectation> ReadExpectation(const DoctorTensors& tensors);

// Prints the diagnosis and writes the page, where one was asked for; whether it is a fault.
// Throws as DoctorInput does; std::invalid_argument: an --out that is an input, heads of another
// size than the config's.
bool RunDoctorTensors(const DoctorTensors& tensors, bool json);

}  // namespace rotary

#endif  // ROTARY_CLI_DOCTOR_TENSORS_H_
