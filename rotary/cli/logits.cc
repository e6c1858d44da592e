// rotary logits: what a model predicts at every token, for comparing it with another program.
#include <filesystem>
#include <iostream>
#include <memory>
#include <vector>

#include "rotary/cli/commands.h"
#include "rotary/cli/number_check.h"
#include "rotary/cli/out_path.h"
#include "rotary/io/json.h"
#include "rotary/io/safetensors.h"
#include "rotary/model/hf_folder.h"
#include "rotary/model/token_inputs.h"
#include "rotary/train/training_state.h"

namespace rotary {

void AddLogitsCommand(CLI::App& program) {
  struct Options {
    std::filesystem::path checkpoint, in, out;
    int threads = 0;
    bool json = false;
  };
  const auto options = std::make_shared<Options>();
  CLI::App* command = program.add_subcommand(
      "logits", "Compute a model's logits for rows of token ids, as transformers would");
  command->footer(
      "IN holds input_ids [batch, tokens] and may hold attention_mask, token_type_ids and\n"
      "position_ids of the same shape, all whole numbers. OUT gets logits [batch, tokens, vocab]\n"
      "in f32.\n"
      "Example: rotary logits tests/golden/roformer tests/golden/roformer/inputs.safetensors "
      "--out logits.safetensors");
  command
      ->add_option(
          "CHECKPOINT", options->checkpoint,
          "folder of a run, or with config.json and model.safetensors as transformers writes it")
      ->required();
  command->add_option("IN", options->in, "safetensors file with the token ids")->required();
  command->add_option("--out", options->out, "safetensors file to write")->required();
  command->add_option("--threads", options->threads, "threads; 0: all cores")
      ->transform(WholeNumber("--threads", 0));
  command->add_flag("--json", options->json, "print JSON");
  command->callback([options] {
    const std::filesystem::path folder = CheckpointFolder(options->checkpoint);
    RequireNoInput("logits", options->out, {folder, options->in});
    const StoredModel stored = ReadModel(folder);
    const TokenInputs inputs = ReadTokenInputs(options->in);
    Workspace workspace;
    const Tensor logits = Logits(stored.model, inputs.batch(), workspace, options->threads);
    WriteSafetensors(options->out, std::vector<NamedTensor>{{"logits", logits.const_view()}});
    if (options->json) {
      const Json result = {
          {"out", options->out.string()},
          {"shape", std::vector<int64_t>(logits.shape().begin(), logits.shape().end())}};
      std::cout << result.dump() << '\n';
    } else {
      std::cout << "logits " << logits.shape().ToString() << " written to " << options->out.string()
                << '\n';
    }
  });
}

}  // namespace rotary
