#include "rotary/config/fingerprint.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <tuple>
#include <vector>

#include "rotary/io/sha256.h"

namespace rotary {
namespace {

// Beyond so much text, of all layers together, each layer counts by the digest of its text: far
// more than that of any published model, which a config of a few bytes can still ask for.
constexpr uint64_t kMostText = 16 << 20;

std::string Digits(double value) { return fmt::format("{:.12g}", value == 0 ? 0.0 : value); }

}  // namespace

Rotation InOrder(const Rotation& rotation) {
  const size_t pairs = rotation.first.size(), axes = static_cast<size_t>(rotation.axes);
  std::vector<size_t> order(pairs);
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return std::min(rotation.first[a], rotation.second[a]) <
           std::min(rotation.first[b], rotation.second[b]);
  });
  const bool is_group = rotation.IsGroup();
  const std::vector<double>& second_of = is_group ? rotation.frequency : rotation.second_frequency;
  Rotation result = rotation;
  for (size_t to = 0; to < pairs; ++to) {
    const size_t from = order[to];
    const bool swapped = rotation.second[from] < rotation.first[from];
    result.first[to] = std::min(rotation.first[from], rotation.second[from]);
    result.second[to] = std::max(rotation.first[from], rotation.second[from]);
    if (!rotation.log_decay.empty()) result.log_decay[to] = rotation.log_decay[from];
    for (size_t head = 0; head < static_cast<size_t>(rotation.heads); ++head) {
      for (size_t axis = 0; axis < axes; ++axis) {
        const size_t in = (head * pairs + from) * axes + axis;
        const size_t out = (head * pairs + to) * axes + axis;
        result.frequency[out] = swapped ? -second_of[in] : rotation.frequency[in];
        if (is_group) continue;
        result.second_frequency[out] =
            swapped ? -rotation.frequency[in] : rotation.second_frequency[in];
      }
    }
  }
  return result;
}

std::string CanonicalText(const Rotation& any_order) {
  const Rotation rotation = InOrder(any_order);
  const size_t pairs = rotation.first.size(), axes = static_cast<size_t>(rotation.axes);
  std::string text = fmt::format("d{} a{} g{}", rotation.head_dim, rotation.axes,
                                 Digits(rotation.attention_factor));
  for (size_t j = 0; j < pairs; ++j) {
    std::string numbers;
    bool moves = rotation.attention_factor != 1 || !rotation.log_decay.empty();
    for (size_t head = 0; head < static_cast<size_t>(rotation.heads); ++head) {
      const size_t at = (head * pairs + j) * axes;
      for (size_t axis = 0; axis < axes; ++axis) {
        const double first = rotation.frequency[at + axis];
        const double second = rotation.IsGroup() ? first : rotation.second_frequency[at + axis];
        moves = moves || first != 0 || second != 0;
        numbers += fmt::format(" {}", Digits(first));
        if (!rotation.IsGroup()) numbers += fmt::format("/{}", Digits(second));
      }
    }
    if (!moves) continue;
    text += fmt::format(";{},{}", rotation.first[j], rotation.second[j]) + numbers;
    if (!rotation.log_decay.empty()) text += fmt::format("~{}", Digits(rotation.log_decay[j]));
  }
  return text;
}

std::string Fingerprint(const RopeConfig& config) {
  const auto text_of = [](const std::optional<Rotation>& rotation) {
    return rotation ? CanonicalText(*rotation) : "none";
  };
  std::vector<std::string> texts;
  // (part, layer, group) in order, so that it does not matter how layers are grouped.
  std::vector<std::tuple<std::string, int, size_t>> layers;
  uint64_t size = 0;
  for (size_t i = 0; i < config.layers.size(); ++i) {
    const LayerRope& group = config.layers[i];
    const std::string query = text_of(group.query);
    texts.push_back(query + "|" + (group.key == group.query ? query : text_of(group.key)));
    if (group.layers.empty()) layers.emplace_back(group.part, -1, i);
    for (const int layer : group.layers) layers.emplace_back(group.part, layer, i);
    size += std::max<uint64_t>(1, group.layers.size()) * texts.back().size();
  }
  if (size > kMostText) {
    for (std::string& text : texts) text = Sha256(text);
  }
  std::sort(layers.begin(), layers.end());
  std::string all;
  for (const auto& [part, layer, group] : layers) all += texts[group] + "\n";
  return Sha256(all).substr(0, 16);
}

}  // namespace rotary
