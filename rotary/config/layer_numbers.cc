#include "rotary/config/layer_numbers.h"

#include <string>
#include <variant>
#include <vector>

namespace rotary {
namespace {

// The number of a list with one entry a layer, which layers of one type share.
double OfLayers(const JsonValue& list, const LayerGroup& group) {
  const std::vector<JsonValue> numbers = list.Array();
  std::optional<double> shared;
  for (const int layer : group.layers) {
    if (static_cast<size_t>(layer) >= numbers.size()) {
      throw list.Error("must have an entry for each layer, got ", numbers.size());
    }
    const double number = numbers[static_cast<size_t>(layer)].Number();
    if (shared && number != *shared) {
      throw list.Error("differs among the layers of type ", group.name, ": ", *shared, " and ",
                       number);
    }
    shared = number;
  }
  if (!shared) throw list.Error("must be a number, as the layers are not counted");
  return *shared;
}

}  // namespace

double LayerNumbers::Of(const JsonValue& value) const {
  return value.json().is_array() ? OfLayers(value, group_) : value.Number();
}

std::optional<double> LayerNumbers::Value(const Terms& terms) const {
  for (const auto& term : terms) {
    const std::string* key = std::get_if<std::string>(&term);
    const auto value =
        key == nullptr || key->find(" / ") != key->npos ? std::nullopt : config_.Find(*key);
    if (value && value->json().is_array()) return Of(*value);
    if (const auto number = Evaluate(config_, {term})) return number;
  }
  return std::nullopt;
}

bool LayerNumbers::HasNoTheta() const {
  const auto list = config_.Find("rope_theta");
  return list && list->json().is_array() && OfLayers(*list, group_) == 0;
}

std::optional<JsonValue> SourceOf(const ConfigObject& config, const Terms& terms) {
  for (const auto& term : terms) {
    const std::string* key = std::get_if<std::string>(&term);
    if (key == nullptr || key->find(' ') != key->npos) continue;
    if (auto value = config.Find(*key)) return value;
  }
  return std::nullopt;
}

}  // namespace rotary
