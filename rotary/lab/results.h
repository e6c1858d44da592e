// What a comparison measured: every curve and table, the settings, the machine. results.json holds
// exactly this, and the report page is made from it alone.
#ifndef ROTARY_LAB_RESULTS_H_
#define ROTARY_LAB_RESULTS_H_

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "rotary/io/json.h"
#include "rotary/lab/machine.h"
#include "rotary/lab/statistics.h"
#include "rotary/rope/rotation.h"

namespace rotary {

struct TextFile {
  std::string name;  // without its folder
  int64_t bytes = 0;
  std::string sha256;

  bool operator==(const TextFile&) const = default;
};

// The files of a text one after the other. The model trains on the beginning and is judged by the
// end.
struct TextInfo {
  std::vector<TextFile> files;
  int64_t training_bytes = 0, held_out_bytes = 0;
  std::string sha256;  // of all of it

  bool operator==(const TextInfo&) const = default;
};

// A held-out loss on the way.
struct HeldOutPoint {
  int64_t step = 0;
  double loss = 0;

  bool operator==(const HeldOutPoint&) const = default;
};

// The loss with windows of so many tokens; empty where the encoding cannot go that far.
struct LengthLoss {
  int64_t tokens = 0;
  std::optional<double> loss;

  bool operator==(const LengthLoss&) const = default;
};

// A piece of a sample: what the model was given, what it wrote, and, for a masked byte, whether it
// guessed right.
struct Span {
  enum class Kind { kGiven, kWritten, kRight, kWrong };
  Kind kind = Kind::kGiven;
  std::string text;   // UTF-8
  std::string truth;  // kWrong: what stood there

  bool operator==(const Span&) const = default;
};

// One encoding with one seed. Losses are in nats a predicted byte.
struct RunResult {
  std::string encoding;
  uint64_t seed = 0;
  int64_t parameters = 0;
  LossCurve training;
  std::vector<HeldOutPoint> held_out;
  double final_loss = 0;  // held-out, at the end
  std::vector<LengthLoss> lengths;
  double tokens_per_second = 0;        // training alone, without held-out losses and checkpoints
  std::optional<int64_t> peak_memory;  // bytes
  std::vector<Span> sample;

  bool operator==(const RunResult&) const = default;
};

// Runs that differ in encoding and seed alone. Every encoding has the same seeds.
struct Experiment {
  std::string objective;  // "causal" or "mlm"
  std::string attention;  // "softmax" or "linear"
  int64_t context = 0, steps = 0;
  int64_t length_targets =
      0;  // bytes that each loss by length scores; the same ones at every length
  std::optional<Rotation> rotation;  // of the rotary models, where there are any
  Json options;                      // everything that was set, by name
  std::vector<std::string>
      encodings;  // in the order of the report; the first is what others are compared with
  std::vector<uint64_t> seeds;
  std::vector<RunResult> runs;  // [encodings, seeds]

  const RunResult& Run(size_t encoding, size_t seed) const {
    return runs.at(encoding * seeds.size() + seed);
  }
  bool operator==(const Experiment&) const = default;
};

struct Results {
  std::string command;  // that makes them again
  std::string note;     // how the settings came about, where a program chose them; may be empty
  Machine machine;
  TextInfo text;
  std::vector<Experiment> experiments;

  bool operator==(const Results&) const = default;
};

std::string ResultsToJson(const Results& results);
// Throws FileError, in the name of `source`, for what ResultsToJson would not have written.
Results ResultsFromJson(std::string_view text, const std::string& source);
Results ReadResults(const std::filesystem::path& path);

// One run, as it is kept beside the others until all are done.
Json RunToJson(const RunResult& run);
RunResult RunFromJson(const JsonValue& value);

}  // namespace rotary

#endif  // ROTARY_LAB_RESULTS_H_
