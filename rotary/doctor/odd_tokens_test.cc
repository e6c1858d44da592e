// Properties: tokens that came out as zeros were not written: they are counted, and the others
// explained as if they were all; where nothing came out but zeros, that is said.
#include "rotary/doctor/odd_tokens.h"

#include <algorithm>

#include "gtest/gtest.h"
#include "rotary/base/error.h"
#include "rotary/doctor/test_diagnosis.h"

namespace rotary {
namespace {

// Tokens that nobody wrote, in a batch of rows of one token or of many, whatever the others did.
TEST(OddTokensTest, ZerosAreTokensThatWereNotWritten) {
  const Expectation llama = Llama();
  Rotation twice = llama.rotation;
  for (double& w : twice.frequency) w *= 2;
  const ObservationShape one{.rows = 4, .tokens = 1};
  const struct {
    Rotation applied;
    ObservationShape shape;
    size_t written;  // tokens
    double shift;
    Codes codes;
  } cases[] = {
      {llama.rotation, one, 1, 0, {"rows-differ"}},
      {llama.rotation, kShape, 40, 0, {"rows-differ"}},
      {llama.rotation, kShape, 50, 0, {"not-a-rotation"}},
      {twice, kShape, 40, 0, {"rows-differ", "rotated-twice"}},
      {llama.rotation, {.rows = 3, .tokens = 12}, 24, 7, {"rows-differ", "position-shifted"}},
  };
  for (const auto& [applied, shape, written, shift, codes] : cases) {
    TestObservation test(applied, shape, CountedFrom(100 + shift, shape, 1000));
    test.observation().positions = CountedFrom(100, shape, 1000);
    const std::span<float> y = test.after().span<float>();
    const size_t from = written * static_cast<size_t>(shape.heads) * 32;
    std::fill(y.begin() + static_cast<std::ptrdiff_t>(from), y.end(), 0.0f);
    const Diagnosis diagnosis = Diagnose(test.observation(), llama);
    EXPECT_EQ(Faults(diagnosis), codes) << diagnosis.verdict;
    const auto all = static_cast<size_t>(shape.rows * shape.tokens);
    EXPECT_EQ(diagnosis.findings[0].sentence.find(
                  Sentence(all - written, " of ", all, " tokens came out as zeros")),
              0u)
        << diagnosis.findings[0].sentence;
  }
}

// A token among those that are looked at, where most numbers are explained.
TEST(OddTokensTest, OneTokenOfAll) {
  const Expectation llama = Llama();
  for (const DType dtype : {DType::kF32, DType::kBF16}) {
    for (const size_t token : {0, 3, 55, 79}) {
      for (const bool is_longer : {true, false}) {  // or one number is off by 2
        TestObservation test(llama.rotation, {.rows = 2, .tokens = 40, .dtype = dtype},
                             CountedFrom(100, kShape, 1000));
        const auto spoil = [&](auto y) {
          constexpr size_t kNumbers = 4 * 32;
          for (size_t i = token * kNumbers; i < (token + 1) * kNumbers; ++i) {
            if (!is_longer && i != token * kNumbers + 40) continue;
            using T = std::remove_reference_t<decltype(y[i])>;
            const float spoiled = is_longer ? 1.1f * ToFloat(y[i]) : ToFloat(y[i]) + 2;
            y[i] = FromFloat<T>(spoiled);
          }
        };
        dtype == DType::kF32 ? spoil(test.after().span<float>()) : spoil(test.after().span<BF16>());
        const Diagnosis diagnosis = Diagnose(test.observation(), llama);
        EXPECT_EQ(Faults(diagnosis), Codes({"not-a-rotation"}))
            << Name(dtype) << ' ' << token << ' ' << is_longer << ": " << diagnosis.verdict;
        EXPECT_EQ(diagnosis.findings[0].evidence.value("tokens", 0), 1);
        EXPECT_EQ(diagnosis.findings[0].evidence.value("first_token", 0),
                  static_cast<int>(token % 40));
      }
    }
  }
}

TEST(OddTokensTest, ZerosAlone) {
  const Expectation llama = Llama();
  TestObservation test(llama.rotation, kShape, CountedFrom(100, kShape, 1000));
  const std::span<float> y = test.after().span<float>();
  std::fill(y.begin(), y.end(), 0.0f);
  const Diagnosis diagnosis = Diagnose(test.observation(), llama);
  EXPECT_EQ(Faults(diagnosis), Codes({"not-a-rotation"})) << diagnosis.verdict;
  EXPECT_EQ(diagnosis.verdict, "All 80 tokens came out as zeros.");
  EXPECT_EQ(diagnosis.certainty, Certainty::kCannotTell);
}

}  // namespace
}  // namespace rotary
