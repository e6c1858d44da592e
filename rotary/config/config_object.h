// A config that knows which of its keys were asked for, so that none is ignored in silence.
//
//   const ConfigObject config(document.root());
//   const double theta = config.Number("rope_theta").value_or(10000);
//   for (const JsonValue& value : config.Unasked()) ...      // everything but rope_theta
#ifndef ROTARY_CONFIG_CONFIG_OBJECT_H_
#define ROTARY_CONFIG_CONFIG_OBJECT_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "rotary/io/json.h"

namespace rotary {

// The elements of an array of numbers.
std::vector<double> NumbersOf(const JsonValue& value);
// A number that must be above 0.
double PositiveOf(const JsonValue& value);

// One object of a document. Copies share what they remember; the document must outlive them.
//
// A key whose value is null counts as absent: this is how configs say "none". All functions throw
// FileError where a value is not of the kind asked for.
class ConfigObject {
 public:
  explicit ConfigObject(const JsonValue& root)
      : value_(root), asked_(std::make_shared<std::set<std::string>>()) {}

  const JsonValue& value() const { return value_; }

  bool Has(std::string_view key) const;  // without asking
  // Dots in a key go into objects: "attn_config.rope_theta".
  std::optional<JsonValue> Find(std::string_view key) const;
  std::optional<ConfigObject> Object(std::string_view key) const;
  std::optional<double> Number(std::string_view key) const;
  std::optional<int64_t> Int(std::string_view key) const;  // 1 and 1.0; from 0 up
  std::optional<bool> Bool(std::string_view key) const;
  std::optional<std::string> String(std::string_view key) const;
  std::optional<std::vector<double>> Numbers(std::string_view key) const;

  // Members, of this object only, that were not asked for; null ones do not count.
  std::vector<std::pair<std::string, JsonValue>> Unasked() const;

 private:
  ConfigObject(JsonValue value, std::shared_ptr<std::set<std::string>> asked)
      : value_(std::move(value)), asked_(std::move(asked)) {}

  JsonValue value_;
  std::shared_ptr<std::set<std::string>> asked_;  // places
};

}  // namespace rotary

#endif  // ROTARY_CONFIG_CONFIG_OBJECT_H_
