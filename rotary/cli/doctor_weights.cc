#include "rotary/cli/doctor_weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <map>
#include <utility>
#include <vector>

#include "rotary/cli/config_groups.h"
#include "rotary/config/query_key_rows.h"
#include "rotary/doctor/findings_text.h"
#include "rotary/doctor/weight_guess.h"
#include "rotary/io/checkpoint_tensors.h"
#include "rotary/model/hf_own_config.h"
#include "rotary/rope/axes.h"
#include "rotary/train/choices.h"

namespace rotary {
namespace {

namespace fs = std::filesystem;

using Head = QueryKeyRows::Head;

// A checkpoint's rows of queries and keys by layer, and what its config says of them.
struct Checkpoint {
  std::map<std::pair<int, bool>, RowLengths> rows;  // by layer and whether they are keys
  std::string layout;

  std::vector<RowLengths> all() const {
    std::vector<RowLengths> list;
    for (const auto& [place, own] : rows) list.push_back(own);
    return list;
  }
};

// The lengths of the rows that turn, of one head.
std::vector<double> LengthsOf(const ConstTensorView& weight, const Head& head) {
  const int64_t begin =
      head.begin + *std::min_element(head.rotation->first.begin(), head.rotation->first.end());
  const int64_t end = begin + 2 * head.rotation->pairs();
  Require(end <= weight.shape(0), "it has ", weight.shape(0), " rows, and the heads of the config ",
          "have more");
  std::vector<double> lengths;
  DispatchFloat(weight.dtype(), "weights", [&]<class T>() {
    for (int64_t row = begin; row < end; ++row) {
      const T* from = weight.As<T>() + row * weight.stride(0);
      double sum = 0;
      for (int64_t i = 0; i < weight.shape(1); ++i) {
        const auto x = static_cast<double>([&] {
          if constexpr (std::is_same_v<T, double>) {
            return from[i];
          } else {
            return ToFloat(from[i]);
          }
        }());
        sum += x * x;
      }
      Require(std::isfinite(sum), "a number of row ", row, " is not finite, or too large");
      lengths.push_back(std::sqrt(sum));
    }
  });
  return lengths;
}

void AddTensor(const CheckpointTensors& tensors, const std::string& name,
               const std::vector<Head>& heads, Checkpoint& checkpoint) {
  const ConstTensorView weight = tensors.FileOf(name).view(name);
  try {
    Require(weight.rank() == 2, "it has ", weight.rank(), " axes, not 2");
    Require(weight.count() > 0, "there are no numbers: ", weight.shape().ToString());
    for (const Head& head : heads) {
      if (head.rotation->pairs() == 0) continue;
      RowLengths& rows = checkpoint.rows[{head.layer, head.is_key}];
      rows.layer = head.layer;
      rows.is_key = head.is_key;
      AddHead(LengthsOf(weight, head), rows);
    }
  } catch (const std::invalid_argument& error) {
    throw ReadError(tensors.path(), name, ": ", error.what());
  }
}

// "half", "interleaved", where the pairs are those of one of them; else empty.
std::string LayoutOf(const Rotation& rotation) {
  const int offset = rotation.first.empty() ? 0 : rotation.first[0];
  for (const Layout layout : {Layout::kHalf, Layout::kInterleaved}) {
    const Pairs pairs = PairsOf(2 * rotation.pairs(), layout, offset);
    if (pairs.first == rotation.first && pairs.second == rotation.second) {
      return std::string(ChoiceName(layout));
    }
  }
  return "";
}

// Of models that this program trained, in its own dialect of configs.
Checkpoint ReadOwn(const JsonValue& root, const CheckpointTensors& tensors) {
  const ModelConfig config = ReadOwnConfig(root);
  const std::string& source = root.source();
  if (config.positions != PositionEncoding::kRotary) {
    throw ReadError(source, "its positions are ", Name(config.positions), ", nothing rotates");
  }
  Checkpoint checkpoint{.layout = LayoutOf(config.rotation)};
  if (checkpoint.layout.empty() || config.rotation.head_dim != config.head_dim) {
    throw ReadError(source, "its pairs are not one plain span of a head");
  }
  for (int layer = 0; layer < config.layers; ++layer) {
    std::vector<Head> heads;
    heads.reserve(static_cast<size_t>(config.heads + config.kv_heads));
    for (int h = 0; h < config.heads + config.kv_heads; ++h) {
      heads.push_back({layer, h >= config.heads, int64_t{h} * config.head_dim, &config.rotation});
    }
    AddTensor(tensors, Sentence("layers.", layer, ".attention.qkv.weight"), heads, checkpoint);
  }
  return checkpoint;
}

Checkpoint ReadAny(const JsonValue& root, const CheckpointTensors& tensors,
                   const RotationFlags& flags) {
  RopeConfigOptions options;
  options.ignore = {flags.ignore.begin(), flags.ignore.end()};
  if (!flags.layout.empty()) options.layout = ParseChoice<Layout>("doctor: layout", flags.layout);
  const RopeConfig rope = ReadRopeConfig(root, options);
  PrintWarnings(rope);
  const QueryKeyRows rows(root, rope, "read");
  Checkpoint checkpoint{.layout = std::string(ChoiceName(rows.layout()))};
  const std::string source = tensors.path().string();
  for (const std::string& name : tensors.names()) {
    const std::vector<Head> heads = rows.HeadsIn(source, name, tensors.FileOf(name).shape(name));
    if (!heads.empty()) AddTensor(tensors, name, heads, checkpoint);
  }
  if (checkpoint.rows.empty()) {
    throw ReadError(source, "there is no projection of queries or keys");
  }
  return checkpoint;
}

Checkpoint ReadCheckpoint(const fs::path& path, const RotationFlags& flags) {
  const CheckpointTensors tensors(path);
  fs::path config = flags.config;
  if (config.empty()) {
    Require(fs::is_directory(path), "doctor: a single file of weights needs --config");
    config = path / "config.json";
  }
  const JsonDocument document = JsonDocument::Read(config);
  const auto type = document.root().Find("model_type");
  const bool is_own = type && type->json() == "rotary";
  return is_own ? ReadOwn(document.root(), tensors) : ReadAny(document.root(), tensors, flags);
}

struct Told {
  std::string verdict;
  std::vector<Finding> findings;
};

Told TellOf(const LayoutGuess& guess, const std::string& wanted) {
  Told told;
  const Json evidence = {{"left_by_half", guess.left_by_half},
                         {"left_by_interleaved", guess.left_by_interleaved},
                         {"permutations", guess.permutations},
                         {"as_far", guess.as_far}};
  if (!guess.layout) {
    told.verdict =
        "The lengths of the rows of queries and keys do not tell in which layout they lie: they "
        "are as even as those of random initial weights, or follow neither layout.";
    told.findings = {{"cannot-tell", Severity::kNote, told.verdict, evidence}};
    return told;
  }
  const std::string found(ChoiceName(*guess.layout));
  if (found == wanted) {
    told.verdict = fmt::format("The weights lie in the {} layout, as the config says.", found);
    told.findings = {{"none-found", Severity::kNote, told.verdict, evidence}};
  } else {
    told.verdict = fmt::format(
        "The weights lie in the {} layout, and the config's is {}: rotated so, the model computes "
        "nonsense. `rotary convert --layout {} --to {}` brings them to it.",
        found, wanted, found, wanted);
    told.findings = {{"layout-differs", Severity::kFault, told.verdict, evidence}};
  }
  return told;
}

}  // namespace

void AddDoctorWeights(CLI::App& command, fs::path& checkpoint) {
  command
      .add_option("--weights", checkpoint,
                  "guess the layout of a checkpoint from the rows of its queries and keys: a "
                  "folder, or a safetensors file or .index.json with --config")
      ->type_name("PATH");
}

bool RunDoctorWeights(const fs::path& path, const RotationFlags& flags, bool json) {
  const Checkpoint checkpoint = ReadCheckpoint(path, flags);
  const LayoutGuess guess = GuessLayout(checkpoint.all());
  const Told told = TellOf(guess, checkpoint.layout);
  if (json) {
    const Json result = {
        {"verdict", told.verdict},
        {"certainty", Name(guess.certainty)},
        {"layout", guess.layout ? Json(std::string(ChoiceName(*guess.layout))) : Json(nullptr)},
        {"config_layout", checkpoint.layout},
        {"projections", checkpoint.rows.size()},
        {"findings", FindingsJson(told.findings)}};
    std::cout << result.dump() << '\n';
  } else {
    std::cout << Paragraph(told.verdict) << '\n'
              << fmt::format(
                     "certainty    {}\n"
                     "projections  {} of queries or keys\n"
                     "lengths      pairs of halves leave {:.0f}% unexplained, of neighbours "
                     "{:.0f}%\n"
                     "by chance    {} of {} permutations of channels come as far apart\n",
                     Name(guess.certainty), checkpoint.rows.size(), 100 * guess.left_by_half,
                     100 * guess.left_by_interleaved, guess.as_far, guess.permutations)
              << FindingsText(told.findings);
  }
  return HasFault(told.findings);
}

}  // namespace rotary
