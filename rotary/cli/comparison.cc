#include "rotary/cli/comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <stdexcept>
#include <utility>

#include "rotary/cli/out_path.h"
#include "rotary/cli/train_flags.h"
#include "rotary/io/file.h"
#include "rotary/io/sha256.h"
#include "rotary/lab/figures.h"
#include "rotary/lab/report.h"
#include "rotary/lab/sentences.h"
#include "rotary/text/byte_tokenizer.h"
#include "rotary/train/progress.h"
#include "rotary/train/stop_request.h"

namespace rotary {
namespace {

namespace fs = std::filesystem;

constexpr const char* kResultsFile = "results.json";
constexpr const char* kReportFile = "report.html";
constexpr size_t kTypedTexts = 8;  // more than these nobody typed one by one

// As a shell reads it back.
std::string Quoted(const std::string& word) {
  const bool plain = !word.empty() && std::all_of(word.begin(), word.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 ||
           std::string_view("_-./,:=+@%").find(static_cast<char>(c)) != std::string_view::npos;
  });
  if (plain) return word;
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? "'\\''" : std::string(1, c);
  return quoted + "'";
}

}  // namespace

ComparisonText ReadComparisonText(const std::vector<fs::path>& texts, const fs::path& validation,
                                  const TrainOptions& options) {
  ComparisonText text;
  std::string all;
  const auto describe = [&](const fs::path& path, std::string_view bytes) {
    text.info.files.push_back({.name = path.filename().string(),
                               .bytes = static_cast<int64_t>(bytes.size()),
                               .sha256 = Sha256(bytes)});
    all += bytes;
  };
  text.corpus = ReadCorpus(texts, validation, options, describe);
  text.info.sha256 = Sha256(all);
  text.info.training_bytes = static_cast<int64_t>(text.corpus.training.size());
  text.info.held_out_bytes = static_cast<int64_t>(text.corpus.held_out.size());
  return text;
}

std::string CommandLine(const CLI::App& command, const std::vector<fs::path>& texts) {
  std::string line = "rotary " + command.get_name();
  if (texts.size() > kTypedTexts) {
    line += " TEXT...";
  } else {
    for (const fs::path& text : texts) line += " " + Quoted(text.string());
  }
  for (const CLI::Option* option : command.get_options()) {
    if (option->count() == 0 || option->get_positional()) continue;
    line += " " + option->get_name();
    if (option->get_items_expected_max() == 0) continue;  // a flag without a value
    std::string value;
    for (const std::string& word : option->results()) value += (value.empty() ? "" : ",") + word;
    line += " " + Quoted(value);
  }
  if (texts.size() > kTypedTexts) {
    line += fmt::format("    # the {} texts listed below, in this order", texts.size());
  }
  return line;
}

std::vector<Experiment> RunParts(const std::vector<ComparisonPart>& parts, const Corpus& corpus) {
  const ByteTokenizer tokenizer;
  int64_t total = 0, kept = 0;
  for (const ComparisonPart& part : parts) {
    CheckCompareOptions(part.options, tokenizer);
    total += CompareUnits(part.options);
    kept += KeptUnits(part.options, part.runs);
  }
  const StopRequest stop;
  Progress progress("comparing", total, kept);
  if (kept > 0 && kept < total) {
    progress.Line("Finished runs are kept from before; the rest goes on.");
  }
  std::vector<Experiment> experiments;
  int64_t before = 0;  // units of the parts that are done
  for (const ComparisonPart& part : parts) {
    // Runs that later parts have kept stand at the beginning of the bar from the start.
    int64_t kept_later = 0;
    for (size_t later = experiments.size() + 1; later < parts.size(); ++later) {
      kept_later += KeptUnits(parts[later].options, parts[later].runs);
    }
    CompareHooks hooks;
    hooks.advance = [&](int64_t done, const std::string& note) {
      progress.Update(before + kept_later + done, note);
    };
    hooks.on_run = [&](const RunResult& run) {
      progress.Line(fmt::format("{:11} seed {}: held-out loss {:.3f}, {:.0f} bytes a second",
                                DisplayName(run.encoding), run.seed, run.final_loss,
                                run.tokens_per_second));
    };
    hooks.stop = [] { return StopRequest::signal() != 0; };
    auto experiment = RunComparison(part.options, corpus, tokenizer, part.runs, hooks);
    if (!experiment) {
      throw std::runtime_error("compare: stopped; the same command goes on where it was");
    }
    experiments.push_back(std::move(*experiment));
    before += CompareUnits(part.options);
  }
  return experiments;
}

void RequireReportIsNoInput(const std::string& command, const fs::path& out,
                            const std::vector<fs::path>& inputs) {
  for (const char* name : {kResultsFile, kReportFile}) RequireNoInput(command, out / name, inputs);
}

void Report(const Results& results, const fs::path& out, bool json) {
  const std::string text = ResultsToJson(results);
  WriteFileAtomically(out / kResultsFile, text);
  WriteFileAtomically(out / kReportFile, ReportHtml(results));
  if (json) {
    std::cout << text;
    return;
  }
  for (const Experiment& experiment : results.experiments) {
    fmt::print("\n{}\n\n", ExperimentTitle(experiment));
    for (const Table& table :
         {FinalTable(experiment, ""), StepsTable(experiment, ""), LengthTable(experiment, "")}) {
      if (!table.rows.empty()) fmt::print("{}\n", TableToText(table));
    }
    for (const Statement& statement : Statements(experiment)) {
      fmt::print("  {:12} {}\n", statement.topic, statement.sentence);
    }
  }
  if (!results.experiments.empty()) {
    const std::string note = IntervalNote(results.experiments[0]);
    if (!note.empty()) fmt::print("\n{}\n", note);
  }
  fmt::print("\n{}\n", (out / kReportFile).string());
}

}  // namespace rotary
