// Our own dialect of config.json: every field of ModelConfig by its name.
#ifndef ROTARY_MODEL_HF_OWN_CONFIG_H_
#define ROTARY_MODEL_HF_OWN_CONFIG_H_

#include "rotary/io/json.h"
#include "rotary/model/hf_config_writer.h"
#include "rotary/model/model_config.h"

namespace rotary {

void AddOwnConfig(const ModelConfig& config, ConfigWriter& out);

// All keys are required, others refused.
ModelConfig ReadOwnConfig(const JsonValue& root);

}  // namespace rotary

#endif  // ROTARY_MODEL_HF_OWN_CONFIG_H_
