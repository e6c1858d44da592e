// Proves: a checkpoint holds a run to the bit, whatever the model, so that a run which goes on from
// it equals one that never stopped; other texts, options and models are noticed; a file that is cut
// short, of other sizes, with tensors missing or left over gives one sentence; a full disk leaves
// the run as it was; `latest` is the last to change, old steps go, and what a kill left behind does
// no harm.
#include "rotary/train/training_state.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "rotary/io/file.h"
#include "rotary/io/safetensors.h"
#include "rotary/io/test_folder.h"
#include "rotary/train/run.h"
#include "rotary/train/test_run.h"

namespace rotary {
namespace {

namespace fs = std::filesystem;

const ByteTokenizer kBytes;

// One run for each thing that a checkpoint must keep.
std::vector<TrainOptions> Runs() {
  std::vector<TrainOptions> runs;
  for (const Objective objective : {Objective::kCausal, Objective::kMasked}) {
    TrainOptions options = TinyOptions(objective);
    options.accumulation = 2;
    options.dropout = 0.1;
    runs.push_back(options);
  }
  for (const PositionEncoding encoding : {PositionEncoding::kSinusoidal, PositionEncoding::kLearned,
                                          PositionEncoding::kAlibi, PositionEncoding::kNone}) {
    TrainOptions options = TinyOptions();
    options.encoding = encoding;
    runs.push_back(options);
  }
  TrainOptions options = TinyOptions(Objective::kMasked);
  options.rotary_fraction = 0.5;
  options.theta = 500;
  runs.push_back(options);
  options = TinyOptions();
  options.attention = AttentionForm::kLinear;
  options.feature_map = FeatureMap::kPerformer;
  options.features = 12;
  options.redraw_every = 5;
  runs.push_back(options);
  return runs;
}

void Save(const fs::path& out, const Trainer& trainer, const std::string& digest) {
  SaveCheckpoint(out, trainer.options(), trainer.state(), kBytes.name(), digest);
}

// Names of the entries of a folder, sorted.
std::vector<std::string> Entries(const fs::path& folder) {
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder))
    names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

// A run of six steps in OUT/step-000006.
struct SavedRun {
  TestFolder folder;
  Corpus corpus = TinyCorpus();
  Trainer trainer{TinyOptions(), corpus, kBytes};
  fs::path step = folder / "step-000006";

