#include "rotary/model/hf_folder.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <system_error>
#include <vector>

#include "rotary/io/checkpoint_tensors.h"
#include "rotary/io/file.h"
#include "rotary/io/safetensors.h"
#include "rotary/model/hf_config.h"
#include "rotary/model/hf_position_table.h"
#include "rotary/model/hf_tensors.h"

namespace rotary {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kConfigFile = "config.json";

void CopyAsFloat(const ConstTensorView& view, std::span<float> out) {
  DispatchFloat(view.dtype(), "ReadModel", [&]<typename T>() {
    const T* in = view.As<T>();
    std::transform(in, in + out.size(), out.begin(), [](T value) { return ToFloat(value); });
  });
}

bool IsFloat(DType dtype) {
  return dtype == DType::kF64 || dtype == DType::kF32 || dtype == DType::kBF16 ||
         dtype == DType::kF16;
}

// The largest error of a number up to 1 that its format explains, with room for a sine that was
// computed in it.
double RoundingOf(DType dtype) {
  switch (dtype) {
    case DType::kBF16:
      return 0x1p-8;
    case DType::kF16:
      return 0x1p-10;
    default:
      return 1e-6;
  }
}

// The tensors of a folder, in one file or many, and which of them have been asked for.
class StoredTensors {
 public:
  StoredTensors(const fs::path& folder, Dialect dialect)
      : folder_(folder), prefix_(BasePrefix(dialect)) {
    std::error_code
        ignored;  // what cannot be looked at cannot be read either, and AddFile says why
    if (fs::exists(folder / kWeightsFile, ignored) || !fs::exists(folder / kIndexFile, ignored)) {
      AddFile(folder / kWeightsFile);
      return;
    }
    const ShardIndex index = ShardIndex::Read(folder / kIndexFile);
    std::set<std::string> opened;
    for (const auto& [tensor, shard] : index.shards) {
      if (opened.insert(shard).second) AddFile(index.ShardOf(tensor));
      const auto found = files_.find(tensor);
      if (found == files_.end() || found->second->path().filename() != shard) {
        throw index.NotHeld(tensor);
      }
    }
  }

  // The file that holds `name`, with or without the prefix of the base model; nothing where none
  // does.
  struct Place {
    const SafetensorsFile* file = nullptr;
    std::string name;
    explicit operator bool() const { return file != nullptr; }
    ConstTensorView view() const { return file->view(name); }
  };
  Place Find(std::string_view name) {
    std::string stored(name);
    auto found = files_.find(stored);
    if (found == files_.end() && name.starts_with(prefix_)) {
      stored = name.substr(prefix_.size());
      found = files_.find(stored);
    }
    if (found == files_.end()) return {};
    used_.insert(stored);
    return {found->second, stored};
  }

  // Checks that `name` is there, of floating numbers, in `shape`.
  Place Require(std::string_view name, const Dims& shape) {
    Place place = Find(name);
    if (!place) throw ReadError(folder_, "there is no tensor ", name);
    CheckPlace(place, shape);
    return place;
  }
  static void CheckPlace(const Place& place, const Dims& shape) {
    const fs::path& path = place.file->path();
    if (place.file->shape(place.name) != shape) {
      throw ReadError(path, place.name, " must be ", shape.ToString(), ", got ",
                      place.file->shape(place.name).ToString());
    }
    if (!IsFloat(place.file->dtype(place.name))) {
      throw ReadError(path, place.name, " must be f64, f32, bf16 or f16, got ",
                      rotary::Name(place.file->dtype(place.name)));
    }
  }

  void RefuseLeftOver() const {
    size_t count = 0;
    std::string first;
    for (const auto& [name, file] : files_) {
      if (used_.contains(name) || IsOldBuffer(name)) continue;
      if (count++ == 0) first = name;
    }
    if (count > 0) {
      throw ReadError(folder_, count, count == 1 ? " tensor is" : " tensors are",
                      " left over that the config has no use for: ", first,
                      count > 1 ? ", ..." : "");
    }
  }

 private:
  void AddFile(const fs::path& path) {
    opened_.push_back(std::make_unique<SafetensorsFile>(path));
    for (const std::string& tensor : opened_.back()->names()) {
      if (!files_.emplace(tensor, opened_.back().get()).second) {
        throw ReadError(opened_.back()->path(), "tensor ", tensor, " is in another file too");
      }
    }
  }

