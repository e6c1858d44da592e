// Properties: positions that are shifted, begin again, are far from 0 or far apart, or were not
// given are told from other frequencies; rows and heads that came out as they went in from those
// that turned.
#include "rotary/doctor/diagnosis.h"

#include <cmath>
#include <cstring>

#include "gtest/gtest.h"
#include "rotary/base/error.h"
#include "rotary/doctor/precision.h"
#include "rotary/doctor/test_diagnosis.h"

namespace rotary {
namespace {

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

}  // namespace
}  // namespace rotary
