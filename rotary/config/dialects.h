// Configs that name no model_type: the files that models come with before somebody converts them.
//
//   Meta's params.json        Llama 1 to 4       dim, n_layers, n_heads and multiple_of ..
//   Mistral's params.json     all of theirs      dim, n_layers, n_heads and hidden_dim
//   DeepSeek's config         V2, V3, V3.2       dim, n_layers, n_heads and inter_dim ..
//   OpenAI's config           gpt-oss            initial_context_length, rope_ntk_alpha ..
//
// Each has keys of its own by which it is known.
#ifndef ROTARY_CONFIG_DIALECTS_H_
#define ROTARY_CONFIG_DIALECTS_H_

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "rotary/config/config_object.h"

namespace rotary {

// A config in the form of transformers, with a model_type of the registry.
struct TranslatedConfig {
  Json config;
  std::string source;                 // the file, and whose dialect it is in
  std::vector<std::string> warnings;  // what the file leaves open
};

// Nothing where `config` is of none of these dialects. Throws FileError: keys of two dialects, or
// of neither of those that it may be in; a key missing or of another kind; a rope key that the
// dialect does not have, but for those in `ignore`.
std::optional<TranslatedConfig> TranslateDialect(const ConfigObject& config,
                                                 const std::set<std::string>& ignore);

}  // namespace rotary

#endif  // ROTARY_CONFIG_DIALECTS_H_
