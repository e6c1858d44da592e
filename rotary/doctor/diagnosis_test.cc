// Properties: every code once, on a few tokens, beside a config, with no other fault; no fault
// where there is none, in every dtype, with rows at different positions, one head or several, one
// token, part of the channels, several axes; what cannot be known is said; what cannot be looked at
// is refused.
#include "rotary/doctor/diagnosis.h"

#include <cmath>
#include <functional>
#include <limits>

#include "gtest/gtest.h"
#include "rotary/base/error.h"
#include "rotary/doctor/precision.h"
#include "rotary/doctor/test_diagnosis.h"

namespace rotary {
namespace {

TEST(DiagnoseTest, NoFaultWhereThereIsNone) {
  for (const Expectation& expected :
       {Llama(), Yarn(), Neox(), Asked("gptj", R"("rotary_dim": 16)")}) {
    for (const DType dtype : {DType::kF64, DType::kF32, DType::kF16, DType::kBF16}) {
      for (const ObservationShape& shape :
           {ObservationShape{.rows = 2, .tokens = 40, .heads = 4, .dtype = dtype},
            ObservationShape{.rows = 3, .tokens = 5, .heads = 1, .dtype = dtype},
            ObservationShape{.rows = 1, .tokens = 1, .heads = 3, .dtype = dtype}}) {
        const Diagnosis diagnosis = Of(expected, expected.rotation, std::nullopt, shape);
        const std::string what = Sentence(expected.layout.name, ' ', expected.layout.rotary_dim,
                                          ", ", Name(dtype), ", tokens ", shape.tokens);
        EXPECT_EQ(Faults(diagnosis), Codes()) << what << ": " << diagnosis.verdict;
        EXPECT_TRUE(All(diagnosis).contains("none-found")) << what << ": " << diagnosis.verdict;
        EXPECT_EQ(diagnosis.layout, expected.layout.name) << what;
        EXPECT_EQ(diagnosis.position_shift, 0) << what;
        ASSERT_TRUE(diagnosis.rotation.has_value()) << what;
        EXPECT_NEAR(*diagnosis.attention_factor, expected.rotation.attention_factor, 0.01) << what;
        EXPECT_FALSE(diagnosis.is_inverse) << what;
        EXPECT_LT(diagnosis.residual, 2 * diagnosis.noise) << what;
      }
    }
  }
}

TEST(DiagnoseTest, EachFaultOfARotationOnce) {
  const auto made = [](RotationOptions options) {
    options.head_dim = 32;
    return MakeRotation(options);
  };
  const auto changed = [](Rotation rotation, const std::function<void(Rotation&)>& change) {
    change(rotation);
    return rotation;
  };
  Rotation yarn = Yarn().rotation;
  const Rotation llama = Llama().rotation;
  std::vector<double> over_head;
  for (int j = 0; j < 8; ++j) over_head.push_back(std::pow(10000, -j / 16.0));
  const struct {
    std::string code;
    Expectation expected;
    Rotation applied;
  } cases[] = {
      {"layout-differs", Llama(), made({.layout = Layout::kInterleaved})},
      {"direction-reversed", Llama(),
       changed(llama,
               [](Rotation& r) {
                 for (double& w : r.frequency) w = -w;
               })},
      {"theta-differs", Llama(), made({.theta = 500000})},
      {"theta-differs", Llama(), made({.theta = 31234})},
      {"scaling-missing", Yarn(),
       changed(made({}), [&](Rotation& r) { r.attention_factor = yarn.attention_factor; })},
      {"scaling-differs", Llama(),
       changed(llama,
               [](Rotation& r) {
                 for (double& w : r.frequency) w /= 4;
               })},
      {"attention-factor-missing", Yarn(),
       changed(yarn, [](Rotation& r) { r.attention_factor = 1; })},
      {"attention-factor-squared", Yarn(),
       changed(yarn, [](Rotation& r) { r.attention_factor *= r.attention_factor; })},
      {"attention-factor-differs", Llama(),
       changed(llama, [](Rotation& r) { r.attention_factor = 1.3; })},
      {"rotary-dim-differs", Neox(), made({})},
      {"offset-differs", Neox(), made({.rotary_dim = 16, .offset = 16})},
      {"denominator-differs", Neox(),
       changed(Neox().rotation, [&](Rotation& r) { r.frequency = over_head; })},
      {"frequencies-rounded", Llama(),
       changed(llama,
               [](Rotation& r) {
                 for (double& w : r.frequency) w = RoundedTo(Precision::kBF16, w);
               })},
      {"rotated-twice", Llama(),
       changed(llama,
               [](Rotation& r) {
                 for (double& w : r.frequency) w *= 2;
               })},
      {"heads-differ", Llama(),
       changed(llama,
               [](Rotation& r) {
                 r.heads = 4;
                 r.frequency.resize(64, 0);
                 for (size_t i = 16; i < 64; ++i) r.frequency[i] = i < 32 ? 0 : r.frequency[i - 32];
                 for (size_t i = 48; i < 64; ++i) r.frequency[i] = r.frequency[i - 48];
               })},
      {"tables-mismatch", Llama(),
       changed(llama,
               [](Rotation& r) {
                 const std::vector<double> own = r.frequency;
                 for (size_t j = 0; j < 16; ++j) {
                   r.second_frequency.push_back(own[(j + 16) / 2]);
                   r.frequency[j] = own[j / 2];
                 }
               })},
  };
  for (const auto& one : cases) {
    const Diagnosis diagnosis = Of(one.expected, one.applied);
    EXPECT_EQ(Faults(diagnosis), Codes({one.code})) << diagnosis.verdict;
    EXPECT_EQ(diagnosis.certainty, Certainty::kCertain) << one.code;
  }
}

// What becomes of outputs that `spoil` changes: (the number, its index).
Diagnosis Spoiled(const std::function<double(double, size_t)>& spoil) {
  const Expectation llama = Llama();
  TestObservation test(llama.rotation, kShape, Given());
  const std::span<float> y = test.after().span<float>();
  const std::vector<float> exact(y.begin(), y.end());
  for (size_t i = 0; i < y.size(); ++i) y[i] = static_cast<float>(spoil(exact[i], i));
  return Diagnose(test.observation(), llama);
}

TEST(DiagnoseTest, OtherPlaces) {
  const Expectation llama = Llama();
  TestObservation test(llama.rotation, kShape, Given());
  const std::span<float> y = test.after().span<float>();
  for (size_t i = 0; i < y.size(); i += 32) {
    const std::vector<float> head(&y[i], &y[i] + 32);
    for (size_t c = 0; c < 32; ++c) y[i + c] = head[c / 2 + c % 2 * 16];
  }
  const Diagnosis diagnosis = Diagnose(test.observation(), llama);
  EXPECT_EQ(All(diagnosis), Codes({"channels-permuted"})) << diagnosis.verdict;
}

TEST(DiagnoseTest, WhatIsNoRotation) {
  const Random random(3, 3);
  const struct {
    std::string kind;
    std::function<double(double, size_t)> spoil;
  } cases[] = {
      {"added", [](double y, size_t i) { return y + 0.3 * std::sin(static_cast<double>(i % 32)); }},
      {"steps", [](double y, size_t) { return 0.03 * std::nearbyint(y / 0.03); }},
      {"noise", [&](double y, size_t i) { return y + 0.01 * random.Normal(i); }},
  };
  for (const auto& one : cases) {
    const Diagnosis diagnosis = Spoiled(one.spoil);
    EXPECT_EQ(Faults(diagnosis), Codes({"not-a-rotation"}))
        << one.kind << ": " << diagnosis.verdict;
    EXPECT_EQ(diagnosis.findings[0].evidence.value("kind", ""), one.kind);
    EXPECT_EQ(diagnosis.certainty, Certainty::kLikely) << one.kind;
    EXPECT_EQ(diagnosis.layout, "half") << one.kind;  // the rotation that most of it is
    EXPECT_EQ(diagnosis.theta, 10000) << one.kind;
  }
  // Lengths that change from head to head.
  EXPECT_EQ(Faults(Spoiled([](double y, size_t i) {
              return y * (1 + 0.2 * std::cos(static_cast<double>(i / 32)));
            })),
            Codes({"not-a-rotation"}));
  const Diagnosis diagnosis = Spoiled([&](double, size_t i) { return random.Normal(i); });
  EXPECT_EQ(All(diagnosis), Codes({"not-a-rotation"})) << diagnosis.verdict;
  EXPECT_EQ(diagnosis.certainty, Certainty::kCannotTell);
  EXPECT_FALSE(diagnosis.rotation.has_value());
}

TEST(DiagnoseTest, AxesInAnotherOrder) {
  const Expectation expected = Asked(
      "qwen2_vl",
      R"("rope_theta": 10000, "rope_scaling": {"type": "mrope", "mrope_section": [4, 6, 6]})");
  ASSERT_EQ(expected.rotation.axes, 3);
  std::vector<double> given, swapped;
  for (int64_t t = 0; t < kShape.rows * kShape.tokens; ++t) {
    const double frame = static_cast<double>(t / 12), y = static_cast<double>(t % 12 / 4),
                 x = static_cast<double>(t % 4 + 7);
    given.insert(given.end(), {frame, y, x});
    swapped.insert(swapped.end(), {frame, x, y});
  }
  for (const bool is_swapped : {false, true}) {
    TestObservation test(expected.rotation, kShape, is_swapped ? swapped : given);
    test.observation().positions = given;
    const Diagnosis diagnosis = Diagnose(test.observation(), expected);
    EXPECT_EQ(Faults(diagnosis), is_swapped ? Codes({"axis-order-differs"}) : Codes())
        << diagnosis.verdict;
  }
}

TEST(DiagnoseTest, NothingTurned) {
  const Expectation llama = Llama();
  Rotation still = llama.rotation;
  for (double& w : still.frequency) w = 0;
  EXPECT_EQ(All(Of(llama, still)), Codes({"identity"}));
  // At position 0 it is right that nothing turns, and nothing is known.
  TestObservation test(llama.rotation, {.tokens = 1, .heads = 4}, {0});
  const Diagnosis diagnosis = Diagnose(test.observation(), llama);
  EXPECT_EQ(All(diagnosis), Codes({"cannot-tell"}));
  EXPECT_EQ(diagnosis.certainty, Certainty::kCannotTell);
  EXPECT_FALSE(diagnosis.rotation.has_value());
}

TEST(DiagnoseTest, RefusesWhatCannotBeLookedAt) {
  const Expectation llama = Llama();
  const ObservationShape shape{.tokens = 3, .heads = 2};
  TestObservation test(llama.rotation, shape, Given(shape));
  const auto sentence = [&] {
    return Thrown<std::invalid_argument>([&] { Diagnose(test.observation(), llama); });
  };
  test.after().span<float>()[2 * 64 + 32 + 5] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(sentence(),
            "doctor: after has a number that is not finite, at token 2, head 1, channel 5");
  test.observation().after = test.observation().before =
      ConstTensorView(nullptr, DType::kF32, {1, 0, 2, 32});
  test.observation().positions.clear();
  EXPECT_EQ(sentence(), "doctor: there are no numbers: [1, 0, 2, 32]");
}

}  // namespace
}  // namespace rotary
