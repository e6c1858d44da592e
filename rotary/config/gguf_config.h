// What the metadata of a GGUF file says about rotations, in the form of transformers.
//
// Keys begin with the architecture: "llama.rope.freq_base". What they do not say stands in
// llama.cpp's code and thus in the registry, in rows named "gguf/llama". Divisors of frequencies
// are tensors there: rope_freqs.weight (Llama 3.1 and others), rope_factors_long.weight and
// rope_factors_short.weight (LongRoPE).
#ifndef ROTARY_CONFIG_GGUF_CONFIG_H_
#define ROTARY_CONFIG_GGUF_CONFIG_H_

#include <filesystem>
#include <set>
#include <string>

#include "rotary/config/dialects.h"
#include "rotary/io/json.h"

namespace rotary {

// Whether `config` is such metadata: it names a general.architecture.
bool IsGgufMetadata(const JsonValue& config);

// Tensors may stand among the keys, as lists of numbers; there is a warning where `has_tensors`
// does not say that all of them do. Throws FileError: a key missing or of another kind, a rope key
// that is not known, but for those in `ignore` (by their last name), scalings that cannot be
// together.
TranslatedConfig TranslateGguf(const JsonValue& metadata, const std::set<std::string>& ignore,
                               bool has_tensors);

// Whether the file begins as a GGUF file does; false where it cannot be read, and of a pipe, which
// is left unread.
bool IsGgufFile(const std::filesystem::path& path);

// The metadata of a file and its tensors of divisors, as one object.
Json ReadGgufMetadata(const std::filesystem::path& path);

}  // namespace rotary

#endif  // ROTARY_CONFIG_GGUF_CONFIG_H_
