// The tensors of a checkpoint by name: of one safetensors file, or of shards with an index, as
// transformers and diffusers write them:
//   {"metadata": {...}, "weight_map": {"model.norm.weight": "model-00002-of-00002.safetensors"}}
#ifndef ROTARY_IO_CHECKPOINT_TENSORS_H_
#define ROTARY_IO_CHECKPOINT_TENSORS_H_

#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rotary/io/file.h"
#include "rotary/io/safetensors.h"

namespace rotary {

inline constexpr std::string_view kWeightsFile = "model.safetensors";
inline constexpr std::string_view kIndexFile = "model.safetensors.index.json";

// Which shard each tensor is in.
struct ShardIndex {
  std::filesystem::path path;
  std::map<std::string, std::string, std::less<>> shards;  // by tensor; files beside the index

  // Opens no shard. Throws FileError: no weight_map, a shard in another folder.
  static ShardIndex Read(const std::filesystem::path& path);

  // The shard that the map names for a tensor. Throws FileError: the map does not hold the tensor,
  // the file is not there.
  std::filesystem::path ShardOf(std::string_view tensor) const;

  // A FileError about what the map says of `tensor`.
  template <class... Parts>
  FileError Error(std::string_view tensor, const Parts&... parts) const {
    return ReadError(path, "weight_map.", tensor, " ", parts...);
  }
  FileError NotHeld(std::string_view tensor) const;  // by the shard that the map names
};

// Safe to share between threads.
class CheckpointTensors {
 public:
  // `path`: a safetensors file, an index (.json), or a folder that holds model.safetensors or its
  // index, or diffusion_pytorch_model.safetensors or its index; the first of these counts. Throws
  // FileError: what SafetensorsFile and ShardIndex refuse, a folder without any of them.
  explicit CheckpointTensors(const std::filesystem::path& path);

  // The file or the index, also where a folder was given.
  const std::filesystem::path& path() const { return path_; }
  // In the order of the file, or of the alphabet.
  const std::vector<std::string>& names() const { return names_; }

  // The file that holds a tensor, valid as long as this object. Shards are opened when a tensor of
  // theirs is first asked for; others need not be there. Throws FileError: as
  // ShardIndex::ShardOf and SafetensorsFile do, or no file holds the tensor.
  const SafetensorsFile& FileOf(std::string_view tensor) const;

 private:
  std::filesystem::path path_;
  std::optional<ShardIndex> index_;
  std::vector<std::string> names_;
  mutable std::mutex mutex_;  // guards opened_
  mutable std::map<std::filesystem::path, SafetensorsFile> opened_;
};

}  // namespace rotary

#endif  // ROTARY_IO_CHECKPOINT_TENSORS_H_
