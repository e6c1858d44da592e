#include "rotary/model/hf_config.h"

#include <stdexcept>

#include "rotary/config/config_layout.h"
#include "rotary/io/json.h"
#include "rotary/model/hf_config_writer.h"
#include "rotary/model/hf_own_config.h"
#include "rotary/model/hf_transformers_config.h"

namespace rotary {

std::string_view Name(Dialect dialect) {
  switch (dialect) {
    case Dialect::kRoFormer:
      return "roformer";
    case Dialect::kLlama:
      return "llama";
    case Dialect::kRotary:
      return "rotary";
  }
  throw std::invalid_argument("Name: not a dialect");
}

Dialect DialectOf(const ModelConfig& config) {
  CheckModelConfig(config);
  if (RoFormerHolds(config)) return Dialect::kRoFormer;
  if (LlamaHolds(config)) return Dialect::kLlama;
  return Dialect::kRotary;
}

std::string CheckpointConfigToJson(const ModelConfig& config, std::string_view tokenizer) {
  const Dialect dialect = DialectOf(config);
  ConfigWriter out;
  out.Add("model_type", Name(dialect));
  if (!tokenizer.empty()) out.Add(kTokenizerKey, tokenizer);
  switch (dialect) {
    case Dialect::kRoFormer:
      AddRoFormerConfig(config, out);
      break;
    case Dialect::kLlama:
      AddLlamaConfig(config, out);
      break;
    case Dialect::kRotary:
      AddOwnConfig(config, out);
      break;
  }
  return out.Text();
}

CheckpointConfig ReadCheckpointConfig(const std::filesystem::path& path) {
  const JsonDocument document = JsonDocument::Read(path);
  const JsonValue root = document.root();
  const JsonValue type = root["model_type"];
  const auto layout = root.Find(kLayoutKey);
  const std::string name = WithoutLayout(type.String(), layout ? layout->String() : "");
  CheckpointConfig config;
  if (const auto tokenizer = root.Find(kTokenizerKey)) config.tokenizer = tokenizer->String();
  if (name == Name(Dialect::kRoFormer)) {
    config.dialect = Dialect::kRoFormer;
    config.model = ReadRoFormerConfig(root);
  } else if (name == Name(Dialect::kLlama)) {
    config.dialect = Dialect::kLlama;
    config.model = ReadLlamaConfig(root);
  } else if (name == Name(Dialect::kRotary)) {
    config.dialect = Dialect::kRotary;
    config.model = ReadOwnConfig(root);
  } else {
    throw type.Error("must be roformer, llama or rotary, got ", type.String());
  }
  try {
    CheckModelConfig(config.model);
  } catch (const std::invalid_argument& error) {
    throw root.Error("breaks a rule: ", error.what());
  }
  return config;
}

}  // namespace rotary
