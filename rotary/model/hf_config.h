// config.json: a ModelConfig in the words of Hugging Face transformers where these can say it
// exactly, else in our own.
//
//   model_type  holds
//   roformer    the form of RoFormer with interleaved pairs over the whole head at theta 10,000,
//   which that code hard-wires llama       the form of Llama with half pairs over the whole head at
//   any theta rotary      everything else, every field of ModelConfig by its own name: transformers
//   refuses it instead of
//               computing something else
#ifndef ROTARY_MODEL_HF_CONFIG_H_
#define ROTARY_MODEL_HF_CONFIG_H_

#include <filesystem>
#include <string>
#include <string_view>

#include "rotary/model/model_config.h"

namespace rotary {

enum class Dialect { kRoFormer, kLlama, kRotary };

// "roformer", "llama", "rotary": the model_type.
std::string_view Name(Dialect dialect);

// The dialect that `config` is written in.
Dialect DialectOf(const ModelConfig& config);

struct CheckpointConfig {
  ModelConfig model;
  Dialect dialect = Dialect::kRotary;
  std::string
      tokenizer;  // Tokenizer::name(), under the key "rotary_tokenizer"; empty: the file names none
};

// The text of config.json; `tokenizer` empty: not named. Llama's theta stands under the keys of
// version 4 and of version 5. Reading it gives an equal ModelConfig, to the bit, but for fields
// without a meaning in it (a rotation without rotary positions, the feature map of softmax
// attention).
std::string CheckpointConfigToJson(const ModelConfig& config, std::string_view tokenizer);

// Reads files of transformers 4 and 5 and our own. Keys that a file leaves out have the values of
// transformers. Throws FileError: a model_type that is none of the three, a value that ModelConfig
// cannot hold, a scaled or partial rotation, a key that is not known and could change positions or
// attention, a rule of CheckModelConfig.
CheckpointConfig ReadCheckpointConfig(const std::filesystem::path& path);

}  // namespace rotary

#endif  // ROTARY_MODEL_HF_CONFIG_H_
