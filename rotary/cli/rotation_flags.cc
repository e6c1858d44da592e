#include "rotary/cli/rotation_flags.h"

#include <algorithm>

#include "rotary/cli/config_groups.h"
#include "rotary/cli/number_check.h"
#include "rotary/io/frequency_file.h"
#include "rotary/io/rotation_json.h"
#include "rotary/rope/axes.h"
#include "rotary/train/choices.h"

namespace rotary {
namespace {

std::vector<std::string> BesideRotations(const LayerRope& group) {
  std::vector<std::string> beside;
  if (group.softmax_multiplier != 1) {
    beside.push_back(Sentence("its scores are multiplied by ", group.softmax_multiplier));
  }
  if (group.query_temperature) {
    beside.emplace_back("its queries grow with their positions (a temperature)");
  }
  if (group.rotates_values) beside.emplace_back("its values rotate as its keys do");
  return beside;
}

}  // namespace

const LayerRope& ChooseGroup(const RopeConfig& config, const RotationFlags& flags,
                             const std::string& command) {
  Require(!config.layers.empty(), command, ": ", flags.config.string(), " has no layers");
  const auto has_part = [&](const std::string& part) {
    return std::any_of(config.layers.begin(), config.layers.end(),
                       [&](const LayerRope& group) { return group.part == part; });
  };
  std::string part = flags.part;
  if (part.empty()) part = has_part("text") ? "text" : config.layers.front().part;
  Require(has_part(part), command, ": there is no part ", part, " in ", flags.config.string());
  std::vector<const LayerRope*> groups;
  for (const LayerRope& group : config.layers) {
    if (group.part != part) continue;
    const bool holds = flags.layer && std::find(group.layers.begin(), group.layers.end(),
                                                *flags.layer) != group.layers.end();
    if (!flags.layer || holds) groups.push_back(&group);
  }
  Require(!groups.empty(), command, ": there is no layer ", flags.layer.value_or(0), " in ",
          flags.config.string());
  std::string names;
  for (const LayerRope* group : groups) {
    names += (names.empty() ? "" : "; ") + LayersAndName(*group);
  }
  Require(RotateAlike(groups), command, ": layers rotate in several ways, choose one by --layer (",
          names, ")");
  return *groups[0];
}

void AddRotationFlags(CLI::App& command, RotationFlags& flags) {
  CLI::Option* config =
      command.add_option("--config", flags.config, "config.json of a model")->type_name("FILE");
  CLI::Option* rotation =
      command
          .add_option("--rotation", flags.rotation,
                      "instead: a rotation in JSON, or what inspect --json prints")
          ->type_name("FILE")
          ->excludes(config);
  const auto of_config = [&](CLI::Option* option) { option->excludes(rotation)->type_name(""); };
  of_config(
      command
          .add_option("--layer", flags.layer, "layer whose rotation to take, where layers differ")
          ->transform(WholeNumber("--layer", 0)));
  command
      .add_option("--weights", flags.weights,
                  "the checkpoint, for models whose frequencies are in there: a safetensors file, "
                  "the .index.json of shards, or a folder with either")
      ->excludes(rotation)
      ->type_name("PATH");
  of_config(
      command.add_option("--part", flags.part,
                         "text, vision, image .., as inspect names it [text, where there is one]"));
  of_config(command
                .add_option("--length", flags.length,
                            "tokens of the text (the highest position + 1), for rules that ask "
                            "[what the model was trained on]")
                ->transform(WholeNumber("--length", 1)));
  of_config(command.add_option("--layout", flags.layout,
                               "instead of the family's: " + ChoiceList<Layout>()));
  of_config(command.add_option("--ignore", flags.ignore,
                               "a key of the config to leave aside; may be given several times"));
  command
      .add_option("--centre", flags.centre,
                  "position from which the decay of xPos counts [the config's; 0]")
      ->type_name("")
      ->check(FiniteNumber("--centre"));
  command
      .add_option("--frequencies", flags.frequencies,
                  "take these frequencies: a tensor inv_freq (.safetensors), or a list of numbers")
      ->type_name("FILE");
  command
      .add_option("--arithmetic", flags.arithmetic,
                  "exact, or float32 as training frameworks compute")
      ->capture_default_str()
      ->type_name("");
}

std::vector<std::filesystem::path> InputsOf(const RotationFlags& flags) {
  return {flags.config, flags.weights, flags.rotation, flags.frequencies};
}

LayerRotations ReadLayerRotations(const RotationFlags& flags, const std::string& command) {
  Require(!flags.config.empty() || !flags.rotation.empty(), command,
          ": say which rotation, by --config or --rotation");
  LayerRotations rotations{.arithmetic =
                               ParseChoice<Arithmetic>(command + ": arithmetic", flags.arithmetic)};
  if (!flags.rotation.empty()) {
    QueryKeyRotations read = ReadQueryKeyRotations(flags.rotation);
    rotations.query = std::move(read.query);
    rotations.key = std::move(read.key);
  } else {
    RopeConfigOptions options{.length = flags.length,
                              .layout = std::nullopt,
                              .arithmetic = rotations.arithmetic,
                              .ignore = {flags.ignore.begin(), flags.ignore.end()}};
    if (!flags.layout.empty()) {
      options.layout = ParseChoice<Layout>(command + ": layout", flags.layout);
    }
    std::optional<CheckpointTensors> weights;
    if (!flags.weights.empty()) options.weights = &weights.emplace(flags.weights);
    const RopeConfig config = ReadConfig(flags.config, options);
    PrintWarnings(config);
    const LayerRope& group = ChooseGroup(config, flags, command);
    rotations.query = group.query;
    rotations.key = group.key;
    rotations.centre = group.centre;
    rotations.beside = BesideRotations(group);
  }
  const auto has_decay = [](const std::optional<Rotation>& r) {
    return r && !r->log_decay.empty();
  };
  Require(flags.centre.value_or(0) == 0 || has_decay(rotations.query) || has_decay(rotations.key),
          command, ": --centre is for the decay of xPos, and this rotation has none");
  rotations.centre = flags.centre.value_or(rotations.centre);
  if (!flags.frequencies.empty()) {
    Require(rotations.query && rotations.key, command, ": --frequencies is for layers that rotate");
    const std::vector<double> frequencies = ReadFrequencies(flags.frequencies);
    Require(std::ssize(frequencies) == rotations.query->pairs(), command, ": --frequencies ",
            flags.frequencies.string(), " has ", frequencies.size(), " numbers, the rotation ",
            rotations.query->pairs(), " pairs");
    rotations.query = WithFrequencies(*rotations.query, frequencies);
    rotations.key = WithFrequencies(*rotations.key, frequencies);
  }
  return rotations;
}

}  // namespace rotary
