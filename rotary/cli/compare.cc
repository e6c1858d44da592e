// rotary compare: the same model with other position encodings, and a page that shows what differs.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "rotary/cli/commands.h"
#include "rotary/cli/comparison.h"
#include "rotary/cli/number_check.h"
#include "rotary/cli/train_flags.h"
#include "rotary/io/file.h"
#include "rotary/lab/machine.h"

namespace rotary {
namespace {

struct CompareCommand {
  std::vector<std::filesystem::path> texts;
  std::filesystem::path validation, out, from;
  std::vector<std::string> encodings;
  CompareOptions options;
  bool json = false;
  TrainFlags flags;
  const CLI::App* app = nullptr;
};

std::vector<PositionEncoding> Encodings(const CompareCommand& command) {
  const AttentionForm attention = command.options.train.attention;
  std::vector<PositionEncoding> encodings;
  for (const std::string& name : command.encodings)
    encodings.push_back(ParsePositionEncoding(name));
  if (!encodings.empty()) return encodings;
  if (attention == AttentionForm::kLinear) {
    std::cerr << "compare: without alibi, which adds to scores: linear attention has none\n";
  }
  return EncodingsFor(attention);
}

void Compare(CompareCommand command) {
  if (!command.from.empty()) {
    Require(command.texts.empty(), "compare: --from takes no TEXT, as it trains nothing");
    const Results results = ReadResults(command.from);
    MakeFolder(command.out);
    Report(results, command.out, command.json);
    return;
  }
  Require(!command.texts.empty(), "compare: TEXT is required, or --from");
  RequireReportIsNoInput("compare", command.out, command.texts);
  RequireReportIsNoInput("compare", command.out, {command.validation});
  CompareOptions& options = command.options;
  options.encodings = Encodings(command);
  ReadRopeConfigFlag(command.flags, "compare", options.train);
  const bool rotary = std::find(options.encodings.begin(), options.encodings.end(),
                                PositionEncoding::kRotary) != options.encodings.end();
  Require(rotary || !options.train.rotation,
          "compare: a rotation is for the encoding rotary, which is not compared");
  if (command.flags.options.at("evaluate_every")->count() == 0) {
    options.train.evaluate_every = std::max<int64_t>(1, options.train.steps / 10);
  }
  const ComparisonText text = ReadComparisonText(command.texts, command.validation, options.train);
  Results results;
  results.command = CommandLine(*command.app, command.texts);
  results.machine = DescribeMachine();
  results.text = text.info;
  results.experiments = RunParts({{.options = options, .runs = command.out / "runs"}}, text.corpus);
  Report(results, command.out, command.json);
}

}  // namespace

void AddCompareCommand(CLI::App& program) {
  const auto command = std::make_shared<CompareCommand>();
  CLI::App* app = program.add_subcommand(
      "compare", "Train the same model with several position encodings and report what differs");
  command->app = app;
  app->footer(
      "Writes OUT/results.json and OUT/report.html, a page that works offline. Finished runs are "
      "kept in\n"
      "OUT/runs; after Ctrl-C or a kill the same command goes on.\n"
      "Example: rotary compare book.txt --out out/compare --seeds 3 --steps 500");
  app->add_option("TEXT", command->texts, "text files, read as bytes, one after the other");
  app->add_option("--out", command->out, "folder for results and report")->required();
  app->add_option(
         "--encodings", command->encodings,
         "what to compare, apart by commas; the others are compared with the first. All by default")
      ->delimiter(',')
      ->type_name("");
  app->add_option("--seeds", command->options.seeds,
                  "runs of each encoding; seeds count up from --seed. Nothing is claimed from one")
      ->transform(WholeNumber("--seeds", 1))
      ->capture_default_str()
      ->type_name("");
  app->add_option("--validation", command->validation,
                  "text to judge by, instead of the end of TEXT");
  app->add_option("--from", command->from, "a results.json: write its report again, train nothing");
  app->add_flag("--json", command->json, "print the results as JSON");
  AddTrainFlags(*app, command->options.train, command->flags, {"encoding"});
  app->callback([command] { Compare(*command); });
}

}  // namespace rotary
