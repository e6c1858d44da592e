// The rotations of image encoders and of image and video generators: several axes of position.
#ifndef ROTARY_CONFIG_IMAGE_LAYERS_H_
#define ROTARY_CONFIG_IMAGE_LAYERS_H_

#include <string>

#include "rotary/config/config_object.h"
#include "rotary/config/family.h"
#include "rotary/config/rope_config.h"
#include "rotary/config/text_layers.h"

namespace rotary {

// Schemes other than those of ReadTextPart. Refuses rope keys of `config` that nothing used.
// Throws FileError for schemes whose frequencies are learned: a checkpoint has them, a config has
// not.
PartRope ReadImagePart(const ConfigObject& config, const Family& family, const std::string& part,
                       const RopeConfigOptions& options);

}  // namespace rotary

#endif  // ROTARY_CONFIG_IMAGE_LAYERS_H_
