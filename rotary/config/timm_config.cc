#include "rotary/config/timm_config.h"

#include <string_view>
#include <vector>

#include "rotary/config/nearest.h"
#include "rotary/config/unused_keys.h"

namespace rotary {

extern const std::string_view kTimmModelsText;  // timm_models.json

namespace {

// Of the constructor.
constexpr double kTemperature = 10000;

const JsonDocument& Models() {
  static const JsonDocument models(kTimmModelsText, "the models of timm");
  return models;
}

// "eva02_base_patch14_448.mim_in22k" is the architecture with a set of weights.
JsonValue ModelOf(const JsonValue& architecture) {
  const std::string name = architecture.String().substr(0, architecture.String().find('.'));
  if (const auto model = Models().root().Find(name)) return *model;
  std::vector<std::string> names;
  for (const auto& [known, model] : Models().root().Members()) names.push_back(known);
  const std::vector<std::string_view> known(names.begin(), names.end());
  const std::string_view nearest = Nearest(name, known);
  throw architecture.Error("is not a known architecture of timm: ", name,
                           nearest.empty() ? "" : Sentence("; did you mean ", nearest, "?"));
}

// What an argument of the constructor is: model_args first, then the architecture.
class Arguments {
 public:
  Arguments(std::optional<ConfigObject> given, const ConfigObject& model)
      : given_(std::move(given)), model_(model) {}

  std::optional<JsonValue> Find(std::string_view key) const {
    const auto value = given_ ? given_->Find(key) : std::nullopt;
    return value ? value : model_.Find(key);
  }

 private:
  std::optional<ConfigObject> given_;
  const ConfigObject& model_;
};

// The row of the registry.
std::string RowOf(const Arguments& arguments) {
  const auto given = arguments.Find("rope_type");
  const std::string type = given ? given->String() : "cat";
  const auto half = arguments.Find("rope_rotate_half");
  if ((half && half->Bool()) != (type == "dinov3")) {
    const JsonValue& wrong = half ? *half : *given;
    throw wrong.Error("does not fit: rope_type ", type, " makes tables for the ",
                      type == "dinov3" ? "half" : "interleaved", " layout");
  }
  if (type == "mixed") return "timm_rope_vit_mixed";
  if (type == "dinov3") return "timm_dinov3";
  if (type != "cat") throw given->Error("must be cat, mixed or dinov3, got ", type);
  const auto indexing = arguments.Find("rope_grid_indexing");
  return indexing && indexing->String() == "xy" ? "timm_rope_vit_axial" : "timm_eva02";
}

}  // namespace

std::optional<TranslatedConfig> TranslateTimm(const ConfigObject& config,
                                              const std::set<std::string>& ignore) {
  const auto architecture = config.Find("architecture");
  if (!architecture) return std::nullopt;
  const ConfigObject model(ModelOf(*architecture));
  const auto given = config.Object("model_args");
  const Arguments arguments(given, model);
  TranslatedConfig result{
      .config = Json::object(), .source = config.value().source() + " as timm's", .warnings = {}};
  result.config["model_type"] = RowOf(arguments);
  const auto rotates = arguments.Find("use_rot_pos_emb");
  const auto temperature = arguments.Find("rope_temperature");
  if (rotates && rotates->Bool()) {
    result.config["use_rot_pos_emb"] = true;
    result.config["rope_temperature"] = temperature ? temperature->Number() : kTemperature;
  }
  for (const std::string_view key : {"embed_dim", "depth", "num_heads"}) {
    if (const auto value = arguments.Find(key)) result.config[std::string(key)] = value->json();
  }
  const Family& family = *FindFamily(result.config["model_type"].get<std::string>());
  arguments.Find("rope_grid_offset");  // of positions
  if (given) RefuseUnused(given->Unasked(), family, ignore, /*in_dictionary=*/false);
  RefuseUnused(config.Unasked(), family, ignore, /*in_dictionary=*/false);
  return result;
}

}  // namespace rotary
