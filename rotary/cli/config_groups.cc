#include "rotary/cli/config_groups.h"

#include <algorithm>
#include <iostream>

#include "rotary/config/group_facts.h"

namespace rotary {

void PrintWarnings(const RopeConfig& config) {
  for (const std::string& warning : config.warnings) std::cerr << "warning: " << warning << '\n';
}

std::string LayersAndName(const LayerRope& group) {
  if (group.layers.empty()) return group.name;
  return RangesText(group.layers) + ": " + group.name;
}

bool RotateAlike(const std::vector<const LayerRope*>& groups) {
  return std::all_of(groups.begin(), groups.end(), [&](const LayerRope* group) {
    return group->query == groups[0]->query && group->key == groups[0]->key;
  });
}

}  // namespace rotary
