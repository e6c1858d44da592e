#include "rotary/config/image_layers.h"

#include <functional>
#include <map>
#include <stdexcept>
#include <utility>
#include <vector>

#include "rotary/config/layer_groups.h"
#include "rotary/config/rope_dictionary.h"
#include "rotary/config/unused_keys.h"
#include "rotary/rope/image_rotations.h"
#include "rotary/rope/video_rotations.h"

namespace rotary {
namespace {

constexpr int64_t kMostChannels = 1 << 16;

// What a scheme may need.
struct Given {
  int head_dim;
  double theta;
  Layout layout;
  std::vector<int> channels;  // of each axis, where the config lists them
};

using Scheme = std::function<Rotation(const Given&)>;

const std::map<std::string, Scheme, std::less<>>& Schemes() {
  static const std::map<std::string, Scheme, std::less<>> schemes = {
      {"qwen_vision", [](const Given& g) { return AxialHalf(g.head_dim, g.theta); }},
      {"pixtral_vision", [](const Given& g) { return Pixtral(g.head_dim, g.theta, g.layout); }},
      {"llama4_vision", [](const Given& g) { return AxialInterleaved(g.head_dim, g.theta); }},
      {"moonvit", [](const Given& g) { return MoonVit(g.head_dim, g.theta, g.layout); }},
      {"sam2", [](const Given& g) { return AxialInterleaved(g.head_dim, g.theta); }},
      {"eva", [](const Given& g) { return AxialInterleaved(g.head_dim, g.theta); }},
      {"rope_vit_axial", [](const Given& g) { return AxialInterleaved(g.head_dim, g.theta); }},
      {"croco", [](const Given& g) { return AxialHalfInBlocks(g.head_dim, g.theta); }},
      {"gemma4_vision", [](const Given& g) { return AxialHalfInBlocks(g.head_dim, g.theta); }},
      {"chatglm_v1", [](const Given& g) { return AxialHalfInBlocks(g.head_dim, g.theta); }},
      {"dinov3",
       [](const Given& g) { return Dinov3(g.head_dim, Dinov3Periods(g.head_dim, g.theta)); }},
      {"vjepa2", [](const Given& g) { return VJepa2(g.head_dim, g.theta); }},
      {"axes_dims",
       [](const Given& g) { return BlockRotation(g.head_dim, g.channels, g.theta, g.layout); }},
      {"ernie_image", [](const Given& g) { return ErnieImage(g.head_dim, g.channels, g.theta); }},
      {"wan",
       [](const Given& g) { return BlockRotation(g.head_dim, WanBlocks(g.head_dim), g.theta); }},
      {"cogvideox",
       [](const Given& g) {
         return BlockRotation(g.head_dim, CogVideoXBlocks(g.head_dim), g.theta);
       }},
  };
  return schemes;
}

// The channels of each axis: a list of the config itself.
std::vector<int> ReadChannels(const ConfigObject& config, const Family& family) {
  if (!family.sections) return {};
  for (const std::string& key : family.sections->keys) {
    const auto list = config.Find(key);
    if (!list) continue;
    std::vector<int> channels;
    for (const JsonValue& count : list->Array()) {
      channels.push_back(static_cast<int>(count.Int(0, kMostChannels)));
    }
    return channels;
  }
  return family.sections->missing;
}

int HeadDim(const ConfigObject& config, const Family& family, const std::vector<int>& channels) {
  static const Terms kUsual = {"head_dim", "attention_head_dim",
                               "hidden_size / num_attention_heads"};
  const auto head_dim = Evaluate(config, family.head_dim.empty() ? kUsual : family.head_dim);
  int sum = 0;
  for (const int count : channels) sum += count;
  if (!head_dim && sum == 0) throw config.value().Error("does not say how wide a head is");
  const double value = head_dim.value_or(sum);
  if (!(value >= 1 && value <= kMostChannels && value == static_cast<int>(value))) {
    throw config.value().Error("has heads of ", value, " channels");
  }
  return static_cast<int>(value);
}

std::string LayoutName(const Rotation& rotation, const Family& family) {
  return rotation.IsGroup() && !family.layout.empty() ? family.layout : "other";
}

}  // namespace

PartRope ReadImagePart(const ConfigObject& config, const Family& family, const std::string& part,
                       const RopeConfigOptions& options) {
  PartRope result;
  const std::vector<LayerGroup> groups = LayerGroups(config, family);
  for (const LayerGroup& group : groups) {
    LayerRope layers{.part = part, .name = group.name, .layers = group.layers};
    if (group.rotates) {
      const auto scheme = Schemes().find(family.scheme);
      if (scheme == Schemes().end()) {
        throw config.value().Error("is of the family ", family.model_type,
                                   ", whose frequencies no config holds: give the rotation itself");
      }
      // Towers keep theta in a rope dictionary of their own since transformers 5.
      const RopeDictionary dictionary(config, group.name, {}, Json());
      dictionary.String("rope_type");
      dictionary.String("type");
      const auto inner = dictionary.Number("rope_theta");
      const auto outer = Evaluate(config, family.theta);
      Given given{.head_dim = 0,
                  .theta = inner ? *inner : outer.value_or(10000),
                  .layout = options.layout.value_or(
                      family.layout == "interleaved" ? Layout::kInterleaved : Layout::kHalf),
                  .channels = ReadChannels(config, family)};
      given.head_dim = HeadDim(config, family, given.channels);
      try {
        layers.query = scheme->second(given);
      } catch (const std::invalid_argument& error) {
        throw config.value().Error("gives no rotation: ", error.what());
      }
      layers.key = layers.query;
      layers.layout = LayoutName(*layers.query, family);
      layers.rotary_dim = 2 * layers.query->pairs();
      layers.theta = given.theta;
      RefuseUnused(dictionary.Unasked(), family, options.ignore, /*in_dictionary=*/true);
    }
    result.layers.push_back(std::move(layers));
  }
  RefuseUnused(config.Unasked(), family, options.ignore, /*in_dictionary=*/false);
  return result;
}

}  // namespace rotary
