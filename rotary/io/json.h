// JSON from files that we did not write: every value knows where it stands, so that an error can
// say so.
//
//   const JsonDocument config = JsonDocument::Read("config.json");
//   const int64_t heads = config.root()["num_attention_heads"].Int(1, 1 << 16);
//
//   cannot read config.json: num_attention_heads must be a whole number from 1 to 65536, got "12"
//
// Nothing has a default here: a key that may be absent is asked for by Find().
#ifndef ROTARY_IO_JSON_H_
#define ROTARY_IO_JSON_H_

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rotary/base/error.h"

namespace rotary {

using Json = nlohmann::json;

// Parses `text`. Throws FileError, in the name of `source`: not JSON (with line and column), a key
// twice in one object, nested deeper than 64.
Json ParseJson(std::string_view text, std::string_view source);

// A borrowed value and its place. All functions throw FileError where the value is not what they
// ask for.
class JsonValue {
 public:
  JsonValue(const Json& value, std::string source, std::string place = "")
      : value_(&value), source_(std::move(source)), place_(std::move(place)) {}

  const Json& json() const { return *value_; }
  bool IsNull() const { return value_->is_null(); }
  const std::string& source() const { return source_; }
  const std::string& place() const { return place_; }

  // A member that must be there, and one that may be.
  JsonValue operator[](std::string_view key) const;
  std::optional<JsonValue> Find(std::string_view key) const;
  // All members, in the order of their keys; throws unless it is an object.
  std::vector<std::pair<std::string, JsonValue>> Members() const;
  // Refuses members with other names than these.
  void AllowOnly(std::initializer_list<std::string_view> keys) const;

  // The elements; throws unless it is an array, of `length` where that is given.
  std::vector<JsonValue> Array() const;
  std::vector<JsonValue> Array(int64_t length) const;

  int64_t Int(int64_t least = std::numeric_limits<int64_t>::min(),
              int64_t most = std::numeric_limits<int64_t>::max()) const;
  double Number() const;  // finite by the rules of JSON
  bool Bool() const;
  const std::string& String() const;

  // A FileError about this value: "cannot read SOURCE: PLACE " + parts.
  template <class... Parts>
  FileError Error(const Parts&... parts) const {
    return FileError(
        Sentence("cannot read ", source_, ": ", place_.empty() ? "it" : place_, " ", parts...));
  }

 private:
  const Json& Object() const;
  FileError Mismatch(std::string_view wanted) const;

  const Json* value_;
  std::string source_;
  std::string place_;  // "rope_parameters.rope_theta", "frequency[3][0]"; empty at the root
};

// Owns a parsed document.
class JsonDocument {
 public:
  JsonDocument(std::string_view text, std::string source)
      : json_(ParseJson(text, source)), source_(std::move(source)) {}
  static JsonDocument Read(const std::filesystem::path& path);

  JsonValue root() const { return {json_, source_}; }

 private:
  Json json_;
  std::string source_;
};

}  // namespace rotary

#endif  // ROTARY_IO_JSON_H_
