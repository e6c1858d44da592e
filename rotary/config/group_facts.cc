#include "rotary/config/group_facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <set>
#include <string_view>
#include <variant>

namespace rotary {
namespace {

// The first pairs and the last as channels: "0~64 1~65 2~66 .. 63~127".
std::string PairsText(const Rotation& rotation) {
  const int pairs = rotation.pairs();
  const auto pair = [&](int j) {
    return fmt::format("{}~{}", rotation.first[static_cast<size_t>(j)],
                       rotation.second[static_cast<size_t>(j)]);
  };
  std::string text;
  for (int j = 0; j < std::min(pairs, 4); ++j)
    text += fmt::format("{}{}", j > 0 ? " " : "", pair(j));
  if (pairs > 5) text += " ..";
  if (pairs > 4) text += fmt::format(" {}", pair(pairs - 1));
  return text;
}

// A letter for each axis: the first of its name where these differ, else its number.
std::string AxisLetters(const LayerRope& group) {
  std::set<char> letters;
  std::string text;
  for (int x = 0; x < group.query->axes; ++x) {
    const auto index = static_cast<size_t>(x);
    const bool named = index < group.axis_names.size() && !group.axis_names[index].empty();
    text += named ? group.axis_names[index][0] : '?';
    letters.insert(text.back());
  }
  if (std::ssize(letters) == group.query->axes && !letters.contains('?')) return text;
  for (size_t x = 0; x < text.size(); ++x) text[x] = static_cast<char>('0' + x % 10);
  return text;
}

}  // namespace

std::string TemperatureText(const QueryTemperature& t) {
  if (t.kind == QueryTemperature::Kind::kLogarithm) {
    return fmt::format("max(1, log of p + 1 to the base {:.12g})", t.length);
  }
  return fmt::format("1 + {:.12g} ln(1 + floor({} / {:.12g}))", t.scale,
                     t.shift == 0 ? "p" : "(p + 1)", t.length);
}

std::string RangesText(const std::vector<int>& numbers) {
  std::string text;
  for (size_t i = 0; i < numbers.size();) {
    size_t end = i + 1;
    while (end < numbers.size() && numbers[end] == numbers[end - 1] + 1) ++end;
    if (!text.empty()) text += ", ";
    text += end - i == 1 ? fmt::format("{}", numbers[i])
                         : fmt::format("{}-{}", numbers[i], numbers[end - 1]);
    i = end;
  }
  return text;
}

std::string LayersText(const std::vector<int>& layers) {
  return (layers.size() == 1 ? "layer " : "layers ") + RangesText(layers);
}

std::string GroupTitle(const LayerRope& group) {
  std::string text = fmt::format("{}, {}", group.part, group.name);
  if (!group.layers.empty()) {
    text += fmt::format(": {} layer{} ({})", group.layers.size(),
                        group.layers.size() == 1 ? "" : "s", RangesText(group.layers));
  }
  return text;
}

std::vector<std::pair<std::string, std::string>> GroupFacts(const LayerRope& group) {
  std::vector<std::pair<std::string, std::string>> facts;
  const auto add = [&](std::string_view name, std::string value) {
    facts.emplace_back(name, std::move(value));
  };
  if (!group.query) {
    add("rotation", "none (NoPE)");
  } else {
    const Rotation& rotation = *group.query;
    add("layout", fmt::format("{}: channels {}", group.layout, PairsText(rotation)));
    add("heads", fmt::format("{} channels, {} of them from {} on turn", rotation.head_dim,
                             2 * rotation.pairs(), group.offset));
    if (group.key && group.key->head_dim != rotation.head_dim) {
      add("keys", fmt::format("one vector of {} channels for all heads", group.key->head_dim));
    }
    if (group.from_weights) {
      add("rule", "none: the frequencies are those of the checkpoint");
    } else {
      add("theta", fmt::format("{:.17g}", group.theta));
      add("rule", Describe(group.rule));
    }
    if (const std::string list = LongRopeList(group); !list.empty()) {
      add("list", fmt::format("{}, by the length of the whole text: {} than {:.12g} tokens", list,
                              list == "long_factor" ? "more" : "not more",
                              std::get<LongRopeRule>(group.rule).trained_length));
    }
    if (!rotation.IsGroup()) {
      add("angles", "two for each pair, one for each channel: not a rotation");
    }
    if (rotation.axes > 1) {
      add("axes", group.axis_names.empty() ? fmt::format("{}", rotation.axes)
                                           : fmt::format("{}", fmt::join(group.axis_names, ", ")));
    }
    if (rotation.heads > 1) {
      add("each head",
          fmt::format("has its own frequencies ({} heads; here the first)", rotation.heads));
    }
    if (!rotation.log_decay.empty()) {
      add("xPos", fmt::format("{:.6g} .. {:.6g} a token, from position {:g} on",
                              rotation.log_decay.front(), rotation.log_decay.back(), group.centre));
    }
    add("attention factor", fmt::format("{:.17g}", rotation.attention_factor));
  }
  if (group.softmax_multiplier != 1) {
    add("scores times", fmt::format("{:.17g}", group.softmax_multiplier));
  }
  if (group.rotates_values) add("values", "rotate as keys do");
  if (group.query_temperature) add("queries times", TemperatureText(*group.query_temperature));
  return facts;
}

std::string LongRopeList(const LayerRope& group) {
  const auto* rule = std::get_if<LongRopeRule>(&group.rule);
  if (rule == nullptr || !group.query || group.from_weights) return "";
  if (rule->short_factor == rule->long_factor) return "";
  // How far all frequencies are from those of each list, as logarithms.
  double from_short = 0, from_long = 0;
  const size_t pairs = std::min(rule->short_factor.size(), rule->long_factor.size());
  for (size_t j = 0; j < std::min(pairs, group.query->first.size()); ++j) {
    const double plain = std::pow(group.theta, -2.0 * static_cast<double>(j) / group.rotary_dim);
    const double divisor =
        plain * Wavelength(*group.query, static_cast<int>(j)) / (2 * std::numbers::pi);
    from_short += std::abs(std::log(divisor / rule->short_factor[j]));
    from_long += std::abs(std::log(divisor / rule->long_factor[j]));
  }
  return from_long < from_short ? "long_factor" : "short_factor";
}

std::vector<int> PairOfChannels(const Rotation& rotation) {
  std::vector<int> pairs(static_cast<size_t>(rotation.head_dim), -1);
  for (int j = 0; j < rotation.pairs(); ++j) {
    pairs[static_cast<size_t>(rotation.first[static_cast<size_t>(j)])] = j;
    pairs[static_cast<size_t>(rotation.second[static_cast<size_t>(j)])] = j;
  }
  return pairs;
}

int AxisOf(const Rotation& rotation, int pair, int channel) {
  const auto j = static_cast<size_t>(pair), axes = static_cast<size_t>(rotation.axes);
  const bool own_angle = !rotation.IsGroup() && rotation.second[j] == channel;
  const std::vector<double>& frequency = own_angle ? rotation.second_frequency : rotation.frequency;
  int axis = kStill;
  for (size_t x = 0; x < axes; ++x) {
    if (frequency[j * axes + x] == 0) continue;
    axis = axis == kStill ? static_cast<int>(x) : kSeveralAxes;
  }
  return axis;
}

std::string AxisName(const LayerRope& group, int axis) {
  const auto x = static_cast<size_t>(axis);
  return x < group.axis_names.size() ? group.axis_names[x] : fmt::format("axis {}", axis);
}

double Wavelength(const Rotation& rotation, int pair) {
  const auto axes = static_cast<size_t>(rotation.axes);
  for (size_t x = 0; x < axes; ++x) {
    const double frequency = rotation.frequency[static_cast<size_t>(pair) * axes + x];
    if (frequency != 0) return 2 * std::numbers::pi / std::abs(frequency);
  }
  return std::numeric_limits<double>::infinity();
}

std::string ChannelPicture(const LayerRope& group, int indent) {
  constexpr std::string_view kLetters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+*";
  constexpr int kCells = 64, kMostRows = 12;
  const Rotation& rotation = *group.query;
  const std::vector<int> pairs = PairOfChannels(rotation);
  const std::string axis_letters = AxisLetters(group);
  const int head_dim = rotation.head_dim;
  // Where there are more pairs than letters, neighbours share one and channels a cell.
  const auto letters = static_cast<int>(kLetters.size());
  const int in_cell = std::max(1, (rotation.pairs() + letters - 1) / letters);
  const int width = kCells * in_cell;
  std::string text;
  const auto add = [&](const std::string& name, const std::string& line) {
    text += fmt::format("{:{}}{:>5}  {}\n", "", indent, name, line);
  };
  int rows = 0;
  for (int begin = 0; begin < head_dim; ++rows) {
    if (rows == kMostRows) {
      add("", "..");
      break;
    }
    const auto turned =
        std::find_if(pairs.begin() + begin, pairs.end(), [](int j) { return j >= 0; });
    const auto still = static_cast<int>(turned - pairs.begin());
    // Rows of which nothing turns become one.
    const int copied = still == head_dim ? still : begin + (still - begin) / width * width;
    if (copied > begin) {
      add(fmt::format("{}", begin), fmt::format(". to {}, copied", copied - 1));
      begin = copied;
      continue;
    }
    const int end = std::min(head_dim, begin + width);
    std::string cells, axes;
    for (int channel = begin; channel < end; channel += in_cell) {
      const int pair = pairs[static_cast<size_t>(channel)];
      const int axis = pair < 0 ? kStill : AxisOf(rotation, pair, channel);
      cells += pair < 0 ? '.' : kLetters[static_cast<size_t>(pair / in_cell)];
      axes += pair < 0               ? '.'
              : axis == kStill       ? '-'
              : axis == kSeveralAxes ? '*'
                                     : axis_letters[static_cast<size_t>(axis)];
    }
    add(fmt::format("{}", begin), cells);
    if (rotation.axes > 1) add("axis", axes);
    begin = end;
  }
  if (in_cell > 1) add("", fmt::format("each letter is {} channels beside each other", in_cell));
  return text;
}

}  // namespace rotary
