// rotary doctor --tables: cosines and sines, or inverse frequencies, as engines keep them.
#ifndef ROTARY_CLI_DOCTOR_TABLES_H_
#define ROTARY_CLI_DOCTOR_TABLES_H_

#include <CLI/CLI.hpp>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "rotary/doctor/expectation.h"

namespace rotary {

struct DoctorTables {
  std::filesystem::path file;  // empty: not asked for
  std::vector<std::string> names;
};

// Adds --tables and --name; parsing writes to `tables`, which must outlive the command.
void AddDoctorTables(CLI::App& command, DoctorTables& tables);

// Prints the diagnosis; whether it is a fault.
//   positions  the tensor of the file that says the position of each row; empty: one that is called
//              so, else rows count from 0
//   expected   what the config asks for
// Throws FileError: as the readers do, and where no tensors of the file are tables or more than one
// choice is; std::invalid_argument as CheckTable does.
bool RunDoctorTables(const DoctorTables& tables, const std::string& positions,
                     const std::optional<Expectation>& expected, bool json);

}  // namespace rotary

#endif  // ROTARY_CLI_DOCTOR_TABLES_H_
