// rotary convert: a checkpoint in the other layout of pairs.
#include <algorithm>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "rotary/cli/commands.h"
#include "rotary/cli/config_groups.h"
#include "rotary/cli/out_path.h"
#include "rotary/config/config_layout.h"
#include "rotary/config/query_key_rows.h"
#include "rotary/io/checkpoint_tensors.h"
#include "rotary/io/json.h"
#include "rotary/io/safetensors.h"
#include "rotary/train/choices.h"
#include "rotary/train/progress.h"

namespace rotary {
namespace {

namespace fs = std::filesystem;

struct ConvertCommand {
  fs::path in, out, config;
  std::string to, layout;
  std::vector<std::string> ignore;
  bool json = false;
};

// Whether a file of a checkpoint holds weights in another form, which would stay as they are.
bool IsForeignWeights(const fs::path& path) {
  const std::set<std::string> kinds = {".bin", ".pt", ".pth", ".gguf", ".h5", ".msgpack", ".onnx"};
  return kinds.contains(path.extension().string()) && path.filename() != "training_args.bin";
}

// What a training run goes on with: the optimizer's moments lie as the weights did before.
bool IsTrainingState(const fs::path& path) {
  const std::string name = path.filename().string();
  return name.starts_with("training_state.") || name.starts_with("optimizer.");
}

// The safetensors files of a folder: those of its index, or all.
std::vector<fs::path> ShardsOf(const fs::path& folder) {
  std::set<fs::path> shards;
  if (fs::exists(folder / kIndexFile)) {
    const ShardIndex index = ShardIndex::Read(folder / kIndexFile);
    for (const auto& [tensor, shard] : index.shards) shards.insert(index.ShardOf(tensor));
  }
  for (const auto& entry : fs::directory_iterator(folder)) {
    const fs::path& path = entry.path();
    if (IsTrainingState(path)) continue;
    if (IsForeignWeights(path)) {
      throw ReadError(folder, "it holds ", path.filename().string(),
                      ", weights that are no safetensors and would keep their layout");
    }
    if (path.extension() == ".safetensors") shards.insert(path);
  }
  if (shards.empty()) throw ReadError(folder, "there is no safetensors file");
  return {shards.begin(), shards.end()};
}

fs::path ConfigOf(const ConvertCommand& command, bool is_folder) {
  if (!command.config.empty()) return command.config;
  Require(is_folder, "convert: a single file needs --config");
  for (const char* name : {"config.json", "params.json"}) {
    if (fs::exists(command.in / name)) return command.in / name;
  }
  throw ReadError(command.in, "there is no config.json; name one by --config");
}

// The rows of a tensor in their new order, through a buffer: no tensor is held in memory.
void WriteRows(std::span<const std::byte> bytes, const std::vector<int64_t>& moves,
               AtomicFile& out) {
  constexpr size_t kBuffer = size_t{1} << 20;
  const size_t row_bytes = bytes.size() / std::max<size_t>(1, moves.size());
  std::vector<std::byte> buffer;
  buffer.reserve(kBuffer + row_bytes);
  for (const int64_t row : moves) {
    const auto from = bytes.subspan(static_cast<size_t>(row) * row_bytes, row_bytes);
    buffer.insert(buffer.end(), from.begin(), from.end());
    if (buffer.size() < kBuffer) continue;
    out.Write(buffer);
    buffer.clear();
  }
  out.Write(buffer);
}

// Throws FileError for integers and floats of 8 bits and fewer: they are quantised, and the scales
// of their rows or blocks are tensors of their own, which would stay.
void CheckMovable(const SafetensorsFile& file, const std::string& name) {
  const std::string_view dtype = file.dtype_name(name);
  if (dtype == "F64" || dtype == "F32" || dtype == "BF16" || dtype == "F16") return;
  throw FileError(Sentence("cannot convert ", file.path().string(), ": ", name, " is ", dtype,
                           ", and the rows of quantised weights cannot move without their scales"));
}

// What has been done, for the output.
struct Report {
  int files = 0;
  int64_t tensors = 0, moved = 0;
};

class Converter {
 public:
  Converter(QueryKeyRows& rows, const std::vector<fs::path>& shards) : rows_(rows) {
    // Everything that can be refused is, before a byte is written.
    for (const fs::path& shard : shards) {
      const SafetensorsFile& file = *files_.emplace_back(std::make_unique<SafetensorsFile>(shard));
      for (const std::string& name : file.names()) {
        if (!rows_.Moves(shard.string(), name, file.shape(name)).empty()) CheckMovable(file, name);
        total_ += static_cast<int64_t>(file.bytes(name).size());
      }
    }
    rows_.CheckComplete((shards.size() == 1 ? shards[0] : shards[0].parent_path()).string());
  }

