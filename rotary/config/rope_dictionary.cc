#include "rotary/config/rope_dictionary.h"

#include <algorithm>
#include <utility>

namespace rotary {

RopeDictionary::RopeDictionary(const ConfigObject& config, std::string_view layer_type,
                               const std::vector<std::string>& layer_types, const Json& missing)
    : source_(config.value().source()) {
  const auto add = [&](const ConfigObject& object) {
    const auto members = object.value().Members();
    const bool nested = std::any_of(members.begin(), members.end(), [&](const auto& member) {
      return member.second.json().is_object() &&
             std::find(layer_types.begin(), layer_types.end(), member.first) != layer_types.end();
    });
    if (!nested) {
      objects_.push_back(object);
    } else if (const auto own = object.Object(layer_type)) {
      objects_.push_back(*own);
    } else if (object.value().Find(layer_type)) {
      still_ = true;
    } else {
      throw object.value().Error("has a dictionary for some types of layers, none for ",
                                 Json(layer_type).dump());
    }
    nested_ = nested_ || nested;
    if (objects_.size() == 1) place_ = objects_[0].value().place();
  };
  for (const std::string_view key : {"rope_parameters", "rope_scaling"}) {
    if (const auto object = config.Object(key)) {
      if (!object->value().Members().empty()) add(*object);
    }
  }
  if (objects_.empty() && missing.is_object()) {
    default_ = true;
    add(ConfigObject(JsonValue(missing, "the registry of families", "default_rope")));
  }
}

std::optional<JsonValue> RopeDictionary::Find(std::string_view key) const {
  std::optional<JsonValue> found;
  for (const ConfigObject& object : objects_) {
    const auto value = object.Find(key);
    if (!value) continue;
    if (found && found->json() != value->json()) {
      throw value->Error("and ", found->place(), " disagree: ", value->json().dump(), " and ",
                         found->json().dump());
    }
    if (!found) found = value;
  }
  return found;
}

std::optional<double> RopeDictionary::Number(std::string_view key) const {
  const auto value = Find(key);
  return value ? std::optional(value->Number()) : std::nullopt;
}

std::optional<bool> RopeDictionary::Bool(std::string_view key) const {
  const auto value = Find(key);
  return value ? std::optional(value->Bool()) : std::nullopt;
}

std::optional<std::string> RopeDictionary::String(std::string_view key) const {
  const auto value = Find(key);
  return value ? std::optional(value->String()) : std::nullopt;
}

std::optional<std::vector<double>> RopeDictionary::Numbers(std::string_view key) const {
  const auto value = Find(key);
  if (!value) return std::nullopt;
  return NumbersOf(*value);
}

std::vector<std::pair<std::string, JsonValue>> RopeDictionary::Unasked() const {
  std::vector<std::pair<std::string, JsonValue>> unasked;
  for (const ConfigObject& object : objects_) {
    for (auto& member : object.Unasked()) unasked.push_back(std::move(member));
  }
  return unasked;
}

}  // namespace rotary
