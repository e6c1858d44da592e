#include "rotary/config/family.h"

#include <algorithm>
#include <string_view>

namespace rotary {

extern const std::string_view kFamiliesText;  // families.json

namespace {

Terms ReadTerms(const JsonValue& row, std::string_view key) {
  Terms terms;
  const auto value = row.Find(key);
  if (!value) return terms;
  for (const JsonValue& term : value->Array()) {
    if (term.json().is_string()) {
      terms.emplace_back(term.String());
    } else {
      terms.emplace_back(term.Number());
    }
  }
  return terms;
}

std::string ReadString(const JsonValue& row, std::string_view key) {
  const auto value = row.Find(key);
  return value ? value->String() : "";
}

bool ReadBool(const JsonValue& row, std::string_view key, bool missing) {
  const auto value = row.Find(key);
  return value ? value->Bool() : missing;
}

std::vector<std::string> ReadStrings(const JsonValue& row, std::string_view key) {
  std::vector<std::string> strings;
  const auto value = row.Find(key);
  if (!value) return strings;
  for (const JsonValue& element : value->Array()) strings.push_back(element.String());
  return strings;
}

Switch ReadSwitch(const JsonValue& row, std::string_view key) {
  const auto value = row.Find(key);
  if (!value) return {};
  if (value->json().is_string()) return {.key = value->String()};
  value->AllowOnly({"key", "missing"});
  return {.key = (*value)["key"].String(), .missing = (*value)["missing"].Bool()};
}

LayerPattern ReadPattern(const JsonValue& value) {
  value.AllowOnly({"types", "numbers", "repeats", "names", "period", "period_from_first",
                   "periodic", "others", "last", "first", "ropes", "scaled_types", "still",
                   "still_if", "rotates_if", "flags", "still_layers", "still_layers_missing",
                   "rotating_layers"});
  LayerPattern pattern{.types_key = ReadString(value, "types"),
                       .numbers_key = ReadString(value, "numbers"),
                       .repeats = ReadBool(value, "repeats", false),
                       .names = {},
                       .period = ReadTerms(value, "period"),
                       .period_from_first = ReadBool(value, "period_from_first", false),
                       .periodic = ReadString(value, "periodic"),
                       .others = ReadString(value, "others"),
                       .last = ReadString(value, "last"),
                       .first = ReadStrings(value, "first"),
                       .ropes = {},
                       .scaled_types_key = ReadString(value, "scaled_types"),
                       .still = ReadStrings(value, "still"),
                       .still_if = ReadSwitch(value, "still_if"),
                       .rotates_if = ReadSwitch(value, "rotates_if"),
                       .flags_key = ReadString(value, "flags"),
                       .still_layers_key = ReadString(value, "still_layers"),
                       .rotating_layers_key = ReadString(value, "rotating_layers")};
  if (const auto still = value.Find("still_layers_missing")) {
    for (const JsonValue& layer : still->Array()) {
      pattern.still_layers.push_back(static_cast<int>(layer.Int(0, 1 << 16)));
    }
  }
  if (const auto names = value.Find("names")) {
    for (const auto& [number, name] : names->Members()) {
      pattern.names.emplace_back(number, name.String());
    }
  }
  if (const auto ropes = value.Find("ropes")) {
    for (const auto& [name, rope] : ropes->Members()) {
      rope.AllowOnly({"label", "theta", "head_dim", "scaling"});
      pattern.ropes.push_back({name, ReadString(rope, "label"), ReadTerms(rope, "theta"),
                               ReadTerms(rope, "head_dim"), ReadBool(rope, "scaling", true)});
    }
  }
  return pattern;
}

Indexer ReadIndexer(const JsonValue& value) {
  if (value.json().is_string()) return {.layout = value.String()};
  value.AllowOnly({"layout", "key", "only", "at_end"});
  return {.layout = value["layout"].String(),
          .layout_key = ReadString(value, "key"),
          .only = ReadString(value, "only"),
          .at_end = ReadBool(value, "at_end", false)};
}

Sections ReadSections(const JsonValue& value) {
  value.AllowOnly({"keys", "missing", "order"});
  Sections sections{.keys = ReadStrings(value, "keys"), .missing = {}, .order = {}};
  if (const auto missing = value.Find("missing")) {
    for (const JsonValue& count : missing->Array()) {
      sections.missing.push_back(static_cast<int>(count.Int(0, 1 << 20)));
    }
  }
  sections.order = value["order"].String();
  return sections;
}

std::optional<Condition> ReadCondition(const JsonValue& row, std::string_view key) {
  const auto condition = row.Find(key);
  if (!condition) return std::nullopt;
  condition->AllowOnly({"key", "is", "missing"});
  return Condition{(*condition)["key"].String(), (*condition)["is"].json(),
                   (*condition)["missing"].json()};
}

FrequencyTensor ReadWeights(const JsonValue& value) {
  value.AllowOnly({"names", "form", "needed", "absent"});
  return {.names = ReadStrings(value, "names"),
          .form = value["form"].String(),
          .needed = ReadBool(value, "needed", false),
          .absent = ReadString(value, "absent")};
}

Family ReadFamily(const JsonValue& row) {
  row.AllowOnly({"model_type",
                 "scheme",
                 "layout",
                 "head_dim",
                 "rotary_dim",
                 "fraction",
                 "offset",
                 "theta",
                 "layers",
                 "theta_factor",
                 "attention_factor",
                 "qwen_ntk",
                 "default_rope",
                 "pattern",
                 "sections",
                 "only_if",
                 "temperature",
                 "indexer",
                 "parts",
                 "positions",
                 "sizes",
                 "without_effect",
                 "note",
                 "source",
                 "class_names",
                 "part",
                 "heads",
                 "weights",
                 "if",
                 "instead_of",
                 "values",
                 "negated",
                 "not_in_transformers",
                 "axes"});
  Family family{.model_type = {},  // one or several: ReadFamilies
                .instead_of = ReadString(row, "instead_of"),
                .class_names = ReadStrings(row, "class_names"),
                .scheme = row.Find("scheme") ? row["scheme"].String() : "text",
                .part = row.Find("part") ? row["part"].String() : "text",
                .positions = ReadString(row, "positions"),
                .head_dim = ReadTerms(row, "head_dim"),
                .heads = ReadTerms(row, "heads"),
                .rotary_dim = ReadTerms(row, "rotary_dim"),
                .fraction = ReadTerms(row, "fraction"),
                .theta = ReadTerms(row, "theta"),
                .layers = ReadTerms(row, "layers"),
                .offset = ReadTerms(row, "offset"),
                .theta_factor = ReadString(row, "theta_factor"),
                .qwen_ntk_key = ReadString(row, "qwen_ntk"),
                .values_key = ReadString(row, "values"),
                .negated = ReadBool(row, "negated", false),
                .axes = ReadStrings(row, "axes"),
                .temperature = ReadString(row, "temperature"),
                .without_effect = ReadStrings(row, "without_effect"),
                .not_in_transformers = ReadStrings(row, "not_in_transformers"),
                .note = ReadString(row, "note")};
  if (const auto factor = row.Find("attention_factor")) family.attention_factor = factor->Number();
  if (const auto layout = row.Find("layout")) {
    if (layout->json().is_object()) {
      layout->AllowOnly({"key", "missing"});
      family.layout_key = (*layout)["key"].String();
      family.layout_missing = (*layout)["missing"].String() == "interleaved";
    } else {
      family.layout = layout->String();
    }
  }
  if (const auto rope = row.Find("default_rope")) family.default_rope = rope->json();
  if (const auto pattern = row.Find("pattern")) family.pattern = ReadPattern(*pattern);
  if (const auto sections = row.Find("sections")) family.sections = ReadSections(*sections);
  if (const auto indexer = row.Find("indexer")) family.indexer = ReadIndexer(*indexer);
  family.only_if = ReadCondition(row, "only_if");
  family.instead_if = ReadCondition(row, "if");
  if (const auto weights = row.Find("weights")) family.weights = ReadWeights(*weights);
  if (const auto parts = row.Find("parts")) {
    for (const auto& [name, part] : parts->Members()) {
      if (part.json().is_string()) {
        family.parts.push_back({name, part.String(), ""});
        continue;
      }
      part.AllowOnly({"key", "missing"});
      family.parts.push_back({name, part["key"].String(), part["missing"].String()});
    }
  }
  if (const auto sizes = row.Find("sizes")) {
    for (const auto& [key, size] : sizes->Members()) family.sizes.emplace_back(key, size.Int(1));
  }
  const JsonValue source = row["source"];
  source.AllowOnly({"repository", "file", "commit"});
  family.repository = source["repository"].String();
  family.file = source["file"].String();
  family.commit = source["commit"].String();
  return family;
}

}  // namespace

bool Condition::Holds(const ConfigObject& config) const {
  const auto value = config.Find(key);
  return (value ? value->json() : missing) == is;
}

bool Switch::IsOn(const ConfigObject& config) const {
  if (key.empty()) return true;
  const auto value = config.Find(key);
  if (!value) return missing && !config.value().Find(key);
  return value->json() != false;
}

std::vector<Family> ReadFamilies(const JsonValue& registry) {
  std::vector<Family> families;
  for (const JsonValue& row : registry.Array()) {
    const Family family = ReadFamily(row);
    const JsonValue types = row["model_type"];
    if (!types.json().is_array()) {
      families.push_back(family);
      families.back().model_type = types.String();
      continue;
    }
    for (const JsonValue& type : types.Array()) {
      families.push_back(family);
      families.back().model_type = type.String();
    }
  }
  std::sort(families.begin(), families.end(),
            [](const Family& a, const Family& b) { return a.model_type < b.model_type; });
  return families;
}

const std::vector<Family>& Families() {
  static const std::vector<Family> families = [] {
    const JsonDocument document(kFamiliesText, "the registry of families");
    return ReadFamilies(document.root());
  }();
  return families;
}

const Family* FindFamily(std::string_view model_type) {
  const auto& families = Families();
  const auto found = std::find(families.begin(), families.end(), model_type);
  return found == families.end() ? nullptr : &*found;
}

const Family* FindFamilyFor(std::string_view model_type, const ConfigObject& config) {
  for (const Family& family : Families()) {
    // Most rows stand instead of none: an empty type is not theirs.
    const bool is_instead = family.instead_if && family.instead_of == model_type;
    if (is_instead && family.instead_if->Holds(config)) return &family;
  }
  return FindFamily(model_type);
}

const Family* FindFamilyOfClass(std::string_view class_name) {
  for (const Family& family : Families()) {
    const auto& names = family.class_names;
    if (std::find(names.begin(), names.end(), class_name) != names.end()) return &family;
  }
  return nullptr;
}

}  // namespace rotary
