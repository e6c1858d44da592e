// Properties: every code once, on a few tokens, beside a config, with no other fault; no fault
// where there is none, in every dtype, with rows at different positions, one head or several, one
// token, part of the channels, several axes; what cannot be known is said; what cannot be looked at
// is refused.
#include "rotary/doctor/diagnosis.h"

#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <set>
#include <string>

#include "gtest/gtest.h"
#include "rotary/base/error.h"
#include "rotary/config/test_config.h"
#include "rotary/doctor/precision.h"
#include "rotary/doctor/test_observation.h"

namespace rotary {
namespace {

using Codes = std::set<std::string>;

constexpr ObservationShape kShape{.rows = 2, .tokens = 40, .heads = 4};

Expectation Asked(const std::string& type, const std::string& keys) {
  const RopeConfig config = ReadText("config.json", ModelText(type, R"("head_dim": 32, )" + keys));
  return ExpectationOf(config.layers[0], false, config.length);
}

Expectation Llama() { return Asked("llama", R"("rope_theta": 10000)"); }

Expectation Yarn() {
  return Asked("llama", R"("max_position_embeddings": 32768, "rope_theta": 10000,
      "rope_scaling": {"rope_type": "yarn", "factor": 8.0, "original_max_position_embeddings": 4096})");
}

// Half of the channels turn.
Expectation Neox() { return Asked("gpt_neox", R"("rotary_pct": 0.5)"); }

Codes Faults(const Diagnosis& diagnosis) {
  Codes codes;
  for (const Finding& finding : diagnosis.findings) {
    if (finding.severity == Severity::kFault) codes.insert(finding.code);
  }
  return codes;
}

Codes All(const Diagnosis& diagnosis) {
  Codes codes;
  for (const Finding& finding : diagnosis.findings) codes.insert(finding.code);
  return codes;
}

// Rows at 100, 1100 ..
std::vector<double> Given(const ObservationShape& shape = kShape) {
  return CountedFrom(100, shape, 1000);
}

// What `applied` at the positions `used` is told to be.
Diagnosis Of(const Expectation& expected, const Rotation& applied,
             std::optional<std::vector<double>> used = std::nullopt,
             const ObservationShape& shape = kShape) {
  TestObservation test(applied, shape, used.value_or(Given(shape)));
  test.observation().positions = Given(shape);
  return Diagnose(test.observation(), expected);
}

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

// Beyond 65,504 angles in float16 are infinite.
TEST(DiagnoseTest, NoFaultFarFromTheBeginning) {
  for (const DType dtype : {DType::kF64, DType::kF32, DType::kF16, DType::kBF16}) {
    for (const int64_t tokens : {1, 2, 17}) {
      const ObservationShape shape{.rows = 2, .tokens = tokens, .heads = 4, .dtype = dtype};
      TestObservation test(Yarn().rotation, shape, CountedFrom(131000, shape, 5));
      const Diagnosis diagnosis = Diagnose(test.observation(), Yarn());
      EXPECT_EQ(Faults(diagnosis), Codes()) << Name(dtype) << tokens << diagnosis.verdict;
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

TEST(DiagnoseTest, EachFaultOfPositionsOnce) {
  const Expectation llama = Llama();
  std::vector<double> shifted = Given(), again = Given(), row = Given(), rounded = Given();
  for (double& p : shifted) p += 16;
  for (size_t t = 15; t < 40; ++t) again[t] = static_cast<double>(t - 15);
  for (size_t t = 55; t < 80; ++t) again[t] = static_cast<double>(t - 55);
  for (size_t t = 40; t < 80; ++t) row[t] += 3;
  for (double& p : rounded) p = RoundedTo(Precision::kBF16, p);
  const struct {
    std::string code;
    std::vector<double> used;
  } cases[] = {{"position-shifted", shifted},
               {"positions-restart", again},
               {"rows-differ", row},
               {"positions-rounded", rounded}};
  for (const auto& one : cases) {
    const Diagnosis diagnosis = Of(llama, llama.rotation, one.used);
    EXPECT_EQ(Faults(diagnosis), Codes({one.code})) << diagnosis.verdict;
    EXPECT_EQ(diagnosis.position_shift == 16, one.code == "position-shifted") << one.code;
  }
}

// Between tokens that are not neighbours, positions fell if they went on by less than one a token.
TEST(DiagnoseTest, PositionsThatBeginAgainFarFromTheBegin) {
  const Expectation llama = Llama();
  const ObservationShape shape{.rows = 1, .tokens = 900, .heads = 1};
  for (size_t again = 501; again < 515; again += 3) {
    std::vector<double> given = CountedFrom(3000, shape), used = given;
    for (size_t t = 500; t < 900; ++t) given[t] = static_cast<double>(t - 500);
    for (size_t t = 500; t < 900; ++t) used[t] = given[t];
    for (size_t t = again; t < 900; ++t) used[t] = static_cast<double>(t - again);
    TestObservation test(llama.rotation, shape, used);
    test.observation().positions = given;
    const Diagnosis diagnosis = Diagnose(test.observation(), llama);
    EXPECT_EQ(Faults(diagnosis), Codes({"positions-restart"})) << again << diagnosis.verdict;
  }
}

TEST(DiagnoseTest, ARowThatCameOutAsItWentIn) {
  const Expectation llama = Llama();
  for (const bool known : {true, false}) {
    for (const int64_t still : {0, 2}) {
      for (const DType dtype : {DType::kF32, DType::kBF16}) {
        ObservationShape shape{.rows = 3, .tokens = 20, .heads = 2, .dtype = dtype};
        TestObservation test(MakeRotation({.head_dim = 32, .layout = Layout::kInterleaved}), shape,
                             CountedFrom(7, shape));
        const size_t row = test.after().bytes() / 3, at = static_cast<size_t>(still) * row;
        std::memcpy(static_cast<char*>(test.after().view().data()) + at,
                    static_cast<const char*>(test.observation().before.data()) + at, row);
        if (!known) test.observation().positions.clear();
        const Diagnosis diagnosis = Diagnose(test.observation(), llama);
        EXPECT_EQ(Faults(diagnosis), Codes({"rows-differ", "layout-differs"}))
            << known << ' ' << still << ' ' << Name(dtype) << ": " << diagnosis.verdict;
      }
    }
  }
}

// Slow pairs of few bits, where a token that stays is nearly as likely to stand near 0.
TEST(DiagnoseTest, ARowThatStayedOfPositionsThatAreUnknown) {
  const Expectation slow =
      Asked("llama", R"("rope_theta": 100000, "rope_scaling": {"type": "linear", "factor": 32.0})");
  const ObservationShape shape{.rows = 2, .tokens = 64, .heads = 2, .dtype = DType::kBF16};
  TestObservation test(slow.rotation, shape, CountedFrom(2, shape, 5));
  test.observation().positions.clear();
  const size_t row = test.after().bytes() / 2;
  std::memcpy(static_cast<char*>(test.after().view().data()) + row,
              static_cast<const char*>(test.observation().before.data()) + row, row);
  const Diagnosis diagnosis = Diagnose(test.observation(), slow);
  EXPECT_EQ(Faults(diagnosis), Codes({"rows-differ"})) << diagnosis.verdict;
}

TEST(DiagnoseTest, AHeadThatCameOutAsItWentIn) {
  const Expectation linear =
      Asked("llama", R"("rope_theta": 160000, "rope_scaling": {"type": "linear", "factor": 2.0})");
  Rotation first_still = linear.rotation;
  first_still.heads = 2;
  first_still.frequency.assign(32, 0);
  for (size_t j = 0; j < 16; ++j) {
    first_still.frequency[16 + j] = std::pow(10000, -static_cast<double>(j) / 16) / 2;
  }
  for (const bool known : {true, false}) {
    const ObservationShape shape{.rows = 2, .tokens = 5, .heads = 2, .dtype = DType::kF16};
    TestObservation test(first_still, shape, CountedFrom(1, shape, 700));
    if (known) test.observation().positions = CountedFrom(1, shape, 700);
    const Diagnosis diagnosis = Diagnose(test.observation(), linear);
    EXPECT_EQ(Faults(diagnosis), Codes({"heads-differ", "theta-differs"})) << diagnosis.verdict;
  }
}

// Where tokens are so far apart, frequencies are known up to whole turns between two.
TEST(DiagnoseTest, AThetaThatNobodyUsesOfTokensFarApart) {
  const Expectation llama = Llama();
  for (const double apart : {3.0, 4.0, 17.0, 64.0}) {
    for (const DType dtype : {DType::kF32, DType::kBF16}) {
      const ObservationShape shape{.rows = 1, .tokens = 40, .heads = 4, .dtype = dtype};
      std::vector<double> given;
      for (int t = 0; t < 40; ++t) given.push_back(apart * t + 5);
      const Rotation applied = MakeRotation({.head_dim = 32, .theta = 31234});
      TestObservation test(applied, shape, given);
      const Diagnosis diagnosis = Diagnose(test.observation(), llama);
      EXPECT_EQ(Faults(diagnosis), Codes({"theta-differs"})) << apart << diagnosis.verdict;
      ASSERT_TRUE(diagnosis.theta.has_value()) << apart;
      EXPECT_NEAR(*diagnosis.theta, 31234, dtype == DType::kF32 ? 1 : 300) << apart;
    }
  }
}

// Two tokens so far apart tell frequencies up to whole turns: those of usual rules are looked at.
TEST(DiagnoseTest, LinearOfTwoTokensFarApart) {
  const Expectation neox = Neox();
  Rotation linear = neox.rotation;
  for (double& w : linear.frequency) w /= 2;
  const ObservationShape shape{.rows = 1, .tokens = 2, .heads = 8, .dtype = DType::kBF16};
  TestObservation test(linear, shape, {1, 39});
  const Diagnosis diagnosis = Diagnose(test.observation(), neox);
  EXPECT_EQ(Faults(diagnosis), Codes({"scaling-differs"})) << diagnosis.verdict;
  EXPECT_EQ(diagnosis.factor, 2);
}

// A stretch that fits as well as a shift does is a number that nobody chose.
TEST(DiagnoseTest, AShiftIsNoStretch) {
  const Expectation linear =
      Asked("llama", R"("rope_theta": 160000, "rope_scaling": {"type": "linear", "factor": 16.0})");
  const ObservationShape shape{.rows = 3, .tokens = 17, .heads = 1, .dtype = DType::kBF16};
  for (const double shift : {2.0, -1.0}) {
    TestObservation test(linear.rotation, shape, CountedFrom(2501 + shift, shape, 5));
    test.observation().positions = CountedFrom(2501, shape, 5);
    const Diagnosis diagnosis = Diagnose(test.observation(), linear);
    EXPECT_EQ(Faults(diagnosis), Codes({"position-shifted"})) << diagnosis.verdict;
  }
}

// Writes what an engine that makes cosine and sine of (frequency, position) gives.
void Redo(TestObservation& test, const Rotation& rotation, const ObservationShape& shape,
          const std::function<std::pair<double, double>(double, double)>& engine) {
  const auto* x = test.observation().before.As<float>();
  float* y = test.after().data<float>();
  const size_t dim = 32, half = 16, heads = static_cast<size_t>(shape.heads);
  for (size_t i = 0; i < test.after().bytes() / sizeof(float); i += dim) {
    const double p = test.observation().positions[i / dim / heads];
    for (size_t j = 0; j < half; ++j) {
      const auto [c, s] = engine(rotation.frequency[j], p);
      y[i + j] = static_cast<float>(c * x[i + j] - s * x[i + j + half]);
      y[i + j + half] = static_cast<float>(c * x[i + j + half] + s * x[i + j]);
    }
  }
}

TEST(DiagnoseTest, ArithmeticInFewBits) {
  const Expectation llama = Llama();
  const auto diagnosed = [&](const auto& engine) {
    TestObservation test(llama.rotation, kShape, Given());
    Redo(test, llama.rotation, kShape, engine);
    return Diagnose(test.observation(), llama);
  };
  const auto bf16 = [](double x) { return RoundedTo(Precision::kBF16, x); };
  const Diagnosis angles = diagnosed(
      [&](double w, double p) { return std::pair(std::cos(bf16(w * p)), std::sin(bf16(w * p))); });
  EXPECT_EQ(Faults(angles), Codes({"angles-rounded"})) << angles.verdict;
  const Diagnosis tables = diagnosed(
      [&](double w, double p) { return std::pair(bf16(std::cos(w * p)), bf16(std::sin(w * p))); });
  EXPECT_EQ(All(tables), Codes({"none-found", "tables-rounded"})) << tables.verdict;
  // As most engines compute: no fault.
  const Diagnosis float32 = diagnosed([&](double w, double p) {
    const float angle = static_cast<float>(w) * static_cast<float>(p);
    return std::pair<double, double>(std::cos(angle), std::sin(angle));
  });
  EXPECT_EQ(All(float32), Codes({"none-found"})) << float32.verdict;
  EXPECT_EQ(float32.arithmetic, "float32, tables in float32");
}

TEST(DiagnoseTest, ArithmeticThatIsNobodysFault) {
  const Expectation llama = Llama();
  const auto diagnosed = [&](const std::vector<double>& frequency, double off) {
    Rotation rotation = llama.rotation;
    rotation.frequency = frequency;
    TestObservation test(llama.rotation, kShape, Given());
    Redo(test, rotation, kShape, [&](double w, double p) {
      const double angle = w * p * (1 + off * std::sin(97 * p));
      return std::pair(std::cos(angle), std::sin(angle));
    });
    const Diagnosis diagnosis = Diagnose(test.observation(), llama);
    EXPECT_EQ(All(diagnosis), Codes({"none-found"})) << diagnosis.verdict;
    return diagnosis.arithmetic;
  };
  EXPECT_EQ(diagnosed(llama.rotation.frequency, 0), "exact");
  EXPECT_EQ(diagnosed(llama.rotation.frequency, 0x1p-24), "exact to float32's error");
  std::vector<double> running = {1};
  const auto ratio = static_cast<float>(std::pow(10000, -1.0 / 16));
  while (running.size() < 16) running.push_back(static_cast<float>(running.back()) * ratio);
  EXPECT_EQ(diagnosed(running, 0), "frequencies by a running product");
  // At these positions 16 bits do not tell.
  EXPECT_EQ(
      Of(llama, llama.rotation, std::nullopt, {.tokens = 40, .dtype = DType::kBF16}).arithmetic,
      "exact or float32");
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

TEST(DiagnoseTest, WithoutPositionsOrConfig) {
  const Expectation llama = Llama();
  TestObservation test(llama.rotation, kShape, CountedFrom(7, kShape));
  test.observation().positions.clear();
  Diagnosis diagnosis = Diagnose(test.observation(), llama);
  EXPECT_EQ(Faults(diagnosis), Codes()) << diagnosis.verdict;
  EXPECT_EQ(diagnosis.position_shift, 7);
  test.observation().positions = CountedFrom(7, kShape);
  diagnosis = Diagnose(test.observation(), std::nullopt);
  EXPECT_EQ(Faults(diagnosis), Codes()) << diagnosis.verdict;
  EXPECT_EQ(diagnosis.layout, "half");
  EXPECT_EQ(diagnosis.theta, 10000);
  EXPECT_EQ(diagnosis.rule, "default");
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
