// The command line: parses, calls one subcommand, and turns exceptions into one sentence, a hint
// and an exit code: 2 wrong usage, 3 a bad file, 1 anything else. A command that looks for faults
// and finds one ends with 4.
#include <exception>
#include <iostream>
#include <string>

#include "rotary/base/error.h"
#include "rotary/cli/commands.h"
#include "rotary/io/file.h"

namespace {

constexpr int kFailure = 1;
constexpr int kUsage = 2;
constexpr int kFile = 3;

// Prints the sentence and where to read more; returns `code`.
int Fail(const CLI::App& program, const std::string& sentence, int code) {
  std::string command = program.get_name();
  for (const CLI::App* chosen : program.get_subcommands()) command += " " + chosen->get_name();
  std::cerr << sentence << '\n';
  if (code == kUsage) std::cerr << "See `" << command << " --help`.\n";
  return code;
}

// The parser's own words for a flag without its value are "--steps: 1 required INT missing".
std::string WithoutValue(const std::string& sentence) {
  if (!sentence.ends_with(" missing")) return sentence;
  return sentence.substr(0, sentence.find(':')) + " needs a value";
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App program("Rotary position embedding, from the exact angle to the trained RoFormer.",
                   "rotary");
  program.set_version_flag("--version", "rotary 0.1.0");
  program.require_subcommand(1);
  program.fallthrough(false);
  rotary::AddBenchCommand(program);
  rotary::AddCompareCommand(program);
  rotary::AddConvertCommand(program);
  rotary::AddDecayCommand(program);
  rotary::AddDemoCommand(program);
  int exit_code = 0;
  rotary::AddDoctorCommand(program, exit_code);
  rotary::AddEvaluateCommand(program);
  rotary::AddGoldenCommand(program);
  rotary::AddInspectCommand(program);
  rotary::AddLogitsCommand(program);
  rotary::AddRotateCommand(program);
  rotary::AddShiftCommand(program);
  rotary::AddTablesCommand(program);
  rotary::AddTraceCommand(program);
  rotary::AddTrainCommand(program);
  try {
    try {
      program.parse(argc, argv);
    } catch (const CLI::Success& asked) {  // --help or --version
      program.exit(asked);
    }
    rotary::FlushStandardOutput();
    return exit_code;
  } catch (const CLI::RequiredError& error) {
    // The parser's own words for a command that it does not know are "A subcommand is required".
    const bool unknown = program.get_subcommands().empty() && argc > 1;
    return Fail(
        program,
        unknown ? "rotary: there is no command \"" + std::string(argv[1]) + "\"" : error.what(),
        kUsage);
  } catch (const CLI::ArgumentMismatch& error) {
    return Fail(program, WithoutValue(error.what()), kUsage);
  } catch (const CLI::ParseError& error) {
    return Fail(program, error.what(), kUsage);
  } catch (const rotary::FileError& error) {
    return Fail(program, error.what(), kFile);
  } catch (const std::invalid_argument& error) {
    return Fail(program, error.what(), kUsage);
  } catch (const std::out_of_range& error) {
    return Fail(program, error.what(), kUsage);
  } catch (const std::exception& error) {
    return Fail(program, error.what(), kFailure);
  }
}
