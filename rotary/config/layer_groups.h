// Which layers of a model rotate alike.
#ifndef ROTARY_CONFIG_LAYER_GROUPS_H_
#define ROTARY_CONFIG_LAYER_GROUPS_H_

#include <string>
#include <vector>

#include "rotary/config/config_object.h"
#include "rotary/config/family.h"

namespace rotary {

struct LayerGroup {
  std::string name;         // the type of the layers; "all" where they do not differ
  std::vector<int> layers;  // ascending; empty where the config does not say how many there are
  bool rotates = true;
};

// In the order of their first layers.
// Throws FileError: a list of another length than there are layers, a pattern without its keys.
std::vector<LayerGroup> LayerGroups(const ConfigObject& config, const Family& family);

// The first of `terms` that is there, if any.
// Throws FileError: a value that is not a number, a divisor below 1.
std::optional<double> Evaluate(const ConfigObject& config, const Terms& terms);

}  // namespace rotary

#endif  // ROTARY_CONFIG_LAYER_GROUPS_H_
