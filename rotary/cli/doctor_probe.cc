#include "rotary/cli/doctor_probe.h"

#include <iostream>

#include "rotary/cli/number_check.h"
#include "rotary/doctor/probe.h"
#include "rotary/io/json.h"

namespace rotary {
namespace {

DType ProbeDType(const std::string& word) {
  for (const DType dtype : {DType::kF32, DType::kBF16, DType::kF16, DType::kF64}) {
    if (Name(dtype) == word) return dtype;
  }
  throw std::invalid_argument(
      Sentence("doctor: --dtype must be one of f32, bf16, f16, f64, got \"", word, "\""));
}

}  // namespace

CLI::Option* AddDoctorProbe(CLI::App& command, DoctorProbe& probe) {
  CLI::Option* out = command.add_option("--probe", probe.out, "write a probe to this file")
                         ->type_name("OUT.safetensors");
  const auto of_probe = [&](CLI::Option* option) { option->needs(out)->type_name(""); };
  of_probe(command.add_option("--head-dim", probe.head_dim, "channels of a head of the probe")
               ->transform(WholeNumber("--head-dim", 2)));
  of_probe(command.add_option("--heads", probe.heads, "heads of the probe")
               ->capture_default_str()
               ->transform(WholeNumber("--heads", 1)));
  of_probe(command.add_option("--tokens", probe.tokens, "tokens of the probe")
               ->capture_default_str()
               ->transform(WholeNumber("--tokens", 2)));
  of_probe(command.add_option("--dtype", probe.dtype, "of the probe: f32, bf16, f16 or f64")
               ->capture_default_str());
  return out;
}

void RunDoctorProbe(const DoctorProbe& probe, bool json) {
  Require(probe.head_dim != 0, "doctor: --probe needs --head-dim");
  WriteProbe(probe.out, {.head_dim = probe.head_dim,
                         .heads = probe.heads,
                         .tokens = probe.tokens,
                         .dtype = ProbeDType(probe.dtype)});
  const std::string file = probe.out.string();
  if (json) {
    const Json result = {{"out", file},
                         {"tensors", {"before", "positions"}},
                         {"shape", {1, probe.tokens, probe.heads, probe.head_dim}},
                         {"dtype", probe.dtype}};
    std::cout << result.dump() << '\n';
    return;
  }
  std::cout << "before [1, " << probe.tokens << ", " << probe.heads << ", " << probe.head_dim
            << "] " << probe.dtype << " and positions 0.." << probe.tokens - 1 << " written to "
            << file << "\nRotate before [batch, tokens, heads, head_dim] by the code in doubt, "
            << "save what comes out as after\nin the same file, then: rotary doctor " << file
            << '\n';
}

}  // namespace rotary
