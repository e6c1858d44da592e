#include "rotary/config/fingerprint.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

#include "rotary/io/sha256.h"

namespace rotary {
namespace {

std::string Digits(double value) { return fmt::format("{:.12g}", value == 0 ? 0.0 : value); }

}  // namespace

std::string CanonicalText(const Rotation& rotation) {
  const size_t pairs = rotation.first.size(), axes = static_cast<size_t>(rotation.axes);
  std::vector<size_t> order(pairs);
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return std::min(rotation.first[a], rotation.second[a]) <
           std::min(rotation.first[b], rotation.second[b]);
  });
  const std::vector<double>& second_of =
      rotation.IsGroup() ? rotation.frequency : rotation.second_frequency;
  std::string text = fmt::format("d{} a{} g{}", rotation.head_dim, rotation.axes,
                                 Digits(rotation.attention_factor));
  for (const size_t j : order) {
    const bool swapped = rotation.second[j] < rotation.first[j];
    std::string numbers;
    bool moves = rotation.attention_factor != 1 || !rotation.log_decay.empty();
    for (size_t head = 0; head < static_cast<size_t>(rotation.heads); ++head) {
      const size_t at = (head * pairs + j) * axes;
      for (size_t axis = 0; axis < axes; ++axis) {
        double first = rotation.frequency[at + axis], second = second_of[at + axis];
        if (swapped) first = -std::exchange(second, -first);
        moves = moves || first != 0 || second != 0;
        numbers += fmt::format(" {}", Digits(first));
        if (!rotation.IsGroup()) numbers += fmt::format("/{}", Digits(second));
      }
    }
    if (!moves) continue;
    text += fmt::format(";{},{}", std::min(rotation.first[j], rotation.second[j]),
                        std::max(rotation.first[j], rotation.second[j])) +
            numbers;
    if (!rotation.log_decay.empty()) text += fmt::format("~{}", Digits(rotation.log_decay[j]));
  }
  return text;
}

std::string Fingerprint(const RopeConfig& config) {
  const auto text_of = [](const std::optional<Rotation>& rotation) {
    return rotation ? CanonicalText(*rotation) : "none";
  };
  // (part, layer) in order, so that it does not matter how layers are grouped.
  std::vector<std::pair<std::pair<std::string, int>, std::string>> layers;
  for (const LayerRope& group : config.layers) {
    const std::string text = text_of(group.query) + "|" + text_of(group.key);
    if (group.layers.empty()) layers.push_back({{group.part, -1}, text});
    for (const int layer : group.layers) layers.push_back({{group.part, layer}, text});
  }
  std::stable_sort(layers.begin(), layers.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::string all;
  for (const auto& [place, text] : layers) all += text + "\n";
  return Sha256(all).substr(0, 16);
}

}  // namespace rotary
