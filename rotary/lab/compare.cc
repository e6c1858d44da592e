#include "rotary/lab/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include "rotary/base/error.h"
#include "rotary/base/parallel.h"
#include "rotary/io/file.h"
#include "rotary/io/json.h"
#include "rotary/lab/machine.h"
#include "rotary/lab/sample.h"
#include "rotary/train/choices.h"
#include "rotary/train/evaluate.h"
#include "rotary/train/masking.h"
#include "rotary/train/run.h"
#include "rotary/train/training_state.h"

namespace rotary {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kLengths[] = {1, 2, 4, 8};  // times the context of training
constexpr int64_t kLeastLengthTargets = 256;  // fewer bytes are too few for a loss
constexpr double kSecondsBetweenSaves = 30;

// A comparison of one run, by what is the same in all of them.
struct Setting {
  const CompareOptions& options;
  const Corpus& corpus;
  const Tokenizer& tokenizer;
  std::string digest;  // of the corpus
};

TrainOptions OptionsOf(const CompareOptions& options, PositionEncoding encoding, int seed) {
  TrainOptions train = options.train;
  train.encoding = encoding;
  train.seed += static_cast<uint64_t>(seed);
  train.keep = 1;
  return train;
}

fs::path RunFolder(const fs::path& folder, const TrainOptions& train) {
  return folder / fmt::format("{}-seed-{}", Name(train.encoding), train.seed);
}

fs::path ResultPath(const fs::path& run_folder) { return run_folder / "result.json"; }

// The windows by length that the held-out text has room for, and the same targets for all of them.
struct LengthPlan {
  std::vector<int64_t> lengths;
  int64_t begin = 0, end = 0;  // of the targets
};

LengthPlan PlanLengths(const CompareOptions& options, int64_t held_out) {
  LengthPlan plan;
  const bool masked = options.train.objective == Objective::kMasked;
  for (const int64_t times : kLengths) {
    const int64_t length = times * options.train.context;
    // All of its length lies before the first target of a causal model, half on each side of a
    // masked one's targets.
    const int64_t begin = masked ? length / 2 : length;
    const int64_t targets = std::min(options.length_targets, held_out - length);
    if (targets < std::min(options.length_targets, kLeastLengthTargets)) break;
    plan.lengths.push_back(length);
    plan.begin = begin;
    plan.end = begin + targets;
  }
  return plan;
}

std::vector<LengthLoss> MeasureLengths(const Setting& setting, const TrainOptions& train,
                                       const Transformer& model) {
  const auto held_out = static_cast<int64_t>(setting.corpus.held_out.size());
  const LengthPlan plan = PlanLengths(setting.options, held_out);
  std::vector<LengthLoss> losses;
  for (const int64_t length : plan.lengths) {
    LengthLoss measured{.tokens = length, .loss = std::nullopt};
    // A learned table has no row for positions beyond the training length.
    if (train.encoding != PositionEncoding::kLearned || length <= train.context) {
      SlidingOptions sliding;
      sliding.context = length;
      sliding.begin = plan.begin;
      sliding.end = plan.end;
      sliding.threads = train.threads;
      if (train.objective == Objective::kMasked) sliding.masking = MaskingFor(setting.tokenizer);
      measured.loss = EvaluateSliding(model, setting.corpus.held_out, sliding).mean();
    }
    losses.push_back(measured);
  }
  return losses;
}

// Throws unless the run that `begun` and `digest` describe is one of this comparison.
void CheckKept(const Setting& setting, const TrainOptions& begun, const TrainOptions& wanted,
               const std::string& digest, const fs::path& folder) {
  try {
    CheckResume(begun, wanted);
    Require(begun.evaluate_every == wanted.evaluate_every, "evaluate_every was ",
            begun.evaluate_every, ", now it is ", wanted.evaluate_every);
    Require(digest == setting.digest, "the text was another one");
  } catch (const std::invalid_argument& error) {
    throw std::invalid_argument(Sentence("compare: ", folder.string(),
                                         " holds a run of another comparison (", error.what(),
                                         "); choose another --out, or remove it"));
  }
}

std::optional<RunResult> ReadKept(const Setting& setting, const TrainOptions& train,
                                  const fs::path& folder) {
  if (!fs::exists(ResultPath(folder))) return std::nullopt;
  const JsonDocument document = JsonDocument::Read(ResultPath(folder));
  const JsonValue root = document.root();
  root.AllowOnly({"options", "corpus", "run"});
  CheckKept(setting, TrainOptionsFromJson(root["options"]), train, root["corpus"].String(), folder);
  return RunFromJson(root["run"]);
}

void WriteKept(const Setting& setting, const TrainOptions& train, const RunResult& run,
               const fs::path& folder) {
  const Json kept = {
      {"options", TrainOptionsToJson(train)}, {"corpus", setting.digest}, {"run", RunToJson(run)}};
  WriteFileAtomically(ResultPath(folder), kept.dump(1) + "\n");
}

Trainer MakeTrainer(const Setting& setting, const TrainOptions& train, const fs::path& folder) {
  if (!HasCheckpoint(folder)) return Trainer(train, setting.corpus, setting.tokenizer);
  Checkpoint checkpoint = ResumeCheckpoint(folder);
  CheckKept(setting, checkpoint.options, train, checkpoint.corpus, folder);
  return Trainer(train, setting.corpus, setting.tokenizer, std::move(checkpoint.state));
}

RunResult Measure(const Setting& setting, const Trainer& trainer,
                  std::optional<int64_t> peak_memory) {
  const TrainOptions& train = trainer.options();
  const TrainingState& state = trainer.state();
  RunResult run;
  run.encoding = Name(train.encoding);
  run.seed = train.seed;
  run.parameters = state.model.layout().count();
  CurveRecorder recorder;
  for (size_t i = 0; i < state.curve.loss.size(); ++i) {
    recorder.Add(state.curve.seconds[i], state.curve.loss[i]);
  }
  run.training = recorder.curve();
  for (size_t i = 0; i < state.curve.evaluation_step.size(); ++i) {
    run.held_out.push_back(
        {.step = state.curve.evaluation_step[i], .loss = state.curve.evaluation_loss[i]});
  }
  run.final_loss = state.curve.evaluation_loss.back();
  run.tokens_per_second =
      static_cast<double>(train.steps * train.accumulation * train.batch * train.context) /
      state.curve.seconds.back();
  run.peak_memory = peak_memory;
  run.lengths = MeasureLengths(setting, train, state.model);
  run.sample = SampleOf(state.model, setting.tokenizer, setting.corpus.held_out,
                        {.context = train.context, .threads = train.threads});
  return run;
}

// One run to its end; empty where it was stopped.
std::optional<RunResult> TrainOne(const Setting& setting, const TrainOptions& train,
                                  const fs::path& folder, const CompareHooks& hooks,
                                  int64_t units_before) {
  const bool fresh_peak = ResetPeakMemory();
  Trainer trainer = MakeTrainer(setting, train, folder);
  MakeFolder(folder);
  bool stop = false;
  auto last_save = std::chrono::steady_clock::now();
  RunHooks run_hooks;
  run_hooks.stop = [&] { return stop = hooks.stop && hooks.stop(); };
  run_hooks.on_step = [&](const StepReport& report) {
    if (!hooks.advance) return;
    hooks.advance(
        units_before + report.step,
        fmt::format("{}, seed {}: loss {:.3f}", Name(train.encoding), train.seed, report.loss));
  };
  run_hooks.save = [&](const TrainingState& state) {
    // Often enough that a kill costs little, and no oftener than a disk likes.
    const auto now = std::chrono::steady_clock::now();
    const double seconds = std::chrono::duration<double>(now - last_save).count();
    if (!stop && state.step < train.steps && seconds < kSecondsBetweenSaves) return;
    SaveCheckpoint(folder, train, state, setting.tokenizer.name(), setting.digest);
    last_save = now;
  };
  try {
    if (RunTraining(trainer, run_hooks) == RunEnd::kStopped) return std::nullopt;
  } catch (const TrainingDiverged& error) {
    throw TrainingDiverged(Sentence("compare: ", Name(train.encoding), ", seed ", train.seed, ": ",
                                    error.what(), "; a lower --lr may help"));
  }
  const std::optional<int64_t> peak = fresh_peak ? PeakMemory() : std::nullopt;
  RunResult run = Measure(setting, trainer, peak);
  WriteKept(setting, train, run, folder);
  return run;
}

// What the evaluations after a run cost, in steps: a step is three passes over its tokens, and
// every target by length is passed over twice, as windows slide by half their length.
int64_t EvaluationUnits(const CompareOptions& options) {
  const TrainOptions& train = options.train;
  const int64_t passes = 2 * static_cast<int64_t>(std::size(kLengths)) * options.length_targets;
  return 1 + passes / (3 * train.accumulation * train.batch * train.context);
}

}  // namespace

