#include "rotary/cli/doctor_tensors.h"

#include <iostream>
#include <vector>

#include "rotary/cli/config_groups.h"
#include "rotary/cli/number_check.h"
#include "rotary/cli/out_path.h"
#include "rotary/cli/tensor_flags.h"
#include "rotary/doctor/diagnosis.h"
#include "rotary/doctor/report.h"
#include "rotary/doctor/words.h"
#include "rotary/io/file.h"
#include "rotary/io/rotation_json.h"
#include "rotary/lab/doctor_page.h"
#include "rotary/train/choices.h"

namespace rotary {

std::optional<Expectation> ReadExpectation(const DoctorTensors& tensors) {
  const RotationFlags& flags = tensors.rotation;
  const bool of_keys = tensors.keys || SideOf(tensors.source.NameOfBefore(), {}) == Side::kKey;
  if (!flags.rotation.empty()) {
    const QueryKeyRotations read = ReadQueryKeyRotations(flags.rotation);
    LayerRope group;
    group.query = read.query;
    group.key = read.key;
    group.centre = flags.centre.value_or(0);
    Expectation expected = ExpectationOf(group, of_keys, 0);
    expected.by_config = false;
    return expected;
  }
  if (flags.config.empty()) return std::nullopt;
  RopeConfigOptions options{.length = flags.length,
                            .ignore = {flags.ignore.begin(), flags.ignore.end()}};
  if (!flags.layout.empty()) options.layout = ParseChoice<Layout>("doctor: layout", flags.layout);
  const RopeConfig config = ReadConfig(flags.config, options);
  PrintWarnings(config);
  LayerRope group = ChooseGroup(config, flags, "doctor");
  group.centre = flags.centre.value_or(group.centre);
  return ExpectationOf(group, of_keys, config.length);
}

void AddDoctorTensors(CLI::App& command, DoctorTensors& tensors) {
  DoctorSource& source = tensors.source;
  command.add_option("FILE", source.file,
                     "safetensors file with what went into a rotation and what came out");
  const auto own = [&](const char* name, auto& value, const char* help) {
    return command.add_option(name, value, help)->type_name("");
  };
  own("--before", source.before, "tensor that went in; without FILE a .npy file")
      ->capture_default_str();
  own("--after", source.after, "tensor that came out; alike")->capture_default_str();
  own("--positions", source.positions,
      "tensor with the positions; alike [positions, where there is one; else they are found]");
  command
      .add_option("--shape", source.shape,
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
  own("--centre", flags.centre, "position from which the decay of xPos counts [the config's; 0]")
      ->check(FiniteNumber("--centre"));
  command.add_option("--out", tensors.out, "page to write: each pair's angle at each token")
      ->type_name("FILE.html");
  own("--ignore", flags.ignore, "a key of the config to leave aside; may be given several times");
}

bool RunDoctorTensors(const DoctorTensors& tensors, bool json) {
  std::vector<std::filesystem::path> inputs = InputsOf(tensors.rotation);
  const std::vector<std::filesystem::path> files = tensors.source.Files();
  inputs.insert(inputs.end(), files.begin(), files.end());
  RequireNoInput("doctor", tensors.out, inputs);
  const std::optional<Expectation> expected = ReadExpectation(tensors);
  const DoctorInput input(tensors.source, expected ? expected->rotation.axes : 1);
  const Observation& observation = input.observation();
  if (expected) {
    const int64_t head_dim = observation.before.shape(3);
    Require(expected->rotation.head_dim == head_dim, "doctor: heads have ", head_dim, " channels, ",
            OfAsker(*expected), " ", expected->rotation.head_dim,
            expected->by_config ? "; another --part, --layer or --keys may fit" : "");
  }
  const Diagnosis diagnosis = Diagnose(observation, expected);
  if (!tensors.out.empty()) {
    WriteFileAtomically(tensors.out,
                        DoctorHtml(observation, expected, diagnosis, files.front().string()));
  }
  std::cout << (json ? DiagnosisJson(diagnosis) + "\n" : DiagnosisText(diagnosis, expected));
  if (!tensors.out.empty() && !json) {
    std::cout << "\nWith maps of every angle: " << tensors.out.string() << '\n';
  }
  return HasFault(diagnosis.findings);
}

}  // namespace rotary
