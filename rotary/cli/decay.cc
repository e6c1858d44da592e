// rotary decay: the paper's bound on scores by distance, as a table, JSON or a page.
#include "rotary/lab/decay.h"

#include <fmt/format.h>

#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "rotary/cli/commands.h"
#include "rotary/cli/number_check.h"
#include "rotary/cli/out_path.h"
#include "rotary/io/file.h"
#include "rotary/io/rotation_json.h"
#include "rotary/lab/ranges.h"

namespace rotary {
namespace {

struct DecayCommand {
  int head_dim = 128, rotary_dim = 0;
  std::vector<double> thetas;
  std::vector<std::filesystem::path> rotations;
  std::string distances = "0,1,2,5,10,25,50,100,150,200,250,500,1000,2000,5000,10000";
  std::filesystem::path out;
  bool json = false;
};

void Decay(DecayCommand command) {
  RequireNoInput("decay", command.out, command.rotations);
  if (command.thetas.empty() && command.rotations.empty()) command.thetas = {10000};
  const std::vector<int64_t> distances = ParseRanges(command.distances, "decay: distances");
  std::vector<DecayCurve> curves;
  for (const double theta : command.thetas) {
    const Rotation rotation = MakeRotation(
        {.head_dim = command.head_dim, .rotary_dim = command.rotary_dim, .theta = theta});
    curves.push_back(MakeDecayCurve(fmt::format("theta {}", theta), rotation, distances));
  }
  for (const std::filesystem::path& path : command.rotations) {
    curves.push_back(MakeDecayCurve(path.stem().string(), ReadRotation(path), distances));
  }
  if (!command.out.empty()) WriteFileAtomically(command.out, DecayHtml(curves));
  std::cout << (command.json ? DecayToJson(curves) : DecayToText(curves));
  if (!command.out.empty() && !command.json) {
    std::cout << "Charts of it: " << command.out.string() << '\n';
  }
}

}  // namespace

void AddDecayCommand(CLI::App& program) {
  const auto command = std::make_shared<DecayCommand>();
  CLI::App* app = program.add_subcommand(
      "decay", "Show how far attention scores can reach: the bound of the paper's Figure 2");
  app->footer(
      "The bound says what contents of queries and keys cannot exceed, not what a model learns.\n"
      "Example: rotary decay --theta 10000,500000 --out decay.html");
  app->add_option("--theta", command->thetas, "base of the frequencies, or several [10000]")
      ->check(PositiveNumber("--theta"))
      ->delimiter(',')
      ->type_name("");
  app->add_option("--head-dim", command->head_dim, "channels of a head, for --theta")
      ->transform(WholeNumber("--head-dim", 2))
      ->capture_default_str()
      ->type_name("");
  app->add_option("--rotary-dim", command->rotary_dim, "channels that turn, for --theta; 0: all")
      ->transform(WholeNumber("--rotary-dim", 0))
      ->capture_default_str()
      ->type_name("");
  app->add_option("--rotation", command->rotations, "files with rotations, beside those of --theta")
      ->type_name("FILE");
  app->add_option("--distances", command->distances, "distances of the table, such as 0..256,1000")
      ->capture_default_str()
      ->type_name("");
  app->add_option("--out", command->out, "page to write, with charts")->type_name("FILE.html");
  app->add_flag("--json", command->json, "print JSON");
  app->callback([command] { Decay(*command); });
}

}  // namespace rotary
