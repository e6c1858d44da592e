#include "rotary/config/differences.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>
#include <variant>

#include "rotary/config/fingerprint.h"
#include "rotary/config/group_facts.h"

namespace rotary {
namespace {

// As many digits as fingerprints have.
std::string Number(double value) { return fmt::format("{:.12g}", value); }

bool Same(double x, double y) { return x == y || Number(x) == Number(y); }

class Found {
 public:
  // Whether they differ.
  bool Add(std::string what, std::string first, std::string second, std::string note = "") {
    if (first == second) return false;
    differences_.push_back({std::move(what), std::move(first), std::move(second), std::move(note)});
    return true;
  }

  bool Add(std::string what, double first, double second) {
    return !Same(first, second) && Add(std::move(what), Number(first), Number(second));
  }

  // The largest relative difference of two lists, which hold `per_pair` numbers a pair.
  bool AddLargest(std::string what, const std::vector<double>& first,
                  const std::vector<double>& second, size_t pairs, size_t per_pair) {
    if (first.size() != second.size()) {
      return Add(std::move(what), fmt::format("{} numbers", first.size()),
                 fmt::format("{} numbers", second.size()));
    }
    double largest = 0;
    size_t at = 0;
    for (size_t i = 0; i < first.size(); ++i) {
      if (Same(first[i], second[i])) continue;
      const double relative =
          std::abs(first[i] - second[i]) / std::max(std::abs(first[i]), std::abs(second[i]));
      if (relative > largest) largest = relative, at = i;
    }
    if (largest == 0) return false;
    return Add(std::move(what), fmt::format("{:.17g}", first[at]),
               fmt::format("{:.17g}", second[at]),
               fmt::format("pair {}, the largest relative difference: {:.3g}",
                           at / per_pair % pairs, largest));
  }

  std::vector<Difference> Take() { return std::move(differences_); }

