// What `compare` and `demo` share: texts, the bar over all runs, results and report.
#ifndef ROTARY_CLI_COMPARISON_H_
#define ROTARY_CLI_COMPARISON_H_

#include <CLI/CLI.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "rotary/lab/compare.h"
#include "rotary/lab/results.h"
#include "rotary/train/dataset.h"

namespace rotary {

struct ComparisonText {
  TextInfo info;
  Corpus corpus;
};

// Throws FileError as ReadCorpus does.
//   validation  text to judge by; empty: the end of `texts`
ComparisonText ReadComparisonText(const std::vector<std::filesystem::path>& texts,
                                  const std::filesystem::path& validation,
                                  const TrainOptions& options);

// The command as a person would type it again. A long list of texts is left to the page's own list.
std::string CommandLine(const CLI::App& command, const std::vector<std::filesystem::path>& texts);

// A comparison, and the folder that keeps its runs.
struct ComparisonPart {
  CompareOptions options;
  std::filesystem::path runs;
};

// Runs all parts under one progress bar. Ctrl-C saves the run under way and throws
// std::runtime_error.
std::vector<Experiment> RunParts(const std::vector<ComparisonPart>& parts, const Corpus& corpus);

// Throws std::invalid_argument, in the name of `command`, where Report() would replace an input.
void RequireReportIsNoInput(const std::string& command, const std::filesystem::path& out,
                            const std::vector<std::filesystem::path>& inputs);

// Writes out/results.json and out/report.html, and prints where they lie and what they show.
//   json  print the results instead
void Report(const Results& results, const std::filesystem::path& out, bool json);

}  // namespace rotary

#endif  // ROTARY_CLI_COMPARISON_H_
