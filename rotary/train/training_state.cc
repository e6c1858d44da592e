#include "rotary/train/training_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <system_error>
#include <utility>
#include <vector>

#include "rotary/base/error.h"
#include "rotary/io/file.h"
#include "rotary/io/json.h"
#include "rotary/io/safetensors.h"
#include "rotary/io/sha256.h"
#include "rotary/model/hf_folder.h"

namespace rotary {
namespace {

namespace fs = std::filesystem;

constexpr const char* kLatest = "latest";
constexpr const char* kState = "training_state.safetensors";
constexpr const char* kRecord = "training.json";
// Rises when a reader of the old form would misread the new one.
constexpr int64_t kFormat = 1;

constexpr std::string_view kStepPrefix = "step-";
// As io's temporary files are named.
constexpr std::string_view kTemporaryPrefix = ".rotary-";

std::string StepName(int64_t step) { return fmt::format("{}{:06}", kStepPrefix, step); }

// The step that a folder's name stands for, -1 where it is no step's.
int64_t StepOf(std::string_view name) {
  if (!name.starts_with(kStepPrefix)) return -1;
  const std::string_view digits = name.substr(kStepPrefix.size());
  const bool number =
      !digits.empty() && digits.size() <= 18 &&
      std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
  return number ? std::stoll(std::string(digits)) : -1;
}

// Removes the steps before the last `keep` up to `step`, and what a kill left half-written. What
// cannot be removed stays: the run itself is sound.
void RemoveOldSteps(const fs::path& out, int64_t step, int64_t keep) {
  std::error_code ignored;
  std::vector<std::pair<int64_t, fs::path>> steps;
  std::vector<fs::path> removed;
  for (const fs::directory_entry& entry : fs::directory_iterator(out, ignored)) {
    const std::string name = entry.path().filename().string();
    if (const int64_t number = StepOf(name); number >= 0 && number <= step) {
      steps.emplace_back(number, entry.path());
    } else if (name.starts_with(kTemporaryPrefix)) {
      removed.push_back(entry.path());
    }
  }
  std::sort(steps.begin(), steps.end());
  for (size_t i = 0; i + static_cast<size_t>(keep) < steps.size(); ++i)
    removed.push_back(steps[i].second);
  for (const fs::path& path : removed) fs::remove_all(path, ignored);
}

// The parts of a run's state that safetensors hold, each with its name: one list for writing and
// reading.
template <class State, class Visit>
void VisitTensors(State& state, Visit&& visit) {
  for (const Parameter& parameter : state.model.layout().parameters()) {
    const auto offset = static_cast<size_t>(parameter.offset);
    const auto count = static_cast<size_t>(parameter.count());
    visit("first_moment." + parameter.name, parameter.shape,
          state.first_moment.template span<float>().subspan(offset, count));
    visit("second_moment." + parameter.name, parameter.shape,
          state.second_moment.template span<float>().subspan(offset, count));
  }
}
template <class Curve, class Visit>
void VisitCurve(Curve& curve, Visit&& visit) {
  visit("curve.loss", curve.loss);
  visit("curve.learning_rate", curve.learning_rate);
  visit("curve.gradient_norm", curve.gradient_norm);
  visit("curve.seconds", curve.seconds);
  visit("curve.evaluation_step", curve.evaluation_step);
  visit("curve.evaluation_loss", curve.evaluation_loss);
}

void WriteState(const fs::path& path, const TrainingState& state) {
  std::vector<NamedTensor> tensors;
  VisitTensors(state,
               [&](const std::string& name, const Dims& shape, std::span<const float> values) {
                 tensors.push_back({name, {values.data(), DType::kF32, shape}});
               });
  VisitCurve(state.curve, [&]<class T>(const std::string& name, const std::vector<T>& values) {
    tensors.push_back({name, {values.data(), kDTypeOf<T>, {static_cast<int64_t>(values.size())}}});
  });
  WriteSafetensors(path, tensors);
}

// A tensor of the file, which must be of this dtype and shape.
ConstTensorView Expect(const SafetensorsFile& file, const std::string& name, DType dtype,
                       const Dims& shape) {
  if (file.dtype(name) != dtype || !(file.shape(name) == shape)) {
    throw ReadError(file.path(), name, " must be ", Name(dtype), " ", shape.ToString(), ", got ",
                    Name(file.dtype(name)), " ", file.shape(name).ToString());
  }
  return file.view(name);
}

void ReadState(const fs::path& path, TrainingState& state) {
  const SafetensorsFile file(path);
  size_t known = 0;
  VisitTensors(state, [&](const std::string& name, const Dims& shape, std::span<float> values) {
    const ConstTensorView view = Expect(file, name, DType::kF32, shape);
    std::memcpy(values.data(), view.data(), values.size_bytes());
    ++known;
  });
  const bool evaluated = file.Contains("curve.evaluation_step");
  const int64_t evaluations = evaluated ? file.shape("curve.evaluation_step").Count() : 0;
  VisitCurve(state.curve, [&]<class T>(const std::string& name, std::vector<T>& values) {
    const int64_t length = name.starts_with("curve.evaluation") ? evaluations : state.step;
    const ConstTensorView view = Expect(file, name, kDTypeOf<T>, {length});
    const T* data = view.As<T>();
    values.assign(data, data + length);
    ++known;
  });
  if (file.names().size() != known) {
    throw ReadError(path, "it holds ", file.names().size(), " tensors, this model's state has ",
                    known);
  }
}

// Removes a folder unless Keep() was called: what an error leaves half-written.
class RemovedFolder {
 public:
  explicit RemovedFolder(fs::path path) : path_(std::move(path)) { Remove(); }
  ~RemovedFolder() {
    if (!kept_) Remove();
  }
  RemovedFolder(const RemovedFolder&) = delete;
  RemovedFolder& operator=(const RemovedFolder&) = delete;
  void Keep() { kept_ = true; }

