// rotary golden: the golden vectors, written or used to score an engine.
#include <algorithm>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>

#include "rotary/base/error.h"
#include "rotary/cli/commands.h"
#include "rotary/golden/score.h"
#include "rotary/golden/write_suite.h"
#include "rotary/io/file.h"
#include "rotary/io/json.h"

namespace rotary {
namespace {

struct GoldenCommand {
  std::filesystem::path out, check;
  std::filesystem::path suite = "conformance/cases";
  bool json = false;
};

std::string_view Verdict(const GoldenScore& score) {
  return score.broken ? "broken" : score.offered ? "passed" : "not offered";
}

void PrintJson(const std::vector<GoldenScore>& scores) {
  Json cases = Json::array();
  for (const GoldenScore& score : scores) {
    Json line = {{"name", score.name}, {"level", score.level}, {"verdict", Verdict(score)}};
    if (score.broken) {
      line["rule"] = score.broken->rule;
      line["sentence"] = score.broken->sentence;
    }
    cases.push_back(std::move(line));
  }
  std::cout << Json{{"cases", cases}}.dump() << '\n';
}

void PrintText(const std::vector<GoldenScore>& scores) {
  for (const GoldenScore& score : scores) {
    if (score.broken) {
      std::cout << score.name << ": broken, " << score.broken->rule << ": "
                << score.broken->sentence << '\n';
    }
  }
  for (const std::string_view level : kGoldenLevels) {
    std::map<std::string_view, int> count;
    int all = 0;
    for (const GoldenScore& score : scores) {
      if (score.level != level) continue;
      ++count[Verdict(score)];
      ++all;
    }
    std::cout << level << ": " << count["passed"] << " of " << all << " passed";
    for (const std::string_view other : {"broken", "not offered"}) {
      if (count[other] > 0) std::cout << ", " << count[other] << ' ' << other;
    }
    std::cout << (count["passed"] == all ? " (badge)\n" : "\n");
  }
}

void Check(const GoldenCommand& command) {
  std::error_code error;
  if (!std::filesystem::exists(command.suite, error) && !error) {
    throw ReadError(command.suite,
                    "there is no such folder; --suite says where the golden vectors are");
  }
  const std::vector<GoldenScore> scores = ScoreFolder(command.suite, command.check);
  command.json ? PrintJson(scores) : PrintText(scores);
  const auto broken = std::count_if(scores.begin(), scores.end(),
                                    [](const GoldenScore& score) { return score.broken; });
  if (broken > 0) {
    throw std::runtime_error(
        Sentence("golden: ", broken, " of ", scores.size(), " cases are broken"));
  }
}

}  // namespace

void AddGoldenCommand(CLI::App& program) {
  const auto command = std::make_shared<GoldenCommand>();
  CLI::App* app = program.add_subcommand(
      "golden", "Score what an engine computed against the golden vectors, or write these");
  app->footer(
      "Example: rotary golden --check outputs\n"
      "outputs/NAME.safetensors holds y, and d_x where the engine has a backward pass, for each\n"
      "case that the engine offers; conformance/README.md says more.");
  auto* out = app->add_option("--out", command->out, "write the suite into this new folder");
  auto* check = app->add_option("--check", command->check, "score this folder of outputs");
  app->add_option("--suite", command->suite, "the golden vectors [conformance/cases]")
      ->needs(check);
  app->add_flag("--json", command->json, "print JSON")->needs(check);
  out->excludes(check);
  app->callback([command, out, check] {
    Require(out->count() + check->count() == 1, "golden: give --out or --check");
    if (check->count() == 1) {
      Check(*command);
    } else {
      std::cout << WriteGoldenSuite(command->out) << " cases in " << command->out.string() << '\n';
    }
  });
}

}  // namespace rotary
