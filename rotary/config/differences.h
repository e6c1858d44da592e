// How two models rotate differently.
#ifndef ROTARY_CONFIG_DIFFERENCES_H_
#define ROTARY_CONFIG_DIFFERENCES_H_

#include <string>
#include <vector>

#include "rotary/config/rope_config.h"

namespace rotary {

struct Difference {
  std::string what;           // "theta"
  std::string first, second;  // of each model, as text
  std::string note;           // where the largest of many differences is; mostly empty
};

// Layers of a part that differ in the same ways.
struct LayersDifference {
  std::string part;
  std::string name;         // of the groups: "all", "rope against all"; empty where one lacks them
  std::vector<int> layers;  // ascending; empty where neither model counts them
  std::vector<Difference> differences;  // one at least
};

// Every way in which the layers of two models differ, part by part: layers that only one has, and
// for the others what rotates them. What follows from a difference is not said again: frequencies
// (the largest relative difference) only where theta, rule, axes and their sections are the same.
// Also what fingerprints leave aside: factors on scores and queries, rotated values, rules and
// lists that show at other lengths. Parts have the same name, or are the only ones of both models.
//
// Not empty where the fingerprints differ.
std::vector<LayersDifference> Differences(const RopeConfig& a, const RopeConfig& b);

}  // namespace rotary

#endif  // ROTARY_CONFIG_DIFFERENCES_H_