 private:
  void Remove() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  fs::path path_;
  bool kept_ = false;
};

std::string_view BytesOf(const std::vector<int32_t>& tokens) {
  return {reinterpret_cast<const char*>(tokens.data()), tokens.size() * sizeof(int32_t)};
}

}  // namespace

std::string CorpusDigest(const Corpus& corpus) {
  return Sha256(Sha256(BytesOf(corpus.training)) + Sha256(BytesOf(corpus.held_out)));
}

bool HasCheckpoint(const fs::path& out) { return fs::exists(out / kLatest); }

fs::path CheckpointFolder(const fs::path& path) {
  if (!HasCheckpoint(path)) return path;
  std::string name = ReadFile(path / kLatest);
  if (name.ends_with('\n')) name.pop_back();
  if (StepOf(name) < 0)
    throw ReadError(path / kLatest, "it must name a step, got \"", name.substr(0, 40), "\"");
  if (!fs::is_directory(path / name))
    throw ReadError(path / name, "there is no such step, but ", kLatest, " names it");
  return path / name;
}

void SaveCheckpoint(const fs::path& out, const TrainOptions& options, const TrainingState& state,
                    std::string_view tokenizer, std::string_view corpus) {
  MakeFolder(out);
  const std::string name = StepName(state.step);
  const fs::path step = out / name;
  const fs::path temporary = out / (std::string(kTemporaryPrefix) + name + ".tmp");
  RemovedFolder removed(temporary);
  MakeFolder(temporary);
  WriteModel(temporary, state.model, tokenizer);
  WriteState(temporary / kState, state);
  const Json record = {{"format", kFormat},
                       {"step", state.step},
                       {"corpus", corpus},
                       {"options", TrainOptionsToJson(options)}};
  WriteFileAtomically(temporary / kRecord, record.dump(2) + "\n");

  // A step of this number that `latest` does not name yet: a kill came between the two renames
  // below.
  std::error_code error;
  if (CheckpointFolder(out) != step) fs::remove_all(step, error);
  fs::rename(temporary, step, error);
  if (error) throw FileError(Sentence("cannot write ", step.string(), ": ", error.message()));
  removed.Keep();
  SyncFolder(out);
  WriteFileAtomically(out / kLatest, name + "\n");
  RemoveOldSteps(out, state.step, options.keep);
}

Checkpoint LoadCheckpoint(const fs::path& folder) {
  const JsonDocument record = JsonDocument::Read(folder / kRecord);
  const JsonValue root = record.root();
  root["format"].Int(kFormat, kFormat);
  StoredModel stored = ReadModel(folder);
  Checkpoint checkpoint{.options = TrainOptionsFromJson(root["options"]),
                        .tokenizer = std::move(stored.tokenizer),
                        .corpus = root["corpus"].String(),
                        .state = TrainingState(std::move(stored.model))};
  checkpoint.state.step = root["step"].Int(0, checkpoint.options.steps);
  ReadState(folder / kState, checkpoint.state);
  return checkpoint;
}

Checkpoint ResumeCheckpoint(const fs::path& out) {
  if (!HasCheckpoint(out)) {
    throw FileError(Sentence("cannot resume ", out.string(),
                             ": it holds no finished step; leave out --resume"));
  }
  Checkpoint checkpoint = LoadCheckpoint(CheckpointFolder(out));
  RemoveOldSteps(out, checkpoint.state.step, checkpoint.options.keep);
  return checkpoint;
}

}  // namespace rotary
