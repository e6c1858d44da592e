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
  const std::regex member(Quoted(key) + R"((\s*:\s*)(true|false|"[a-z]*"))");
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

const Family* FamilyOf(const JsonValue& root) {
  const auto type = root.Find("model_type");
  return type && !type->IsNull() ? FindFamilyFor(type->String(), ConfigObject(root)) : nullptr;
}

// The layout of a config that does not name one itself; nothing for a family that is not known.
std::optional<std::string> OwnLayout(const std::string& text, const std::string& source) {
  const JsonDocument document(Rewritten(text, [](Ordered& json) { json.erase(kLayoutKey); }),
                              source);
  const bool has_type = document.root().Find("model_type").has_value();
  if (has_type && FamilyOf(document.root()) == nullptr) return std::nullopt;
  for (const LayerRope& group : ReadRopeConfig(document.root()).layers) {
    if (group.part != "indexer" && group.query) return group.layout;
  }
  throw FileError(Sentence("cannot convert ", source, ": no layer rotates"));
}

}  // namespace

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
  const bool has_key = document.root().Find(kLayoutKey).has_value();
  if (OwnLayout(text, source) != word) return With(text, kLayoutKey, word);
  return has_key ? Without(text, kLayoutKey, interleaved ? "half" : "interleaved") : text;
}

}  // namespace rotary
