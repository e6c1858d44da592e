// Proves: options survive JSON to the bit, each one by name; a resumed run may change the free ones
// and no other; the model is of the asked form with the asked sizes; what breaks a rule gives its
// sentence.
#include "rotary/train/train_options.h"

#include <gtest/gtest.h>

#include <limits>
#include <stdexcept>
#include <string>
#include <type_traits>

#include "rotary/base/test_thrown.h"
#include "rotary/train/choices.h"

namespace rotary {
namespace {

// Changes a value to another of its type.
template <class T>
void Disturb(T& value) {
  if constexpr (std::is_same_v<T, std::optional<Rotation>>) {
    value = MakeRotation({.head_dim = 32, .theta = 500000});
  } else if constexpr (std::is_same_v<T, std::optional<Layout>>) {
    value = Layout::kHalf;
  } else if constexpr (std::is_same_v<T, std::optional<int64_t>>) {
    value = 3;
  } else if constexpr (std::is_same_v<T, std::optional<double>>) {
    value = 1.0 / 3;
  } else if constexpr (std::is_enum_v<T>) {
    value = static_cast<T>(1);
  } else if constexpr (std::is_same_v<T, double>) {
    value = value * 1.1 + 1.0 / 3;
  } else {
    value += 1;
  }
}

TEST(TrainOptionsTest, SurviveJson) {
  TrainOptions options;
  EXPECT_EQ(TrainOptionsFromJson({TrainOptionsToJson(options), "test"}), options);
  VisitTrainOptions(
      options, [](std::string_view, auto& value, OnResume, std::string_view) { Disturb(value); });
  options.seed = std::numeric_limits<uint64_t>::max();
  EXPECT_NE(options, TrainOptions());
  const std::string text = TrainOptionsToJson(options).dump();
  EXPECT_EQ(TrainOptionsFromJson({Json::parse(text), "test"}), options) << text;
}

TEST(TrainOptionsTest, StrangeJsonGivesASentence) {
  const auto read = [](auto change) {
    Json json = TrainOptionsToJson({});
    change(json);
    return Thrown<std::exception>([&] { TrainOptionsFromJson({json, "f.json", "options"}); });
  };
  EXPECT_EQ(read([](Json& json) { json["new"] = 1; }),
            "cannot read f.json: options holds options that this version does not know");
  EXPECT_EQ(read([](Json& json) { json["encoding"] = "spiral"; }),
            "cannot read f.json: options.encoding is unknown: encoding must be one of rotary, "
            "sinusoidal, learned, "
            "alibi, none, got \"spiral\"");
  EXPECT_EQ(read([](Json& json) { json["seed"] = -1; }),
            "cannot read f.json: options.seed must be a whole number from 0");
  EXPECT_NE(read([](Json& json) { json.erase("lr"); }), "nothing was thrown");
  EXPECT_NE(read([](Json& json) { json["layers"] = 2.5; }), "nothing was thrown");
}

TEST(TrainOptionsTest, OnlyFreeOptionsMayChangeOnResume) {
  const TrainOptions begun;
  int fixed = 0, free = 0;
  VisitTrainOptions(begun, [&](std::string_view name, const auto&, OnResume on_resume,
                               std::string_view) {
    TrainOptions wanted = begun;
    VisitTrainOptions(wanted, [&](std::string_view other, auto& value, OnResume, std::string_view) {
      if (other == name) Disturb(value);
    });
    const std::string complaint = Thrown<std::exception>([&] { CheckResume(begun, wanted); });
    if (on_resume == OnResume::kFree) {
      EXPECT_EQ(complaint, "nothing was thrown") << name;
      ++free;
    } else {
      EXPECT_NE(complaint.find("resume: the run began with " + std::string(name) + " "),
                std::string::npos)
          << name << ": " << complaint;
      ++fixed;
    }
  });
  EXPECT_EQ(free, 4);
  EXPECT_EQ(fixed, 33);
  TrainOptions wanted;
  wanted.dropout = 0.25;
  EXPECT_EQ(Thrown<std::exception>([&] { CheckResume(begun, wanted); }),
            "resume: the run began with dropout 0.0, got 0.25; only evaluate_every, "
            "checkpoint_every, keep, threads may "
            "change");
}

TEST(TrainOptionsTest, TheModelHasTheFormOfTheObjective) {
  TrainOptions options{.kv_heads = 2, .rotary_fraction = 0.5};
  ModelConfig config = MakeModelConfig(options, 256);
  EXPECT_TRUE(config.causal);
  EXPECT_EQ(config.kv_heads, 2);
  EXPECT_EQ(config.max_tokens, 128);
  EXPECT_EQ(config.rotation,
            MakeRotation({.head_dim = 32, .rotary_dim = 16, .layout = Layout::kHalf}));

  options = {.objective = Objective::kMasked, .theta = 500};
  config = MakeModelConfig(options, 257);
  EXPECT_FALSE(config.causal);
  EXPECT_EQ(config.head, OutputHead::kMaskedWord);
  EXPECT_EQ(config.rotation,
            MakeRotation({.head_dim = 32, .theta = 500, .layout = Layout::kInterleaved}));

  options = {
      .attention = AttentionForm::kLinear, .feature_map = FeatureMap::kPerformer, .features = 48};
  config = MakeModelConfig(options, 256);
  EXPECT_EQ(config.features, 48);
  EXPECT_EQ(config.rotation, MakeRotation({.head_dim = 48, .layout = Layout::kHalf}));

  // One word changes the encoding and nothing else.
  options = {};
  config = MakeModelConfig(options, 256);
  options.encoding = PositionEncoding::kSinusoidal;
  ModelConfig other = MakeModelConfig(options, 256);
  other.positions = config.positions;
  other.rotation = config.rotation;
  EXPECT_EQ(other, config);
}

TEST(TrainOptionsTest, NamesTheBrokenRule) {
  const auto check = [](TrainOptions options) {
    return Thrown<std::exception>([&] {
      CheckTrainOptions(options);
      MakeModelConfig(options, 256);
    });
  };
  EXPECT_EQ(check({}), "nothing was thrown");
  EXPECT_EQ(check({.batch = 0}), "train: batch must be at least 1, got 0");
  EXPECT_EQ(check({.dropout = 1}), "train: dropout must be at least 0 and below 1, got 1");
  EXPECT_EQ(check({.beta2 = 1}), "train: beta2 must be at least 0 and below 1, got 1");
  EXPECT_EQ(check({.theta = std::numeric_limits<double>::infinity()}),
            "train: theta must be a finite number, got inf");
  EXPECT_EQ(check({.rotary_fraction = 0.3}),
            "train: rotary_fraction 0.3 of 32 channels is no whole number of them (9.6)");
  EXPECT_EQ(check({.rotary_fraction = 0}),
            "train: rotary_fraction must be above 0 and at most 1, got 0");
  EXPECT_NE(check({.rotary_fraction = 0.09375}).find("even"), std::string::npos);  // 3 of 32
  EXPECT_EQ(check({.model_dim = 130}),
            "model: model_dim must be a multiple of heads, got model_dim 130 and 4 heads");
  EXPECT_EQ(check({.heads = 4, .kv_heads = 3}),
            "model: heads must be a multiple of kv_heads, got 4 heads and 3 kv_heads");
  EXPECT_EQ(Thrown<std::exception>([] { ParseChoice<Objective>("objective", "mml"); }),
            "objective must be one of causal, mlm, got \"mml\"");
  EXPECT_EQ(check({.steps = 50, .warmup = 60}),
            "schedule: the warm-up must be shorter than the run of 50 steps, got 60");
}

TEST(TrainOptionsTest, TheScheduleFollowsStepsAndRate) {
  EXPECT_EQ(MakeSchedule({.steps = 50}).warmup_steps, 5);
  EXPECT_EQ(MakeSchedule({.steps = 5000}).warmup_steps, 100);
  EXPECT_EQ(MakeSchedule({.steps = 5000, .warmup = 0}).warmup_steps, 0);
  EXPECT_DOUBLE_EQ(MakeSchedule({.lr = 0.5}).final_rate, 0.05);
  EXPECT_EQ(MakeSchedule({.lr = 0.5, .final_lr = 0}).final_rate, 0);
}

}  // namespace
}  // namespace rotary
