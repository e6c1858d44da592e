#include "rotary/config/xpos_layers.h"

#include <cmath>
#include <stdexcept>
#include <utility>

#include "rotary/config/head_span.h"
#include "rotary/config/layer_groups.h"
#include "rotary/config/unused_keys.h"
#include "rotary/rope/axes.h"

namespace rotary {
namespace {

// What the constructors say, whatever they call it.
struct Arguments {
  bool rotates = true;
  int head_dim = 0, rotary_dim = 0;
  double theta = 10000;
  double interpolation = 1;  // divides angles
  bool xpos = false;
  double scale_base = 512;
};

int Channels(const ConfigObject& config, std::string_view key, int missing) {
  const auto value = config.Int(key);
  if (value && (*value < 1 || *value > kMostChannels)) {
    throw config.Find(key)->Error("must be from 1 to ", kMostChannels, ", got ", *value);
  }
  return value ? static_cast<int>(*value) : missing;
}

// xPos holds for causal attention alone: PaLM leaves it out elsewhere.
Arguments PalmArguments(const ConfigObject& config) {
  Arguments arguments;
  arguments.head_dim = arguments.rotary_dim = Channels(config, "dim_head", 64);
  arguments.xpos = config.Bool("causal").value_or(true);
  arguments.scale_base = config.Number("rotary_xpos_scale_base").value_or(arguments.scale_base);
  return arguments;
}

Arguments XTransformersArguments(const ConfigObject& config) {
  Arguments arguments;
  arguments.head_dim = Channels(config, "attn_dim_head", 64);
  arguments.rotary_dim = Channels(config, "rotary_emb_dim", arguments.head_dim / 2);
  arguments.xpos = config.Bool("rotary_xpos").value_or(false);
  arguments.rotates = config.Bool("rotary_pos_emb").value_or(false) || arguments.xpos;
  arguments.scale_base = config.Number("rotary_xpos_scale_base").value_or(arguments.scale_base);
  // NTK-aware; of two channels no theta changes anything.
  const double rescale = config.Number("rotary_base_rescale_factor").value_or(1);
  const double dim = arguments.rotary_dim;
  if (dim > 2) arguments.theta *= std::pow(rescale, dim / (dim - 2));
  arguments.interpolation = config.Number("rotary_interpolation_factor").value_or(1);
  if (arguments.xpos && !config.Bool("causal").value_or(true)) {
    throw config.Find("causal")->Error("is false, and rotary_xpos is for causal attention");
  }
  if (arguments.interpolation < 1) {
    throw config.Find("rotary_interpolation_factor")
        ->Error("must be at least 1, got ", arguments.interpolation);
  }
  return arguments;
}

Rotation Build(const Arguments& arguments, const Rule& rule, Layout layout) {
  Rotation rotation = MakeRotation({.head_dim = arguments.head_dim,
                                    .rotary_dim = arguments.rotary_dim,
                                    .theta = arguments.theta,
                                    .layout = layout});
  rotation.frequency = MakeSpectrum(arguments.rotary_dim, arguments.theta, rule).frequency;
  return arguments.xpos ? WithXpos(std::move(rotation), arguments.scale_base) : rotation;
}

}  // namespace

PartRope ReadXposPart(const ConfigObject& config, const Family& family, const std::string& part,
                      const RopeConfigOptions& options) {
  const bool is_palm = family.scheme == "palm";
  // As the constructors nest: TransformerWrapper(.., attn_layers = Decoder(..)).
  const auto nested = is_palm ? std::nullopt : config.Object("attn_layers");
  const ConfigObject& decoder = nested ? *nested : config;
  const Arguments arguments = is_palm ? PalmArguments(config) : XTransformersArguments(decoder);
  PartRope result;
  for (const LayerGroup& group : LayerGroups(decoder, family)) {
    LayerRope layers{.part = part, .name = group.name, .layers = group.layers};
    if (arguments.rotates) {
      const Layout layout = options.layout.value_or(
          family.layout == "interleaved" ? Layout::kInterleaved : Layout::kHalf);
      layers.layout = layout == Layout::kHalf ? "half" : "interleaved";
      layers.rotary_dim = arguments.rotary_dim;
      layers.theta = arguments.theta;
      if (arguments.interpolation != 1) layers.rule = LinearRule{arguments.interpolation};
      try {
        layers.query = Build(arguments, layers.rule, layout);
      } catch (const std::invalid_argument& error) {
        throw config.value().Error("gives no rotation: ", error.what());
      }
      layers.key = layers.query;
      if (arguments.xpos && options.length) layers.centre = std::floor(*options.length / 2);
    }
    result.layers.push_back(std::move(layers));
  }
  RefuseUnused(decoder.Unasked(), family, options.ignore, /*in_dictionary=*/false);
  if (nested) RefuseUnused(config.Unasked(), family, options.ignore, /*in_dictionary=*/false);
  return result;
}

}  // namespace rotary
