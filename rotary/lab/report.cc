#include "rotary/lab/report.h"

#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "rotary/lab/figures.h"
#include "rotary/lab/page.h"
#include "rotary/lab/sentences.h"

namespace rotary {
namespace {

constexpr size_t kShownFiles = 12;  // of a text; results.json has them all
constexpr size_t kNamedFiles = 3;   // with more, only their number is said

bool Masked(const Experiment& experiment) { return experiment.objective == "mlm"; }

std::string TextName(const TextInfo& text) {
  if (text.files.size() > kNamedFiles) return fmt::format("{} files", text.files.size());
  std::string names;
  for (const TextFile& file : text.files) names += (names.empty() ? "" : ", ") + file.name;
  return names;
}

void AddFindings(const Results& results, Page& page) {
  std::string note;
  for (const Experiment& experiment : results.experiments) {
    if (results.experiments.size() > 1) page.Subsection(ExperimentTitle(experiment));
    std::vector<std::pair<std::string, std::string>> findings;
    for (Statement& statement : Statements(experiment)) {
      findings.emplace_back(std::move(statement.topic), std::move(statement.sentence));
    }
    page.Findings(findings);
    // Said once where the experiments have as many seeds.
    if (IntervalNote(experiment) == note) continue;
    note = IntervalNote(experiment);
    page.Note(note);
  }
}

std::string SampleMarkup(const RunResult& run) {
  std::string html =
      fmt::format("<figure><h3><span class=\"mark s{}\"></span>{}</h3>\n<p class=\"passage\">",
                  StyleOf(run.encoding), EscapeHtml(DisplayName(run.encoding)));
  for (const Span& span : run.sample) {
    const std::string text = EscapeHtml(span.text);
    switch (span.kind) {
      case Span::Kind::kGiven:
        html += "<span class=\"given\">" + text + "</span>";
        break;
      case Span::Kind::kWritten:
        html += text;
        break;
      case Span::Kind::kRight:
        html += "<mark class=\"right\">" + text + "</mark>";
        break;
      case Span::Kind::kWrong:
        html += "<mark class=\"wrong\" title=\"was: " + EscapeHtml(span.truth) + "\">" + text +
                "</mark>";
        break;
    }
  }
  return html + "</p></figure>\n";
}

void AddSamples(const Experiment& experiment, Page& page) {
  std::string html;
  for (size_t i = 0; i < experiment.encodings.size(); ++i) {
    const RunResult& run = experiment.Run(i, 0);
    if (!run.sample.empty()) html += SampleMarkup(run);
  }
  if (html.empty()) return;
  page.Subsection("Samples");
  page.Note(Masked(experiment)
                ? "Held-out text whose marked bytes were hidden from the model of the first seed. "
                  "Its likeliest guesses stand in their place, underlined where they are wrong."
                : "What the model of the first seed writes after the grey words, which are "
                  "held-out text; all draw with the same random numbers.");
  page.Markup("<div class=\"row three\">\n" + html + "</div>\n");
}

void AddExperiment(const Experiment& experiment, const std::string& prefix, Page& page) {
  page.Section(ExperimentTitle(experiment),
               fmt::format("{} {}, {} steps each.", experiment.seeds.size(),
                           experiment.seeds.size() == 1 ? "seed" : "seeds",
                           Thousands(static_cast<double>(experiment.steps))));
  std::vector<Chart> charts = {LossByStep(experiment), GapByStep(experiment),
                               LossByTime(experiment), HeldOutByStep(experiment)};
  std::erase_if(charts, [](const Chart& chart) { return chart.series.empty(); });
  page.Add(charts);

  std::vector<Table> tables = {FinalTable(experiment, prefix), StepsTable(experiment, prefix)};
  std::erase_if(tables, [](const Table& table) { return table.rows.empty(); });
  page.Add(tables);

  std::vector<Chart> distances = {LossByLength(experiment), BoundByDistance(experiment)};
  std::erase_if(distances, [](const Chart& chart) { return chart.series.empty(); });
  page.Add(distances);
  if (Table lengths = LengthTable(experiment, prefix); !lengths.rows.empty()) page.Add(lengths);
  AddSamples(experiment, page);
}

// Every option by its name, one a line.
std::string OptionList(const Json& options) {
  std::string list;
  for (const auto& [name, value] : options.items()) {
    if (value.is_null()) continue;
    list +=
        fmt::format("{} {}\n", name, value.is_string() ? value.get<std::string>() : value.dump());
  }
  return list;
}

void AddSettings(const Results& results, Page& page) {
  page.Section("How to make this page again");
  if (!results.command.empty()) page.Code(results.command);
  if (!results.note.empty()) page.Paragraph(results.note);
  const TextInfo& text = results.text;
  const Machine& machine = results.machine;
  const auto bytes = [](int64_t count) { return Thousands(static_cast<double>(count)) + " bytes"; };
  page.Add(Table{.id = "facts",
                 .rows = {{"Text", TextName(text)},
                          {"SHA-256", text.sha256},
                          {"Trained on", bytes(text.training_bytes)},
                          {"Held out", bytes(text.held_out_bytes) + ", the end of the text"},
                          {"Processor", fmt::format("{}, {} cores, {}", machine.cpu, machine.cores,
                                                    machine.simd)},
                          {"Compiler", machine.compiler}}});
  for (const Experiment& experiment : results.experiments) {
    page.Subsection("All settings: " + ExperimentTitle(experiment));
    page.Markup("<pre class=\"columns\">" + EscapeHtml(OptionList(experiment.options)) +
                "</pre>\n");
  }
  if (text.files.size() < 2) return;
  page.Subsection("Files");
  Table files{.id = "files", .header = {"file", "bytes", "SHA-256"}};
  for (const TextFile& file : text.files) {
    if (files.rows.size() == kShownFiles) break;
    files.rows.push_back(
        {file.name, Thousands(static_cast<double>(file.bytes)), file.sha256.substr(0, 16) + "…"});
  }
  page.Add(files);
  if (text.files.size() > kShownFiles) {
    page.Note(
        fmt::format("And {} more; results.json has them all.", text.files.size() - kShownFiles));
  }
}

}  // namespace

std::string ReportHtml(const Results& results) {
  Page page("Position encodings, side by side",
            fmt::format("Models that differ in nothing but how they know positions: the same text "
                        "({}), the same initial weights, the same batches.",
                        TextName(results.text)),
            "Rotary · comparison");
  AddFindings(results, page);
  int number = 0;
  for (const Experiment& experiment : results.experiments) {
    AddExperiment(experiment, "experiment-" + std::to_string(++number), page);
  }
  AddSettings(results, page);
  return page.Html();
}

}  // namespace rotary
