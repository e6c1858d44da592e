#include "rotary/cli/config_groups.h"

#include <algorithm>
#include <iostream>
#include <system_error>

#include "rotary/base/error.h"
#include "rotary/config/gguf_config.h"
#include "rotary/config/group_facts.h"
#include "rotary/io/file.h"
#include "rotary/io/json.h"
#include "rotary/train/training_state.h"

namespace rotary {
namespace {

namespace fs = std::filesystem;

// `path`, or the config in it where it is a folder.
fs::path ConfigFile(const fs::path& path) {
  std::error_code missing;
  if (!fs::is_directory(path, missing)) return path;
  const fs::path folder = CheckpointFolder(path);
  for (const char* name : {"config.json", "params.json"}) {
    if (fs::exists(folder / name, missing)) return folder / name;
  }
  throw ReadError(path, "the folder holds neither config.json nor params.json");
}

// Whether `key` names a member at any depth; metadata of GGUF has its names behind dots.
bool HasKey(const Json& json, const std::string& key) {
  if (!json.is_structured()) return false;
  for (const auto& [name, value] : json.items()) {
    if (json.is_object() && (name == key || name.ends_with("." + key))) return true;
    if (HasKey(value, key)) return true;
  }
  return false;
}

}  // namespace

RopeConfig ReadConfig(const fs::path& path, const RopeConfigOptions& options) {
  const fs::path file = ConfigFile(path);
  if (options.ignore.empty()) return ReadRopeConfig(file, options);
  RopeConfig config;
  Json keys;
  if (IsGgufFile(file)) {
    config = ReadRopeConfig(file, options);
    keys = ReadGgufMetadata(file);
  } else {
    const JsonDocument document = JsonDocument::Read(file);  // once: it may be a pipe
    config = ReadRopeConfig(document.root(), options);
    keys = document.root().json();
  }
  for (const std::string& key : options.ignore) {
    if (HasKey(keys, key)) continue;
    config.warnings.push_back(Sentence("--ignore ", key, ": ", file.string(), " has no such key"));
  }
  return config;
}

void PrintWarnings(const RopeConfig& config) {
  for (const std::string& warning : config.warnings) std::cerr << "warning: " << warning << '\n';
}

std::string LayersAndName(const LayerRope& group) {
  if (group.layers.empty()) return group.name;
  return RangesText(group.layers) + ": " + group.name;
}

bool RotateAlike(const std::vector<const LayerRope*>& groups) {
  return std::all_of(groups.begin(), groups.end(), [&](const LayerRope* group) {
    return group->query == groups[0]->query && group->key == groups[0]->key;
  });
}

}  // namespace rotary
