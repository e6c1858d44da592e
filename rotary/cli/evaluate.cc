// rotary evaluate: the loss of a text under a trained model.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "rotary/cli/commands.h"
#include "rotary/cli/number_check.h"
#include "rotary/cli/rope_config_flags.h"
#include "rotary/io/file.h"
#include "rotary/io/json.h"
#include "rotary/model/hf_folder.h"
#include "rotary/text/byte_tokenizer.h"
#include "rotary/text/read_text.h"
#include "rotary/train/choices.h"
#include "rotary/train/evaluate.h"
#include "rotary/train/progress.h"
#include "rotary/train/training_state.h"

namespace rotary {
namespace {

struct EvaluateCommand {
  std::filesystem::path checkpoint;
  std::vector<std::filesystem::path> texts;
  int64_t context = 0;
  int64_t stride = 0;
  int threads = 0;
  RopeConfigFlags rope_config;
  std::string layout;
  bool json = false;
};

// The model with the rotation that --rope-config asks for, where it is given.
void Stretch(const EvaluateCommand& command, int64_t context, Transformer& model) {
  if (command.rope_config.config.empty()) return;
  std::optional<Layout> layout;
  if (!command.layout.empty()) {
    layout = ParseChoice<Layout>("evaluate: layout", command.layout);
  }
  model.SetRotation(ReadModelRotation(command.rope_config, context, layout, "evaluate"));
}

void Evaluate(const EvaluateCommand& command) {
  const std::filesystem::path folder = CheckpointFolder(command.checkpoint);
  StoredModel stored = ReadModel(folder);
  const ByteTokenizer tokenizer;
  if (stored.tokenizer != tokenizer.name()) {
    throw ReadError(
        folder, "it must be a model over ", tokenizer.name(), ", got one over ",
        stored.tokenizer.empty() ? "a tokenizer that it does not name" : stored.tokenizer);
  }
  const ModelConfig& config = stored.model.config();
  const std::vector<int32_t> tokens = tokenizer.Encode(ReadTexts(command.texts));
  const auto bytes = static_cast<int64_t>(tokens.size());
  RequireTokens(command.texts, bytes, 2, "a loss");

  SlidingOptions options;
  options.context = command.context == 0 ? config.max_tokens : command.context;
  options.stride = command.stride == 0 ? std::max<int64_t>(1, options.context / 2) : command.stride;
  Stretch(command, options.context, stored.model);
  options.begin = config.causal ? 1 : 0;
  options.masking = MaskingFor(tokenizer);
  options.threads = command.threads;
  Loss loss;
  {
    constexpr int64_t kParts = 1000;
    Progress progress("evaluating", kParts);
    options.progress = [&](double done) { progress.Update(static_cast<int64_t>(done * kParts)); };
    loss = EvaluateSliding(stored.model, tokens, options);
  }
  const double bits = BitsPerByte(loss.mean(), 1, 1);
  if (command.json) {
    const Json result = {{"checkpoint", folder.string()},
                         {"scored", config.causal ? "every token" : "hidden tokens"},
                         {"targets", loss.count},
                         {"bytes", bytes},
                         {"context", options.context},
                         {"stride", options.stride},
                         {"loss", loss.mean()},
                         {"bits_per_byte", bits}};
    std::cout << result.dump(2) << '\n';
  } else {
    fmt::print("loss {:.4f} nats, {:.4f} bits a byte: {} {} of {} bytes, context {}, stride {}\n",
               loss.mean(), bits, loss.count, config.causal ? "targets" : "hidden bytes", bytes,
               options.context, options.stride);
  }
}

}  // namespace

void AddEvaluateCommand(CLI::App& program) {
  const auto command = std::make_shared<EvaluateCommand>();
  CLI::App* app =
      program.add_subcommand("evaluate", "Compute the loss of a text under a trained model");
  app->footer(
      "A causal model scores every byte after those before it, in windows that slide by the "
      "stride.\n"
      "A masked one scores 15% of the bytes, hidden at fixed places as in training.\n"
      "--rope-config puts another rotation under the same weights, to stretch a context: a config "
      "of any\n"
      "model, such as the checkpoint's own with another rope dictionary.\n"
      "Examples: rotary evaluate out/book other.txt --context 512\n"
      "          rotary evaluate out/book other.txt --context 512 --rope-config yarn.json");
  app->add_option("CHECKPOINT", command->checkpoint, "folder of a run, or of one of its steps")
      ->required();
  app->add_option("TEXT", command->texts, "text files, read as bytes, one after the other")
      ->required();
  app->add_option("--context", command->context, "tokens of a window (default: as trained)")
      ->transform(WholeNumber("--context", 1));
  app->add_option("--stride", command->stride, "tokens between windows (default: half the context)")
      ->transform(WholeNumber("--stride", 1));
  app->add_option("--threads", command->threads, "threads; 0: all cores")
      ->transform(WholeNumber("--threads", 0));
  CLI::Option* config = AddRopeConfigFlags(*app, command->rope_config);
  app->add_option("--layout", command->layout,
                  "of --rope-config, instead of the family's: " + ChoiceList<Layout>())
      ->needs(config)
      ->type_name("");
  app->add_flag("--json", command->json, "print JSON");
  app->callback([command] { Evaluate(*command); });
}

}  // namespace rotary
