// rotary inspect: what a config says about its rotations.
#include "rotary/config/inspect.h"

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "rotary/cli/commands.h"
#include "rotary/cli/config_groups.h"
#include "rotary/cli/number_check.h"
#include "rotary/cli/out_path.h"
#include "rotary/config/rope_config.h"
#include "rotary/io/file.h"
#include "rotary/lab/inspect_page.h"
#include "rotary/train/choices.h"

namespace rotary {
namespace {

struct InspectCommand {
  std::vector<std::filesystem::path> configs;
  std::optional<int> layer;
  std::optional<double> length;
  std::string layout, arithmetic = "exact";
  std::vector<std::string> ignore;
  std::vector<std::filesystem::path> weights;
  std::filesystem::path out;
  bool families = false, json = false;
};

// Leaves the groups that hold `layer`.
void KeepLayer(int layer, RopeConfig& config) {
  std::erase_if(config.layers, [&](LayerRope& group) {
    if (std::find(group.layers.begin(), group.layers.end(), layer) == group.layers.end()) {
      return true;
    }
    group.layers = {layer};
    return false;
  });
  Require(!config.layers.empty(), "inspect: there is no layer ", layer);
}

void Inspect(const InspectCommand& command) {
  Require(command.out.empty() || (command.configs.size() == 1 && !command.families),
          "inspect: --out makes the page of one config");
  RequireNoInput("inspect", command.out, command.configs);
  RequireNoInput("inspect", command.out, command.weights);
  if (command.families) {
    std::cout << (command.json ? FamiliesJson() : FamiliesText());
    return;
  }
  Require(command.configs.size() == 1 || command.configs.size() == 2,
          "inspect: give one config, or two to compare, got ", command.configs.size());
  RopeConfigOptions options{
      .length = command.length,
      .layout = std::nullopt,
      .arithmetic = ParseChoice<Arithmetic>("inspect: arithmetic", command.arithmetic),
      .ignore = {command.ignore.begin(), command.ignore.end()}};
  if (!command.layout.empty()) {
    options.layout = ParseChoice<Layout>("inspect: layout", command.layout);
  }
  Require(command.weights.size() <= command.configs.size(), "inspect: there are more --weights (",
          command.weights.size(), ") than configs (", command.configs.size(), ")");
  std::vector<RopeConfig> configs;
  for (size_t i = 0; i < command.configs.size(); ++i) {
    std::optional<CheckpointTensors> weights;
    if (i < command.weights.size()) weights.emplace(command.weights[i]);
    options.weights = weights ? &*weights : nullptr;
    configs.push_back(ReadConfig(command.configs[i], options));
    if (command.layer) KeepLayer(*command.layer, configs.back());
  }
  if (configs.size() == 1) {
    if (!command.out.empty()) WriteFileAtomically(command.out, InspectHtml(configs[0]));
    std::cout << (command.json ? InspectJson(configs[0]) : InspectText(configs[0]));
    if (!command.out.empty() && !command.json) {
      std::cout << "\nWith charts: " << command.out.string() << '\n';
    }
  } else {
    std::cout << (command.json ? CompareJson(configs[0], configs[1])
                               : CompareText(configs[0], configs[1]));
  }
}

}  // namespace

void AddInspectCommand(CLI::App& program) {
  const auto command = std::make_shared<InspectCommand>();
  CLI::App* app =
      program.add_subcommand("inspect", "Show which rotation the config of a model asks for");
  app->footer(
      "Examples: rotary inspect config.json --length 32768\n"
      "          rotary inspect config.json --weights model.safetensors.index.json\n"
      "          rotary inspect config.json --out page.html\n"
      "          rotary inspect model.gguf\n"
      "          rotary inspect before.json after.json\n"
      "          rotary inspect --families");
  CLI::Option* configs = app->add_option(
      "CONFIG", command->configs,
      "config.json, params.json or .gguf file of a model, or its folder; two: how they differ");
  CLI::Option* layer = app->add_option("--layer", command->layer, "only this layer")
                           ->transform(WholeNumber("--layer", 0));
  CLI::Option* length =
      app->add_option(
             "--length", command->length,
             "tokens of the text (the highest position + 1) [what the model was trained on]")
          ->transform(WholeNumber("--length", 1))
          ->type_name("");
  CLI::Option* layout = app->add_option("--layout", command->layout,
                                        "instead of the family's: " + ChoiceList<Layout>())
                            ->type_name("");
  app->add_option("--arithmetic", command->arithmetic,
                  "of the frequencies: exact, or float32 as training frameworks compute")
      ->capture_default_str()
      ->type_name("");
  CLI::Option* ignore = app->add_option("--ignore", command->ignore,
                                        "a key to leave aside; may be given several times")
                            ->type_name("KEY");
  CLI::Option* weights =
      app->add_option(
             "--weights", command->weights,
             "the checkpoint, where the model keeps its frequencies there: a safetensors file, the "
             ".index.json of shards, or a folder with either; of two configs, one each")
          ->type_name("PATH");
  app->add_option("--out", command->out, "page to write, with charts")->type_name("FILE.html");
  CLI::Option* families =
      app->add_flag("--families", command->families, "the families known, with their sources");
  for (CLI::Option* of_config : {configs, layer, length, layout, ignore, weights}) {
    of_config->excludes(families);
  }
  app->add_flag("--json", command->json, "print JSON");
  app->callback([command] { Inspect(*command); });
}

}  // namespace rotary
