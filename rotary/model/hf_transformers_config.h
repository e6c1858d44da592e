// The dialects of config.json that transformers reads: roformer and llama.
#ifndef ROTARY_MODEL_HF_TRANSFORMERS_CONFIG_H_
#define ROTARY_MODEL_HF_TRANSFORMERS_CONFIG_H_

#include "rotary/io/json.h"
#include "rotary/model/hf_config_writer.h"
#include "rotary/model/model_config.h"

namespace rotary {

// Whether transformers computes the same logits as we do from a file of this dialect.
bool RoFormerHolds(const ModelConfig& config);
bool LlamaHolds(const ModelConfig& config);

// `config` is one that the dialect holds.
void AddRoFormerConfig(const ModelConfig& config, ConfigWriter& out);
void AddLlamaConfig(const ModelConfig& config, ConfigWriter& out);

ModelConfig ReadRoFormerConfig(const JsonValue& root);
ModelConfig ReadLlamaConfig(const JsonValue& root);

}  // namespace rotary

#endif  // ROTARY_MODEL_HF_TRANSFORMERS_CONFIG_H_
