// rotary tables: cosines and sines for engines that take tables.
#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "rotary/cli/commands.h"
#include "rotary/cli/out_path.h"
#include "rotary/cli/rotation_flags.h"
#include "rotary/cli/tensor_flags.h"
#include "rotary/io/json.h"
#include "rotary/io/safetensors.h"
#include "rotary/lab/ranges.h"

namespace rotary {
namespace {

struct TablesCommand {
  std::filesystem::path out;
  RotationFlags rotation;
  std::string positions, width = "half", order, dtype = "f32";
  bool json = false;
};

DType TableDType(const std::string& word) {
  for (const DType dtype : {DType::kF32, DType::kBF16, DType::kF16, DType::kF64}) {
    if (Name(dtype) == word) return dtype;
  }
  throw std::invalid_argument(
      Sentence("tables: dtype must be one of f32, bf16, f16, f64, got \"", word, "\""));
}

// A column of the table: a pair's angle, or that of its second channel.
struct Column {
  int64_t pair;
  bool second;
};

// half: the pairs in their order. full: the channels that turn in theirs.
std::vector<Column> ColumnsOf(const Rotation& rotation, bool full) {
  std::vector<Column> columns;
  for (int64_t j = 0; j < rotation.pairs(); ++j) columns.push_back({j, false});
  if (!full) return columns;
  for (int64_t j = 0; j < rotation.pairs(); ++j) columns.push_back({j, true});
  std::sort(columns.begin(), columns.end(), [&](const Column& a, const Column& b) {
    const auto channel = [&](const Column& c) {
      return (c.second ? rotation.second : rotation.first)[static_cast<size_t>(c.pair)];
    };
    return channel(a) < channel(b);
  });
  return columns;
}

// Writes columns [begin, begin + columns) of each row of `out`.
//   from, from_second  [1, positions, heads, pairs], f32 or f64
//   out                [positions, heads, width]
template <class T>
void Fill(const ConstTensorView& from, const ConstTensorView& from_second,
          const std::vector<Column>& columns, int64_t begin, Tensor& out) {
  const int64_t rows = out.shape(0) * out.shape(1), width = out.shape(2), pairs = from.shape(3);
  for (int64_t row = 0; row < rows; ++row) {
    T* to = out.data<T>() + row * width + begin;
    for (const Column& column : columns) {
      const ConstTensorView& source = column.second ? from_second : from;
      const int64_t at = row * pairs + column.pair;
      if constexpr (std::is_same_v<T, double>) {
        *to++ = source.As<double>()[at];
      } else {
        *to++ = FromFloat<T>(source.As<float>()[at]);
      }
    }
  }
}

void RunTables(const TablesCommand& command) {
  RequireNoInput("tables", command.out, InputsOf(command.rotation));
  const LayerRotations rotations = ReadLayerRotations(command.rotation, "tables");
  Require(rotations.query.has_value(), "tables: this layer does not rotate");
  const Rotation& rotation = *rotations.query;
  Require(rotation.log_decay.empty(),
          "tables: this rotation scales queries and keys by their positions too (xPos), which no "
          "table of angles says");
  Require(command.width == "half" || command.width == "full",
          "tables: width must be one of half, full, got \"", command.width, "\"");
  Require(command.order.empty() || command.order == "cos-sin" || command.order == "sin-cos",
          "tables: order must be one of cos-sin, sin-cos, got \"", command.order, "\"");
  Require(rotation.IsGroup() || command.width == "full",
          "tables: the channels of a pair turn by two angles here: take --width full");
  const DType dtype = TableDType(command.dtype);

  constexpr int64_t kMostPositions = 10'000'000;  // the longest context that a model has announced
  const std::vector<int64_t> numbers =
      ParseRanges(command.positions, "tables: positions", kMostPositions);
  const auto count = static_cast<int64_t>(numbers.size());
  const ConstTensorView positions(numbers.data(), DType::kI64, {count});
  const Phases phases(PhaseTable(rotation, rotations.arithmetic),
                      PositionsOnAxes(positions, rotation.axes),
                      dtype == DType::kF64 ? DType::kF64 : DType::kF32);

  const std::vector<Column> columns = ColumnsOf(rotation, command.width == "full");
  const auto width = static_cast<int64_t>(columns.size());
  const bool packed = !command.order.empty();
  const bool sines_first = command.order == "sin-cos";
  const Dims shape{count, phases.heads(), packed ? 2 * width : width};
  std::vector<Tensor> tables;
  tables.emplace_back(dtype, shape);
  if (!packed) tables.emplace_back(dtype, shape);
  DispatchFloat(dtype, "tables", [&]<class T>() {
    Fill<T>(phases.cos(), phases.second_cos(), columns, sines_first ? width : 0, tables.front());
    Fill<T>(phases.sin(), phases.second_sin(), columns, packed && !sines_first ? width : 0,
            tables.back());
  });

  // One row of phases for all heads needs no axis for them.
  const Dims stored = phases.heads() == 1 ? Dims{shape[0], shape[2]} : shape;
  const auto view = [&](const Tensor& table) {
    return ConstTensorView(table.raw(), dtype, stored);
  };
  std::vector<NamedTensor> named;
  if (packed) {
    named.push_back({sines_first ? "sin_cos" : "cos_sin", view(tables[0])});
  } else {
    named.push_back({"cos", view(tables[0])});
    named.push_back({"sin", view(tables[1])});
  }
  named.push_back({"positions", positions});
  WriteSafetensors(command.out, named);
  std::vector<std::string> names;
  names.reserve(named.size());
  for (const NamedTensor& table : named) names.push_back(table.name);
  if (command.json) {
    const Json result = {{"out", command.out.string()},
                         {"tensors", names},
                         {"shape", std::vector<int64_t>(stored.begin(), stored.end())},
                         {"dtype", command.dtype}};
    std::cout << result.dump() << '\n';
  } else {
    std::cout << (packed ? names[0] : "cos and sin") << ' ' << ShapeAndDType(named[0].view)
              << " written to " << command.out.string() << '\n';
  }
}

}  // namespace

void AddTablesCommand(CLI::App& program) {
  const auto command = std::make_shared<TablesCommand>();
  CLI::App* app =
      program.add_subcommand("tables", "Write cosines and sines for engines that take tables");
  app->footer(
      "OUT gets cos and sin [positions, width], attention factor included, and the positions. "
      "Width\n"
      "half: a column a pair. Full: a column for each channel that turns, in the order of the\n"
      "channels, which repeats halves in the half layout and each column in the interleaved one.\n"
      "With --order one tensor cos_sin (or sin_cos) [positions, 2 width], as vLLM and FlashInfer\n"
      "take it. Rotations of several axes have their table at the same position on every axis.\n"
      "Example: rotary tables --config config.json --positions 0..4095 --out tables.safetensors");
  app->add_option("--positions", command->positions, "such as 0..4095 or 0,5,100")
      ->required()
      ->type_name("");
  app->add_option("--out", command->out, "safetensors file to write")->required();
  AddRotationFlags(*app, command->rotation);
  app->add_option("--width", command->width, "half or full")->capture_default_str()->type_name("");
  app->add_option("--order", command->order,
                  "both in one tensor, beside each other: cos-sin or sin-cos")
      ->type_name("");
  app->add_option("--dtype", command->dtype, "f32, bf16, f16 or f64")
      ->capture_default_str()
      ->type_name("");
  app->add_flag("--json", command->json, "print JSON");
  app->callback([command] { RunTables(*command); });
}

}  // namespace rotary
