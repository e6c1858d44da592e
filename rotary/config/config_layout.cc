#include "rotary/config/config_layout.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <regex>

#include "rotary/config/config_object.h"
#include "rotary/config/family.h"
#include "rotary/config/rope_config.h"
#include "rotary/io/json.h"

namespace rotary {
namespace {

using Ordered = nlohmann::ordered_json;

std::string Quoted(const std::string& key) { return Ordered(key).dump(); }

// As a line of its own after the brace that begins the text, where Without finds it again.
std::string MemberLine(const std::string& key, const Ordered& value) {
  return "\n  " + Quoted(key) + ": " + value.dump() + ",";
}

size_t AfterBrace(const std::string& text) { return text.find('{') + 1; }

// The document anew, for one that somebody else has written in another form meanwhile.
template <class Change>
std::string Rewritten(const std::string& text, const Change& change) {
  Ordered document = Ordered::parse(text);
  change(document);
  return document.dump(2) + "\n";
}

std::string With(std::string text, const std::string& key, const Ordered& value) {
  if (!Ordered::parse(text).contains(key)) {
    return text.insert(AfterBrace(text), MemberLine(key, value));
  }
  const std::regex member(Quoted(key) + R"((\s*:\s*)(true|false|"[\w.-]*"))");
  const auto matches = std::distance(std::sregex_iterator(text.begin(), text.end(), member), {});
  if (matches == 1) return std::regex_replace(text, member, Quoted(key) + "$1" + value.dump());
  return Rewritten(text, [&](Ordered& document) { document[key] = value; });
}

// Where `value` is what an absent key means: without it, if it stands where With put it.
std::string Without(std::string text, const std::string& key, const Ordered& written) {
  const std::string line = MemberLine(key, written);
  if (text.compare(AfterBrace(text), line.size(), line) == 0) {
    return text.erase(AfterBrace(text), line.size());
  }
  return Rewritten(text, [&](Ordered& document) { document.erase(key); });
}

constexpr const char* kTypeKey = "model_type";

std::string StringOr(const JsonValue& root, const char* key, const std::string& otherwise) {
  return ConfigObject(root).String(key).value_or(otherwise);
}

// Without the layout at its end; empty: the config names none.
std::string ModelTypeOf(const JsonValue& root) {
  return WithoutLayout(StringOr(root, kTypeKey, ""), StringOr(root, kLayoutKey, ""));
}

const Family* FamilyOf(const JsonValue& root) {
  return FindFamilyFor(ModelTypeOf(root), ConfigObject(root));
}

// The layout of a config that does not name one itself; nothing for a family that is not known.
std::optional<std::string> OwnLayout(const std::string& text, const std::string& source) {
  const std::string type = ModelTypeOf(JsonDocument(text, source).root());
  const auto plain = [&](Ordered& json) {
    json.erase(kLayoutKey);
    if (!type.empty()) json[kTypeKey] = type;
  };
  const JsonDocument document(Rewritten(text, plain), source);
  if (!type.empty() && FamilyOf(document.root()) == nullptr) return std::nullopt;
  for (const LayerRope& group : ReadRopeConfig(document.root()).layers) {
    if (group.part != "indexer" && group.query) return group.layout;
  }
  throw FileError(Sentence("cannot convert ", source, ": no layer rotates"));
}

}  // namespace

std::string WithoutLayout(const std::string& model_type, const std::string& layout) {
  const std::string end = "_" + layout;
  return !layout.empty() && model_type.ends_with(end)
             ? model_type.substr(0, model_type.size() - end.size())
             : model_type;
}

std::string ConfigInLayout(const std::string& text, const std::string& source, Layout layout) {
  const JsonDocument document(text, source);
  document.root().Members();  // an object
  const bool interleaved = layout == Layout::kInterleaved;
  const std::string word = interleaved ? "interleaved" : "half";
  const Family* family = FamilyOf(document.root());
  if (family != nullptr && !family->layout_key.empty()) {
    const std::string& key = family->layout_key;
    const std::string line = MemberLine(key, !interleaved);
    const bool ours = text.compare(AfterBrace(text), line.size(), line) == 0;
    if (ours && interleaved == family->layout_missing) return Without(text, key, !interleaved);
    return With(text, key, interleaved);
  }
  const std::string type = ModelTypeOf(document.root());
  const auto named = [&](const std::string& changed, const std::string& name) {
    return type.empty() ? changed : With(changed, kTypeKey, name);
  };
  if (OwnLayout(text, source) != word) {
    return With(named(text, Sentence(type, "_", word)), kLayoutKey, word);
  }
  if (!document.root().Find(kLayoutKey)) return text;
  return named(Without(text, kLayoutKey, interleaved ? "half" : "interleaved"), type);
}

}  // namespace rotary