 private:
  std::vector<Difference> differences_;
};

// The pairs that each axis moves: "16 frame, 24 y, 24 x".
std::string SectionsText(const LayerRope& group, const Rotation& rotation) {
  std::map<int, int> pairs;
  for (int j = 0; j < rotation.pairs(); ++j) {
    ++pairs[AxisOf(rotation, j, rotation.first[static_cast<size_t>(j)])];
  }
  std::string text;
  const auto add = [&](int axis, const std::string& name) {
    if (!pairs.contains(axis)) return;
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", pairs[axis], name);
  };
  for (int x = 0; x < rotation.axes; ++x) add(x, AxisName(group, x));
  add(kSeveralAxes, "several");
  add(kStill, "none");
  return text;
}

std::string AxesText(const LayerRope& group, const Rotation& rotation) {
  return group.axis_names.empty() ? fmt::format("{}", rotation.axes)
                                  : fmt::format("{}", fmt::join(group.axis_names, ", "));
}

std::string DecayText(const Rotation& rotation) {
  if (rotation.log_decay.empty()) return "none";
  return fmt::format("{:.6g} .. {:.6g} a token", rotation.log_decay.front(),
                     rotation.log_decay.back());
}

// Which way the first pair turns that does.
std::string DirectionText(const Rotation& rotation) {
  for (const double w : rotation.frequency) {
    if (w != 0) return w > 0 ? "counter-clockwise" : "clockwise";
  }
  return "not at all";
}

// Whether each frequency has the other's sign, and some have one.
bool AreOpposite(const Rotation& x, const Rotation& y) {
  bool some = false;
  for (size_t i = 0; i < x.frequency.size(); ++i) {
    if (x.frequency[i] * y.frequency[i] > 0) return false;
    some = some || x.frequency[i] != 0;
  }
  return some;
}

bool IsUsual(const std::string& layout) { return layout == "half" || layout == "interleaved"; }

// What differs between the rotations of queries, or of keys, of two groups of layers.
//   explained  whether frequencies differ for a reason that is said already
void CompareRotations(const LayerRope& a, const LayerRope& b, bool of_keys, bool explained,
                      Found& found) {
  const Rotation x = InOrder(of_keys ? *a.key : *a.query);
  const Rotation y = InOrder(of_keys ? *b.key : *b.query);
  const std::string of = of_keys ? "keys' " : "";
  found.Add(of + "head_dim", x.head_dim, y.head_dim);
  bool comparable = !found.Add(of + "pairs", x.pairs(), y.pairs());
  const bool shifted = !of_keys && found.Add("offset", a.offset, b.offset);
  if (comparable && !shifted && a.layout == b.layout &&
      (x.first != y.first || x.second != y.second)) {
    size_t j = 0;
    while (x.first[j] == y.first[j] && x.second[j] == y.second[j]) ++j;
    found.Add(of + "channels", fmt::format("{}~{}", x.first[j], x.second[j]),
              fmt::format("{}~{}", y.first[j], y.second[j]), fmt::format("pair {}", j));
  }
  const bool other_names =
      !a.axis_names.empty() && !b.axis_names.empty() && a.axis_names != b.axis_names;
  if (x.axes != y.axes || other_names) {
    explained = found.Add(of + "axes", AxesText(a, x), AxesText(b, y)) || explained;
    comparable = comparable && x.axes == y.axes;
  } else if (x.axes > 1) {
    if (found.Add(of + "sections", SectionsText(a, x), SectionsText(b, y))) {
      explained = true;
    } else if (comparable) {
      for (int j = 0; j < x.pairs(); ++j) {
        const int axis_x = AxisOf(x, j, x.first[static_cast<size_t>(j)]);
        const int axis_y = AxisOf(y, j, y.first[static_cast<size_t>(j)]);
        if (axis_x == axis_y || axis_x < 0 || axis_y < 0) continue;
        explained = found.Add(of + "order of axes", AxisName(a, axis_x), AxisName(b, axis_y),
                              fmt::format("pair {}", j));
        break;
      }
    }
  }
  if (x.heads != y.heads) {
    found.Add(of + "frequencies of", x.heads == 1 ? "all heads" : fmt::format("{} heads", x.heads),
              y.heads == 1 ? "all heads" : fmt::format("{} heads", y.heads));
    comparable = false;
  }
  found.Add(of + "attention factor", x.attention_factor, y.attention_factor);
  if (!found.Add(of + "xPos", DecayText(x), DecayText(y))) {
    found.AddLargest(of + "xPos", x.log_decay, y.log_decay, x.first.size(), 1);
  }
  const bool same_angles =
      !found.Add(of + "angles of a pair", x.IsGroup() ? "one" : "two", y.IsGroup() ? "one" : "two");
  // Pairs in other places are the same pairs in the same order, but for layouts of their own.
  const bool in_places = x.first == y.first && x.second == y.second;
  comparable = comparable && (in_places || (IsUsual(a.layout) && IsUsual(b.layout)));
  if (!comparable) return;
  Rotation turned = y;
  if (AreOpposite(x, y)) {
    found.Add(of + "turns", DirectionText(x), DirectionText(y));
    for (double& w : turned.frequency) w = -w;
    for (double& w : turned.second_frequency) w = -w;
  }
  if (explained) return;
  const size_t pairs = x.first.size(), axes = static_cast<size_t>(x.axes);
  found.AddLargest(of + "frequencies", x.frequency, turned.frequency, pairs, axes);
  if (!same_angles || x.IsGroup()) return;
  found.AddLargest(of + "second angles", x.second_frequency, turned.second_frequency, pairs, axes);
}

std::string CanonicalOf(const std::optional<Rotation>& rotation) {
  return rotation ? CanonicalText(*rotation) : "none";
}

std::string ThetaText(const LayerRope& group) {
  return group.from_weights ? "of the checkpoint" : Number(group.theta);
}

std::string RuleText(const LayerRope& group) {
  return group.from_weights ? "the frequencies are those of the checkpoint" : Describe(group.rule);
}

std::string RotationText(const LayerRope& group) {
  if (!group.query) return "none (NoPE)";
  return fmt::format("{}, theta {}, {}", group.layout, ThetaText(group), RuleText(group));
}

std::string TemperatureOf(const LayerRope& group) {
  return group.query_temperature ? TemperatureText(*group.query_temperature) : "1";
}

std::vector<Difference> CompareGroups(const LayerRope& a, const LayerRope& b) {
  Found found;
  if (a.query && b.query) {
    const bool queries_alike = CanonicalOf(a.query) == CanonicalOf(b.query);
    const bool keys_alike = CanonicalOf(a.key) == CanonicalOf(b.key);
    const bool alike = queries_alike && keys_alike;
    bool explained = false;
    if (!alike) found.Add("layout", a.layout, b.layout);
    // The same rotations may be written in several ways, but lengths tell some apart.
    if (!alike || DependsOnLength(a.rule) || DependsOnLength(b.rule)) {
      if (!a.from_weights && !b.from_weights) explained = found.Add("theta", a.theta, b.theta);
      explained = found.Add("rule", RuleText(a), RuleText(b)) || explained;
    }
    const auto* longrope_a = std::get_if<LongRopeRule>(&a.rule);
    const auto* longrope_b = std::get_if<LongRopeRule>(&b.rule);
    if (longrope_a != nullptr && longrope_b != nullptr) {
      const size_t numbers = std::max<size_t>(1, longrope_a->short_factor.size());
      const bool short_differs = found.AddLargest("short_factor", longrope_a->short_factor,
                                                  longrope_b->short_factor, numbers, 1);
      const bool long_differs = found.AddLargest("long_factor", longrope_a->long_factor,
                                                 longrope_b->long_factor, numbers, 1);
      const bool other_list = found.Add("list", LongRopeList(a), LongRopeList(b));
      explained = explained || short_differs || long_differs || other_list;
    }
    if (!queries_alike) CompareRotations(a, b, false, explained, found);
    const bool shared = a.key == a.query && b.key == b.query;
    if (!keys_alike && !shared) CompareRotations(a, b, true, explained, found);
    if (!a.query->log_decay.empty() && !b.query->log_decay.empty()) {
      found.Add("xPos counts from", a.centre, b.centre);
    }
  } else {
    found.Add("rotation", RotationText(a), RotationText(b));
  }
  found.Add("scores times", a.softmax_multiplier, b.softmax_multiplier);
  found.Add("values", a.rotates_values ? "rotate as keys do" : "do not rotate",
            b.rotates_values ? "rotate as keys do" : "do not rotate");
  found.Add("queries times", TemperatureOf(a), TemperatureOf(b));
  return found.Take();
}

constexpr int kUncounted = -1;

// The group of each layer of a part; of kUncounted where the config does not count them.
using GroupOfLayer = std::map<int, const LayerRope*>;

GroupOfLayer LayersOf(const RopeConfig& config, const std::string& part) {
  GroupOfLayer groups;
  for (const LayerRope& group : config.layers) {
    if (group.part != part) continue;
    if (group.layers.empty()) groups.emplace(kUncounted, &group);
    for (const int layer : group.layers) groups.emplace(layer, &group);
  }
  return groups;
}

std::vector<std::string> PartsOf(const RopeConfig& config) {
  std::vector<std::string> parts;
  for (const LayerRope& group : config.layers) {
    if (std::find(parts.begin(), parts.end(), group.part) == parts.end()) {
      parts.push_back(group.part);
    }
  }
  return parts;
}

std::vector<int> NumbersOf(const GroupOfLayer& groups) {
  std::vector<int> layers;
  for (const auto& [layer, group] : groups) {
    if (layer != kUncounted) layers.push_back(layer);
  }
  return layers;
}

// "a against b", or what both are.
std::string Both(const std::string& a, const std::string& b) {
  return a == b ? a : a + " against " + b;
}

void ComparePart(const std::string& part, GroupOfLayer a, GroupOfLayer b,
                 std::vector<LayersDifference>& result) {
  // A config that does not count its layers has one group, which is compared to all of the other's.
  if (a.contains(kUncounted) != b.contains(kUncounted) && !a.empty() && !b.empty()) {
    const auto text = [](const GroupOfLayer& groups) {
      return groups.contains(kUncounted) ? "not counted" : RangesText(NumbersOf(groups));
    };
    result.push_back({part, "", {}, {{"layers", text(a), text(b), ""}}});
    GroupOfLayer& uncounted = a.contains(kUncounted) ? a : b;
    const LayerRope* group = uncounted.at(kUncounted);
    uncounted.clear();
    for (const auto& [layer, other] : a.empty() ? b : a) uncounted.emplace(layer, group);
  }
  std::set<int> layers;
  for (const auto* groups : {&a, &b}) {
    for (const auto& [layer, group] : *groups) layers.insert(layer);
  }
  // The layers of the same two groups, nullptr where one has none, in the order of the first.
  struct Together {
    const LayerRope *a, *b;
    std::vector<int> layers;
  };
  std::vector<Together> together;
  for (const int layer : layers) {
    const auto in_a = a.find(layer), in_b = b.find(layer);
    const bool both = in_a != a.end() && in_b != b.end();
    const LayerRope* group_a = in_a == a.end() ? nullptr : both ? in_a->second : a.begin()->second;
    const LayerRope* group_b = in_b == b.end() ? nullptr : both ? in_b->second : b.begin()->second;
    auto found = std::find_if(together.begin(), together.end(),
                              [&](const Together& t) { return t.a == group_a && t.b == group_b; });
    if (found == together.end()) {
      found = together.insert(together.end(), {group_a, group_b, {}});
    }
    if (layer != kUncounted) found->layers.push_back(layer);
  }
  for (const Together& t : together) {
    if (t.a == nullptr || t.b == nullptr) {
      result.push_back({part,
                        "",
                        t.layers,
                        {{"layers", t.a == nullptr ? "missing" : "there",
                          t.b == nullptr ? "missing" : "there", ""}}});
      continue;
    }
    std::vector<Difference> differences = CompareGroups(*t.a, *t.b);
    if (differences.empty()) continue;
    result.push_back({part, Both(t.a->name, t.b->name), t.layers, std::move(differences)});
  }
}

}  // namespace

std::vector<LayersDifference> Differences(const RopeConfig& a, const RopeConfig& b) {
  std::vector<LayersDifference> result;
  const std::vector<std::string> parts_a = PartsOf(a), parts_b = PartsOf(b);
  if (parts_a.size() == 1 && parts_b.size() == 1) {
    ComparePart(Both(parts_a[0], parts_b[0]), LayersOf(a, parts_a[0]), LayersOf(b, parts_b[0]),
                result);
    return result;
  }
  for (const std::string& part : parts_a) {
    ComparePart(part, LayersOf(a, part), LayersOf(b, part), result);
  }
  for (const std::string& part : parts_b) {
    if (std::find(parts_a.begin(), parts_a.end(), part) != parts_a.end()) continue;
    ComparePart(part, {}, LayersOf(b, part), result);
  }
  return result;
}

}  // namespace rotary