  SavedRun() {
    while (trainer.state().step < 6) trainer.Step();
    Save(folder.path(), trainer, "texts");
  }
  std::string LoadError() const {
    return Thrown([&] { LoadCheckpoint(step); });
  }
};

TEST(TrainingStateTest, ARunGoesOnToTheSameBits) {
  const Corpus corpus = TinyCorpus();
  for (const TrainOptions& options : Runs()) {
    Trainer whole(options, corpus, kBytes);
    RunTraining(whole, {});

    const TestFolder folder;
    Trainer begun(options, corpus, kBytes);
    RunHooks hooks;
    hooks.save = [&](const TrainingState&) { Save(folder.path(), begun, "texts"); };
    hooks.stop = [&] { return begun.state().step == 7; };
    ASSERT_EQ(RunTraining(begun, hooks), RunEnd::kStopped);

    Checkpoint checkpoint = LoadCheckpoint(CheckpointFolder(folder.path()));
    EXPECT_EQ(checkpoint.options, options);
    EXPECT_EQ(checkpoint.tokenizer, "bytes");
    EXPECT_EQ(checkpoint.corpus, "texts");
    EXPECT_EQ(checkpoint.state.curve.seconds, begun.state().curve.seconds);
    checkpoint.options.threads = 2;
    Trainer resumed(checkpoint.options, corpus, kBytes, std::move(checkpoint.state));
    EXPECT_EQ(resumed.state().step, 7);
    RunTraining(resumed, {});
    EXPECT_TRUE(SameBits(resumed.state().model.weights(), whole.state().model.weights()));
    EXPECT_EQ(resumed.state().curve.loss, whole.state().curve.loss);
    EXPECT_EQ(resumed.state().curve.learning_rate, whole.state().curve.learning_rate);
    EXPECT_EQ(resumed.state().curve.evaluation_step, whole.state().curve.evaluation_step);
    EXPECT_EQ(resumed.state().curve.evaluation_loss, whole.state().curve.evaluation_loss);
  }
}

TEST(TrainingStateTest, TheDigestIsThatOfTheTextsAndTheirSplit) {
  const Corpus corpus = TinyCorpus();
  Corpus other = corpus;
  EXPECT_EQ(CorpusDigest(other), CorpusDigest(corpus));
  other.training[5] ^= 1;
  EXPECT_NE(CorpusDigest(other), CorpusDigest(corpus));
  other = corpus;
  other.held_out.insert(other.held_out.begin(), other.training.back());
  other.training.pop_back();
  EXPECT_NE(CorpusDigest(other), CorpusDigest(corpus));
}

TEST(TrainingStateTest, OldStepsGoAndLeftoversOfAKillDoNoHarm) {
  const TestFolder folder;
  const Corpus corpus = TinyCorpus();
  TrainOptions options = TinyOptions();
  options.keep = 2;
  Trainer trainer(options, corpus, kBytes);
  EXPECT_FALSE(HasCheckpoint(folder.path()));
  EXPECT_EQ(CheckpointFolder(folder.path()), folder.path());
  // A kill between writing and renaming, one between renaming and `latest`, and a file that is none
  // of ours.
  fs::create_directories(folder / ".rotary-step-000002.tmp");
  folder.Put(".rotary-step-000002.tmp/config.json", "{");
  fs::create_directories(folder / "step-000003");
  folder.Put("step-000003/config.json", "{");
  folder.Put("notes.txt", "mine");
  for (int step = 1; step <= 4; ++step) {
    trainer.Step();
    Save(folder.path(), trainer, "texts");
    EXPECT_EQ(CheckpointFolder(folder.path()), folder / ("step-00000" + std::to_string(step)));
    EXPECT_EQ(LoadCheckpoint(CheckpointFolder(folder.path())).state.step, step);
  }
  EXPECT_EQ(Entries(folder.path()),
            (std::vector<std::string>{"latest", "notes.txt", "step-000003", "step-000004"}));
  EXPECT_EQ(ReadFile(folder / "latest"), "step-000004\n");
  EXPECT_EQ(Entries(folder / "step-000004"),
            (std::vector<std::string>{"config.json", "model.safetensors", "training.json",
                                      "training_state.safetensors"}));
}

TEST(TrainingStateTest, GoingOnRemovesWhatAKillLeft) {
  SavedRun run;
  // A kill after `latest` was written and before the steps that it made old were removed.
  for (const char* name : {"step-000002", "step-000004", ".rotary-step-000005.tmp"})
    fs::copy(run.step, run.folder / name);
  ASSERT_EQ(TinyOptions().keep, 2);
  EXPECT_EQ(ResumeCheckpoint(run.folder.path()).state.step, 6);
  EXPECT_EQ(Entries(run.folder.path()),
            (std::vector<std::string>{"latest", "step-000004", "step-000006"}));
}

TEST(TrainingStateTest, LatestMustNameAStepThatIsThere) {
  const TestFolder folder;
  const auto complaint = [&](std::string_view latest) {
    folder.Put("latest", latest);
    return Thrown([&] { CheckpointFolder(folder.path()); });
  };
  const std::string path = (folder / "latest").string();
  EXPECT_EQ(complaint("step-000004\n"), "cannot read " + (folder / "step-000004").string() +
                                            ": there is no such step, but latest names it");
  EXPECT_EQ(complaint("../other"),
            "cannot read " + path + ": it must name a step, got \"../other\"");
  EXPECT_EQ(complaint("step-"), "cannot read " + path + ": it must name a step, got \"step-\"");
  EXPECT_NE(complaint(""), "nothing was thrown");
}

TEST(TrainingStateTest, ADamagedFileGivesASentence) {
  for (const char* name :
       {"config.json", "model.safetensors", "training.json", "training_state.safetensors"}) {
    const SavedRun run;
    const std::string bytes = ReadFile(run.step / name);
    for (const size_t length : {bytes.size() - 3, bytes.size() / 2, size_t{7}, size_t{0}}) {
      std::ofstream(run.step / name, std::ios::binary) << bytes.substr(0, length);
      EXPECT_EQ(run.LoadError().find("cannot read " + (run.step / name).string() + ": "), 0u)
          << name << " cut to " << length << ": " << run.LoadError();
    }
    fs::remove(run.step / name);
    EXPECT_NE(run.LoadError().find(name), std::string::npos) << run.LoadError();
  }
}

// Writes the state's tensors anew after `change`.
std::string AfterChange(const SavedRun& run,
                        const std::function<void(std::map<std::string, Tensor>&)>& change) {
  const fs::path path = run.step / "training_state.safetensors";
  std::map<std::string, Tensor> tensors;
  {
    const SafetensorsFile file(path);
    for (const std::string& name : file.names()) {
      const ConstTensorView view = file.view(name);
      Tensor& tensor = tensors[name] = Tensor(view.dtype(), view.shape());
      std::copy_n(static_cast<const std::byte*>(view.data()), tensor.bytes(), tensor.raw());
    }
  }
  change(tensors);
  std::vector<NamedTensor> named;
  named.reserve(tensors.size());
  for (const auto& [name, tensor] : tensors) named.push_back({name, tensor.const_view()});
  WriteSafetensors(path, named);
  return run.LoadError();
}

TEST(TrainingStateTest, TensorsMustBeThoseOfTheModel) {
  const SavedRun run;
  const std::string prefix =
      "cannot read " + (run.step / "training_state.safetensors").string() + ": ";
  const std::string moment = "second_moment.embedding.words";
  EXPECT_EQ(AfterChange(run, [](auto&) {}), "nothing was thrown");
  Tensor kept;
  EXPECT_NE(AfterChange(run,
                        [&](auto& tensors) {
                          kept = std::move(tensors[moment]);
                          tensors.erase(moment);
                        })
                .find(moment),
            std::string::npos);
  EXPECT_EQ(AfterChange(run,
                        [&](auto& tensors) {
                          tensors[moment] = Tensor(DType::kF32, {258, 31});
                        }),
            prefix + moment + " must be f32 [258, 32], got f32 [258, 31]");
  EXPECT_EQ(AfterChange(run,
                        [&](auto& tensors) {
                          tensors[moment] = Tensor(DType::kBF16, {258, 32});
                        }),
            prefix + moment + " must be f32 [258, 32], got bf16 [258, 32]");
  EXPECT_EQ(AfterChange(run,
                        [&](auto& tensors) {
                          tensors[moment] = std::move(kept);
                          tensors["extra"] = Tensor(DType::kF32, {1});
                        })
                .find(prefix + "it holds "),
            0u);
  EXPECT_EQ(AfterChange(run,
                        [&](auto& tensors) {
                          tensors.erase("extra");
                          tensors["curve.loss"] = Tensor(DType::kF64, {5});
                        }),
            prefix + "curve.loss must be f64 [6], got f64 [5]");
}

TEST(TrainingStateTest, TheRecordMustBeOfThisFormatAndStep) {
  const SavedRun run;
  const fs::path path = run.step / "training.json";
  const Json record = Json::parse(ReadFile(path));
  const auto complaint = [&](const char* key, const Json& value) {
    Json changed = record;
    changed[key] = value;
    std::ofstream(path) << changed;
    return run.LoadError();
  };
  EXPECT_EQ(complaint("step", 6), "nothing was thrown");
  EXPECT_EQ(complaint("format", 2),
            "cannot read " + path.string() + ": format must be a whole number from 1 to 1, got 2");
  EXPECT_EQ(complaint("step", 13),
            "cannot read " + path.string() + ": step must be a whole number from 0 to 12, got 13");
  EXPECT_NE(complaint("step", 5), "nothing was thrown");  // the curve has six
  EXPECT_NE(complaint("options", Json::object()), "nothing was thrown");
}

// No file may grow beyond `bytes` while it lives, as on a disk that is full.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) {
    getrlimit(RLIMIT_FSIZE, &old_);
    const rlimit limit{bytes, old_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
    handler_ = signal(SIGXFSZ, SIG_IGN);
  }
  ~FullDisk() {
    setrlimit(RLIMIT_FSIZE, &old_);
    signal(SIGXFSZ, handler_);
  }

