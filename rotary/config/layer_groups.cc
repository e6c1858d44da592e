#include "rotary/config/layer_groups.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <set>
#include <string_view>

#include "rotary/config/nearest.h"

namespace rotary {
namespace {

// More layers than any model has.
constexpr int64_t kMostLayers = 1 << 16;

// What configs say of positions that are told another way than by rotation.
constexpr std::array<std::string_view, 10> kOtherPositions = {
    "absolute", "alibi",    "learned",      "learned_absolute",   "none",
    "nope",     "relative", "relative_key", "relative_key_query", "sinusoidal"};

// What transformers lets stand in layer_types, and what stood there before.
constexpr std::array<std::string_view, 20> kLayerTypes = {"full_attention",
                                                          "sliding_attention",
                                                          "chunked_attention",
                                                          "window_attention",
                                                          "indexed_attention",
                                                          "compressed_sparse_attention",
                                                          "heavily_compressed_attention",
                                                          "minimax_m3_sparse",
                                                          "conv",
                                                          "moe",
                                                          "hybrid",
                                                          "hybrid_sliding",
                                                          "reference_sliding_attention",
                                                          "linear_attention",
                                                          "sparse",
                                                          "dense",
                                                          "attention",
                                                          "mamba",
                                                          "deepseek_sparse_attention",
                                                          "qwen_sparse_attention"};

// A value that is none of those which the key may have must not pass for "does not rotate".
void RequireKnown(const Condition& condition, const ConfigObject& config) {
  const auto value = config.Find(condition.key);
  if (!value || value->json() == condition.is || value->json() == condition.missing) return;
  if (condition.is.is_boolean()) value->Bool();
  if (!condition.is.is_string()) return;
  const std::string& given = value->String();
  if (std::find(kOtherPositions.begin(), kOtherPositions.end(), given) == kOtherPositions.end()) {
    throw value->Error("is ", value->json().dump(), ", neither ", condition.is.dump(),
                       " nor a known other way");
  }
}

void Add(std::vector<LayerGroup>& groups, const std::string& name, bool rotates, int layer) {
  auto group = std::find_if(groups.begin(), groups.end(),
                            [&](const LayerGroup& g) { return g.name == name; });
  if (group == groups.end()) {
    group = groups.insert(groups.end(), LayerGroup{.name = name, .layers = {}, .rotates = rotates});
  }
  group->layers.push_back(layer);
}

// The length of a period that is written as a word, L for a layer with a window and one G at its
// end for one that sees all; 0 where it is no such word.
int64_t LengthOfWord(const std::string& word) {
  const bool is_word = word.ends_with("G") && word.find_first_not_of('L') == word.size() - 1;
  return is_word ? static_cast<int64_t>(word.size()) : 0;
}

int64_t Period(const ConfigObject& config, const LayerPattern& pattern, int64_t layers) {
  for (const auto& term : pattern.period) {
    const std::string* key = std::get_if<std::string>(&term);
    const auto value = key == nullptr ? std::nullopt : config.Find(*key);
    if (!value || !value->json().is_string()) continue;
    const int64_t length = LengthOfWord(value->String());
    if (length == 0)
      throw value->Error("must be a number or a word like LLLG, got ", value->json().dump());
    return length;
  }
  const auto period = Evaluate(config, pattern.period);
  if (!period || *period < 1 || *period != std::floor(*period)) {
    if (pattern.periodic.empty() && !pattern.types_key.empty()) {
      throw config.value().Error("does not say of which types its ", layers,
                                 " layers are: ", pattern.types_key);
    }
    throw config.value().Error("does not say which of its ", layers, " layers are ",
                               pattern.periodic.empty() ? "left unrotated" : pattern.periodic);
  }
  // Longer than all layers is as good as endless.
  return static_cast<int64_t>(std::min(*period, kMostLayers + 1.0));
}

bool IsPeriodic(int64_t layer, int64_t period, bool from_first) {
  return (from_first ? layer : layer + 1) % period == 0;
}

// A misspelt type would turn as if it had no rope of its own.
void RequireKnownType(const JsonValue& type, const LayerPattern& pattern) {
  const std::string& name = type.String();
  const bool is_own = std::any_of(pattern.ropes.begin(), pattern.ropes.end(),
                                  [&](const LayerTypeRope& rope) { return rope.name == name; });
  if (pattern.types_key != "layer_types" || is_own ||
      std::find(kLayerTypes.begin(), kLayerTypes.end(), name) != kLayerTypes.end()) {
    return;
  }
  throw type.Error("is not a known type of layers: ", type.json().dump(), "; ",
                   DidYouMean(name, kLayerTypes));
}

// A type of layers, which some configs write as a number.
std::string NameOf(const JsonValue& type, const LayerPattern& pattern) {
  if (type.json().is_string() && !type.String().empty()) {
    RequireKnownType(type, pattern);
    return type.String();
  }
  for (const auto& [number, name] : pattern.names) {
    if (type.json().dump() == number) return name;
  }
  throw type.Error("is not a type of layers: ", type.json().dump());
}

// A list may be longer than the model, as of one that was cut.
void RequireEach(const JsonValue& list, int64_t layers) {
  const size_t listed = list.json().size();
  if (listed < static_cast<size_t>(layers)) {
    throw list.Error("must name ", layers, " layers, got ", listed);
  }
}

// The type of each layer.
std::vector<std::string> Types(const ConfigObject& config, const LayerPattern& pattern,
                               int64_t layers) {
  std::vector<std::string> types;
  auto list = config.Find(pattern.types_key);
  if (!list && !pattern.numbers_key.empty()) list = config.Find(pattern.numbers_key);
  if (list) {
    for (const JsonValue& type : list->Array()) types.push_back(NameOf(type, pattern));
    const size_t listed = types.size(), wanted = static_cast<size_t>(layers);
    if (!pattern.repeats || listed == 0) RequireEach(*list, layers);
    types.resize(wanted);
    for (size_t layer = listed; layer < wanted; ++layer) types[layer] = types[layer - listed];
    return types;
  }
  const int64_t period = Period(config, pattern, layers);
  for (int64_t layer = 0; layer < layers; ++layer) {
    types.push_back(IsPeriodic(layer, period, pattern.period_from_first) ? pattern.periodic
                                                                         : pattern.others);
  }
  for (size_t layer = 0; layer < std::min(pattern.first.size(), types.size()); ++layer) {
    types[layer] = pattern.first[layer];
  }
  if (!pattern.last.empty() && !types.empty()) types.back() = pattern.last;
  return types;
}

// "a / b / c" at " / ".
std::vector<std::string> Split(const std::string& text, std::string_view separator) {
  std::vector<std::string> parts;
  size_t begin = 0;
  for (size_t end; (end = text.find(separator, begin)) != text.npos;) {
    parts.push_back(text.substr(begin, end - begin));
    begin = end + separator.size();
  }
  parts.push_back(text.substr(begin));
  return parts;
}

}  // namespace

std::optional<double> Evaluate(const ConfigObject& config, const Terms& terms) {
  for (const auto& term : terms) {
    if (const double* number = std::get_if<double>(&term)) return *number;
    const std::string& text = std::get<std::string>(term);
    const std::string_view separator = text.find(" + ") != text.npos ? " + " : " / ";
    const std::vector<std::string> keys = Split(text, separator);
    if (keys.size() == 1) {
      if (const auto value = config.Number(text)) return value;
      continue;
    }
    std::vector<int64_t> values;
    for (const std::string& key : keys) {
      if (const auto value = config.Int(key)) values.push_back(*value);
    }
    if (values.size() != keys.size()) continue;
    int64_t result = values[0];
    for (size_t i = 1; i < values.size(); ++i) {
      if (separator == " + ") {
        if (__builtin_add_overflow(result, values[i], &result)) {
          throw config.Find(keys[i])->Error("is too large: ", values[i]);
        }
        continue;
      }
      if (values[i] < 1) throw config.Find(keys[i])->Error("must be at least 1");
      result /= values[i];
    }
    return static_cast<double>(result);
  }
  return std::nullopt;
}

std::vector<LayerGroup> LayerGroups(const ConfigObject& config, const Family& family) {
  static const Terms kUsual = {"num_hidden_layers", "n_layers", "n_layer", "num_layers"};
  const auto count = Evaluate(config, family.layers.empty() ? kUsual : family.layers);
  const bool rotates = [&] {
    if (family.scheme == "none") return false;
    if (family.pattern && !family.pattern->rotates_if.IsOn(config)) return false;
    if (family.only_if) RequireKnown(*family.only_if, config);
    return !family.only_if || family.only_if->Holds(config);
  }();
  if (!count) return {LayerGroup{.name = "all", .layers = {}, .rotates = rotates}};
  if (*count < 0 || *count > kMostLayers || *count != std::floor(*count)) {
    throw config.value().Error("must have between 0 and ", kMostLayers, " layers, got ", *count);
  }
  const auto layers = static_cast<int64_t>(*count);
  std::vector<LayerGroup> groups;
  if (const auto types = config.value().Find("layer_types");
      !family.pattern && types && types->json().is_array()) {
    RequireEach(*types, layers);
  }
  if (!family.pattern || !rotates) {
    LayerGroup all{.name = "all", .layers = {}, .rotates = rotates};
    for (int64_t layer = 0; layer < layers; ++layer) all.layers.push_back(static_cast<int>(layer));
    return {all};
  }
  const LayerPattern& pattern = *family.pattern;
  for (const auto& term : pattern.period) {  // may stand beside a list, in any form
    if (const std::string* key = std::get_if<std::string>(&term)) config.Find(*key);
  }
  if (!pattern.flags_key.empty()) {
    const auto flags = config.Find(pattern.flags_key);
    const bool listed = flags && !flags->Array().empty();
    const auto list = listed ? flags->Array(layers) : std::vector<JsonValue>();
    const int64_t period = listed ? 1 : Period(config, pattern, layers);
    for (int64_t layer = 0; layer < layers; ++layer) {
      const bool turns = listed ? list[static_cast<size_t>(layer)].Int(0, 1) == 1
                                : !IsPeriodic(layer, period, pattern.period_from_first);
      Add(groups, turns ? "rope" : "nope", turns, static_cast<int>(layer));
    }
    return groups;
  }
  const bool lists_rotating = !pattern.rotating_layers_key.empty();
  const std::string& layers_key =
      lists_rotating ? pattern.rotating_layers_key : pattern.still_layers_key;
  const auto list = layers_key.empty() ? std::nullopt : config.Find(layers_key);
  if (list || !pattern.still_layers.empty()) {
    std::set<int64_t> listed;
    if (list) {
      for (const JsonValue& layer : list->Array()) listed.insert(layer.Int(0, layers - 1));
    } else {
      listed.insert(pattern.still_layers.begin(), pattern.still_layers.end());
    }
    for (int64_t layer = 0; layer < layers; ++layer) {
      const bool turns = listed.contains(layer) == lists_rotating;
      Add(groups, turns ? "rope" : "nope", turns, static_cast<int>(layer));
    }
    return groups;
  }
  if (pattern.types_key.empty() && pattern.period.empty()) {
    for (int64_t layer = 0; layer < layers; ++layer) {
      Add(groups, "all", true, static_cast<int>(layer));
    }
    return groups;
  }
  const bool some_still = pattern.still_if.IsOn(config);
  const std::vector<std::string> types = Types(config, pattern, layers);
  for (int64_t layer = 0; layer < layers; ++layer) {
    const std::string& type = types[static_cast<size_t>(layer)];
    const bool is_still = some_still && std::find(pattern.still.begin(), pattern.still.end(),
                                                  type) != pattern.still.end();
    Add(groups, type, !is_still, static_cast<int>(layer));
  }
  return groups;
}

}  // namespace rotary
