// Where transformers does otherwise than a config says. We build what the config says; whoever
// compares the two should know.
#ifndef ROTARY_CONFIG_TRANSFORMERS_WARNINGS_H_
#define ROTARY_CONFIG_TRANSFORMERS_WARNINGS_H_

#include <string>
#include <vector>

#include "rotary/config/config_object.h"
#include "rotary/config/family.h"
#include "rotary/config/rope_config.h"

namespace rotary {

// A sentence for each case in a config of `family` whose layers are `layers`; none for families
// that transformers does not have. Asks for no key. Source: transformers 5.23.0, each case by
// running it.
std::vector<std::string> TransformersWarnings(const ConfigObject& config, const Family& family,
                                              const std::vector<LayerRope>& layers);

}  // namespace rotary

#endif  // ROTARY_CONFIG_TRANSFORMERS_WARNINGS_H_
