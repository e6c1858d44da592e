#include "rotary/config/image_layers.h"

#include <numeric>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "rotary/config/head_span.h"
#include "rotary/config/layer_groups.h"
#include "rotary/config/rope_dictionary.h"
#include "rotary/config/schemes.h"
#include "rotary/config/unused_keys.h"
#include "rotary/rope/axes.h"

namespace rotary {
namespace {

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

std::string NamesOf(const Terms& terms) {
  std::string names;
  for (const auto& term : terms) {
    const std::string* key = std::get_if<std::string>(&term);
    if (key != nullptr) names += Sentence(names.empty() ? "" : " or ", *key);
  }
  return names;
}

int HeadDim(const ConfigObject& config, const Family& family, const std::vector<int>& channels) {
  static const Terms kUsual = {"head_dim", "attention_head_dim",
                               "hidden_size / num_attention_heads"};
  const Terms& terms = family.head_dim.empty() ? kUsual : family.head_dim;
  const auto head_dim = Evaluate(config, terms);
  const int sum = std::accumulate(channels.begin(), channels.end(), 0);
  if (!head_dim && sum == 0) {
    throw config.value().Error("does not say how wide a head is: ", NamesOf(terms));
  }
  const double value = head_dim.value_or(sum);
  if (!(value >= 1 && value <= kMostChannels && value == static_cast<int>(value))) {
    throw config.value().Error("has heads of ", value, " channels: ",
                               head_dim ? NamesOf(terms) : "the sum of those of its axes");
  }
  return static_cast<int>(value);
}

// A list of the config divides the whole head among its axes.
void RequireWholeHead(const ConfigObject& config, const Family& family, const SchemeInput& input) {
  const int sum = std::accumulate(input.channels.begin(), input.channels.end(), 0);
  if (input.channels.empty() || sum == input.head_dim) return;
  for (const std::string& key : family.sections->keys) {
    if (const auto list = config.Find(key)) {
      throw list->Error("must add up to the ", input.head_dim, " channels of a head, got ", sum);
    }
  }
}

int Heads(const ConfigObject& config, const Family& family) {
  static const Terms kUsual = {"num_attention_heads", "num_heads"};
  const double heads = Evaluate(config, family.heads.empty() ? kUsual : family.heads).value_or(0);
  if (!(heads >= 0 && heads <= kMostChannels && heads == static_cast<int>(heads))) {
    throw config.value().Error("has ", heads, " heads");
  }
  return static_cast<int>(heads);
}

Layout LayoutOf(const ConfigObject& config, const Family& family,
                const RopeConfigOptions& options) {
  if (options.layout) return *options.layout;
  const bool interleaved = family.layout_key.empty()
                               ? family.layout == "interleaved"
                               : config.Bool(family.layout_key).value_or(family.layout_missing);
  return interleaved ? Layout::kInterleaved : Layout::kHalf;
}

// A scheme may choose its own pairs.
std::string LayoutName(const Rotation& rotation, const Family& family, Layout layout) {
  if (!rotation.IsGroup()) return "other";
  for (const Layout known : {layout, Layout::kHalf, Layout::kInterleaved}) {
    const Pairs pairs = PairsOf(2 * rotation.pairs(), known);
    if (rotation.first != pairs.first || rotation.second != pairs.second) continue;
    return known == Layout::kHalf ? "half" : "interleaved";
  }
  return family.layout.empty() ? "other" : family.layout;  // by halves of each axis's channels
}

void RequireWeights(const ConfigObject& config, const Family& family) {
  throw config.value().Error("is of the family ", family.model_type,
                             ", whose frequencies are learned: give the checkpoint that holds ",
                             family.weights->names[0], " by --weights");
}

}  // namespace

PartRope ReadImagePart(const ConfigObject& config, const Family& family, const std::string& part,
                       const RopeConfigOptions& options) {
  PartRope result;
  const std::vector<LayerGroup> groups = LayerGroups(config, family);
  for (const LayerGroup& group : groups) {
    LayerRope layers{.part = part, .name = group.name, .layers = group.layers};
    if (group.rotates) {
      if (family.weights && family.weights->needed && options.weights == nullptr) {
        RequireWeights(config, family);
      }
      // Towers keep theta in a rope dictionary of their own since transformers 5.
      const RopeDictionary dictionary(config, group.name, {}, Json());
      dictionary.String("rope_type");
      dictionary.String("type");
      const auto inner = dictionary.Number("rope_theta");
      const auto outer = Evaluate(config, family.theta);
      SchemeInput input{.config = config,
                        .heads = Heads(config, family),
                        .theta = inner ? *inner : outer.value_or(10000),
                        .layout = LayoutOf(config, family, options),
                        .channels = ReadChannels(config, family)};
      input.head_dim = HeadDim(config, family, input.channels);
      RequireWholeHead(config, family, input);
      try {
        layers.query = BuildScheme(family.scheme, input);
      } catch (const std::invalid_argument& error) {
        throw config.value().Error("gives no rotation: ", error.what());
      }
      if (!layers.query->IsGroup()) {
        result.warnings.push_back(
            Sentence(family.model_type,
                     " turns the two channels of a pair by different angles, as it was "
                     "trained: this is no rotation, and nothing inverts or shifts it"));
      }
      layers.key = layers.query;
      layers.layout = LayoutName(*layers.query, family, input.layout);
      layers.rotary_dim = 2 * layers.query->pairs();
      layers.theta = input.theta;
      RefuseUnused(dictionary.Unasked(), family, options.ignore, /*in_dictionary=*/true);
    }
    result.layers.push_back(std::move(layers));
  }
  RefuseUnused(config.Unasked(), family, options.ignore, /*in_dictionary=*/false);
  return result;
}

}  // namespace rotary