std::vector<PositionEncoding> EncodingsFor(AttentionForm attention) {
  std::vector<PositionEncoding> encodings;
  for (const std::string& name : PositionEncodingNames()) {
    const PositionEncoding encoding = ParsePositionEncoding(name);
    if (attention == AttentionForm::kLinear && encoding == PositionEncoding::kAlibi) continue;
    encodings.push_back(encoding);
  }
  return encodings;
}

void CheckCompareOptions(const CompareOptions& options, const Tokenizer& tokenizer) {
  Require(options.seeds > 0, "compare: seeds must be at least 1, got ", options.seeds);
  Require(!options.encodings.empty(), "compare: there is no encoding to run");
  Require(options.length_targets > 0, "compare: length_targets must be at least 1, got ",
          options.length_targets);
  for (auto each = options.encodings.begin(); each != options.encodings.end(); ++each) {
    Require(std::find(options.encodings.begin(), each, *each) == each, "compare: ", Name(*each),
            " is asked for twice");
    const TrainOptions train = OptionsOf(options, *each, 0);
    CheckTrainOptions(train);
    CheckModelConfig(MakeModelConfig(train, tokenizer.vocab_size()));
  }
}

int64_t CompareUnits(const CompareOptions& options) {
  const auto runs = static_cast<int64_t>(options.encodings.size()) * options.seeds;
  return runs * (options.train.steps + EvaluationUnits(options));
}

