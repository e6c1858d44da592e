// Properties: the verdict names the rotation first, then everything the config says otherwise in
// one sentence, with what it does to scores from measured numbers; what a fault says is said once,
// notes are left out; nothing is claimed of a rotation that was not found.
#include "rotary/doctor/verdict.h"

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "rotary/rope/spectra.h"

namespace rotary {
namespace {

Rotation Half(double theta) {
  return MakeRotation({.head_dim = 64, .theta = theta, .layout = Layout::kHalf});
}

Finding Fault(std::string code, std::string sentence, Json evidence = Json::object()) {
  return {std::move(code), Severity::kFault, std::move(sentence), std::move(evidence)};
}

// A plain rotation at theta 10,000 without a finding.
Diagnosis Plain() {
  Diagnosis diagnosis{.head_dim = 64, .rotary_dim = 64};
  diagnosis.rotation = Half(1e4);
  diagnosis.layout = "half";
  diagnosis.spectrum = "theta 10,000";
  diagnosis.theta = 1e4;
  diagnosis.rule = "default";
  diagnosis.attention_factor = 1;
  diagnosis.positions = "as given";
  diagnosis.position_shift = 0;
  return diagnosis;
}

Expectation Asked(double theta) {
  Expectation expected{.rotation = Half(theta), .theta = theta, .by_rule = true};
  expected.layout = HalfLayout(64, 0);
  return expected;
}

TEST(VerdictTest, WhatWasFoundWithoutAFault) {
  Diagnosis diagnosis = Plain();
  EXPECT_EQ(VerdictOf(diagnosis, {}), "Half layout, theta 10,000, positions as given.");
  EXPECT_EQ(VerdictOf(diagnosis, Asked(1e4)),
            "Half layout, theta 10,000, positions as given: as the config says.");
  diagnosis.rotary_dim = 32;
  diagnosis.offset = 16;
  diagnosis.attention_factor = 1.13863;
  diagnosis.is_inverse = true;
  diagnosis.positions = "counted from 0";
  diagnosis.findings = {{"tables-rounded", Severity::kNote, "Cosines are rounded."}};
  EXPECT_EQ(VerdictOf(diagnosis, {}),
            "Half layout over 32 of 64 channels from 16 on, theta 10,000, attention factor 1.139, "
            "turning backwards, positions counted from 0.");
}

TEST(VerdictTest, RotationsThatAreNotPlain) {
  Diagnosis diagnosis = Plain();
  diagnosis.rotation->axes = 3;
  EXPECT_EQ(VerdictOf(diagnosis, {}), "Half layout, theta 10,000 on 3 axes, positions as given.");
  diagnosis.rotation->axes = 1;
  diagnosis.rotation->heads = 2;
  diagnosis.rotation->log_decay = {-1};
  diagnosis.spectrum = "the frequencies asked for";
  EXPECT_EQ(VerdictOf(diagnosis, {}),
            "Half layout, the frequencies asked for, each head with its own, with the decay of "
            "xPos, positions as given.");
}

TEST(VerdictTest, WhatTheConfigSaysOtherwise) {
  Diagnosis diagnosis = Plain();
  Expectation expected = Asked(5e5);
  diagnosis.findings = {Fault("theta-differs", "Theta is 10,000.")};
  EXPECT_EQ(VerdictOf(diagnosis, expected),
            "Half layout, theta 10,000, positions as given. Your config says theta 500,000: scores "
            "go wrong from about 8 tokens apart on.");
  expected.by_config = false;
  EXPECT_EQ(VerdictOf(diagnosis, expected),
            "Half layout, theta 10,000, positions as given. The rotation you gave says theta "
            "500,000: scores go wrong from about 8 tokens apart on.");
  expected.by_config = true;
  diagnosis.findings.push_back(Fault("scaling-missing", "Plain."));
  expected.rule = LinearRule{.factor = 4};
  for (double& w : expected.rotation.frequency) w /= 4;
  EXPECT_EQ(VerdictOf(diagnosis, expected),
            "Half layout, theta 10,000, positions as given. Your config says theta 500,000 with "
            "linear (factor 4): every score between different positions is wrong.");
  // Other pairs come before frequencies that cannot be compared.
  diagnosis.findings.push_back(Fault("layout-differs", "Others."));
  diagnosis.layout = "interleaved";
  expected.rotation.attention_factor = 2;
  diagnosis.attention_factor = 4;
  diagnosis.findings.push_back(Fault("attention-factor-squared", "Twice."));
  EXPECT_EQ(VerdictOf(diagnosis, expected),
            "Interleaved layout, theta 10,000, attention factor 4, positions as given. Your config "
            "says half layout, theta 500,000 with linear (factor 4) and attention factor 2: other "
            "channels turn together, every score between different positions is wrong.");
  diagnosis.findings = {diagnosis.findings.back()};
  diagnosis.layout = "half";
  EXPECT_EQ(VerdictOf(diagnosis, expected),
            "Half layout, theta 10,000, attention factor 4, positions as given. Your config says "
            "attention factor 2: with queries and keys alike, scores are 4 times what they should "
            "be.");
}

TEST(VerdictTest, FaultsThatAreNoneOfTheConfigs) {
  Diagnosis diagnosis = Plain();
  diagnosis.positions = "3 higher than given";
  diagnosis.position_shift = 3;
  diagnosis.findings = {Fault("position-shifted", "Every position is 3 too high.")};
  EXPECT_EQ(VerdictOf(diagnosis, {}),
            "Half layout, theta 10,000. Every position is 3 too high. Harmless only where queries "
            "and keys are shifted alike.");
  diagnosis.position_shift.reset();
  diagnosis.findings[0].sentence = "Others.";
  EXPECT_EQ(VerdictOf(diagnosis, {}),
            "Half layout, theta 10,000. Others. Scores see other distances between tokens.");
  diagnosis.findings = {Fault("frequencies-rounded", "", {{"format", "bfloat16"}}),
                        Fault("positions-rounded", "", {{"format", "bfloat16"}})};
  EXPECT_EQ(VerdictOf(diagnosis, {}),
            "Half layout, theta 10,000. Positions and frequencies are rounded to bfloat16: the "
            "further into a text, the more its angles are off.");
}

TEST(VerdictTest, NothingIsClaimedOfWhatWasNotFound) {
  Diagnosis unknown{.head_dim = 64};
  unknown.findings = {{"cannot-tell", Severity::kNote, "Nothing can be told."}};
  EXPECT_EQ(VerdictOf(unknown, Asked(1e4)), "Nothing can be told.");
  unknown.findings = {Fault("identity", "Nothing turned.")};
  EXPECT_EQ(VerdictOf(unknown, Asked(1e4)),
            "Nothing turned. Scores do not know where tokens stand.");
  Diagnosis near = Plain();
  near.findings = {Fault("not-a-rotation", "Norms are changed.")};
  EXPECT_EQ(VerdictOf(near, {}),
            "The nearest rotation: half layout, theta 10,000, positions as given. Norms are "
            "changed.");
}

TEST(VerdictTest, DistanceOfARadian) {
  Rotation a = Half(1e4), b = a;
  EXPECT_FALSE(DistanceOfARadian(a, b));
  b.frequency[3] += 0.125;
  EXPECT_DOUBLE_EQ(DistanceOfARadian(a, b).value_or(0), 8);
  for (double& w : b.frequency) w = -w;  // backwards is another fault
  EXPECT_DOUBLE_EQ(DistanceOfARadian(a, b).value_or(0), 8);
  b.second[0] = 1;
  EXPECT_FALSE(DistanceOfARadian(a, b));
  // What theta 500,000 for 10,000 does to 32 pairs.
  double most = 0;
  for (int i = 0; i < 32; ++i) {
    most = std::max(most, std::abs(std::pow(1e4, -i / 32.0) - std::pow(5e5, -i / 32.0)));
  }
  EXPECT_NEAR(DistanceOfARadian(Half(1e4), Half(5e5)).value_or(0), 1 / most, 1e-9);
}

}  // namespace
}  // namespace rotary
