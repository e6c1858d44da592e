#include "rotary/config/config_object.h"

#include <cmath>
#include <utility>

namespace rotary {

std::vector<double> NumbersOf(const JsonValue& value) {
  std::vector<double> numbers;
  for (const JsonValue& element : value.Array()) numbers.push_back(element.Number());
  return numbers;
}

double PositiveOf(const JsonValue& value) {
  const double number = value.Number();
  if (!(number > 0)) throw value.Error("must be positive, got ", number);
  return number;
}

bool ConfigObject::Has(std::string_view key) const {
  const auto member = value_.Find(key);
  return member && !member->IsNull();
}

std::optional<JsonValue> ConfigObject::Find(std::string_view key) const {
  if (const size_t dot = key.find('.'); dot != key.npos) {
    const auto inner = Object(key.substr(0, dot));
    return inner ? inner->Find(key.substr(dot + 1)) : std::nullopt;
  }
  auto member = value_.Find(key);
  if (!member) return std::nullopt;
  asked_->insert(member->place());
  if (member->IsNull()) return std::nullopt;
  return member;
}

std::optional<ConfigObject> ConfigObject::Object(std::string_view key) const {
  const auto member = Find(key);
  if (!member) return std::nullopt;
  member->Members();  // throws unless it is an object
  return ConfigObject(*member, asked_);
}

std::optional<double> ConfigObject::Number(std::string_view key) const {
  const auto member = Find(key);
  return member ? std::optional(member->Number()) : std::nullopt;
}

std::optional<int64_t> ConfigObject::Int(std::string_view key) const {
  const auto member = Find(key);
  if (!member) return std::nullopt;
  if (member->json().is_number_float()) {
    const double number = member->Number();
    if (number >= 0 && number < 0x1p53 && std::floor(number) == number) {
      return static_cast<int64_t>(number);
    }
  }
  return member->Int(0);
}

std::optional<bool> ConfigObject::Bool(std::string_view key) const {
  const auto member = Find(key);
  return member ? std::optional(member->Bool()) : std::nullopt;
}

std::optional<std::string> ConfigObject::String(std::string_view key) const {
  const auto member = Find(key);
  return member ? std::optional(member->String()) : std::nullopt;
}

std::optional<std::vector<double>> ConfigObject::Numbers(std::string_view key) const {
  const auto member = Find(key);
  if (!member) return std::nullopt;
  return NumbersOf(*member);
}

std::vector<std::pair<std::string, JsonValue>> ConfigObject::Unasked() const {
  std::vector<std::pair<std::string, JsonValue>> unasked;
  for (const auto& [key, member] : value_.Members()) {
    if (!member.IsNull() && !asked_->contains(member.place())) unasked.emplace_back(key, member);
  }
  return unasked;
}

}  // namespace rotary
