#include "rotary/cli/doctor_tensors.h"

#include <algorithm>
#include <iostream>
#include <optional>

#include "rotary/cli/config_groups.h"
#include "rotary/cli/number_check.h"
#include "rotary/cli/tensor_flags.h"
#include "rotary/doctor/diagnosis.h"
#include "rotary/doctor/report.h"
#include "rotary/io/rotation_json.h"
#include "rotary/io/safetensors.h"
#include "rotary/rope/batch_view.h"
#include "rotary/rope/positions.h"
#include "rotary/train/choices.h"

namespace rotary {
namespace {

// [rows, tokens, axes] of each row of a batch.
std::vector<double> PositionsOf(const ConstTensorView& view, int axes, int64_t rows,
                                int64_t tokens) {
  const Positions positions(PositionsOnAxes(view, axes), axes, "doctor");
  Require(positions.tokens() == tokens && (positions.batch() == 1 || positions.batch() == rows),
          "doctor: there are positions for ", positions.batch(), " rows of ", positions.tokens(),
          " tokens, the tensors have ", rows, " of ", tokens);
  std::vector<double> all(static_cast<size_t>(rows * tokens * axes));
  double* out = all.data();
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t token = 0; token < tokens; ++token, out += axes) {
      positions.Read(positions.batch() == 1 ? 0 : row, token, out);
    }
  }
  return all;
}

}  // namespace

std::optional<Expectation> ReadExpectation(const DoctorTensors& tensors) {
  const RotationFlags& flags = tensors.rotation;
  const bool of_keys = tensors.keys || SideOf(tensors.before, {}) == Side::kKey;
  if (!flags.rotation.empty()) {
    const QueryKeyRotations read = ReadQueryKeyRotations(flags.rotation);
    LayerRope group;
    group.query = read.query;
    group.key = read.key;
    return ExpectationOf(group, of_keys, 0);
  }
  if (flags.config.empty()) return std::nullopt;
  RopeConfigOptions options{.length = flags.length,
                            .ignore = {flags.ignore.begin(), flags.ignore.end()}};
  if (!flags.layout.empty()) options.layout = ParseChoice<Layout>("doctor: layout", flags.layout);
  const RopeConfig config = ReadConfig(flags.config, options);
  PrintWarnings(config);
  return ExpectationOf(ChooseGroup(config, flags, "doctor"), of_keys, config.length);
}

void AddDoctorTensors(CLI::App& command, DoctorTensors& tensors) {
  command.add_option("FILE", tensors.file,
                     "safetensors file with what went into a rotation and what came out");
  const auto own = [&](const char* name, auto& value, const char* help) {
    return command.add_option(name, value, help)->type_name("");
  };
  own("--before", tensors.before, "tensor that went in")->capture_default_str();
  own("--after", tensors.after, "tensor that came out")->capture_default_str();
  own("--positions", tensors.positions,
      "tensor with the positions [positions, where there is one; else 0 .. tokens - 1]");
  command
      .add_option("--shape", tensors.shape,
                  std::string("order of their axes: ") + kShapes + " [bthd or thd]")
      ->type_name("");
  command.add_flag("--keys", tensors.keys, "they are keys, whatever their names");
  RotationFlags& flags = tensors.rotation;
  CLI::Option* config =
      command.add_option("--config", flags.config, "config.json of the model: what was asked for");
  config->type_name("FILE");
  command.add_option("--rotation", flags.rotation, "instead: a rotation in JSON")
      ->type_name("FILE")
      ->excludes(config);
  own("--layer", flags.layer, "layer of the config, where layers differ")
      ->transform(WholeNumber("--layer", 0));
  own("--part", flags.part, "text, vision .., as inspect names it [text, where there is one]");
  own("--length", flags.length, "tokens of the text, for rules that ask [the trained length]")
      ->transform(WholeNumber("--length", 1));
  command.add_option("--layout", flags.layout, "instead of the family's: " + ChoiceList<Layout>())
      ->type_name("");
  own("--ignore", flags.ignore, "a key of the config to leave aside; may be given several times");
}

bool RunDoctorTensors(const DoctorTensors& tensors, bool json) {
  const std::optional<Expectation> expected = ReadExpectation(tensors);
  const SafetensorsFile file(tensors.file);
  for (const std::string* name : {&tensors.before, &tensors.after}) RequireTensor(file, *name);
  Observation observation;
  observation.before =
      WithBatch(TokensThenHeads(file.view(tensors.before), tensors.shape), "doctor");
  observation.after = WithBatch(TokensThenHeads(file.view(tensors.after), tensors.shape), "doctor");
  observation.axes = expected ? expected->rotation.axes : 1;
  std::string positions = tensors.positions;
  if (positions.empty() && file.Contains("positions")) positions = "positions";
  if (!positions.empty()) {
    RequireTensor(file, positions);
    observation.positions = PositionsOf(file.view(positions), observation.axes,
                                        observation.before.shape(0), observation.before.shape(1));
  }
  const Diagnosis diagnosis = Diagnose(observation, expected);
  std::cout << (json ? DiagnosisJson(diagnosis) + "\n" : DiagnosisText(diagnosis, expected));
  return HasFault(diagnosis.findings);
}

}  // namespace rotary
