#include "rotary/config/inspect.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <numbers>
#include <vector>

#include "rotary/config/differences.h"
#include "rotary/config/fingerprint.h"
#include "rotary/config/group_facts.h"
#include "rotary/io/rotation_json.h"

namespace rotary {
namespace {

using Ordered = nlohmann::ordered_json;

// Of the first head.
size_t At(const Rotation& rotation, int pair, int axis) {
  return static_cast<size_t>(pair) * static_cast<size_t>(rotation.axes) + static_cast<size_t>(axis);
}

// All of one width.
std::string AxisText(const LayerRope& group, int axis) {
  size_t width = 0;
  for (const std::string& name : group.axis_names) width = std::max(width, name.size());
  return fmt::format("{:<{}}", AxisName(group, axis), width);
}

// "y  0.5  one turn in 12.57", one for each axis that moves the pair; where the second channel
// has an angle of its own, that too.
std::string PairText(const LayerRope& group, int pair) {
  const Rotation& rotation = *group.query;
  std::string text;
  for (int x = 0; x < rotation.axes; ++x) {
    const double frequency = rotation.frequency[At(rotation, pair, x)];
    const double second =
        rotation.IsGroup() ? frequency : rotation.second_frequency[At(rotation, pair, x)];
    if (frequency == 0 && second == 0) continue;
    if (rotation.axes > 1) text += fmt::format("  {}", AxisText(group, x));
    text += fmt::format("  {:<22.17g}", frequency);
    text += second == frequency
                ? fmt::format("  one turn in {:.6g} {}", 2 * std::numbers::pi / std::abs(frequency),
                              rotation.axes > 1 ? "positions" : "tokens")
                : fmt::format("  and {:<22.17g}", second);
  }
  return text.empty() ? "  stands still" : text;
}

std::string FrequenciesText(const LayerRope& group, double trained_length) {
  const Rotation& rotation = *group.query;
  std::string text;
  const int pairs = rotation.pairs();
  int whole = 0, still = 0;
  for (int j = 0; j < pairs; ++j) {
    const double wavelength = Wavelength(rotation, j);
    still += std::isinf(wavelength) ? 1 : 0;
    whole += wavelength <= trained_length ? 1 : 0;
    const int step = std::max(1, pairs / 8);
    if (j % step != 0 && j != pairs - 1) continue;
    text += fmt::format("    pair {:3d}{}\n", j, PairText(group, j));
  }
  if (trained_length > 0) {
    text += fmt::format("    {} of {} pairs turn fully within {:.0f} tokens{}\n", whole, pairs,
                        trained_length, still > 0 ? fmt::format(", {} stand still", still) : "");
  }
  return text;
}

std::string GroupText(const LayerRope& group, double trained_length) {
  constexpr int kNames = 18;  // columns of them
  std::string text = GroupTitle(group) + "\n";
  for (const auto& [name, value] : GroupFacts(group)) {
    text += fmt::format("  {:<{}}{}\n", name, kNames, value);
    if (name == "layout") text += ChannelPicture(group, 2);
  }
  if (group.query) {
    text += fmt::format("  frequencies (radians a {})\n{}",
                        group.query->axes > 1 ? "position" : "token",
                        FrequenciesText(group, trained_length));
  }
  return text;
}

Ordered RotationOrNull(const std::optional<Rotation>& rotation) {
  return rotation ? Ordered::parse(RotationToJson(*rotation)) : Ordered();
}

// A number of tokens, without a point where it is whole.
Ordered WholeOrNot(double tokens) {
  const bool whole = tokens == std::floor(tokens) && std::abs(tokens) < 0x1p53;
  return whole ? Ordered(static_cast<int64_t>(tokens)) : Ordered(tokens);
}

Ordered GroupJson(const LayerRope& group) {
  Ordered json;
  json["part"] = group.part;
  json["name"] = group.name;
  json["layers"] = group.layers;
  json["query"] = RotationOrNull(group.query);
  json["key"] = RotationOrNull(group.key);
  json["layout"] = group.query ? Ordered(group.layout) : Ordered();
  json["axis_names"] = group.axis_names;
  json["rotary_dim"] = group.rotary_dim;
  json["offset"] = group.offset;
  const bool by_rule = group.query && !group.from_weights;
  const std::string list = LongRopeList(group);
  json["theta"] = by_rule ? Ordered(group.theta) : Ordered();
  json["rule"] = by_rule ? Ordered(Describe(group.rule)) : Ordered();
  if (group.from_weights) json["rule"] = "checkpoint";
  json["list"] = list.empty() ? Ordered() : Ordered(list);
  json["softmax_multiplier"] = group.softmax_multiplier;
  json["rotates_values"] = group.rotates_values;
  json["query_temperature"] = nullptr;
  if (const auto& t = group.query_temperature) {
    json["query_temperature"] = {
        {"kind", t->kind == QueryTemperature::Kind::kSteps ? "steps" : "logarithm"},
        {"scale", t->scale},
        {"length", WholeOrNot(t->length)},
        {"shift", t->shift}};
  }
  return json;
}

}  // namespace

std::string InspectText(const RopeConfig& config) {
  std::string text = config.model_type;
  if (config.trained_length > 0) {
    text += fmt::format(", trained on {:.0f} tokens", config.trained_length);
  }
  if (config.length != config.trained_length) {
    text += fmt::format(", shown for {:.0f}", config.length);
  }
  text += "\n";
  for (const LayerRope& group : config.layers) {
    text += fmt::format("\n{}", GroupText(group, group.part == "text" ? config.trained_length : 0));
  }
  if (!config.note.empty()) text += fmt::format("\nnote: {}\n", config.note);
  for (const std::string& warning : config.warnings)
    text += fmt::format("\nwarning: {}\n", warning);
  return text + "\nfingerprint " + Fingerprint(config) + "\n";
}

std::string InspectJson(const RopeConfig& config) {
  Ordered json;
  json["model_type"] = config.model_type;
  json["length"] = WholeOrNot(config.length);
  json["layers"] = Ordered::array();
  for (const LayerRope& group : config.layers) json["layers"].push_back(GroupJson(group));
  json["warnings"] = config.warnings;
  json["fingerprint"] = Fingerprint(config);
  return json.dump() + "\n";
}

std::string CompareText(const RopeConfig& a, const RopeConfig& b) {
  const std::vector<LayersDifference> all = Differences(a, b);
  const bool alike = Fingerprint(a) == Fingerprint(b);
  std::string text = alike ? "They rotate alike.\n" : "";
  if (alike && !all.empty()) text += "What differs beside the rotations at this length:\n";
  for (const auto& [part, name, layers, differences] : all) {
    text += part + (name.empty() ? "" : ", " + name);
    if (!layers.empty()) text += fmt::format(", {}", LayersText(layers));
    text += ":\n";
    for (const auto& [what, first, second, note] : differences) {
      text += fmt::format("  {:<17} {}  against  {}{}\n", what, first, second,
                          note.empty() ? "" : fmt::format("  ({})", note));
    }
  }
  return text;
}

std::string CompareJson(const RopeConfig& a, const RopeConfig& b) {
  Ordered json;
  const std::string of_a = Fingerprint(a), of_b = Fingerprint(b);
  json["alike"] = of_a == of_b;
  json["fingerprints"] = {of_a, of_b};
  json["differences"] = Ordered::array();
  for (const auto& [part, name, layers, differences] : Differences(a, b)) {
    for (const auto& [what, first, second, note] : differences) {
      json["differences"].push_back({{"part", part},
                                     {"name", name},
                                     {"layers", layers},
                                     {"what", what},
                                     {"first", first},
                                     {"second", second},
                                     {"note", note}});
    }
  }
  return json.dump() + "\n";
}

std::string FamiliesText() {
  std::vector<std::array<std::string, 4>> rows;
  std::array<size_t, 4> widths = {};
  for (const Family& family : Families()) {
    const std::string layout = family.scheme == "none"    ? "none"
                               : family.scheme == "parts" ? "by part"
                               : !family.layout_key.empty()
                                   ? fmt::format("by {} ({})", family.layout_key,
                                                 family.layout_missing ? "interleaved" : "half")
                                   : family.layout;
    rows.push_back(
        {family.model_type, family.scheme, layout, family.repository + " " + family.file});
    for (size_t i = 0; i < widths.size(); ++i) {
      widths[i] = std::max(widths[i], rows.back()[i].size());
    }
  }
  std::string text;
  for (const auto& [type, scheme, layout, source] : rows) {
    text += fmt::format("{:<{}}  {:<{}}  {:<{}}  {}\n", type, widths[0], scheme, widths[1], layout,
                        widths[2], source);
  }
  return text;
}

std::string FamiliesJson() {
  Ordered json = Ordered::array();
  for (const Family& family : Families()) {
    json.push_back(
        {{"model_type", family.model_type},
         {"scheme", family.scheme},
         {"layout", family.layout},
         {"layout_key", family.layout_key},
         {"note", family.note},
         {"source",
          {{"repository", family.repository}, {"file", family.file}, {"commit", family.commit}}}});
  }
  return json.dump() + "\n";
}

}  // namespace rotary
