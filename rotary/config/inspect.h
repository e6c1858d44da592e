// What a config says about its rotations, for people and for machines.
#ifndef ROTARY_CONFIG_INSPECT_H_
#define ROTARY_CONFIG_INSPECT_H_

#include <string>

#include "rotary/config/family.h"
#include "rotary/config/rope_config.h"

namespace rotary {

// A page of text: the groups of layers with their layout, channels, rule, frequencies and
// wavelengths, then warnings and the fingerprint.
std::string InspectText(const RopeConfig& config);

// {"model_type", "length", "layers": [{"part", "name", "layers", "query", "key", "layout",
// "axis_names", "rotary_dim", "offset", "theta", "rule", "list", "softmax_multiplier",
// "rotates_values", "query_temperature"}], "warnings", "fingerprint"}; query and key are rotations
// in their JSON form, or null without rotation, as are layout, theta and rule then; list is the one
// of LongRoPE in use, or null; query_temperature is null or {"kind", "scale", "length", "shift"}.
// Where the frequencies are those of a checkpoint, theta is null and rule "checkpoint".
std::string InspectJson(const RopeConfig& config);

// How two models differ, by part and layers (differences.h); "They rotate alike." where their
// fingerprints are equal, then what else differs.
std::string CompareText(const RopeConfig& a, const RopeConfig& b);

// {"alike", "fingerprints": [a, b], "differences": [{"part", "name", "layers", "what", "first",
// "second", "note"}]}; differences may also be there between models that rotate alike.
std::string CompareJson(const RopeConfig& a, const RopeConfig& b);

// The registry: a line, or a JSON object, for each family.
std::string FamiliesText();
std::string FamiliesJson();

}  // namespace rotary

#endif  // ROTARY_CONFIG_INSPECT_H_
