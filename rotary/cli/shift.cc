// rotary shift: the keys of a cache at other positions, or under another rotation.
#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "rotary/cli/commands.h"
#include "rotary/cli/number_check.h"
#include "rotary/cli/out_path.h"
#include "rotary/cli/rotation_flags.h"
#include "rotary/cli/tensor_flags.h"
#include "rotary/io/json.h"
#include "rotary/io/safetensors.h"
#include "rotary/rope/key_shift.h"
#include "rotary/rope/rotate.h"

namespace rotary {
namespace {

struct ShiftCommand {
  std::filesystem::path in, out;
  RotationFlags rotation;
  std::vector<std::string> tensors = {"k"};
  std::string shape, positions, deltas, to_positions;
  std::optional<double> by, to_length;
  std::filesystem::path to_config, to_rotation;
  bool unrotate = false, json = false;
  int threads = 0;
};

// What to do, in the word that the output uses.
std::string ActionOf(const ShiftCommand& command) {
  const bool rebases = !command.to_config.empty() || !command.to_rotation.empty() ||
                       command.to_length || !command.to_positions.empty();
  const int actions = (command.by ? 1 : 0) + (command.deltas.empty() ? 0 : 1) +
                      (command.unrotate ? 1 : 0) + (rebases ? 1 : 0);
  Require(actions == 1,
          "shift: say one thing to do: --by, --deltas, --unrotate, or --to-config, --to-rotation, "
          "--to-length and --to-positions");
  const bool counts = rebases || command.unrotate;
  Require(counts || command.positions.empty(),
          "shift: --positions are for keys that are re-based or un-rotated; moved ones may be "
          "anywhere");
  return rebases ? "re-based" : command.unrotate ? "un-rotated" : "moved";
}

// The rotation that keys are given, which is the old one where only the positions change.
LayerRotations RotationAfter(const ShiftCommand& command) {
  RotationFlags after = command.rotation;
  if (!command.to_config.empty() || !command.to_rotation.empty()) {
    after.config = command.to_config;
    after.rotation = command.to_rotation;
    after.length.reset();
  }
  if (command.to_length) {
    Require(!after.config.empty(), "shift: --to-length is for a config");
    after.length = command.to_length;
  }
  // Frequencies from a file are those of before, unless only the positions change.
  const bool changes =
      command.to_length || !command.to_config.empty() || !command.to_rotation.empty();
  if (changes) after.frequencies.clear();
  after.centre.reset();  // that of before counts for both
  return ReadLayerRotations(after, "shift");
}

// The rotations of keys, before and after.
struct KeyRotations {
  Rotation before;
  std::optional<Rotation> after;
  double centre = 0;
  Arithmetic arithmetic = Arithmetic::kExact;
};

KeyRotations ReadKeyRotations(const ShiftCommand& command, const std::string& action) {
  const LayerRotations before = ReadLayerRotations(command.rotation, "shift");
  Require(before.key.has_value(), "shift: this layer does not rotate, its keys have no positions");
  Require(before.key->IsGroup(),
          "shift: a rotation with a second frequency is no group, its keys cannot be moved");
  KeyRotations rotations{
      .before = *before.key, .centre = before.centre, .arithmetic = before.arithmetic};
  if (action == "re-based") {
    const LayerRotations after = RotationAfter(command);
    Require(after.key.has_value(), "shift: the layer after does not rotate; take --unrotate");
    rotations.after = after.key;
  }
  return rotations;
}

// One tensor of the file. What is wrong with it is said with its name.
Tensor Shifted(const ShiftCommand& command, const SafetensorsFile& file, const std::string& name,
               const KeyRotations& rotations) {
  const ConstTensorView stored = file.view(name);
  Tensor result(stored.dtype(), stored.shape());
  try {
    const ConstTensorView keys = TokensThenHeads(stored, command.shape);
    const TensorView out = TokensThenHeads(result.view(), command.shape);
    const Tensor counted = CountedPositions(keys.shape(keys.rank() - 3));
    const auto positions = [&](const std::string& tensor) {
      const ConstTensorView given = tensor.empty() ? counted.view() : file.view(tensor);
      try {
        return PositionsOnAxes(given, rotations.before.axes);
      } catch (const std::invalid_argument& error) {
        throw std::invalid_argument(Sentence("positions ", error.what()));
      }
    };
    const PhaseTable before(rotations.before, rotations.arithmetic);
    if (command.by) {
      const std::vector<double> deltas(static_cast<size_t>(counted.count()), *command.by);
      const ConstTensorView by(deltas.data(), DType::kF64, {counted.count()});
      ShiftKeys(ShiftTable(rotations.before), PositionsOnAxes(by, rotations.before.axes), keys, out,
                command.threads);
    } else if (!command.deltas.empty()) {
      ShiftKeys(ShiftTable(rotations.before), positions(command.deltas), keys, out,
                command.threads);
    } else if (command.unrotate) {
      Rotate(before, positions(command.positions), keys, out,
             {.direction = Direction::kInverse,
              .threads = command.threads,
              .centre = rotations.centre},
             Side::kKey);
    } else {
      const ConstTensorView from = positions(command.positions);
      const ConstTensorView to =
          command.to_positions.empty() ? from : positions(command.to_positions);
      RebaseKeys(before, from, PhaseTable(*rotations.after, rotations.arithmetic), to, keys, out,
                 {.centre = rotations.centre, .threads = command.threads});
    }
  } catch (const std::invalid_argument& error) {
    throw std::invalid_argument(Sentence("shift: ", name, ": ", error.what()));
  }
  return result;
}

void RunShift(const ShiftCommand& command) {
  const std::string action = ActionOf(command);
  RequireNoInput("shift", command.out, InputsOf(command.rotation));
  RequireNoInput("shift", command.out, {command.to_config, command.to_rotation});
  const KeyRotations rotations = ReadKeyRotations(command, action);
  const SafetensorsFile file(command.in);
  for (const std::string& name : command.tensors) RequireTensor(file, name);
  for (const std::string* name : {&command.positions, &command.deltas, &command.to_positions}) {
    if (!name->empty()) RequireTensor(file, *name);
  }
  Json shifted = Json::array();
  std::string lines;
  RewriteSafetensors(file, command.out, [&](const std::string& name, AtomicFile& out) {
    if (std::find(command.tensors.begin(), command.tensors.end(), name) == command.tensors.end()) {
      out.Write(file.bytes(name));
      return;
    }
    const Tensor result = Shifted(command, file, name, rotations);
    out.Write(std::span<const std::byte>(result.raw(), result.bytes()));
    shifted.push_back(name);
    lines += Sentence(name, " ", ShapeAndDType(result.view()), " ", action, "\n");
  });
  if (command.json) {
    const Json result = {{"out", command.out.string()}, {"action", action}, {"tensors", shifted}};
    std::cout << result.dump() << '\n';
  } else {
    std::cout << lines << "written to " << command.out.string() << '\n';
  }
}

}  // namespace

void AddShiftCommand(CLI::App& program) {
  const auto command = std::make_shared<ShiftCommand>();
  CLI::App* app = program.add_subcommand(
      "shift", "Move, re-base or un-rotate the keys of a cache in a safetensors file");
  app->footer(
      "Keys in the file are rotated already, by the rotation that --config or --rotation names.\n"
      "An attention factor (YaRN) is in them and never applied again. Every other tensor is "
      "copied.\n"
      "Examples: rotary shift cache.safetensors --config config.json --by=-128 --out "
      "moved.safetensors\n"
      "          rotary shift cache.safetensors --config config.json --length 4096 --to-length "
      "8192\n"
      "                       --out rebased.safetensors");
  app->add_option("IN", command->in, "safetensors file")->required();
  app->add_option("--out", command->out, "safetensors file to write; IN itself is fine")
      ->required();
  AddRotationFlags(*app, command->rotation);
  app->add_option("--by", command->by, "move all keys by so many positions")
      ->type_name("")
      ->check(FiniteNumber("--by"));
  app->add_option("--deltas", command->deltas,
                  "tensor of IN: by how much each token moves, shaped as positions")
      ->type_name("NAME");
  app->add_flag("--unrotate", command->unrotate, "take the rotation off");
  CLI::Option* to_config =
      app->add_option("--to-config", command->to_config, "rotate as this config says instead")
          ->type_name("FILE");
  app->add_option("--to-rotation", command->to_rotation, "rotate by this rotation instead")
      ->type_name("FILE")
      ->excludes(to_config);
  app->add_option("--to-length", command->to_length,
                  "rotate as for a text of so many tokens (dynamic NTK, LongRoPE)")
      ->transform(WholeNumber("--to-length", 1))
      ->type_name("");
  app->add_option(
         "--positions", command->positions,
         "tensor of IN with the keys' positions, to re-base or un-rotate [0 .. tokens - 1]")
      ->type_name("NAME");
  app->add_option("--to-positions", command->to_positions,
                  "tensor of IN with their positions afterwards [as before]")
      ->type_name("NAME");
  app->add_option("--tensors", command->tensors, "keys, apart by commas [k]")
      ->delimiter(',')
      ->type_name("");
  app->add_option("--shape", command->shape,
                  std::string("order of their axes: ") + kShapes + " [bthd or thd]")
      ->type_name("");
  app->add_option("--threads", command->threads, "threads; 0: all cores")
      ->transform(WholeNumber("--threads", 0));
  app->add_flag("--json", command->json, "print JSON");
  app->callback([command] { RunShift(*command); });
}

}  // namespace rotary
