#include "rotary/io/json.h"

#include <algorithm>
#include <set>

#include "rotary/io/file.h"

namespace rotary {
namespace {

constexpr int kMaxDepth = 64;

// "line 3, column 7" of the byte before which `text` went wrong.
std::string LineAndColumn(std::string_view text, size_t byte) {
  const std::string_view before = text.substr(0, std::min(text.size(), byte > 0 ? byte - 1 : 0));
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const size_t newline = before.rfind('\n');
  const size_t column = newline == before.npos ? before.size() + 1 : before.size() - newline;
  return Sentence("line ", line, ", column ", column);
}

// What the parser complains about, without its own prefix.
std::string Complaint(std::string_view what) {
  const size_t dash = what.find(" - ");
  if (dash != what.npos) return std::string(what.substr(dash + 3));
  return std::string(what.substr(what.find("] ") + 2));  // "[json.exception.out_of_range.406] "
}

// A value as errors show it, not longer than a line.
std::string Shown(const Json& value) {
  if (value.is_array()) return Sentence("an array of ", value.size());
  if (value.is_object()) return "an object";
  return Shortened(value.dump(-1, ' ', /*ensure_ascii=*/true));
}

}  // namespace

Json ParseJson(std::string_view text, std::string_view source) {
  std::vector<std::set<std::string>> keys;  // of each object that is open
  const auto check = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (depth > kMaxDepth) {
      throw FileError(Sentence("cannot read ", source, ": nested deeper than ", kMaxDepth));
    }
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key &&
        !keys.back().insert(parsed.get<std::string>()).second) {
      throw FileError(Sentence("cannot read ", source, ": key ", parsed.dump(), " is there twice"));
    }
    return true;
  };
  try {
    return Json::parse(text.begin(), text.end(), check);
  } catch (const Json::parse_error& error) {
    throw FileError(Sentence("cannot read ", source, ": not JSON at ",
                             LineAndColumn(text, error.byte), ": ", Complaint(error.what())));
  } catch (const Json::out_of_range& error) {  // a number beyond double
    throw FileError(Sentence("cannot read ", source, ": ", Complaint(error.what())));
  }
}

const Json& JsonValue::Object() const {
  if (!value_->is_object()) throw Mismatch("an object");
  return *value_;
}

FileError JsonValue::Mismatch(std::string_view wanted) const {
  return Error("must be ", wanted, ", got ", Shown(*value_));
}

JsonValue JsonValue::operator[](std::string_view key) const {
  auto member = Find(key);
  if (!member) {
    throw FileError(Sentence("cannot read ", source_, ": ", place_, place_.empty() ? "" : ".", key,
                             " is missing"));
  }
  return *member;
}

std::optional<JsonValue> JsonValue::Find(std::string_view key) const {
  const Json& object = Object();
  const auto member = object.find(key);
  if (member == object.end()) return std::nullopt;
  return JsonValue(*member, source_, Sentence(place_, place_.empty() ? "" : ".", key));
}

std::vector<std::pair<std::string, JsonValue>> JsonValue::Members() const {
  std::vector<std::pair<std::string, JsonValue>> members;
  for (const auto& [key, unused] : Object().items()) members.emplace_back(key, (*this)[key]);
  return members;
}

void JsonValue::AllowOnly(std::initializer_list<std::string_view> keys) const {
  for (const auto& [key, unused] : Members()) {
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) {
      throw FileError(Sentence("cannot read ", source_, ": unknown key ", Json(key).dump(),
                               place_.empty() ? "" : " in ", place_));
    }
  }
}

std::vector<JsonValue> JsonValue::Array() const {
  if (!value_->is_array()) throw Mismatch("an array");
  std::vector<JsonValue> elements;
  elements.reserve(value_->size());
  for (size_t i = 0; i < value_->size(); ++i) {
    elements.emplace_back((*value_)[i], source_, Sentence(place_, "[", i, "]"));
  }
  return elements;
}

std::vector<JsonValue> JsonValue::Array(int64_t length) const {
  if (!value_->is_array() || static_cast<int64_t>(value_->size()) != length) {
    throw Mismatch(Sentence("an array of ", length));
  }
  return Array();
}

int64_t JsonValue::Int(int64_t least, int64_t most) const {
  const bool whole = value_->is_number_integer() &&
                     !(value_->is_number_unsigned() &&
                       value_->get<uint64_t>() > uint64_t{std::numeric_limits<int64_t>::max()});
  const int64_t number = whole ? value_->get<int64_t>() : 0;
  if (!whole || number < least || number > most) {
    constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();
    constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
    if (least == kLeast && most == kMost) throw Mismatch("a whole number");
    if (most == kMost) throw Mismatch(Sentence("a whole number of at least ", least));
    throw Mismatch(Sentence("a whole number from ", least, " to ", most));
  }
  return number;
}

double JsonValue::Number() const {
  if (!value_->is_number()) throw Mismatch("a number");
  return value_->get<double>();
}

bool JsonValue::Bool() const {
  if (!value_->is_boolean()) throw Mismatch("true or false");
  return value_->get<bool>();
}

const std::string& JsonValue::String() const {
  if (!value_->is_string()) throw Mismatch("a string");
  return value_->get_ref<const std::string&>();
}

JsonDocument JsonDocument::Read(const std::filesystem::path& path) {
  return JsonDocument(ReadFile(path), path.string());
}

}  // namespace rotary
