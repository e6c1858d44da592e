// A model as a folder: config.json and model.safetensors, in the names and the layout of Hugging
// Face transformers where its dialect is theirs (hf_config.h).
#ifndef ROTARY_MODEL_HF_FOLDER_H_
#define ROTARY_MODEL_HF_FOLDER_H_

#include <filesystem>
#include <string>
#include <string_view>

#include "rotary/model/transformer.h"

namespace rotary {

// Writes the model into `folder`, made where it is missing; each file is replaced as a whole,
// config.json last.
//   tokenizer  Tokenizer::name() of the text it was trained on; empty: none
// Throws FileError.
void WriteModel(const std::filesystem::path& folder, const Transformer& model,
                std::string_view tokenizer);

struct StoredModel {
  Transformer model;
  std::string tokenizer;  // empty: the folder names none
};

// Reads a folder of ours or of transformers: f64, f32, bf16 or f16 weights, in one file or in the
// shards of model.safetensors.index.json, with or without the prefix of the base model. A head in
// the file wins over tie_word_embeddings, and RoFormer's table of positions over the formula, as in
// transformers 5. Throws FileError: what ReadCheckpointConfig and SafetensorsFile refuse, a tensor
// that is missing, left over or of another shape, a table of positions that is no rotation.
StoredModel ReadModel(const std::filesystem::path& folder);

}  // namespace rotary

#endif  // ROTARY_MODEL_HF_FOLDER_H_
