// The rope dictionary of a config: "rope_parameters" (transformers 5) or "rope_scaling" (before),
// flat or with one dictionary for each type of layer.
#ifndef ROTARY_CONFIG_ROPE_DICTIONARY_H_
#define ROTARY_CONFIG_ROPE_DICTIONARY_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rotary/config/config_object.h"

namespace rotary {

// What counts for one type of layer. Where both dictionaries are there, each key may stand in
// either or, with one value, in both.
class RopeDictionary {
 public:
  // The dictionaries of `config` for layers of type `layer_type`, one of `layer_types`; `missing`
  // where the config has none (an object like rope_parameters, or null). `config` and `missing`
  // must outlive it. Throws FileError: a dictionary of another kind, one for some types of layers
  // but not for this.
  RopeDictionary(const ConfigObject& config, std::string_view layer_type,
                 const std::vector<std::string>& layer_types, const Json& missing);

  // Whether there is nothing, not even a default.
  bool IsEmpty() const { return objects_.empty(); }
  // Whether it is the family's, because the config has none.
  bool IsDefault() const { return default_; }
  // Whether each type of layer has its own.
  bool IsNested() const { return nested_; }
  // Whether this type's is null: its layers do not rotate.
  bool IsStill() const { return still_; }

  // The value of a key. Throws FileError where it stands in both dictionaries with two values.
  std::optional<JsonValue> Find(std::string_view key) const;
  std::optional<double> Number(std::string_view key) const;
  std::optional<bool> Bool(std::string_view key) const;
  std::optional<std::string> String(std::string_view key) const;
  std::optional<std::vector<double>> Numbers(std::string_view key) const;

  // Keys that nobody asked for, of all objects.
  std::vector<std::pair<std::string, JsonValue>> Unasked() const;

  // "config.json" and "rope_scaling", for sentences.
  const std::string& source() const { return source_; }
  const std::string& place() const { return place_; }

 private:
  std::vector<ConfigObject> objects_;
  bool nested_ = false, default_ = false, still_ = false;
  std::string source_, place_ = "rope_parameters";
};

}  // namespace rotary

#endif  // ROTARY_CONFIG_ROPE_DICTIONARY_H_
