#include "rotary/cli/train_flags.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <type_traits>

#include "rotary/base/error.h"
#include "rotary/cli/number_check.h"
#include "rotary/io/rotation_json.h"
#include "rotary/text/byte_tokenizer.h"
#include "rotary/text/read_text.h"
#include "rotary/train/choices.h"

namespace rotary {
namespace {

template <class T>
struct ValueOf {
  using type = T;
};
template <class T>
struct ValueOf<std::optional<T>> {
  using type = T;
};

// A flag that writes to a field of type T or std::optional<T>.
template <class Field>
CLI::Option* AddFlag(CLI::App& command, const std::string& flag, const std::string& name,
                     Field& field, const std::string& help) {
  using T = typename ValueOf<Field>::type;
  if constexpr (std::is_enum_v<T>) {
    CLI::Option* option = command.add_option_function<std::string>(
        flag, [&field, name](const std::string& word) { field = ParseChoice<T>(name, word); },
        help + ": " + ChoiceList<T>());
    if constexpr (std::is_same_v<Field, T>) option->default_str(ChoiceName(field));
    return option->type_name("");
  } else if constexpr (std::is_same_v<T, Rotation>) {
    return command
        .add_option_function<std::string>(
            flag, [&field](const std::string& path) { field = ReadRotation(path); }, help)
        ->type_name("FILE");
  } else {
    CLI::Option* option = command.add_option(flag, field, help)->type_name("");
    // What its type holds; the rules of the option are CheckTrainOptions'.
    if constexpr (std::is_floating_point_v<T>) {
      option->check(FiniteNumber(flag));
    } else {
      option->transform(
          WholeNumber(flag, std::numeric_limits<T>::min(), std::numeric_limits<T>::max()));
    }
    if constexpr (std::is_same_v<Field, T>) option->capture_default_str();
    return option;
  }
}

}  // namespace

void AddTrainFlags(CLI::App& command, TrainOptions& options, TrainFlags& flags,
                   const std::set<std::string>& without) {
  VisitTrainOptions(options, [&](const std::string& name, auto& field, OnResume, const char* help) {
    if (without.contains(name)) return;
    std::string flag = "--" + name;
    std::replace(flag.begin(), flag.end(), '_', '-');
    flags.options[name] = AddFlag(command, flag, name, field, help)->take_last();
  });
  CLI::Option* config = AddRopeConfigFlags(command, flags.rope_config);
  for (const char* instead : {"rotation", "theta", "rotary_fraction"}) {
    config->excludes(flags.options.at(instead));
  }
}

void ReadRopeConfigFlag(const TrainFlags& flags, const std::string& command,
                        TrainOptions& options) {
  if (flags.rope_config.config.empty()) return;
  options.rotation = ReadModelRotation(flags.rope_config, options.context, options.layout, command);
}

TrainOptions WithGivenFlags(const TrainOptions& begun, const TrainOptions& parsed,
                            const TrainFlags& flags) {
  Json options = TrainOptionsToJson(begun);
  const Json given = TrainOptionsToJson(parsed);
  for (const auto& [name, flag] : flags.options) {
    if (flag->count() > 0) options[name] = given[name];
  }
  return TrainOptionsFromJson({options, "the command line"});
}

Corpus ReadCorpus(const std::vector<std::filesystem::path>& texts,
                  const std::filesystem::path& validation, const TrainOptions& options,
                  const TextVisitor& visit) {
  const ByteTokenizer tokenizer;
  const int64_t window = WindowLength(options.objective, options.context);
  const std::string purpose = Sentence("training with a context of ", options.context, " tokens");
  std::vector<int32_t> tokens = tokenizer.Encode(ReadTexts(texts, visit));
  const auto count = static_cast<int64_t>(tokens.size());
  if (validation.empty()) {
    Corpus corpus = HoldOutTail(std::move(tokens), options.held_out);
    const double part = std::min(options.held_out, 1 - options.held_out);
    const auto least = static_cast<int64_t>(std::ceil(static_cast<double>(window) / part));
    RequireTokens(texts, count, least,
                  Sentence(purpose, " and ", options.held_out, " of the text held out"));
    return corpus;
  }
  RequireTokens(texts, count, window, purpose);
  Corpus corpus;
  corpus.training = std::move(tokens);
  const std::vector<std::filesystem::path> held_out = {validation};
  corpus.held_out = tokenizer.Encode(ReadTexts(held_out, visit));
  RequireTokens(held_out, static_cast<int64_t>(corpus.held_out.size()), window,
                Sentence("held-out text with a context of ", options.context, " tokens"));
  return corpus;
}

}  // namespace rotary
