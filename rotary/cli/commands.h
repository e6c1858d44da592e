// The subcommands of `rotary`: each adds itself to the program, in a file of its own name.
#ifndef ROTARY_CLI_COMMANDS_H_
#define ROTARY_CLI_COMMANDS_H_

#include <CLI/CLI.hpp>

namespace rotary {

void AddBenchCommand(CLI::App& program);
void AddCompareCommand(CLI::App& program);
void AddConvertCommand(CLI::App& program);
void AddDecayCommand(CLI::App& program);
void AddDemoCommand(CLI::App& program);
// Sets `exit_code` to 4 where a fault is found.
void AddDoctorCommand(CLI::App& program, int& exit_code);
void AddEvaluateCommand(CLI::App& program);
void AddGoldenCommand(CLI::App& program);
void AddInspectCommand(CLI::App& program);
void AddLogitsCommand(CLI::App& program);
void AddRotateCommand(CLI::App& program);
void AddShiftCommand(CLI::App& program);
void AddTablesCommand(CLI::App& program);
void AddTraceCommand(CLI::App& program);
void AddTrainCommand(CLI::App& program);

}  // namespace rotary

#endif  // ROTARY_CLI_COMMANDS_H_
