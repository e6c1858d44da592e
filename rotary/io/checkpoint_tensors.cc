#include "rotary/io/checkpoint_tensors.h"

#include <system_error>

#include "rotary/io/json.h"

namespace rotary {
namespace {

namespace fs = std::filesystem;

// The file by which a checkpoint is read: `path`, or what transformers and diffusers look for in a
// folder.
fs::path EntryOf(const fs::path& path) {
  std::error_code
      ignored;  // what cannot be looked at cannot be read either, and the reader says so
  if (!fs::is_directory(path, ignored)) return path;
  for (const std::string_view name :
       {kWeightsFile, kIndexFile, std::string_view("diffusion_pytorch_model.safetensors"),
        std::string_view("diffusion_pytorch_model.safetensors.index.json")}) {
    if (fs::exists(path / name, ignored)) return path / name;
  }
  throw ReadError(path,
                  "it holds neither model.safetensors nor diffusion_pytorch_model.safetensors, nor "
                  "the .index.json of either");
}

}  // namespace

ShardIndex ShardIndex::Read(const fs::path& path) {
  const JsonDocument document = JsonDocument::Read(path);
  ShardIndex index{.path = path, .shards = {}};
  for (const auto& [tensor, shard] : document.root()["weight_map"].Members()) {
    if (shard.String().find('/') != std::string::npos) {
      throw index.Error(tensor, "must be a file of the same folder");
    }
    index.shards.emplace(tensor, shard.String());
  }
  return index;
}

fs::path ShardIndex::ShardOf(std::string_view tensor) const {
  const auto found = shards.find(tensor);
  if (found == shards.end()) throw ReadError(path, "there is no tensor ", tensor);
  fs::path shard = path.parent_path() / found->second;
  std::error_code ignored;  // a shard that is there and cannot be read is for its reader to refuse
  if (fs::status(shard, ignored).type() == fs::file_type::not_found) {
    throw Error(tensor, "names ", found->second, ", which is not there");
  }
  return shard;
}

FileError ShardIndex::NotHeld(std::string_view tensor) const {
  return Error(tensor, "names ", shards.find(tensor)->second, ", which does not hold that tensor");
}

CheckpointTensors::CheckpointTensors(const fs::path& path) : path_(EntryOf(path)) {
  if (path_.extension() == ".json") {
    index_ = ShardIndex::Read(path_);
    for (const auto& [tensor, shard] : index_->shards) names_.push_back(tensor);
  } else {
    names_ = opened_.try_emplace(path_, path_).first->second.names();
  }
}

const SafetensorsFile& CheckpointTensors::FileOf(std::string_view tensor) const {
  const fs::path path = index_ ? index_->ShardOf(tensor) : path_;
  const std::lock_guard lock(mutex_);
  const SafetensorsFile& file = opened_.try_emplace(path, path).first->second;
  if (file.Contains(tensor)) return file;
  if (index_) throw index_->NotHeld(tensor);
  throw ReadError(path_, "there is no tensor ", tensor);
}

}  // namespace rotary
