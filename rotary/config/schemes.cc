#include "rotary/config/schemes.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "rotary/base/error.h"
#include "rotary/rope/axes.h"
#include "rotary/rope/image_rotations.h"
#include "rotary/rope/video_rotations.h"

namespace rotary {
namespace {

// stable-audio-tools turns at least this many channels, however narrow the head.
constexpr int kLeastOfStableAudio = 32;

// Far more channels of all heads than any model has.
constexpr int64_t kMostChannels = 1 << 20;

// For schemes that have frequencies for each head.
int HeadsOf(const SchemeInput& input) {
  if (input.heads == 0) throw input.config.value().Error("does not say how many heads there are");
  const int64_t channels = int64_t{input.heads} * input.head_dim;
  Require(channels <= kMostChannels, "scheme: all heads have at most ", kMostChannels,
          " channels, got ", channels);
  return input.heads;
}

Rotation Learned(const SchemeInput& input, int axes) {
  const int heads = HeadsOf(input);
  Require(input.head_dim % 2 == 0, "learned rotation: head_dim must be even, got ", input.head_dim);
  const size_t count = static_cast<size_t>(heads) * static_cast<size_t>(input.head_dim / 2) *
                       static_cast<size_t>(axes);
  return LearnedRotation(input.head_dim, heads, axes, std::vector<double>(count), input.layout);
}

Rotation CosmosOf(const SchemeInput& input) {
  std::array<double, 3> scale = {2, 1, 1};
  if (const auto given = input.config.Find("rope_scale")) {
    const auto list = given->Array(3);  // t, y, x
    for (size_t axis = 0; axis < scale.size(); ++axis) scale[axis] = list[axis].Number();
  }
  return Cosmos(input.head_dim, scale, input.theta);
}

// LTX-2 names its layout.
Rotation LtxOf(const SchemeInput& input, int axes) {
  Layout layout = input.layout;
  if (const auto type = input.config.Find("rope_type")) {
    const std::string& name = type->String();
    if (name != "interleaved" && name != "split") {
      throw type->Error("must be interleaved or split, got ", name);
    }
    layout = name == "split" ? Layout::kHalf : Layout::kInterleaved;
  }
  return Ltx(input.head_dim, HeadsOf(input), axes, input.theta, layout);
}

// Only the first head turns.
Rotation FirstHead(const SchemeInput& input) {
  Rotation rotation = Learned(input, 1);
  const Rotation one = MakeRotation({.head_dim = input.head_dim, .theta = input.theta});
  std::copy(one.frequency.begin(), one.frequency.end(), rotation.frequency.begin());
  return rotation;
}

Rotation Eva(const SchemeInput& input) {
  return input.layout == Layout::kHalf ? AxialHalf(input.head_dim, input.theta)
                                       : AxialInterleaved(input.head_dim, input.theta);
}

using Scheme = std::function<Rotation(const SchemeInput&)>;

const std::map<std::string, Scheme, std::less<>>& Schemes() {
  using In = const SchemeInput&;
  static const std::map<std::string, Scheme, std::less<>> schemes = {
      {"qwen_vision", [](In g) { return AxialHalf(g.head_dim, g.theta); }},
      {"pixtral_vision", [](In g) { return Pixtral(g.head_dim, g.theta, g.layout); }},
      {"llama4_vision", [](In g) { return AxialInterleaved(g.head_dim, g.theta); }},
      {"moonvit", [](In g) { return MoonVit(g.head_dim, g.theta, g.layout); }},
      {"sam2", [](In g) { return AxialInterleaved(g.head_dim, g.theta); }},
      {"eva", Eva},
      {"rope_vit_axial", Eva},
      {"rope_vit_mixed", [](In g) { return Learned(g, 2); }},
      {"croco", [](In g) { return AxialHalfInBlocks(g.head_dim, g.theta); }},
      {"gemma4_vision", [](In g) { return AxialHalfInBlocks(g.head_dim, g.theta); }},
      {"chatglm_v1", [](In g) { return AxialHalfInBlocks(g.head_dim, g.theta); }},
      {"dinov3", [](In g) { return Dinov3(g.head_dim, Dinov3Periods(g.head_dim, g.theta)); }},
      {"vjepa2", [](In g) { return VJepa2(g.head_dim, g.theta); }},
      {"axes_dims", [](In g) { return BlockRotation(g.head_dim, g.channels, g.theta, g.layout); }},
      {"ernie_image", [](In g) { return ErnieImage(g.head_dim, g.channels, g.theta); }},
      {"wan", [](In g) { return BlockRotation(g.head_dim, WanBlocks(g.head_dim), g.theta); }},
      {"cogvideox",
       [](In g) { return BlockRotation(g.head_dim, CogVideoXBlocks(g.head_dim), g.theta); }},
      {"allegro", [](In g) { return AxialHalfInBlocks(g.head_dim, g.theta, 3); }},
      {"cosmos", CosmosOf},
      {"first_head", FirstHead},
      {"thirds",
       [](In g) { return BlockRotation(g.head_dim, VJepa2Blocks(g.head_dim), g.theta, g.layout); }},
      {"ltx", [](In g) { return LtxOf(g, 3); }},
      {"ltx_time", [](In g) { return LtxOf(g, 1); }},
      {"mochi", [](In g) { return Learned(g, 3); }},
      {"stable_audio",
       [](In g) {
         return MakeRotation({.head_dim = g.head_dim,
                              .rotary_dim = std::max(g.head_dim / 2, kLeastOfStableAudio),
                              .theta = g.theta,
                              .layout = g.layout});
       }},
  };
  return schemes;
}

}  // namespace

bool IsScheme(std::string_view scheme) { return Schemes().contains(scheme); }

Rotation BuildScheme(std::string_view scheme, const SchemeInput& input) {
  const auto found = Schemes().find(scheme);
  Require(found != Schemes().end(), "scheme: there is none of the name ", scheme);
  return found->second(input);
}

}  // namespace rotary