int64_t KeptUnits(const CompareOptions& options, const fs::path& folder) {
  int64_t units = 0;
  for (int seed = 0; seed < options.seeds; ++seed) {
    for (const PositionEncoding encoding : options.encodings) {
      const fs::path run_folder = RunFolder(folder, OptionsOf(options, encoding, seed));
      if (fs::exists(ResultPath(run_folder)))
        units += options.train.steps + EvaluationUnits(options);
    }
  }
  return units;
}

std::optional<Experiment> RunComparison(const CompareOptions& options, const Corpus& corpus,
                                        const Tokenizer& tokenizer, const fs::path& folder,
                                        const CompareHooks& hooks) {
  CheckCompareOptions(options, tokenizer);
  const Setting setting{
      .options = options, .corpus = corpus, .tokenizer = tokenizer, .digest = CorpusDigest(corpus)};
  const size_t encodings = options.encodings.size();
  std::vector<RunResult> runs(encodings * static_cast<size_t>(options.seeds));
  // All encodings of a seed before the next seed, so that a comparison that is stopped has whole
  // seeds. Kept units come first in the count, as they took no time.
  int64_t units = KeptUnits(options, folder);
  for (int seed = 0; seed < options.seeds; ++seed) {
    for (size_t i = 0; i < encodings; ++i) {
      const TrainOptions train = OptionsOf(options, options.encodings[i], seed);
      const fs::path run_folder = RunFolder(folder, train);
      auto run = ReadKept(setting, train, run_folder);
      if (!run) {
        run = TrainOne(setting, train, run_folder, hooks, units);
        if (!run) return std::nullopt;
        units += train.steps + EvaluationUnits(options);
        if (hooks.advance) hooks.advance(units, "");
        if (hooks.on_run) hooks.on_run(*run);
      }
      runs[i * static_cast<size_t>(options.seeds) + static_cast<size_t>(seed)] = std::move(*run);
    }
  }

  Experiment experiment;
  experiment.objective = ChoiceName(options.train.objective);
  experiment.attention = ChoiceName(options.train.attention);
  experiment.context = options.train.context;
  experiment.steps = options.train.steps;
  const LengthPlan plan = PlanLengths(options, static_cast<int64_t>(corpus.held_out.size()));
  experiment.length_targets = plan.end - plan.begin;
  TrainOptions shared = options.train;
  shared.threads = ResolveThreads(shared.threads);
  experiment.options = TrainOptionsToJson(shared);
  experiment.options.erase("encoding");
  experiment.options.erase("seed");
  for (const PositionEncoding encoding : options.encodings) {
    experiment.encodings.push_back(Name(encoding));
    if (encoding != PositionEncoding::kRotary) continue;
    const TrainOptions train = OptionsOf(options, encoding, 0);
    experiment.rotation = MakeModelConfig(train, tokenizer.vocab_size()).rotation;
  }
  for (int seed = 0; seed < options.seeds; ++seed) {
    experiment.seeds.push_back(options.train.seed + static_cast<uint64_t>(seed));
  }
  experiment.runs = std::move(runs);
  return experiment;
}

}  // namespace rotary
