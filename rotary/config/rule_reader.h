// The rule of scaling that a rope dictionary names, with its numbers.
#ifndef ROTARY_CONFIG_RULE_READER_H_
#define ROTARY_CONFIG_RULE_READER_H_

#include <optional>
#include <string>
#include <vector>

#include "rotary/config/config_object.h"
#include "rotary/config/rope_dictionary.h"
#include "rotary/rope/rules.h"

namespace rotary {

// Lengths of the model, in tokens.
struct ModelLengths {
  std::string most_key;            // the key that says `most`
  std::optional<double> most;      // max_position_embeddings and its other names
  std::optional<double> original;  // before its context was stretched

  // What the model was trained on, as far as the config says.
  double Trained() const { return original.value_or(most.value_or(0)); }
};

// Throws FileError where the config and the dictionary name two original lengths.
ModelLengths ReadLengths(const ConfigObject& config, const RopeDictionary& dictionary);

// The rule of `dictionary` for `rotary_dim` channels of heads with `head_dim`; proportional rules
// take the share `fraction` of the head. Adds to `warnings` what is legal but suspicious.
// Throws FileError: an unknown rope_type, a number that is missing or that the rule does not allow.
Rule ReadRule(const ConfigObject& config, const RopeDictionary& dictionary,
              const ModelLengths& lengths, int head_dim, double fraction,
              std::vector<std::string>& warnings);

// "default", "linear", ...: rope_type or type, with the other names of a rule replaced by its own.
std::string RuleType(const RopeDictionary& dictionary);

}  // namespace rotary

#endif  // ROTARY_CONFIG_RULE_READER_H_
