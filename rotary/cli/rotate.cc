// rotary rotate: queries and keys of a file, turned as a model would.
#include "rotary/rope/rotate.h"

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rotary/cli/commands.h"
#include "rotary/cli/number_check.h"
#include "rotary/cli/out_path.h"
#include "rotary/cli/rotation_flags.h"
#include "rotary/cli/tensor_flags.h"
#include "rotary/io/json.h"
#include "rotary/io/safetensors.h"

namespace rotary {
namespace {

struct RotateCommand {
  std::filesystem::path in, out;
  RotationFlags rotation;
  std::vector<std::string> tensors, keys;
  std::string shape, positions;
  bool inverse = false, gradient = false, json = false;
  int threads = 0;
};

// The tensors to rotate: those of --keys, and those of --tensors or else q and k where they are
// there.
std::vector<std::string> TensorsOf(const RotateCommand& command, const SafetensorsFile& file) {
  std::vector<std::string> names = command.tensors;
  for (const std::string& key : command.keys) {
    if (std::find(names.begin(), names.end(), key) == names.end()) names.push_back(key);
  }
  if (command.tensors.empty()) {
    for (const char* usual : {"q", "k"}) {
      const bool is_there = std::find(names.begin(), names.end(), usual) != names.end();
      if (file.Contains(usual) && !is_there) names.emplace_back(usual);
    }
    if (names.empty()) {
      throw ReadError(file.path(), "there is neither a tensor q nor k; name others by --tensors");
    }
  }
  for (const std::string& name : names) RequireTensor(file, name);
  return names;
}

// Rotates one tensor of the file. What is wrong with it is said with its name.
Tensor Rotated(const RotateCommand& command, const SafetensorsFile& file, const std::string& name,
               const LayerRotations& rotations) {
  const ConstTensorView stored = file.view(name);
  const Side side = SideOf(name, command.keys);
  const std::optional<Rotation>& rotation = rotations.Of(side);
  Tensor result(stored.dtype(), stored.shape());
  try {
    const ConstTensorView x = TokensThenHeads(stored, command.shape);
    const TensorView y = TokensThenHeads(result.view(), command.shape);
    if (!rotation) {
      std::copy_n(file.bytes(name).begin(), result.bytes(), result.raw());
      return result;
    }
    const PhaseTable table(*rotation, rotations.arithmetic);
    const Tensor counted = CountedPositions(x.shape(x.rank() - 3));
    ConstTensorView positions = counted.view();
    if (!command.positions.empty()) positions = file.view(command.positions);
    const Direction direction = command.inverse    ? Direction::kInverse
                                : command.gradient ? Direction::kGradient
                                                   : Direction::kForward;
    try {
      positions = PositionsOnAxes(positions, rotation->axes);
    } catch (const std::invalid_argument& error) {
      throw std::invalid_argument(Sentence("positions ", error.what()));
    }
    Rotate(table, positions, x, y,
           {.direction = direction, .threads = command.threads, .centre = rotations.centre}, side);
  } catch (const std::invalid_argument& error) {
    constexpr std::string_view kOperation = "rotate: ";
    std::string_view reason = error.what();
    if (reason.starts_with(kOperation)) reason.remove_prefix(kOperation.size());
    throw std::invalid_argument(Sentence(kOperation, name, ": ", reason));
  }
  return result;
}

void RunRotate(const RotateCommand& command) {
  RequireNoInput("rotate", command.out, InputsOf(command.rotation));
  const LayerRotations rotations = ReadLayerRotations(command.rotation, "rotate");
  for (const std::string& beside : rotations.beside) {
    std::cerr << "warning: in this model " << beside << ", which rotate leaves to you\n";
  }
  const SafetensorsFile file(command.in);
  if (!command.positions.empty()) RequireTensor(file, command.positions);
  const std::vector<std::string> names = TensorsOf(command, file);
  Json rotated = Json::array(), copied = Json::array();
  std::string lines;
  RewriteSafetensors(file, command.out, [&](const std::string& name, AtomicFile& out) {
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      out.Write(file.bytes(name));
      copied.push_back(name);
      return;
    }
    const Tensor result = Rotated(command, file, name, rotations);
    out.Write(std::span<const std::byte>(result.raw(), result.bytes()));
    const bool is_key = SideOf(name, command.keys) == Side::kKey;
    const auto& rotation = rotations.Of(is_key ? Side::kKey : Side::kQuery);
    const Dims& shape = result.shape();
    rotated.push_back({{"name", name},
                       {"shape", std::vector<int64_t>(shape.begin(), shape.end())},
                       {"dtype", Name(result.dtype())},
                       {"side", is_key ? "key" : "query"},
                       {"pairs", rotation ? rotation->pairs() : 0}});
    lines +=
        Sentence(name, " ", ShapeAndDType(result.view()), " rotated as ",
                 is_key ? "keys" : "queries", ", ", rotation ? rotation->pairs() : 0, " pairs\n");
  });
  if (command.json) {
    const Json result = {{"out", command.out.string()}, {"rotated", rotated}, {"copied", copied}};
    std::cout << result.dump() << '\n';
  } else {
    std::cout << lines << "written to " << command.out.string() << '\n';
  }
}

}  // namespace

void AddRotateCommand(CLI::App& program) {
  const auto command = std::make_shared<RotateCommand>();
  CLI::App* app =
      program.add_subcommand("rotate", "Rotate the queries and keys of a safetensors file");
  app->footer(
      "Tensors whose last name begins with k (k, layers.0.k_proj), or that --keys lists, turn as\n"
      "keys, all others as queries; the two differ in latent attention (MLA) and xPos. Names, "
      "dtypes\nand shapes stay, every other tensor is copied. Layers without rotation copy all.\n"
      "Positions are i64 or f64: [tokens] or [batch, tokens], with the axes before where "
      "positions\n"
      "have several.\n"
      "Example: rotary rotate qk.safetensors --config config.json --out rotated.safetensors");
  app->add_option("IN", command->in, "safetensors file")->required();
  app->add_option("--out", command->out, "safetensors file to write; IN itself is fine")
      ->required();
  AddRotationFlags(*app, command->rotation);
  app->add_option("--tensors", command->tensors, "tensors to rotate, apart by commas [q,k]")
      ->delimiter(',')
      ->type_name("");
  app->add_option("--keys", command->keys, "tensors to rotate as keys, whatever their names")
      ->delimiter(',')
      ->type_name("");
  app->add_option("--shape", command->shape,
                  std::string("order of their axes: ") + kShapes + " [bthd or thd]")
      ->type_name("");
  app->add_option("--positions", command->positions,
                  "tensor of IN with the positions [0 .. tokens - 1]")
      ->type_name("NAME");
  CLI::Option* inverse = app->add_flag("--inverse", command->inverse, "turn back");
  app->add_flag("--gradient", command->gradient, "the gradient: of the output to that of the input")
      ->excludes(inverse);
  app->add_option("--threads", command->threads, "threads; 0: all cores")
      ->transform(WholeNumber("--threads", 0));
  app->add_flag("--json", command->json, "print JSON");
  app->callback([command] { RunRotate(*command); });
}

}  // namespace rotary
