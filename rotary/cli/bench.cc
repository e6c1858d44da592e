// rotary bench: speed against the limits of this machine, both measured in the same run.
#include "bench/bench.h"

#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "bench/attention_bench.h"
#include "bench/layers_bench.h"
#include "bench/rotate_bench.h"
#include "bench/train_bench.h"
#include "rotary/base/simd.h"
#include "rotary/cli/commands.h"
#include "rotary/cli/number_check.h"

namespace rotary {

void AddBenchCommand(CLI::App& program) {
  struct Options {
    std::string group;
    BenchOptions bench;
    std::string simd;
    bool json = false;
  };
  const auto options = std::make_shared<Options>();
  CLI::App* command =
      program.add_subcommand("bench", "Measure speed against the limits of this machine");
  command->footer("Example: rotary bench rotate --threads 1");
  command
      ->add_option("group", options->group,
                   "rotate, attention, train, or layers (only when named); the first three by "
                   "default")
      ->check(CLI::IsMember({"rotate", "attention", "train", "layers"}));
  command->add_option("--threads", options->bench.threads, "threads; 0: all cores")
      ->transform(WholeNumber("--threads", 0));
  command->add_option("--filter", options->bench.filter,
                      "only rows whose name contains this; with a $ behind it, ends with it");
  command->add_option("--seconds", options->bench.row_seconds, "time for one row")
      ->check(PositiveNumber("--seconds"));
  std::map<std::string, int64_t> targets;
  for (const int64_t target : SimdTargets()) targets[SimdTargetName(target)] = target;
  command
      ->add_option("--simd", options->simd,
                   "run on this SIMD target of the machine instead of its best")
      ->check(CLI::IsMember(targets));
  command->add_flag("--json", options->json, "print JSON");
  command->callback([options, targets] {
    std::optional<ScopedSimdTarget> scope;
    if (!options->simd.empty()) scope.emplace(targets.at(options->simd));
    std::vector<BenchResult> results;
    const auto add = [&](const char* group, auto bench) {
      if (!options->group.empty() && options->group != group) return;
      for (BenchResult& result : bench(options->bench)) results.push_back(std::move(result));
    };
    add("rotate", BenchRotate);
    add("attention", BenchAttention);
    add("train", BenchTrain);
    if (options->group == "layers") add("layers", BenchLayers);  // a look inside a step, on demand
    std::cout << (options->json ? BenchToJson(results, options->bench)
                                : BenchToText(results, options->bench));
    CheckShares(results);
  });
}

}  // namespace rotary
