// rotary train: one run, from text to a checkpoint.
#include <fmt/format.h>

#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "rotary/cli/commands.h"
#include "rotary/cli/train_flags.h"
#include "rotary/io/file.h"
#include "rotary/text/byte_tokenizer.h"
#include "rotary/train/evaluate.h"
#include "rotary/train/progress.h"
#include "rotary/train/run.h"
#include "rotary/train/stop_request.h"
#include "rotary/train/training_state.h"

namespace rotary {
namespace {

struct TrainCommand {
  std::vector<std::filesystem::path> texts;
  std::filesystem::path validation, out;
  bool resume = false;
  bool json = false;
  TrainOptions options;
  TrainFlags flags;
};

// What the progress says of a step; the speed is that of the last steps, not of one.
class StepNote {
 public:
  std::string operator()(const StepReport& report) {
    constexpr double kKeep = 0.9;
    seconds_ = seconds_ == 0 ? report.seconds : kKeep * seconds_ + (1 - kKeep) * report.seconds;
    return fmt::format("loss {:.3f}  {:.0f} tokens/s", report.loss,
                       static_cast<double>(report.tokens) / seconds_);
  }

 private:
  double seconds_ = 0;
};

void PrintResult(const TrainCommand& command, const Trainer& trainer,
                 const std::filesystem::path& checkpoint) {
  const TrainingState& state = trainer.state();
  const TrainOptions& options = trainer.options();
  const double held_out = state.curve.evaluation_loss.back();
  const double seconds = state.curve.seconds.back();
  const double tokens =
      static_cast<double>(state.step * options.accumulation * options.batch * options.context);
  if (command.json) {
    const Json result = {{"checkpoint", checkpoint.string()},
                         {"steps", state.step},
                         {"loss", state.curve.loss.back()},
                         {"held_out_loss", held_out},
                         {"held_out_bits_per_byte", BitsPerByte(held_out, 1, 1)},
                         {"parameters", state.model.layout().count()},
                         {"seconds", seconds},
                         {"tokens_per_second", tokens / seconds}};
    std::cout << result.dump(2) << '\n';
  } else {
    fmt::print(
        "{} steps in {}: held-out loss {:.4f} nats, {:.4f} bits a byte ({:.0f} tokens/s, {} "
        "parameters)\n{}\n",
        state.step, Duration(seconds), held_out, BitsPerByte(held_out, 1, 1), tokens / seconds,
        state.model.layout().count(), checkpoint.string());
  }
}

void Train(const TrainCommand& command) {
  TrainOptions options = command.options;
  std::optional<Checkpoint> begun;
  if (command.resume) {
    begun = ResumeCheckpoint(command.out);
    options = WithGivenFlags(begun->options, command.options, command.flags);
  } else {
    Require(!HasCheckpoint(command.out), "train: ", command.out.string(),
            " holds a run already: go on with --resume, or choose another --out");
  }
  ReadRopeConfigFlag(command.flags, "train", options);
  Require(!options.rotation || options.encoding == PositionEncoding::kRotary,
          "train: a rotation is for the encoding rotary, got ", Name(options.encoding));
  if (begun) CheckResume(begun->options, options);
  const Corpus corpus = ReadCorpus(command.texts, command.validation, options);
  const std::string digest = CorpusDigest(corpus);
  Require(!begun || begun->corpus == digest,
          "resume: the texts are not those that the run began with");
  const ByteTokenizer tokenizer;
  Trainer trainer = begun ? Trainer(options, corpus, tokenizer, std::move(begun->state))
                          : Trainer(options, corpus, tokenizer);
  MakeFolder(command.out);

  const StopRequest stop;
  RunEnd end;
  {
    Progress progress("training", options.steps, trainer.state().step);
    StepNote note;
    RunHooks hooks;
    hooks.on_step = [&](const StepReport& report) { progress.Update(report.step, note(report)); };
    hooks.on_evaluation = [&](int64_t step, double loss) {
      progress.Line(fmt::format("step {}: held-out loss {:.4f}", step, loss));
    };
    hooks.save = [&](const TrainingState& state) {
      SaveCheckpoint(command.out, options, state, tokenizer.name(), digest);
    };
    hooks.stop = [] { return StopRequest::signal() != 0; };
    try {
      end = RunTraining(trainer, hooks);
    } catch (const TrainingDiverged& error) {
      const std::string kept =
          HasCheckpoint(command.out)
              ? "the last good step is " + CheckpointFolder(command.out).string()
              : "no step was saved";
      throw TrainingDiverged(Sentence(error.what(), "; ", kept, "; a lower --lr may help"));
    }
  }
  const std::filesystem::path checkpoint = CheckpointFolder(command.out);
  if (end == RunEnd::kStopped) {
    throw std::runtime_error(Sentence("train: stopped after step ", trainer.state().step, " of ",
                                      options.steps, ", saved in ", checkpoint.string(),
                                      "; the same command with --resume goes on"));
  }
  PrintResult(command, trainer, checkpoint);
}

}  // namespace

void AddTrainCommand(CLI::App& program) {
  const auto command = std::make_shared<TrainCommand>();
  CLI::App* app = program.add_subcommand("train", "Train a small transformer on text");
  app->footer(
      "Ctrl-C saves the step and stops; --resume goes on to the same bits as a run that never "
      "stopped.\n"
      "Examples: rotary train book.txt --out out/book --encoding rotary --steps 500\n"
      "          rotary train book.txt --out out/long --model-dim 512 --rope-config config.json");
  app->add_option("TEXT", command->texts, "text files, read as bytes, one after the other")
      ->required();
  app->add_option("--out", command->out, "folder for the checkpoints")->required();
  app->add_option("--validation", command->validation,
                  "text to judge by, instead of the end of TEXT");
  app->add_flag("--resume", command->resume, "go on from the last step in --out");
  app->add_flag("--json", command->json, "print JSON");
  AddTrainFlags(*app, command->options, command->flags);
  app->callback([command] { Train(*command); });
}

}  // namespace rotary