  fs::path folder_;
  std::string_view prefix_;
  std::vector<std::unique_ptr<SafetensorsFile>> opened_;
  std::map<std::string, const SafetensorsFile*> files_;  // by tensor
  std::set<std::string> used_;
};

// Whether the head that the file holds, if any, is another matrix than the words it would be tied
// to.
bool HoldsOwnHead(StoredTensors& tensors, std::string_view head, std::string_view words,
                  const Dims& shape) {
  const StoredTensors::Place stored = tensors.Find(head);
  if (!stored) return false;
  const StoredTensors::Place tied = tensors.Require(words, shape);
  StoredTensors::CheckPlace(stored, shape);
  if (stored.view().dtype() != tied.view().dtype()) return true;
  return std::memcmp(stored.view().data(), tied.view().data(),
                     static_cast<size_t>(shape.Count()) * SizeOf(stored.view().dtype())) != 0;
}

// What the tensors say about the model beyond its config.
void ConsultTensors(StoredTensors& tensors, Dialect dialect, ModelConfig& config) {
  const Dims words = {config.vocab_size, config.embedding_dim};
  if (dialect == Dialect::kLlama && config.tied) {
    config.tied = !HoldsOwnHead(tensors, kLlamaHead, "model.embed_tokens.weight", words);
  }
  if (dialect != Dialect::kRoFormer) return;
  if (config.tied) {
    config.tied =
        !HoldsOwnHead(tensors, kRoFormerHead, "roformer.embeddings.word_embeddings.weight", words);
  }
  const StoredTensors::Place table = tensors.Find(kRoFormerTable);
  if (!table) return;
  StoredTensors::CheckPlace(table, {config.max_tokens, config.head_dim});
  std::vector<float> values(static_cast<size_t>(table.view().count()));
  CopyAsFloat(table.view(), values);
  try {
    // The table says nothing about the pairs.
    config.rotation.frequency =
        RotationOfPositionTable(values, config.head_dim, RoundingOf(table.view().dtype()))
            .frequency;
  } catch (const std::invalid_argument& error) {
    throw ReadError(table.file->path(), table.name, " is not a table of positions: ", error.what());
  }
}

}  // namespace

void WriteModel(const fs::path& folder, const Transformer& model, std::string_view tokenizer) {
  const ModelConfig& config = model.config();
  const Dialect dialect = DialectOf(config);
  const std::string config_text = CheckpointConfigToJson(config, tokenizer);
  std::vector<NamedTensor> tensors;
  const auto add = [&](std::string name, const TensorPart& part) {
    tensors.push_back(
        {std::move(name), {model.weights().data() + part.offset, DType::kF32, part.shape}});
  };
  for (const TensorPart& part : TensorParts(dialect, config, model.layout())) {
    add(part.name, part);
    // Version 4 reads the one, version 5 the other.
    if (part.name == kRoFormerBias) add(std::string(kRoFormerDecoderBias), part);
  }
  Tensor table;
  if (dialect == Dialect::kRoFormer) {
    table = MakePositionTable(config.rotation, config.max_tokens);
    tensors.push_back({std::string(kRoFormerTable), table.const_view()});
  }
  if (model.projections().count() > 0) {
    tensors.push_back({std::string(kPerformerProjections), model.projections().view()});
  }
  MakeFolder(folder);
  WriteSafetensors(folder / kWeightsFile, tensors,
                   {{"format", "pt"}});  // transformers asks for this word
  WriteFileAtomically(folder / kConfigFile, config_text);
}

StoredModel ReadModel(const fs::path& folder) {
  CheckpointConfig stored = ReadCheckpointConfig(folder / kConfigFile);
  StoredTensors tensors(folder, stored.dialect);
  ConsultTensors(tensors, stored.dialect, stored.model);

  // All shapes are checked before the memory of the model is asked for: a config may claim
  // anything.
  const ParameterLayout layout(stored.model);
  struct Copy {
    StoredTensors::Place from;
    TensorPart to;
  };
  std::vector<Copy> copies;
  for (TensorPart& part : TensorParts(stored.dialect, stored.model, layout)) {
    // Version 5 multiplies with the decoder's bias where both are there, and takes either where one
    // is.
    const bool has_decoder_bias = part.name == kRoFormerBias && tensors.Find(kRoFormerDecoderBias);
    if (has_decoder_bias) tensors.Find(kRoFormerBias);
    copies.push_back(
        {tensors.Require(has_decoder_bias ? kRoFormerDecoderBias : std::string_view(part.name),
                         part.shape),
         part});
  }
  StoredTensors::Place projections;
  if (stored.model.attention == AttentionForm::kLinear &&
      stored.model.feature_map == FeatureMap::kPerformer) {
    projections = tensors.Require(
        kPerformerProjections, {stored.model.layers, stored.model.features, stored.model.head_dim});
  }
  tensors.RefuseLeftOver();

  StoredModel result{Transformer(stored.model), stored.tokenizer};
  for (const Copy& copy : copies) {
    CopyAsFloat(copy.from.view(),
                result.model.weights().subspan(static_cast<size_t>(copy.to.offset),
                                               static_cast<size_t>(copy.to.shape.Count())));
  }
  if (projections) CopyAsFloat(projections.view(), result.model.projections().span<float>());
  return result;
}

}  // namespace rotary