 private:
  rlimit old_{};
  void (*handler_)(int) = nullptr;
};

TEST(TrainingStateTest, AFullDiskLeavesTheRunAsItWas) {
  SavedRun run;
  run.trainer.Step();
  const std::vector<std::string> before = Entries(run.folder.path());
  for (const rlim_t bytes : {0, 100, 20000, 60000}) {
    std::string error;
    {
      const FullDisk full(bytes);
      error = Thrown([&] { Save(run.folder.path(), run.trainer, "texts"); });
    }
    EXPECT_EQ(error.find("cannot write "), 0u) << bytes << ": " << error;
    EXPECT_EQ(Entries(run.folder.path()), before) << bytes;
    EXPECT_EQ(LoadCheckpoint(CheckpointFolder(run.folder.path())).state.step, 6);
  }
  Save(run.folder.path(), run.trainer, "texts");
  EXPECT_EQ(LoadCheckpoint(CheckpointFolder(run.folder.path())).state.step, 7);
}

TEST(TrainingStateTest, ARunThatDivergesKeepsItsLastGoodStep) {
  const SavedRun run;
  Checkpoint checkpoint = LoadCheckpoint(run.step);
  checkpoint.options.lr = 1e300;
  checkpoint.options.checkpoint_every = 1;
  Trainer trainer(checkpoint.options, run.corpus, kBytes, std::move(checkpoint.state));
  RunHooks hooks;
  hooks.save = [&](const TrainingState&) { Save(run.folder.path(), trainer, "texts"); };
  EXPECT_THROW(RunTraining(trainer, hooks), TrainingDiverged);
  EXPECT_EQ(Entries(run.folder.path()), (std::vector<std::string>{"latest", "step-000006"}));
  EXPECT_EQ(LoadCheckpoint(CheckpointFolder(run.folder.path())).state.step, 6);
}

}  // namespace
}  // namespace rotary
