// The same model with other position encodings, side by side: same text, same seeds, same initial
// weights, same batches and masks. One run for each encoding and seed; what differs between two
// runs of a seed is the encoding alone.
#ifndef ROTARY_LAB_COMPARE_H_
#define ROTARY_LAB_COMPARE_H_

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "rotary/lab/results.h"
#include "rotary/model/model_config.h"
#include "rotary/text/tokenizer.h"
#include "rotary/train/dataset.h"
#include "rotary/train/train_options.h"

namespace rotary {

struct CompareOptions {
  TrainOptions train;  // of every run, but for encoding and seed; its seed is the first one
  std::vector<PositionEncoding> encodings;  // others are compared with the first
  int seeds = 1;
  int64_t length_targets = 8192;  // bytes that each loss by length scores, where there are so many
};

// All encodings that the form of attention allows: ALiBi adds to scores, and linear attention has
// none.
std::vector<PositionEncoding> EncodingsFor(AttentionForm attention);

// Throws std::invalid_argument for what would only fail after some runs: an encoding twice, one
// that the model cannot take, no seeds.
void CheckCompareOptions(const CompareOptions& options, const Tokenizer& tokenizer);

// What a caller wants to hear of, and to decide. Any may be empty.
struct CompareHooks {
  // Every step: the units that are done, of CompareUnits, and which run is at what loss.
  std::function<void(int64_t done, const std::string& note)> advance;
  // A run is done.
  std::function<void(const RunResult& run)> on_run;
  // Asked after every step.
  std::function<bool()> stop;
};

// Steps, and evaluations at what they are worth in steps.
int64_t CompareUnits(const CompareOptions& options);
// Those of the runs that `folder` holds already.
int64_t KeptUnits(const CompareOptions& options, const std::filesystem::path& folder);

// Runs what `folder` does not hold yet and returns all of it; empty where `stop` asked for an end.
// Every finished run is kept as folder/ENCODING-seed-N/result.json beside its last checkpoint, and
// a run that was stopped or killed goes on from its last checkpoint.
// Throws std::invalid_argument where `folder` holds runs of another text or with other options, and
// what training throws.
std::optional<Experiment> RunComparison(const CompareOptions& options, const Corpus& corpus,
                                        const Tokenizer& tokenizer,
                                        const std::filesystem::path& folder,
                                        const CompareHooks& hooks);

}  // namespace rotary

#endif  // ROTARY_LAB_COMPARE_H_
