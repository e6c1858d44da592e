// The rotations of lucidrains' text models, PaLM and x-transformers, from the arguments of their
// constructors: plain rotations, with xPos where they ask for it. (They are no Hugging Face
// configs; "model_type" says palm or x_transformers.)
#ifndef ROTARY_CONFIG_XPOS_LAYERS_H_
#define ROTARY_CONFIG_XPOS_LAYERS_H_

#include <string>

#include "rotary/config/config_object.h"
#include "rotary/config/family.h"
#include "rotary/config/rope_config.h"
#include "rotary/config/text_layers.h"

namespace rotary {

// Schemes "palm" and "x_transformers". Refuses rope keys of `config` that nothing used.
PartRope ReadXposPart(const ConfigObject& config, const Family& family, const std::string& part,
                      const RopeConfigOptions& options);

}  // namespace rotary

#endif  // ROTARY_CONFIG_XPOS_LAYERS_H_