  // Writes the shards to the paths that `target` gives them.
  template <class Target>
  Report Write(const Target& target) {
    constexpr int64_t kMegabyte = 1'000'000;
    // Less than this takes less than a second.
    constexpr int64_t kLong = 100 * kMegabyte;
    std::optional<Progress> progress;
    if (total_ > kLong) progress.emplace("converting", total_ / kMegabyte);
    Report report;
    int64_t done = 0;
    for (const auto& file : files_) {
      const std::string source = file->path().string();
      RewriteSafetensors(
          *file, target(file->path()), [&](const std::string& name, AtomicFile& out) {
            const std::span<const std::byte> bytes = file->bytes(name);
            const std::vector<int64_t> moves = rows_.Moves(source, name, file->shape(name));
            if (moves.empty()) {
              out.Write(bytes);
            } else {
              WriteRows(bytes, moves, out);
              ++report.moved;
            }
            ++report.tensors;
            done += static_cast<int64_t>(bytes.size());
            if (progress) progress->Update(done / kMegabyte, "MB");
          });
      ++report.files;
    }
    return report;
  }

 private:
  QueryKeyRows& rows_;
  std::vector<std::unique_ptr<SafetensorsFile>> files_;
  int64_t total_ = 0;  // bytes
};

// Copies every file of `in` that is no shard; the config as it is true afterwards.
void CopyOthers(const ConvertCommand& command, const fs::path& config, Layout to,
                const fs::path& folder) {
  for (const auto& entry : fs::directory_iterator(command.in)) {
    const fs::path& path = entry.path();
    if (entry.is_directory() || IsTrainingState(path)) {
      std::cerr << "left out: " << path.string()
                << (entry.is_directory() ? ", a folder\n" : ", of a run with the layout before\n");
      continue;
    }
    if (path.extension() == ".safetensors") continue;
    AtomicFile out(folder / path.filename());
    if (path.filename() == config.filename()) {
      out.Write(ConfigInLayout(ReadFile(path), path.string(), to));
    } else if (!fs::is_empty(path)) {
      out.Write(MappedFile(path).bytes());
    }
    out.Commit();
  }
}

void RunConvert(const ConvertCommand& command) {
  const Layout to = ParseChoice<Layout>("convert: --to", command.to);
  if (!fs::exists(command.in)) throw ReadError(command.in, "no such file or folder");
  RequireNoInput("convert", command.out, {command.config});
  const bool is_folder = fs::is_directory(command.in);
  const fs::path config_path = ConfigOf(command, is_folder);
  RopeConfigOptions options;
  options.ignore = {command.ignore.begin(), command.ignore.end()};
  if (!command.layout.empty()) {
    options.layout = ParseChoice<Layout>("convert: layout", command.layout);
  }
  const JsonDocument document = JsonDocument::Read(config_path);
  const RopeConfig rope = ReadRopeConfig(document.root(), options);
  PrintWarnings(rope);
  QueryKeyRows rows(document.root(), rope);
  Require(rows.layout() != to, "convert: the layout is ", ChoiceName(to), " already");

  Report report;
  if (is_folder) {
    AtomicFolder folder(command.out);
    Converter converter(rows, ShardsOf(command.in));
    CopyOthers(command, config_path, to, folder.folder());
    report =
        converter.Write([&](const fs::path& shard) { return folder.folder() / shard.filename(); });
    folder.Commit();
  } else {
    Converter converter(rows, {command.in});
    report = converter.Write([&](const fs::path&) { return command.out; });
  }
  if (command.json) {
    const Json result = {{"out", command.out.string()},
                         {"layout", ChoiceName(to)},
                         {"files", report.files},
                         {"tensors", report.tensors},
                         {"moved", report.moved}};
    std::cout << result.dump() << '\n';
    return;
  }
  std::cout << report.moved << " of " << report.tensors << " tensors in " << report.files
            << (report.files == 1 ? " file" : " files") << " brought to the " << ChoiceName(to)
            << " layout: " << command.out.string() << '\n';
  if (!is_folder) {
    std::cout << "the config beside it must say so: \"" << kLayoutKey << "\": \"" << ChoiceName(to)
              << "\", or the family's own key\n";
  }
}

}  // namespace

void AddConvertCommand(CLI::App& program) {
  const auto command = std::make_shared<ConvertCommand>();
  CLI::App* app =
      program.add_subcommand("convert", "Bring a checkpoint to the other layout of pairs");
  app->footer(
      "Rows of query and key projections, their biases, norms and LoRA move; all else stays to "
      "the\n"
      "byte, and converting back gives the bytes of before. A folder gets its config with the\n"
      "layout named (docs/convert.md): programs that read neither that key nor your word compute\n"
      "nonsense, because the layout is nowhere in the tensors.\n"
      "Example: rotary convert model --out model-interleaved --to interleaved");
  app->add_option("IN", command->in, "safetensors file, or folder of a checkpoint")->required();
  app->add_option("--out", command->out, "file or folder to write; a file IN itself is fine")
      ->required();
  app->add_option("--to", command->to, ChoiceList<Layout>())->required()->type_name("");
  app->add_option("--config", command->config, "config.json of the model [the folder's]")
      ->type_name("FILE");
  app->add_option("--layout", command->layout,
                  "that of IN, instead of the config's: " + ChoiceList<Layout>())
      ->type_name("");
  app->add_option("--ignore", command->ignore,
                  "a key of the config to leave aside; may be given several times")
      ->type_name("KEY");
  app->add_flag("--json", command->json, "print JSON");
  app->callback([command] { RunConvert(*command); });
}

}  // namespace rotary
