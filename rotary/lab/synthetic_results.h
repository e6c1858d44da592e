// Made-up results for tests: smooth curves of known shape, so that every number of a report can be
// worked out by hand.
#ifndef ROTARY_LAB_SYNTHETIC_RESULTS_H_
#define ROTARY_LAB_SYNTHETIC_RESULTS_H_

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "rotary/lab/results.h"

namespace rotary {

// An encoding whose training loss at step s is 5 - 0.4 log(s / slowness), and whose held-out loss
// at the end is `loss`. Seed number k adds 0.1 k to every encoding alike, and `own[k]` (0 where
// absent) to this one's losses.
struct SyntheticArm {
  std::string encoding;
  double slowness = 1;
  double loss = 2;
  std::vector<double> own;
  std::vector<std::optional<double>> rise = {0, 0, 0,
                                             0};  // of the loss at 1x, 2x, 4x, 8x the length
  double tokens_per_second = 1000;
};

inline Experiment SyntheticExperiment(const std::vector<SyntheticArm>& arms, int seeds) {
  Experiment experiment;
  experiment.objective = "causal";
  experiment.attention = "softmax";
  experiment.context = 64;
  experiment.steps = 400;
  experiment.length_targets = 2048;
  experiment.rotation = MakeRotation({.head_dim = 16});
  experiment.options = {{"layers", 2}, {"lr", 0.002}};
  for (int seed = 1; seed <= seeds; ++seed) experiment.seeds.push_back(static_cast<uint64_t>(seed));
  for (const SyntheticArm& arm : arms) {
    experiment.encodings.push_back(arm.encoding);
    for (int k = 0; k < seeds; ++k) {
      const auto index = static_cast<size_t>(k);
      const double shift = 0.1 * k + (index < arm.own.size() ? arm.own[index] : 0);
      RunResult run;
      run.encoding = arm.encoding;
      run.seed = experiment.seeds[index];
      run.parameters = 1000;
      CurveRecorder recorder;
      for (int64_t step = 1; step <= experiment.steps; ++step) {
        const auto s = static_cast<double>(step);
        recorder.Add(s / arm.tokens_per_second, 5 - 0.4 * std::log(s / arm.slowness) + shift);
      }
      run.training = recorder.curve();
      run.held_out = {{.step = 100, .loss = arm.loss + 0.5 + shift},
                      {.step = 400, .loss = arm.loss + shift}};
      run.final_loss = arm.loss + shift;
      for (size_t i = 0; i < arm.rise.size(); ++i) {
        LengthLoss length{.tokens = experiment.context << i, .loss = std::nullopt};
        if (arm.rise[i]) length.loss = run.final_loss + *arm.rise[i];
        run.lengths.push_back(length);
      }
      run.tokens_per_second = arm.tokens_per_second + k;
      run.peak_memory = 50'000'000;
      run.sample = {{.kind = Span::Kind::kGiven, .text = "To be", .truth = ""},
                    {.kind = Span::Kind::kWritten, .text = ", or <not>", .truth = ""}};
      experiment.runs.push_back(std::move(run));
    }
  }
  return experiment;
}

inline Results SyntheticResults(Experiment experiment) {
  Results results;
  results.command = "rotary compare a.txt --out out";
  results.machine = {.cpu = "a <cpu>", .cores = 2, .simd = "AVX2", .compiler = "GCC 12"};
  results.text = {.files = {{.name = "a & b.txt", .bytes = 1000, .sha256 = std::string(64, '0')}},
                  .training_bytes = 900,
                  .held_out_bytes = 100,
                  .sha256 = std::string(64, '0')};
  results.experiments.push_back(std::move(experiment));
  return results;
}

}  // namespace rotary

#endif  // ROTARY_LAB_SYNTHETIC_RESULTS_H_
