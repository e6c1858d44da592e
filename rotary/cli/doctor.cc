// rotary doctor: which rotation was really applied.
#include <algorithm>
#include <memory>
#include <string_view>
#include <vector>

#include "rotary/base/error.h"
#include "rotary/cli/commands.h"
#include "rotary/cli/doctor_probe.h"
#include "rotary/cli/doctor_tables.h"
#include "rotary/cli/doctor_tensors.h"
#include "rotary/cli/doctor_weights.h"

namespace rotary {
namespace {

struct DoctorCommand {
  DoctorTensors tensors;
  DoctorTables tables;
  std::filesystem::path weights;
  DoctorProbe probe;
  bool json = false;
};

// Flags that say something about what is done; the others would be taken for heeded.
void RequireHeeded(const CLI::App& app, const DoctorCommand& command) {
  using Flags = std::vector<const char*>;
  const Flags all = {"--before", "--after",    "--positions", "--shape", "--keys",
                     "--config", "--rotation", "--layer",     "--part",  "--length",
                     "--layout", "--centre",   "--ignore"};
  const Flags of_config = {"--layer", "--part", "--length", "--layout", "--ignore"};
  const auto has = [](const Flags& flags, const char* flag) {
    return std::any_of(flags.begin(), flags.end(),
                       [&](const char* own) { return std::string_view(own) == flag; });
  };
  const auto require_only = [&](const char* mode, const Flags& heeded) {
    for (const char* flag : all) {
      Require(app.count(flag) == 0 || has(heeded, flag), "doctor: ", flag, " says nothing about ",
              mode);
    }
  };
  if (!command.weights.empty())
    return require_only("--weights", {"--config", "--layout", "--ignore"});
  if (!command.probe.out.empty()) return require_only("--probe", {});
  if (!command.tables.file.empty()) {
    require_only("--tables", {"--positions", "--keys", "--config", "--rotation", "--layer",
                              "--part", "--length", "--layout", "--ignore"});
  }
  for (const char* flag : of_config) {
    Require(app.count(flag) == 0 || app.count("--config") > 0, "doctor: ", flag,
            " says which rotation of a config; give it by --config");
  }
}

// Does the one thing that was asked for; whether a fault was found.
bool RunDoctor(const CLI::App& app, const DoctorCommand& command) {
  const int asked = static_cast<int>(command.tensors.source.Asked()) +
                    static_cast<int>(!command.tables.file.empty()) +
                    static_cast<int>(!command.weights.empty()) +
                    static_cast<int>(!command.probe.out.empty());
  Require(asked == 1,
          "doctor: say what to do by exactly one of FILE (or two .npy files), --tables, --weights, "
          "--probe");
  Require(
      command.tensors.out.empty() || command.tensors.source.Asked(),
      "doctor: --out makes the page of tensors before and after; --tables, --weights and --probe "
      "have none");
  RequireHeeded(app, command);
  if (command.tensors.source.Asked()) return RunDoctorTensors(command.tensors, command.json);
  if (!command.tables.file.empty()) {
    return RunDoctorTables(command.tables, command.tensors.source.positions,
                           ReadExpectation(command.tensors), command.json);
  }
  if (!command.weights.empty()) {
    return RunDoctorWeights(command.weights, command.tensors.rotation, command.json);
  }
  RunDoctorProbe(command.probe, command.json);
  return false;
}

}  // namespace

void AddDoctorCommand(CLI::App& program, int& exit_code) {
  const auto command = std::make_shared<DoctorCommand>();
  CLI::App* app = program.add_subcommand("doctor", "Say which rotation was really applied");
  app->footer(
      "Ends with 0 where there is no fault, with 4 where there is (docs/doctor.md).\n"
      "Examples: rotary doctor --probe probe.safetensors --head-dim 128 --heads 4\n"
      "          rotary doctor probe.safetensors --config config.json --out page.html\n"
      "          rotary doctor --before q.npy --after q_rotated.npy --positions positions.npy\n"
      "          rotary doctor --tables cache.safetensors --config config.json\n"
      "          rotary doctor --weights model");
  AddDoctorTensors(*app, command->tensors);
  AddDoctorTables(*app, command->tables);
  AddDoctorWeights(*app, command->weights);
  AddDoctorProbe(*app, command->probe);
  app->add_flag("--json", command->json, "print JSON");
  app->callback([app, command, &exit_code] {
    constexpr int kFaultFound = 4;
    if (RunDoctor(*app, *command)) exit_code = kFaultFound;
  });
}

}  // namespace rotary
