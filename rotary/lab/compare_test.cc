// Properties proved here, on models that train in a moment:
//  - a comparison holds every encoding with every seed, measured in the same places; learned
//  positions have no loss beyond
//    the training length, and all others have
//  - runs that differ in nothing but the seed of the comparison come out to the bit; stopped at any
//  step and called again, a
//    comparison ends as one that was never stopped
//  - what is finished is kept and not run again; runs of another text or other options are refused,
//  not mixed in
//  - encodings that cannot be are refused before anything is run
//  - progress counts up to its total
#include "rotary/lab/compare.h"

#include <gtest/gtest.h>

#include <fstream>

#include "rotary/io/test_folder.h"
#include "rotary/text/byte_tokenizer.h"
#include "rotary/train/test_run.h"

namespace rotary {
namespace {

CompareOptions Options(std::vector<PositionEncoding> encodings, int seeds,
                       Objective objective = Objective::kCausal) {
  CompareOptions options;
  options.train = TinyOptions(objective);
  options.train.model_dim = 16;
  options.train.layers = 1;
  options.encodings = std::move(encodings);
  options.seeds = seeds;
  return options;
}

std::optional<Experiment> CompareTiny(const CompareOptions& options,
                                      const std::filesystem::path& folder,
                                      const CompareHooks& hooks = {}) {
  return RunComparison(options, TinyCorpus(), ByteTokenizer(), folder, hooks);
}

// Without what the clock and the system say.
Experiment Timeless(Experiment experiment) {
  for (RunResult& run : experiment.runs) {
    for (double& seconds : run.training.seconds) seconds = 0;
    run.tokens_per_second = 0;
    run.peak_memory.reset();
  }
  return experiment;
}

TEST(RunComparison, MeasuresEveryEncodingWithEverySeed) {
  for (const Objective objective : {Objective::kCausal, Objective::kMasked}) {
    const TestFolder folder;
    const auto options = Options(EncodingsFor(AttentionForm::kSoftmax), 2, objective);
    const auto experiment = CompareTiny(options, folder.path());
    ASSERT_TRUE(experiment);
    EXPECT_EQ(experiment->encodings, PositionEncodingNames());
    EXPECT_EQ(experiment->seeds, (std::vector<uint64_t>{1, 2}));
    EXPECT_EQ(experiment->steps, 12);
    EXPECT_EQ(experiment->rotation.value().head_dim, 4);
    ASSERT_EQ(experiment->runs.size(), 10u);
    for (size_t i = 0; i < experiment->encodings.size(); ++i) {
      for (size_t seed = 0; seed < 2; ++seed) {
        const RunResult& run = experiment->Run(i, seed);
        EXPECT_EQ(run.encoding, experiment->encodings[i]);
        EXPECT_EQ(run.seed, experiment->seeds[seed]);
        EXPECT_EQ(run.training.size(), 12u);
        EXPECT_EQ(run.held_out.size(), 4u);  // before, after 4 and 8, and at the end
        EXPECT_EQ(run.held_out.back().loss, run.final_loss);
        EXPECT_LT(run.final_loss, run.held_out.front().loss);
        EXPECT_GT(run.tokens_per_second, 0);
        EXPECT_FALSE(run.sample.empty());
        ASSERT_EQ(run.lengths.size(), 4u);
        EXPECT_EQ(run.lengths[3].tokens, 8 * 24);
        for (const LengthLoss& length : run.lengths) {
          const bool can = run.encoding != "learned" || length.tokens == 24;
          ASSERT_EQ(length.loss.has_value(), can) << run.encoding << " " << length.tokens;
          if (can) {
            EXPECT_LT(std::abs(*length.loss - run.final_loss), 1);
          }
        }
      }
    }
    // The seeds differ, and so do the encodings.
    EXPECT_NE(experiment->Run(0, 0).final_loss, experiment->Run(0, 1).final_loss);
    EXPECT_NE(experiment->Run(0, 0).final_loss, experiment->Run(4, 0).final_loss);
    // The results of a comparison are results that can be read back.
    Results results;
    results.experiments.push_back(*experiment);
    results.machine.cores = 1;
    EXPECT_TRUE(ResultsFromJson(ResultsToJson(results), "r").experiments[0] == *experiment);
  }
}

TEST(RunComparison, StoppedAnywhereEndsAsOneThatNeverWas) {
  const auto options = Options({PositionEncoding::kRotary, PositionEncoding::kNone}, 2);
  const TestFolder straight_folder;
  const auto straight = CompareTiny(options, straight_folder.path());
  ASSERT_TRUE(straight);
  const TestFolder folder;
  int steps = 0, stops = 0;
  CompareHooks hooks;
  hooks.stop = [&] { return ++steps % 5 == 0; };
  std::optional<Experiment> experiment;
  while (!(experiment = CompareTiny(options, folder.path(), hooks))) ASSERT_LT(++stops, 20);
  EXPECT_GT(stops, 5);
  EXPECT_TRUE(Timeless(*experiment) == Timeless(*straight));
}

TEST(RunComparison, KeepsWhatIsFinished) {
  const TestFolder folder;
  const auto two = Options({PositionEncoding::kRotary, PositionEncoding::kNone}, 1);
  const auto first = CompareTiny(two, folder.path());
  ASSERT_TRUE(first);
  auto three =
      Options({PositionEncoding::kRotary, PositionEncoding::kNone, PositionEncoding::kAlibi}, 1);
  EXPECT_EQ(KeptUnits(three, folder.path()), CompareUnits(two));
  std::vector<std::string> run;
  const auto second =
      CompareTiny(three, folder.path(),
                  {.on_run = [&](const RunResult& result) { run.push_back(result.encoding); }});
  ASSERT_TRUE(second);
  EXPECT_EQ(run, std::vector<std::string>{"alibi"});
  EXPECT_TRUE(second->runs[1] == first->runs[1]);  // seconds included: it was read, not run
}

TEST(RunComparison, RefusesRunsOfAnotherComparison) {
  const TestFolder folder;
  const auto options = Options({PositionEncoding::kRotary}, 1);
  ASSERT_TRUE(CompareTiny(options, folder.path()));
  const std::string run = (folder.path() / "rotary-seed-1").string();
  auto longer = options;
  longer.train.steps = 13;
  const std::string error =
      Thrown<std::invalid_argument>([&] { CompareTiny(longer, folder.path()); });
  EXPECT_TRUE(error.starts_with("compare: " + run + " holds a run of another comparison ("))
      << error;
  EXPECT_NE(error.find("steps"), error.npos) << error;
  auto finer = options;
  finer.train.evaluate_every = 3;
  EXPECT_EQ(Thrown<std::invalid_argument>([&] { CompareTiny(finer, folder.path()); }),
            "compare: " + run +
                " holds a run of another comparison (evaluate_every was 4, now it is 3); "
                "choose another --out, or remove it");
  EXPECT_EQ(Thrown<std::invalid_argument>([&] {
              RunComparison(options, TinyCorpus(61), ByteTokenizer(), folder.path(), {});
            }),
            "compare: " + run +
                " holds a run of another comparison (the text was another one); choose "
                "another --out, or remove it");
  // A run that was stopped belongs to its comparison, too.
  const TestFolder stopped;
  ASSERT_FALSE(CompareTiny(options, stopped.path(), {.stop = [] { return true; }}));
  EXPECT_NE(Thrown<std::invalid_argument>([&] { CompareTiny(longer, stopped.path()); }),
            "nothing was thrown");
  // A damaged result is a bad file, not a missing one.
  std::ofstream(folder.path() / "rotary-seed-1" / "result.json") << "{";
  EXPECT_THROW(CompareTiny(options, folder.path()), FileError);
}

TEST(RunComparison, RefusesWhatCannotBeBeforeItRuns) {
  const TestFolder folder;
  auto options = Options({PositionEncoding::kRotary, PositionEncoding::kAlibi}, 1);
  options.train.attention = AttentionForm::kLinear;
  EXPECT_EQ(Thrown<std::invalid_argument>([&] { CompareTiny(options, folder.path()); }),
            "model: ALiBi adds to scores, and linear attention has none; use softmax attention");
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
  EXPECT_EQ(EncodingsFor(AttentionForm::kLinear).size(), 4u);
  EXPECT_EQ(
      Thrown<std::invalid_argument>([&] {
        CompareTiny(Options({PositionEncoding::kNone, PositionEncoding::kNone}, 1), folder.path());
      }),
      "compare: none is asked for twice");
  EXPECT_EQ(Thrown<std::invalid_argument>([&] { CompareTiny(Options({}, 1), folder.path()); }),
            "compare: there is no encoding to run");
  EXPECT_EQ(Thrown<std::invalid_argument>(
                [&] { CompareTiny(Options({PositionEncoding::kNone}, 0), folder.path()); }),
            "compare: seeds must be at least 1, got 0");
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(RunComparison, LeavesOutLengthsThatTheHeldOutTextIsTooShortFor) {
  const TestFolder folder;
  Corpus corpus = TinyCorpus();
  corpus.held_out.resize(256 + 2 * 24 + 1);  // room for twice the context, not for four times
  const auto experiment = RunComparison(Options({PositionEncoding::kNone}, 1), corpus,
                                        ByteTokenizer(), folder.path(), {});
  ASSERT_TRUE(experiment);
  ASSERT_EQ(experiment->runs[0].lengths.size(), 2u);
  EXPECT_EQ(experiment->length_targets, 257);
}

TEST(RunComparison, ProgressCountsUpToItsTotal) {
  const TestFolder folder;
  const auto options = Options({PositionEncoding::kRotary, PositionEncoding::kNone}, 1);
  int64_t last = 0, calls = 0;
  ASSERT_TRUE(
      CompareTiny(options, folder.path(), {.advance = [&](int64_t done, const std::string&) {
                    EXPECT_GT(done, last);
                    last = done;
                    ++calls;
                  }}));
  EXPECT_EQ(last, CompareUnits(options));
  EXPECT_EQ(calls, 2 * 12 + 2);
}

}  // namespace
}  // namespace rotary
