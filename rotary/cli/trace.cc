// rotary trace: a vector as it turns, as a table, JSON or a page.
#include "rotary/lab/trace.h"

#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "rotary/cli/commands.h"
#include "rotary/cli/number_check.h"
#include "rotary/cli/out_path.h"
#include "rotary/io/file.h"
#include "rotary/io/rotation_json.h"
#include "rotary/lab/ranges.h"
#include "rotary/train/choices.h"

namespace rotary {
namespace {

struct TraceCommand {
  std::string vector, positions = "0..12", layout = "interleaved";
  std::optional<double> degrees, theta;
  std::filesystem::path rotation, out;
  bool json = false;
};

Rotation RotationOf(const TraceCommand& command, int head_dim) {
  if (!command.rotation.empty()) return ReadRotation(command.rotation);
  const Layout layout = ParseChoice<Layout>("trace: layout", command.layout);
  if (command.degrees) return RotationByDegrees(head_dim, *command.degrees, layout);
  return MakeRotation(
      {.head_dim = head_dim, .theta = command.theta.value_or(10000), .layout = layout});
}

void PrintTrace(const TraceCommand& command) {
  RequireNoInput("trace", command.out, {command.rotation});
  std::vector<double> vector = ParseVector(command.vector);
  const Rotation rotation = RotationOf(command, static_cast<int>(vector.size()));
  const Trace trace =
      MakeTrace(rotation, std::move(vector), ParseRanges(command.positions, "trace: positions"));
  if (!command.out.empty()) WriteFileAtomically(command.out, TraceHtml(trace));
  std::cout << (command.json ? TraceToJson(trace) : TraceToText(trace));
  if (!command.out.empty() && !command.json) {
    std::cout << "A picture of it: " << command.out.string() << '\n';
  }
}

}  // namespace

void AddTraceCommand(CLI::App& program) {
  const auto command = std::make_shared<TraceCommand>();
  CLI::App* app = program.add_subcommand("trace", "Show a vector as a rotary embedding turns it");
  app->footer("Example: rotary trace 1,0,0,1 --degrees 30 --positions 0..12 --out trace.html");
  app->add_option("VECTOR", command->vector, "its channels, such as 1,0,0,1")->required();
  app->add_option("--positions", command->positions, "such as 0..12 or 0,5,100")
      ->capture_default_str()
      ->type_name("");
  CLI::Option* degrees =
      app->add_option("--degrees", command->degrees, "degrees a position, for every pair alike")
          ->check(FiniteNumber("--degrees"))
          ->type_name("");
  CLI::Option* theta =
      app->add_option("--theta", command->theta,
                      "base of the frequencies, which fall from pair to pair [10000]")
          ->check(PositiveNumber("--theta"))
          ->type_name("");
  app->add_option("--layout", command->layout, "which channels pair up: " + ChoiceList<Layout>())
      ->capture_default_str()
      ->type_name("");
  app->add_option("--rotation", command->rotation, "file with a rotation, instead of these")
      ->type_name("FILE")
      ->excludes(degrees)
      ->excludes(theta);
  theta->excludes(degrees);
  app->add_option("--out", command->out, "page to write, with a picture")->type_name("FILE.html");
  app->add_flag("--json", command->json, "print JSON");
  app->callback([command] { PrintTrace(*command); });
}

}  // namespace rotary
