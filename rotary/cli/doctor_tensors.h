// rotary doctor FILE: which rotation made what came out of what went in.
#ifndef ROTARY_CLI_DOCTOR_TENSORS_H_
#define ROTARY_CLI_DOCTOR_TENSORS_H_

#include <CLI/CLI.hpp>
#include <filesystem>
#include <optional>
#include <string>

#include "rotary/cli/rotation_flags.h"
#include "rotary/doctor/expectation.h"

namespace rotary {

struct DoctorTensors {
  std::filesystem::path file;
  std::string before = "before", after = "after", positions, shape;
  bool keys = false;
  RotationFlags rotation;  // of these, config, rotation, layer, part, length, layout and ignore
  std::filesystem::path out;

  bool Asked() const { return !file.empty(); }
};

// Adds FILE and its flags; parsing writes to `tensors`, which must outlive the command.
void AddDoctorTensors(CLI::App& command, DoctorTensors& tensors);

// What was asked for; nothing where no flag says it. Throws as ReadRopeConfig and ExpectationOf do.
std::optional<Expectation> ReadExpectation(const DoctorTensors& tensors);

// Prints the diagnosis; whether it is a fault. Throws FileError, std::invalid_argument.
bool RunDoctorTensors(const DoctorTensors& tensors, bool json);

}  // namespace rotary

#endif  // ROTARY_CLI_DOCTOR_TENSORS_H_
