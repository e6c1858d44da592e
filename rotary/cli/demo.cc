// rotary demo: small models on any text, in a few minutes, as many steps as these allow.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "rotary/cli/commands.h"
#include "rotary/cli/comparison.h"
#include "rotary/cli/number_check.h"
#include "rotary/io/file.h"
#include "rotary/io/json.h"
#include "rotary/lab/machine.h"
#include "rotary/text/byte_tokenizer.h"
#include "rotary/train/trainer.h"

namespace rotary {
namespace {

namespace fs = std::filesystem;

struct DemoCommand {
  std::vector<fs::path> texts;
  fs::path out;
  double minutes = 3;
  int64_t steps = 0;
  int seeds = 3;
  int threads = 0;
  const CLI::App* app = nullptr;
};

// Small enough that a minute shows something, large enough that positions matter.
TrainOptions SmallModel(const DemoCommand& command) {
  TrainOptions train;
  train.layers = 2;
  train.model_dim = 64;
  train.heads = 4;
  train.context = 64;
  train.batch = 16;
  train.lr = 4e-3;
  train.final_lr = 4e-4;
  train.evaluation_windows = 128;
  // The best of 0.01 to 0.3 for causal models of this kind (docs/experiments.md).
  train.sinusoidal_amplitude = 0.05;
  train.threads = command.threads;
  return train;
}

std::vector<ComparisonPart> Parts(const DemoCommand& command) {
  ComparisonPart causal{.options = {.train = SmallModel(command)},
                        .runs = command.out / "runs" / "causal"};
  causal.options.encodings = EncodingsFor(AttentionForm::kSoftmax);
  ComparisonPart masked = causal;
  masked.runs = command.out / "runs" / "masked";
  masked.options.train.objective = Objective::kMasked;
  masked.options.encodings = {PositionEncoding::kRotary, PositionEncoding::kNone};
  std::vector<ComparisonPart> parts = {causal, masked};
  for (ComparisonPart& part : parts) {
    part.options.seeds = command.seeds;
    part.options.length_targets = 4096;
  }
  return parts;
}

// The median time of a step, after some to warm up.
double StepSeconds(const CompareOptions& options, const Corpus& corpus) {
  constexpr int kWarmUp = 5, kSteps = 15;
  TrainOptions train = options.train;
  train.steps = kWarmUp + kSteps;
  Trainer trainer(train, corpus, ByteTokenizer());
  std::vector<double> seconds;
  for (int step = 0; step < kWarmUp + kSteps; ++step) {
    const double taken = trainer.Step().seconds;
    if (step >= kWarmUp) seconds.push_back(taken);
  }
  std::nth_element(seconds.begin(), seconds.begin() + kSteps / 2, seconds.end());
  return seconds[kSteps / 2];
}

// Steps of every run, so that all of them together take about `minutes`.
int64_t ChooseSteps(const std::vector<ComparisonPart>& parts, const Corpus& corpus,
                    double minutes) {
  constexpr int64_t kLeast = 50;
  double fixed = 0, per_step = 0;  // seconds: of the evaluations, and for each step of all runs
  for (const ComparisonPart& part : parts) {
    CompareOptions options = part.options;
    options.train.steps = 0;
    const double seconds = StepSeconds(part.options, corpus);
    fixed += static_cast<double>(CompareUnits(options)) * seconds;
    per_step += static_cast<double>(options.encodings.size()) * options.seeds * seconds;
  }
  const double steps = std::max(1.0, (60 * minutes - fixed) / per_step);
  // Two digits: a number to remember, and to ask for again.
  const double unit = std::pow(10, std::max(0.0, std::floor(std::log10(steps)) - 1));
  return std::max(kLeast, static_cast<int64_t>(std::floor(steps / unit) * unit));
}

// What OUT/runs belong to. Runs of another plan are of no use to this one.
Json PlanOf(const DemoCommand& command, const std::vector<ComparisonPart>& parts,
            const std::string& text) {
  Json models = Json::array();
  for (const ComparisonPart& part : parts) models.push_back(TrainOptionsToJson(part.options.train));
  return {
      {"text", text}, {"seeds", command.seeds}, {"minutes", command.minutes}, {"models", models}};
}

// The number of steps: as asked for, as an earlier call with the same plan chose, or as the machine
// is fast. Runs of another plan are removed.
int64_t PlanSteps(const DemoCommand& command, const std::vector<ComparisonPart>& parts,
                  const ComparisonText& text) {
  const fs::path path = command.out / "plan.json";
  Json plan = PlanOf(command, parts, text.info.sha256);
  if (fs::exists(path)) {
    Json kept = JsonDocument::Read(path).root().json();
    const auto steps = kept.is_object() ? kept.value("steps", int64_t{0}) : 0;
    plan["steps"] = steps;
    if (kept == plan && (command.steps == 0 || command.steps == steps)) return steps;
    fs::remove_all(command.out / "runs");
  }
  MakeFolder(command.out);
  if (command.steps == 0) fmt::print(stderr, "measuring how fast this machine trains\n");
  const int64_t steps =
      command.steps > 0 ? command.steps : ChooseSteps(parts, text.corpus, command.minutes);
  plan["steps"] = steps;
  WriteFileAtomically(path, plan.dump(1) + "\n");
  return steps;
}

void Demo(const DemoCommand& command) {
  RequireReportIsNoInput("demo", command.out, command.texts);
  std::vector<ComparisonPart> parts = Parts(command);
  const ComparisonText text = ReadComparisonText(command.texts, "", parts[0].options.train);
  const int64_t steps = PlanSteps(command, parts, text);
  for (ComparisonPart& part : parts) {
    part.options.train.steps = steps;
    part.options.train.evaluate_every = std::max<int64_t>(1, steps / 10);
  }
  Results results;
  results.command = CommandLine(*command.app, command.texts);
  if (command.steps == 0) {
    results.note = fmt::format(
        "The number of steps, {}, is what this machine could take in about {:g} minutes. With "
        "--steps {} the "
        "runs depend on the text and the seeds alone, not on the machine's speed.",
        steps, command.minutes, steps);
  }
  results.machine = DescribeMachine();
  results.text = text.info;
  results.experiments = RunParts(parts, text.corpus);
  Report(results, command.out, false);
}

}  // namespace

void AddDemoCommand(CLI::App& program) {
  const auto command = std::make_shared<DemoCommand>();
  CLI::App* app = program.add_subcommand(
      "demo", "Compare the position encodings on your text in a few minutes");
  command->app = app;
  app->footer(
      "Trains small models with every position encoding, causal and masked, for as many steps as "
      "the minutes\n"
      "allow, and writes OUT/report.html. After Ctrl-C or a kill the same command goes on.\n"
      "Example: rotary demo book.txt --out out/demo");
  app->add_option("TEXT", command->texts, "text files, read as bytes, one after the other")
      ->required();
  app->add_option("--out", command->out, "folder for results and report")->required();
  app->add_option("--minutes", command->minutes, "time to take, about")
      ->capture_default_str()
      ->check(PositiveNumber("--minutes"))
      ->type_name("");
  app->add_option("--steps", command->steps, "steps of every run, instead of --minutes")
      ->transform(WholeNumber("--steps", 1))
      ->type_name("");
  app->add_option("--seeds", command->seeds, "runs of each encoding")
      ->capture_default_str()
      ->transform(WholeNumber("--seeds", 1))
      ->type_name("");
  app->add_option("--threads", command->threads, "threads; 0: all cores")
      ->transform(WholeNumber("--threads", 0))
      ->type_name("");
  app->callback([command] { Demo(*command); });
}

}  // namespace rotary
