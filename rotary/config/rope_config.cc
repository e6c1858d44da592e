#include "rotary/config/rope_config.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "rotary/config/config_layout.h"
#include "rotary/config/config_object.h"
#include "rotary/config/dialects.h"
#include "rotary/config/family.h"
#include "rotary/config/frequency_weights.h"
#include "rotary/config/gguf_config.h"
#include "rotary/config/image_layers.h"
#include "rotary/config/nearest.h"
#include "rotary/config/text_layers.h"
#include "rotary/config/timm_config.h"
#include "rotary/config/unknown_family.h"
#include "rotary/config/unused_keys.h"
#include "rotary/config/xpos_layers.h"

namespace rotary {
namespace {

// Configs of diffusers name a class.
const Family& FamilyOfClass(const JsonValue& name) {
  if (const Family* family = FindFamilyOfClass(name.String())) return *family;
  if (name.String().ends_with("Pipeline")) {
    throw name.Error("is ", Shortened(name.String()), ": give the config.json of its transformer");
  }
  std::vector<std::string_view> known;
  for (const Family& family : Families()) {
    known.insert(known.end(), family.class_names.begin(), family.class_names.end());
  }
  const std::string_view nearest = Nearest(name.String(), known);
  throw name.Error("is not a known class: ", Shortened(name.String()),
                   nearest.empty() ? "" : Sentence("; did you mean ", nearest, "?"));
}

// The name of the family, without a layout at its end.
std::optional<std::string> ModelTypeOf(const ConfigObject& config) {
  const auto type = config.String("model_type"), layout = config.String(kLayoutKey);
  return type && layout ? WithoutLayout(*type, *layout) : type;
}

// A family with other positions.
void RefuseWithoutRotation(const ConfigObject& config, const Family& family) {
  throw config.value().Error("is a ", config.String("model_type").value_or(family.model_type),
                             ", which has no rotary positions: ", family.positions);
}

const Family& FamilyOf(const ConfigObject& config, const RopeConfigOptions& options) {
  if (const auto name = config.Find("_class_name")) return FamilyOfClass(*name);
  const auto type = ModelTypeOf(config);
  if (!type && !options.layout) {
    throw config.value().Error(
        "does not say its model_type, and is of no dialect that is known by its keys (Meta's or "
        "Mistral's params.json, DeepSeek's, OpenAI's, timm's, diffusers', GGUF metadata); where it "
        "names its keys as transformers does, give its layout by --layout half or --layout "
        "interleaved");
  }
  if (type) {
    const Family* family = FindFamilyFor(*type, config);
    const auto says =
        family != nullptr && !family->positions.empty() ? SaysRotation(config) : std::nullopt;
    if (family != nullptr && !says) return *family;
    if (says && !options.layout) {
      throw says->Error("= ", says->json().dump(), " is of a rotation, and a ", *type,
                        " has none; where code of its own has, give its layout by --layout half or "
                        "--layout interleaved");
    }
  }
  RefuseUnknownWrapper(config);
  if (!options.layout) {
    std::vector<std::string_view> known;
    for (const Family& family : Families()) known.push_back(family.model_type);
    const std::string_view nearest = Nearest(*type, known);
    throw config.Find("model_type")
        ->Error("is not a known family: ", Shortened(*type),
                nearest.empty() ? "" : Sentence("; did you mean ", nearest, "?"),
                "; give its layout by --layout half or --layout interleaved");
  }
  RefuseBeyondLayout(config, options.ignore);
  return UnknownFamily();
}

// The row of a part of `wrapper`. Its own row is nearer than that of a model_type that does not
// rotate: MiniMax calls its tower, which does, a clip_vision_model.
const Family& FamilyOfPart(const ConfigObject& config, const Family& wrapper, const Part& part,
                           const RopeConfigOptions& options) {
  const std::string own = wrapper.model_type + "_" + part.name;
  const auto type = config.String("model_type");
  if (type && *type != wrapper.model_type) {
    const Family* family = FindFamilyFor(*type, config);
    const bool stands_still = family != nullptr && !family->positions.empty();
    if (family != nullptr && !(stands_still && FindFamily(own) != nullptr)) return *family;
  }
  if (const Family* family = FindFamily(part.missing.empty() ? own : part.missing)) return *family;
  return FamilyOf(config, options);
}

// Whether only its keys tell what a config is. Mistral's own files may say "transformer", and some
// of gpt-oss give a model_type to the keys of OpenAI's code.
bool NamesNoFamily(const ConfigObject& config) {
  if (config.Has("_class_name")) return false;
  if (!config.Has("model_type")) return true;
  const Json& type = config.value()["model_type"].json();
  return type == "transformer" || (type == "gpt_oss" && config.Has("rope_scaling_factor") &&
                                   !config.Has("rope_scaling") && !config.Has("rope_parameters"));
}

void Append(PartRope part, RopeConfig& result) {
  for (LayerRope& layers : part.layers) result.layers.push_back(std::move(layers));
  for (std::string& warning : part.warnings) {
    if (std::find(result.warnings.begin(), result.warnings.end(), warning) ==
        result.warnings.end()) {
      result.warnings.push_back(std::move(warning));
    }
  }
  result.trained_length = std::max(result.trained_length, part.trained_length);
}

// Configs of parts leave out the sizes that their class takes anyway.
Json WithSizes(const JsonValue& part, const Family& family) {
  Json whole = part.json();
  for (const auto& [key, size] : family.sizes) {
    if (!whole.contains(key) || whole[key].is_null()) whole[key] = size;
  }
  return whole;
}

// Longer than any text: rules that depend on the length show all they say.
constexpr double kBeyondAnyText = 0x1p50;

void ReadPart(const ConfigObject& config, const Family& family, const std::string& part,
              const RopeConfigOptions& options, RopeConfig& result);

bool RotateAlike(const LayerRope& a, const LayerRope& b) {
  return a.part == b.part && a.layers == b.layers && a.query == b.query && a.key == b.key &&
         a.softmax_multiplier == b.softmax_multiplier &&
         a.query_temperature == b.query_temperature && a.rotates_values == b.rotates_values;
}

// Whether `key` with this value would change nothing in a part that is no wrapper.
bool ChangesNothing(const ConfigObject& part, const Family& family, const std::string& key,
                    const JsonValue& value, RopeConfigOptions options) {
  const Json own = WithSizes(part.value(), family);
  Json repeated = own;
  repeated[key] = value.json();
  const auto layers = [&](const Json& json) {
    const JsonValue object(json, part.value().source(), part.value().place());
    RopeConfig config;
    ReadPart(ConfigObject(object), family, "", options, config);
    return config.layers;
  };
  for (const auto length : {options.length, std::optional(kBeyondAnyText)}) {
    options.length = length;
    try {
      const auto without = layers(own), with = layers(repeated);
      if (!std::equal(without.begin(), without.end(), with.begin(), with.end(), RotateAlike)) {
        return false;
      }
    } catch (const FileError&) {
      return false;
    }
  }
  return true;
}

// Whether a key of the wrapper repeats what its text says (or any part, where there is no text).
bool IsRepeated(const ConfigObject& config, const Family& wrapper, const std::string& key,
                const JsonValue& value, const RopeConfigOptions& options) {
  const bool has_text = std::any_of(wrapper.parts.begin(), wrapper.parts.end(),
                                    [](const Part& part) { return part.name == "text"; });
  return std::any_of(wrapper.parts.begin(), wrapper.parts.end(), [&](const Part& part) {
    if (part.key.empty() || (has_text && part.name != "text")) return false;
    const auto inner = config.Object(part.key);
    if (!inner) return false;
    const Family& family = FamilyOfPart(*inner, wrapper, part, options);
    return family.scheme == "parts" ? IsRepeated(*inner, family, key, value, options)
                                    : ChangesNothing(*inner, family, key, value, options);
  });
}

// Code that saves configs repeats keys of the text at the level of the wrapper, where nothing reads
// them: they may stand there as long as they say the same.
void CheckOwnKeys(const ConfigObject& config, const Family& wrapper,
                  const RopeConfigOptions& options) {
  auto members = config.Unasked();
  std::erase_if(members, [&](const auto& member) {
    return BelongsToRope(member.first) &&
           IsRepeated(config, wrapper, member.first, member.second, options);
  });
  RefuseUnused(members, wrapper, options.ignore, /*in_dictionary=*/false);
}

void ReadPart(const ConfigObject& config, const Family& family, const std::string& part,
              const RopeConfigOptions& options, RopeConfig& result) {
  if (family.scheme == "parts") {
    bool has_own = false;  // keys of a part at its own level, which that part's reader checks
    for (const Part& inner : family.parts) {
      if (inner.key.empty()) {
        has_own = true;
        ReadPart(config, *FindFamily(inner.missing), inner.name, options, result);
      } else if (const auto object = config.Object(inner.key)) {
        const Family& own = FamilyOfPart(*object, family, inner, options);
        const Json whole = WithSizes(object->value(), own);
        const JsonValue value(whole, object->value().source(), object->value().place());
        ReadPart(ConfigObject(value), own, inner.name, options, result);
      } else if (const Family* flat = FindFamily(family.model_type + "_" + inner.name);
                 flat != nullptr && inner.name == "text") {
        has_own = true;
        ReadPart(config, *flat, inner.name, options, result);  // its keys stand in the wrapper
      }
    }
    if (!has_own) CheckOwnKeys(config, family, options);
    return;
  }
  if (!family.positions.empty()) {
    if (part == "text") RefuseWithoutRotation(config, family);
    return;  // a tower beside a text that rotates
  }
  const bool text = family.scheme == "text" || family.scheme == "latent" || family.scheme == "none";
  if (text && config.Has("text_config")) {
    throw config.value().Error("has a text_config, which a ", family.model_type, " has not");
  }
  const bool xpos = family.scheme == "palm" || family.scheme == "x_transformers";
  PartRope read = text   ? ReadTextPart(config, family, part, options)
                  : xpos ? ReadXposPart(config, family, part, options)
                         : ReadImagePart(config, family, part, options);
  if (options.weights != nullptr && family.weights) {
    UseWeights(*options.weights, *family.weights, read);
  }
  for (LayerRope& layers : read.layers) {
    const bool named = layers.query && layers.query->axes == static_cast<int>(family.axes.size());
    if (named) layers.axis_names = family.axes;
  }
  Append(std::move(read), result);
}

RopeConfig ReadTranslated(const TranslatedConfig& translated, const RopeConfigOptions& options) {
  RopeConfig result = ReadRopeConfig(JsonValue(translated.config, translated.source), options);
  result.warnings.insert(result.warnings.begin(), translated.warnings.begin(),
                         translated.warnings.end());
  return result;
}

}  // namespace

double QueryTemperature::At(double position) const {
  if (kind == Kind::kLogarithm) return std::max(1.0, std::log(position + 1) / std::log(length));
  return 1 + scale * std::log(1 + std::floor((position + shift) / length));
}

RopeConfig ReadRopeConfig(const JsonValue& config, const RopeConfigOptions& options) {
  const ConfigObject object(config);
  if (IsGgufMetadata(config)) {
    return ReadTranslated(TranslateGguf(config, options.ignore, /*has_tensors=*/false), options);
  }
  if (NamesNoFamily(object)) {
    auto translated = TranslateTimm(object, options.ignore);
    if (!translated) translated = TranslateDialect(object, options.ignore);
    if (translated) {
      return ReadTranslated(*translated, options);
    }
  }
  const Family& family = FamilyOf(object, options);
  RopeConfig result{.model_type = ModelTypeOf(object).value_or(family.model_type),
                    .note = family.note};
  ReadPart(object, family, family.part, options, result);
  if (&family == &UnknownFamily()) {
    for (std::string& warning : UnknownFamilyWarnings(object)) {
      result.warnings.push_back(std::move(warning));
    }
  }
  if (options.weights != nullptr &&
      std::none_of(result.layers.begin(), result.layers.end(),
                   [](const LayerRope& layers) { return layers.from_weights; })) {
    throw config.Error(
        "is of the family ", result.model_type,
        ", whose code computes its frequencies from the config: leave out --weights");
  }
  result.length = options.length.value_or(result.trained_length);
  return result;
}

RopeConfig ReadRopeConfig(const std::filesystem::path& path, const RopeConfigOptions& options) {
  if (!IsGgufFile(path)) return ReadRopeConfig(JsonDocument::Read(path).root(), options);
  const Json metadata = ReadGgufMetadata(path);
  return ReadTranslated(
      TranslateGguf(JsonValue(metadata, path.string()), options.ignore, /*has_tensors=*/true),
      options);
}

}  // namespace rotary
