// The flags of a training run, shared by `train` and `compare`: one for each option of
// VisitTrainOptions.
#ifndef ROTARY_CLI_TRAIN_FLAGS_H_
#define ROTARY_CLI_TRAIN_FLAGS_H_

#include <CLI/CLI.hpp>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "rotary/cli/rope_config_flags.h"
#include "rotary/text/read_text.h"
#include "rotary/train/dataset.h"
#include "rotary/train/train_options.h"

namespace rotary {

// The flag of each option by the option's name.
struct TrainFlags {
  std::map<std::string, CLI::Option*> options;
  RopeConfigFlags rope_config;  // another way to say `rotation`
};

// Adds the flags; parsing writes to `options`, whose values are the defaults, and to `flags`; both
// must outlive the command.
//   without  names of options that get no flag
void AddTrainFlags(CLI::App& command, TrainOptions& options, TrainFlags& flags,
                   const std::set<std::string>& without = {});

// Reads the rotation of --rope-config, where it is given, for the context and layout of `options`.
// Throws as ReadModelRotation does.
void ReadRopeConfigFlag(const TrainFlags& flags, const std::string& command, TrainOptions& options);

// `begun` with the options that the command line names.
TrainOptions WithGivenFlags(const TrainOptions& begun, const TrainOptions& parsed,
                            const TrainFlags& flags);

// Reads the texts as bytes and holds out `validation`, or the tail of the texts where it is empty.
// Throws FileError: a text that is missing, empty or too short for the context.
//   visit  sees each file, `validation` last
Corpus ReadCorpus(const std::vector<std::filesystem::path>& texts,
                  const std::filesystem::path& validation, const TrainOptions& options,
                  const TextVisitor& visit = {});

}  // namespace rotary

#endif  // ROTARY_CLI_TRAIN_FLAGS_H_
