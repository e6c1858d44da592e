// The rotations of the layers of a text model.
#ifndef ROTARY_CONFIG_TEXT_LAYERS_H_
#define ROTARY_CONFIG_TEXT_LAYERS_H_

#include <string>
#include <vector>

#include "rotary/config/config_object.h"
#include "rotary/config/family.h"
#include "rotary/config/rope_config.h"

namespace rotary {

// What one part of a model says: its layers, lengths and warnings.
struct PartRope {
  std::vector<LayerRope> layers;
  double trained_length = 0;
  std::vector<std::string> warnings;
};

// Schemes "text", "latent" and "none". Refuses rope keys of `config` that nothing used.
PartRope ReadTextPart(const ConfigObject& config, const Family& family, const std::string& part,
                      const RopeConfigOptions& options);

}  // namespace rotary

#endif  // ROTARY_CONFIG_TEXT_LAYERS_H_
