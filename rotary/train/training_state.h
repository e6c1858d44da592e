// A training run on disk. A step is a folder that is whole or not there; `latest` names one that is
// whole.
//
//   OUT/step-000100/config.json, model.safetensors   the model in Hugging Face's names and layout
//                   training_state.safetensors       AdamW's moments and the curve
//                   training.json                    the options, the step, the texts it belongs to
//   OUT/latest                                       "step-000100", written last
//
// A step is written under a temporary name, each file synced, and renamed when all of it is on the
// disk; only then is `latest` replaced. So a kill or a power cut at any moment leaves the last step
// that was finished.
#ifndef ROTARY_TRAIN_TRAINING_STATE_H_
#define ROTARY_TRAIN_TRAINING_STATE_H_

#include <filesystem>
#include <string>

#include "rotary/train/dataset.h"
#include "rotary/train/train_options.h"
#include "rotary/train/trainer.h"

namespace rotary {

struct Checkpoint {
  TrainOptions options;
  std::string tokenizer;  // its name
  std::string corpus;     // CorpusDigest of the texts
  TrainingState state;
};

// SHA-256 over the training and the held-out tokens, so that a run goes on with the texts it began
// with.
std::string CorpusDigest(const Corpus& corpus);

// Whether the run in `out` has a finished step.
bool HasCheckpoint(const std::filesystem::path& out);

// The folder of the model at `path`: the latest step where it holds a run, else `path` itself.
// Throws FileError where `latest` is damaged or names a step that is not there.
std::filesystem::path CheckpointFolder(const std::filesystem::path& path);

// Writes the state as the latest step of the run in `out`, which is made where it is missing, and
// removes all but the last options.keep steps. On an error the run is as it was. Throws FileError:
// a full disk, a folder that may not be written.
void SaveCheckpoint(const std::filesystem::path& out, const TrainOptions& options,
                    const TrainingState& state, std::string_view tokenizer,
                    std::string_view corpus);

// Reads the step in `folder`.
// Throws FileError for what is missing, cut short, of other sizes, not finite or left over.
Checkpoint LoadCheckpoint(const std::filesystem::path& folder);

// Reads the latest step of the run in `out`, to go on from it, and removes what a kill left there:
// a half-written step, steps beyond the last options.keep. Throws FileError as LoadCheckpoint does,
// and where the run has no finished step.
Checkpoint ResumeCheckpoint(const std::filesystem::path& out);

}  // namespace rotary

#endif  // ROTARY_TRAIN_TRAINING_STATE_H_
