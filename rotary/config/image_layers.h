// The rotations of image encoders and of image, video and audio generators, most of them by several
// axes of position.
#ifndef ROTARY_CONFIG_IMAGE_LAYERS_H_
#define ROTARY_CONFIG_IMAGE_LAYERS_H_

#include <string>

#include "rotary/config/config_object.h"
#include "rotary/config/family.h"
#include "rotary/config/rope_config.h"
#include "rotary/config/text_layers.h"

namespace rotary {

// The schemes of schemes.h. Refuses rope keys of `config` that nothing used. Learned frequencies
// are zero until UseWeights (frequency_weights.h).
PartRope ReadImagePart(const ConfigObject& config, const Family& family, const std::string& part,
                       const RopeConfigOptions& options);

}  // namespace rotary

#endif  // ROTARY_CONFIG_IMAGE_LAYERS_H_
