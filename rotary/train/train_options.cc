#include "rotary/train/train_options.h"

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <utility>

#include "rotary/base/error.h"
#include "rotary/io/rotation_json.h"
#include "rotary/train/choices.h"

namespace rotary {
namespace {

template <class T>
constexpr bool kIsOptional = false;
template <class T>
constexpr bool kIsOptional<std::optional<T>> = true;

template <class T>
Json ToJson(const T& value) {
  if constexpr (kIsOptional<T>) {
    return value ? ToJson(*value) : Json();
  } else if constexpr (std::is_enum_v<T>) {
    return ChoiceName(value);
  } else if constexpr (std::is_same_v<T, Rotation>) {
    return Json::parse(RotationToJson(value));
  } else {
    return value;
  }
}

template <class T>
void FromJson(std::string_view name, const JsonValue& json, T& value) {
  if constexpr (kIsOptional<T>) {
    value.reset();
    if (!json.IsNull()) FromJson(name, json, value.emplace());
  } else if constexpr (std::is_enum_v<T>) {
    try {
      value = ParseChoice<T>(name, json.String());
    } catch (const std::invalid_argument& error) {
      throw json.Error("is unknown: ", error.what());
    }
  } else if constexpr (std::is_same_v<T, Rotation>) {
    value = RotationFromJson(json);
  } else if constexpr (std::is_floating_point_v<T>) {
    value = json.Number();
  } else if constexpr (std::is_same_v<T, uint64_t>) {
    if (!json.json().is_number_unsigned()) throw json.Error("must be a whole number from 0");
    value = json.json().get<uint64_t>();
  } else {
    value = static_cast<T>(json.Int(std::numeric_limits<T>::min(), std::numeric_limits<T>::max()));
  }
}

void RequireAtLeast(int64_t least, std::string_view name, int64_t value) {
  Require(value >= least, "train: ", name, " must be at least ", least, ", got ", value);
}

// Channels that turn. A fraction that does not give a whole number is a mistake, not a wish to
// round.
int RotaryDim(double fraction, int channels) {
  const double dim = fraction * channels;
  Require(fraction > 0 && fraction <= 1,
          "train: rotary_fraction must be above 0 and at most 1, got ", fraction);
  Require(std::abs(dim - std::round(dim)) < 1e-6, "train: rotary_fraction ", fraction, " of ",
          channels, " channels is no whole number of them (", dim, ")");
  return static_cast<int>(std::lround(dim));
}

}  // namespace

void CheckTrainOptions(const TrainOptions& options) {
  VisitTrainOptions(
      options, [](std::string_view name, const auto& value, OnResume, std::string_view) {
        if constexpr (std::is_same_v<std::decay_t<decltype(value)>, double>) {
          Require(std::isfinite(value), "train: ", name, " must be a finite number, got ", value);
        }
      });
  RequireAtLeast(0, "features", options.features);
  RequireAtLeast(1, "layers", options.layers);
  RequireAtLeast(0, "kv_heads", options.kv_heads);
  RequireAtLeast(0, "inner_dim", options.inner_dim);
  RequireAtLeast(1, "context", options.context);
  RequireAtLeast(1, "batch", options.batch);
  RequireAtLeast(1, "accumulation", options.accumulation);
  RequireAtLeast(0, "redraw_every", options.redraw_every);
  RequireAtLeast(1, "evaluate_every", options.evaluate_every);
  RequireAtLeast(1, "evaluation_windows", options.evaluation_windows);
  RequireAtLeast(1, "checkpoint_every", options.checkpoint_every);
  RequireAtLeast(1, "keep", options.keep);
  RequireAtLeast(0, "threads", options.threads);
  CheckSchedule(MakeSchedule(options));
  Require(options.weight_decay >= 0, "train: weight_decay must not be negative, got ",
          options.weight_decay);
  for (const auto& [name, beta] :
       {std::pair("beta1", options.beta1), std::pair("beta2", options.beta2)}) {
    Require(beta >= 0 && beta < 1, "train: ", name, " must be at least 0 and below 1, got ", beta);
  }
  Require(options.epsilon > 0, "train: epsilon must be positive, got ", options.epsilon);
  Require(options.clip >= 0, "train: clip must not be negative, got ", options.clip);
  Require(options.dropout >= 0 && options.dropout < 1,
          "train: dropout must be at least 0 and below 1, got ", options.dropout);
}

ModelConfig MakeModelConfig(const TrainOptions& options, int64_t vocab_size) {
  const ModelSizes sizes{.vocab_size = vocab_size,
                         .layers = options.layers,
                         .model_dim = options.model_dim,
                         .heads = options.heads,
                         .kv_heads = options.kv_heads,
                         .inner_dim = options.inner_dim,
                         .max_tokens = options.context};
  const bool masked = options.objective == Objective::kMasked;
  ModelConfig config = masked ? RoFormerConfig(sizes) : LlamaConfig(sizes);
  config.positions = options.encoding;
  config.sinusoidal_amplitude = options.sinusoidal_amplitude;
  config.attention = options.attention;
  if (options.attention == AttentionForm::kLinear) {
    config.feature_map = options.feature_map;
    if (options.features != 0) config.features = options.features;
  }
  if (options.encoding == PositionEncoding::kRotary) {
    const Layout layout = options.layout.value_or(masked ? Layout::kInterleaved : Layout::kHalf);
    config.rotation =
        options.rotation
            ? *options.rotation
            : MakeRotation({.head_dim = config.rotated_dim(),
                            .rotary_dim = RotaryDim(options.rotary_fraction, config.rotated_dim()),
                            .theta = options.theta,
                            .layout = layout});
  }
  CheckModelConfig(config);
  return config;
}

Schedule MakeSchedule(const TrainOptions& options) {
  return {.steps = options.steps,
          .warmup_steps = options.warmup.value_or(std::min<int64_t>(100, options.steps / 10)),
          .peak_rate = options.lr,
          .final_rate = options.final_lr.value_or(options.lr / 10),
          .decay = options.decay};
}

Json TrainOptionsToJson(const TrainOptions& options) {
  Json json = Json::object();
  VisitTrainOptions(options, [&](const char* name, const auto& value, OnResume, std::string_view) {
    json[name] = ToJson(value);
  });
  return json;
}

TrainOptions TrainOptionsFromJson(const JsonValue& value) {
  TrainOptions options;
  size_t known = 0;
  VisitTrainOptions(options, [&](const char* name, auto& field, OnResume, std::string_view) {
    FromJson(name, value[name], field);
    ++known;
  });
  if (value.json().size() != known)
    throw value.Error("holds options that this version does not know");
  return options;
}

void CheckResume(const TrainOptions& begun, const TrainOptions& wanted) {
  const Json before = TrainOptionsToJson(begun);
  const Json after = TrainOptionsToJson(wanted);
  std::string free;
  VisitTrainOptions(begun,
                    [&](const char* name, const auto&, OnResume on_resume, std::string_view) {
                      if (on_resume == OnResume::kFree)
                        free += (free.empty() ? "" : ", ") + std::string(name);
                    });
  VisitTrainOptions(begun,
                    [&](const char* name, const auto&, OnResume on_resume, std::string_view) {
                      Require(on_resume == OnResume::kFree || before[name] == after[name],
                              "resume: the run began with ", name, " ", before[name].dump(),
                              ", got ", after[name].dump(), "; only ", free, " may change");
                    });
}

}  // namespace rotary
