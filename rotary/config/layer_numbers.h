// Numbers of a config for layers that rotate alike, where a list has one entry a layer.
#ifndef ROTARY_CONFIG_LAYER_NUMBERS_H_
#define ROTARY_CONFIG_LAYER_NUMBERS_H_

#include <optional>

#include "rotary/config/config_object.h"
#include "rotary/config/family.h"
#include "rotary/config/layer_groups.h"

namespace rotary {

// The numbers of the layers of `group`; `config` and `group` must outlive it. All functions throw
// FileError where a list is shorter than the layers, or differs among those of the group.
class LayerNumbers {
 public:
  LayerNumbers(const ConfigObject& config, const LayerGroup& group)
      : config_(config), group_(group) {}

  // A number, or that of the layers.
  double Of(const JsonValue& value) const;
  // As Evaluate, for the layers.
  std::optional<double> Value(const Terms& terms) const;
  // A list of thetas says NoPE by 0.
  bool HasNoTheta() const;

 private:
  const ConfigObject& config_;
  const LayerGroup& group_;
};

// The first of the keys of `terms` that is there.
std::optional<JsonValue> SourceOf(const ConfigObject& config, const Terms& terms);

}  // namespace rotary

#endif  // ROTARY_CONFIG_LAYER_NUMBERS_H_
