// Which tensors a model.safetensors holds, by name, and where each lies among our parameters.
#ifndef ROTARY_MODEL_HF_TENSORS_H_
#define ROTARY_MODEL_HF_TENSORS_H_

#include <string>
#include <string_view>
#include <vector>

#include "rotary/model/hf_config.h"
#include "rotary/model/parameters.h"

namespace rotary {

inline constexpr std::string_view kRoFormerTable = "roformer.encoder.embed_positions.weight";
inline constexpr std::string_view kRoFormerHead = "cls.predictions.decoder.weight";
inline constexpr std::string_view kRoFormerBias = "cls.predictions.bias";
inline constexpr std::string_view kRoFormerDecoderBias = "cls.predictions.decoder.bias";
inline constexpr std::string_view kLlamaHead = "lm_head.weight";
inline constexpr std::string_view kPerformerProjections =
    "performer.projections";  // our own dialect

// A run of whole rows of one parameter.
struct TensorPart {
  std::string name;  // in the file
  Dims shape;
  int64_t offset = 0;  // of its first element in the buffer of parameters
};

// Every parameter of `layout`, each element once. Our own dialect has the parameters' own names;
// the others split the rows of q, k and v, and of the gate, into tensors of their own.
std::vector<TensorPart> TensorParts(Dialect dialect, const ModelConfig& config,
                                    const ParameterLayout& layout);

// What a file of the bare model leaves out of its names: "roformer.", "model.", or nothing.
std::string_view BasePrefix(Dialect dialect);

// Whether a file may hold this tensor although no model reads it: buffers that old versions saved.
bool IsOldBuffer(std::string_view name);

}  // namespace rotary

#endif  // ROTARY_MODEL_HF_TENSORS_H_
