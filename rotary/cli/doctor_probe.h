// rotary doctor --probe: writes inputs for code in doubt.
#ifndef ROTARY_CLI_DOCTOR_PROBE_H_
#define ROTARY_CLI_DOCTOR_PROBE_H_

#include <CLI/CLI.hpp>
#include <cstdint>
#include <filesystem>
#include <string>

namespace rotary {

struct DoctorProbe {
  std::filesystem::path out;  // empty: not asked for
  int head_dim = 0, heads = 4;
  int64_t tokens = 1024;
  std::string dtype = "f32";
};

// Adds --probe and its own flags, and returns --probe; parsing writes to `probe`, which must
// outlive the command.
CLI::Option* AddDoctorProbe(CLI::App& command, DoctorProbe& probe);

// Writes the probe and prints what to do with it. Throws as WriteProbe does.
void RunDoctorProbe(const DoctorProbe& probe, bool json);

}  // namespace rotary

#endif  // ROTARY_CLI_DOCTOR_PROBE_H_
