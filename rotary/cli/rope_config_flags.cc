#include "rotary/cli/rope_config_flags.h"

#include "rotary/base/error.h"
#include "rotary/cli/config_groups.h"
#include "rotary/cli/number_check.h"
#include "rotary/config/rope_config.h"

namespace rotary {

CLI::Option* AddRopeConfigFlags(CLI::App& command, RopeConfigFlags& flags) {
  CLI::Option* config =
      command
          .add_option("--rope-config", flags.config,
                      "config of a model, in any dialect that inspect reads: its rotation is used")
          ->type_name("CONFIG");
  command
      .add_option("--length", flags.length,
                  "tokens for rules of --rope-config that ask (the highest position + 1) [the "
                  "context]")
      ->transform(WholeNumber("--length", 1))
      ->needs(config)
      ->type_name("");
  command
      .add_option("--ignore", flags.ignore,
                  "a key of --rope-config to leave aside; may be given several times")
      ->needs(config)
      ->type_name("KEY");
  return config;
}

Rotation ReadModelRotation(const RopeConfigFlags& flags, int64_t context,
                           std::optional<Layout> layout, const std::string& command) {
  const RopeConfig config =
      ReadConfig(flags.config, {.length = flags.length.value_or(static_cast<double>(context)),
                                .layout = layout,
                                .ignore = {flags.ignore.begin(), flags.ignore.end()}});
  PrintWarnings(config);

  const std::string name = command + ": " + flags.config.string() + ": ";
  std::vector<const LayerRope*> groups;
  for (const LayerRope& group : config.layers) {
    if (group.part == "text") groups.push_back(&group);
  }
  Require(!groups.empty(), name, "it has no text layers");
  const LayerRope& chosen = *groups[0];
  std::string names;
  for (const LayerRope* group : groups) {
    names +=
        (names.empty() ? "" : "; ") + LayersAndName(*group) + (group->query ? "" : " unrotated");
  }
  Require(RotateAlike(groups), name, "its layers rotate in several ways (", names,
          "), those of this model all alike");
  Require(chosen.query && chosen.key, name, "its layers do not rotate (NoPE)");
  Require(chosen.query == chosen.key, name,
          "its queries and keys rotate differently, those of this model alike");
  for (const LayerRope* group : groups) {
    Require(group->softmax_multiplier == 1, name, "its scores are multiplied by ",
            group->softmax_multiplier, ", which this model does not do");
    Require(!group->query_temperature, name,
            "its queries grow with their positions (a temperature), which this model does not do");
    Require(!group->rotates_values, name, "its values rotate too, those of this model do not");
  }
  return *chosen.query;
}

}  // namespace rotary
