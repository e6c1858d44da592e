// Properties proved here, on made-up results whose numbers are known:
//  - a difference is claimed in the right direction, with the right numbers, and only outside its
//  95% interval
//  - two standard errors or less, one seed, one encoding, a loss that is not reached, a length that
//  cannot be: each is said
//    as what it is
//  - where the first encoding loses, the sentence says so
#include "rotary/lab/sentences.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "rotary/lab/synthetic_results.h"

namespace rotary {
namespace {

// Differences to rotary: sinusoidal 0.5 above without noise; ALiBi 0.3 below; learned within noise:
// its paired differences are 0.1 + {0, 0.2, -0.1}, mean 0.1333, error 0.0882, interval 4.3027 x
// 0.0882 = 0.379.
Experiment Example(int seeds = 3) {
  return SyntheticExperiment({{.encoding = "rotary", .loss = 2.0, .rise = {0, 0.1, 0.2, 0.4}},
                              {.encoding = "sinusoidal",
                               .slowness = 2,
                               .loss = 2.5,
                               .rise = {0, 0.5, 1, 2},
                               .tokens_per_second = 1250},
                              {.encoding = "learned",
                               .loss = 2.1,
                               .own = {0, 0.2, -0.1},
                               .rise = {0, {}, {}, {}},
                               .tokens_per_second = 1000},
                              {.encoding = "alibi",
                               .slowness = 0.5,
                               .loss = 1.7,
                               .rise = {0, -0.1, -0.15, -0.2},
                               .tokens_per_second = 800}},
                             seeds);
}

TEST(FinalSentence, SortsTheOthersByWhatCanBeTold) {
  EXPECT_EQ(
      FinalSentence(Example()),
      "After all 400 steps, the held-out loss with rotary, 2.100 nats a byte, is lower than with "
      "sinusoidal (by 0.500 ± 0.000); higher than with ALiBi (by 0.300 ± 0.000); not "
      "distinguishable from learned (difference 0.133 ± 0.379).");
}

TEST(FinalSentence, SaysWhatAMaskedModelPredicts) {
  Experiment experiment = Example();
  experiment.objective = "mlm";
  EXPECT_NE(FinalSentence(experiment).find("2.100 nats a masked byte,"), std::string::npos);
}

TEST(FinalSentence, ClaimsNothingWithinTwoStandardErrors) {
  // 40 seeds, so that the interval is as narrow as it gets: 2.04 errors. Alternating +-1 makes the
  // error of the mean sqrt(40 / 39 / 40) = 0.1601.
  const auto sentence = [](double shift) {
    std::vector<double> own(40);
    for (size_t k = 0; k < own.size(); ++k) own[k] = k % 2 == 0 ? 1 : -1;
    return FinalSentence(SyntheticExperiment(
        {{.encoding = "rotary", .loss = 2}, {.encoding = "none", .loss = 2 + shift, .own = own}},
        40));
  };
  EXPECT_NE(sentence(0.32).find("not distinguishable from no positions"), std::string::npos);
  EXPECT_NE(sentence(-0.32).find("not distinguishable from no positions"), std::string::npos);
  EXPECT_NE(sentence(0.33).find("lower than with no positions (by 0.330"), std::string::npos);
  EXPECT_NE(sentence(-0.33).find("higher than with no positions (by 0.330"), std::string::npos);
}

TEST(EarlySentence, JudgesTheTrainingLossAfterATenthOfTheSteps) {
  // Slowness 2 lifts the loss by 0.4 ln 2 = 0.277; 0.5 lowers it by as much. Point 39 is the last
  // within step 40.
  const std::string sentence = EarlySentence(Example());
  EXPECT_TRUE(sentence.starts_with("At step 39 of 400, the training loss with rotary, "))
      << sentence;
  EXPECT_NE(sentence.find("lower than with sinusoidal (by 0.277 ± 0.000)"), std::string::npos)
      << sentence;
  EXPECT_NE(sentence.find("higher than with ALiBi (by 0.277 ± 0.000)"), std::string::npos)
      << sentence;
}

TEST(StepsSentence, GivesRatiosAndSaysWhatIsNotReached) {
  // Rotary's loss is 5 + {0, 0.1, 0.2} - 0.4 ln s. The targets are 3.8, 3.6 .. 3.0; 3.4 takes e^4,
  // e^4.25 and e^4.5 steps, 71.6 on average. Learned's own shifts multiply them by 1, e^0.5 and
  // e^-0.25: 1.1425 on average, 4.3027 errors of 0.261.
  Experiment experiment = Example();
  EXPECT_EQ(StepsSentence(experiment),
            "The training loss reaches 3.40 after 72 steps with rotary; it takes more with "
            "sinusoidal (2.00 ± 0.00 "
            "times as many); fewer with ALiBi (0.50 ± 0.00 times as many); not distinguishably "
            "more or fewer with "
            "learned (1.14 ± 1.12 times as many).");
  const auto with = [](double slowness) {
    return StepsSentence(SyntheticExperiment(
        {{.encoding = "rotary"}, {.encoding = "none", .slowness = slowness}}, 3));
  };
  // 400 steps end at e^5.99: three seeds reach the target in 54.6, 70.1 and 90.0 steps times the
  // slowness.
  EXPECT_NE(with(5).find("; it takes longer than the run for some seeds of no positions (2 of 3)."),
            std::string::npos);
  EXPECT_NE(with(9).find("; it takes longer than the run with no positions."), std::string::npos);
  EXPECT_NE(with(1).find("; it takes not distinguishably more or fewer with"), std::string::npos);
}

TEST(LengthSentence, SaysWhatChangesWithLengthAndLeavesOutWhatCannotGo) {
  EXPECT_EQ(
      LengthSentence(Example()),
      "With windows of 512 instead of the 64 bytes of training, the loss on the same text rises "
      "with rotary (by 0.400 ± 0.000) and sinusoidal (2.000 ± 0.000); falls with ALiBi (by 0.200 "
      "± 0.000).");
  EXPECT_EQ(
      CannotSentence(Example()),
      "Beyond 64 bytes, the length of training, there is no loss for learned: positions that were "
      "never trained have no meaning.");
  EXPECT_EQ(CannotSentence(SyntheticExperiment({{.encoding = "rotary"}}, 2)), "");
}

TEST(SpeedSentence, GivesPercents) {
  const std::string sentence = SpeedSentence(Example());
  EXPECT_TRUE(
      sentence.starts_with("Training takes in 1,001 bytes a second with rotary: slower than with "
                           "sinusoidal (by 25.0 ± 0.1%); faster than with ALiBi (by 20.0 ± 0.0%)"))
      << sentence;
}

std::vector<std::string> SentencesOf(const Experiment& experiment) {
  std::vector<std::string> sentences;
  for (const Statement& statement : Statements(experiment)) {
    sentences.push_back(statement.sentence);
  }
  return sentences;
}

TEST(StatementsTest, OneSeedComparesNothing) {
  const Experiment experiment = Example(1);
  EXPECT_EQ(SentencesOf(experiment),
            (std::vector<std::string>{OneSeedSentence(experiment), CannotSentence(experiment)}));
  EXPECT_NE(OneSeedSentence(experiment), "");
  EXPECT_EQ(IntervalNote(experiment), "");
}

TEST(StatementsTest, OneEncodingComparesNothing) {
  const auto sentences =
      SentencesOf(SyntheticExperiment({{.encoding = "rotary", .rise = {0, 1}}}, 3));
  ASSERT_EQ(sentences.size(), 1u);  // lengths are compared, not encodings
  EXPECT_TRUE(sentences[0].starts_with("With windows of 128 instead of the 64 bytes"));
}

TEST(StatementsTest, SeveralSeedsSayAll) {
  EXPECT_EQ(Statements(Example()).size(), 6u);
  EXPECT_NE(IntervalNote(Example()).find("4.3 standard errors"), std::string::npos);
}

}  // namespace
}  // namespace rotary
