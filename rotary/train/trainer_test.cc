// Proves: a step is AdamW on the mean gradient of its batches, clipped, with decay on projections
// alone (against the formula in double); accumulated batches weigh what one large batch does; a run
// has the same bits every time and for any number of threads, and others for another seed; a run
// that goes on from a copied state has the bits of one that never stopped; a step without a finite
// loss changes nothing and says its number; a model learns what its text repeats.
#include "rotary/train/trainer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "rotary/train/evaluate.h"
#include "rotary/train/run.h"
#include "rotary/train/test_run.h"

namespace rotary {
namespace {

const ByteTokenizer kBytes;

// The runs that differ in what a step computes.
std::vector<TrainOptions> Runs() {
  std::vector<TrainOptions> runs;
  for (const Objective objective : {Objective::kCausal, Objective::kMasked}) {
    TrainOptions options = TinyOptions(objective);
    options.accumulation = 2;
    options.dropout = 0.1;
    runs.push_back(options);
  }
  TrainOptions options = TinyOptions();
  options.attention = AttentionForm::kLinear;
  options.feature_map = FeatureMap::kPerformer;
  options.features = 12;
  options.redraw_every = 3;
  runs.push_back(options);
  return runs;
}

std::vector<float> WeightsAfter(const TrainOptions& options, const Corpus& corpus, int steps) {
  Trainer trainer(options, corpus, kBytes);
  for (int i = 0; i < steps; ++i) trainer.Step();
  const std::span<const float> weights = trainer.state().model.weights();
  return {weights.begin(), weights.end()};
}

TrainingState Copy(const TrainingState& state) {
  Transformer model(state.model.config());
  std::ranges::copy(state.model.weights(), model.weights().begin());
  model.projections() = state.model.projections().Clone();
  TrainingState copy(std::move(model));
  copy.first_moment = state.first_moment.Clone();
  copy.second_moment = state.second_moment.Clone();
  copy.step = state.step;
  copy.curve = state.curve;
  return copy;
}

TEST(TrainerTest, AStepIsAdamWOnTheMeanGradient) {
  const Corpus corpus = TinyCorpus();
  for (const Objective objective : {Objective::kCausal, Objective::kMasked}) {
    for (const double clip : {0.0, 0.05}) {
      TrainOptions options = TinyOptions(objective);
      options.clip = clip;
      options.accumulation = 2;
      options.dropout = 0.1;
      options.lr = 0.01;
      options.weight_decay = 0.5;
      options.epsilon = 1e-5;
      Trainer trainer(options, corpus, kBytes);
      const Masking masking = objective == Objective::kMasked ? MaskingFor(kBytes) : Masking();
      const WindowSource windows(corpus.training, objective, options.context, masking, "the text");
      const size_t size = trainer.state().model.weights().size();
      const std::span<const float> first = trainer.state().model.weights();
      std::vector<double> weights(first.begin(), first.end()), m(size), v(size);
      for (int64_t step = 1; step <= 3; ++step) {
        std::vector<TokenBatch> batches;
        Loss loss;
        for (int64_t i = 0; i < 2; ++i) {
          batches.push_back(windows.Draw(options.seed, step, i * options.batch, options.batch));
          loss.count += batches.back().target_count;
        }
        std::vector<float> gradient(size);
        Workspace workspace;
        for (uint64_t i = 0; i < 2; ++i) {
          const HiddenDropout dropout{.probability = 0.1,
                                      .seed = options.seed,
                                      .step = 2 * (static_cast<uint64_t>(step) - 1) + i};
          loss.sum += LossAndGradient(trainer.state().model, batches[i].view(), dropout,
                                      1 / static_cast<double>(loss.count), gradient, workspace)
                          .sum;
        }
        double norm = 0;
        for (const float g : gradient) norm += double{g} * g;
        norm = std::sqrt(norm);
        const double scale = clip > 0 && norm > clip ? clip / norm : 1;
        EXPECT_EQ(clip > 0, scale < 0.5);
        const double rate = LearningRate(MakeSchedule(options), step);
        for (const Parameter& parameter : trainer.state().model.layout().parameters()) {
          const bool decays = parameter.kind == Parameter::Kind::kProjection;
          for (int64_t k = parameter.offset; k < parameter.offset + parameter.count(); ++k) {
            const auto i = static_cast<size_t>(k);
            const double g = scale * gradient[i];
            m[i] = 0.9 * m[i] + 0.1 * g;
            v[i] = 0.99 * v[i] + 0.01 * g * g;
            const double mean = m[i] / (1 - std::pow(0.9, step));
            const double square = v[i] / (1 - std::pow(0.99, step));
            weights[i] -=
                rate * (mean / (std::sqrt(square) + 1e-5) + (decays ? 0.5 : 0.0) * weights[i]);
          }
        }
        const StepReport report = trainer.Step();
        EXPECT_EQ(report.step, step);
        EXPECT_EQ(report.learning_rate, rate);
        EXPECT_EQ(report.loss, loss.mean());
        EXPECT_NEAR(report.gradient_norm, norm, 1e-9 * norm);
        double worst = 0;
        for (size_t i = 0; i < size; ++i) {
          const double error = std::abs(trainer.state().model.weights()[i] - weights[i]);
          ASSERT_FALSE(std::isnan(error));
          worst = std::max(worst, error);
        }
        // A weight's own rounding, about 2^-24 a step, and that of a step of size `rate`.
        EXPECT_LE(worst, 3e-7) << "step " << step;
      }
    }
  }
}

TEST(TrainerTest, AccumulatedBatchesWeighWhatOneLargeBatchDoes) {
  const Corpus corpus = TinyCorpus();
  for (const Objective objective : {Objective::kCausal, Objective::kMasked}) {
    std::vector<std::vector<float>> moments;
    for (const auto& [batch, accumulation] : {std::pair(6, 1), std::pair(2, 3), std::pair(1, 6)}) {
      TrainOptions options = TinyOptions(objective);
      options.batch = batch;
      options.accumulation = accumulation;
      Trainer trainer(options, corpus, kBytes);
      trainer.Step();
      const std::span<const float> moment = trainer.state().first_moment.span<float>();
      moments.emplace_back(moment.begin(), moment.end());
    }
    for (size_t other = 1; other < moments.size(); ++other) {
      double difference = 0, norm = 0;
      for (size_t i = 0; i < moments[0].size(); ++i) {
        difference += std::pow(double{moments[other][i]} - moments[0][i], 2);
        norm += std::pow(double{moments[0][i]}, 2);
      }
      // Sums of 144 tokens in another order: a few 2^-24, relative to the whole gradient.
      EXPECT_LE(std::sqrt(difference / norm), 1e-6);
      EXPECT_GT(norm, 0);
    }
  }
}

TEST(TrainerTest, ARunHasTheSameBitsForAnyNumberOfThreads) {
  const Corpus corpus = TinyCorpus();
  for (TrainOptions options : Runs()) {
    const std::vector<float> weights = WeightsAfter(options, corpus, 5);
    for (const int threads : {1, 2, 3}) {
      options.threads = threads;
      EXPECT_TRUE(SameBits(WeightsAfter(options, corpus, 5), weights)) << threads;
    }
    options.seed = 2;
    EXPECT_FALSE(SameBits(WeightsAfter(options, corpus, 5), weights));
  }
}

TEST(TrainerTest, ACopiedStateGoesOnToTheSameBits) {
  const Corpus corpus = TinyCorpus();
  for (const TrainOptions& options : Runs()) {
    Trainer whole(options, corpus, kBytes);
    RunTraining(whole, {});
    for (const int64_t stop : {1, 5, 11}) {
      Trainer begun(options, corpus, kBytes);
      RunHooks hooks;
      hooks.stop = [&] { return begun.state().step == stop; };
      EXPECT_EQ(RunTraining(begun, hooks), RunEnd::kStopped);
      Trainer resumed(options, corpus, kBytes, Copy(begun.state()));
      EXPECT_EQ(RunTraining(resumed, {}), RunEnd::kDone);
      EXPECT_TRUE(SameBits(resumed.state().model.weights(), whole.state().model.weights())) << stop;
      EXPECT_EQ(resumed.state().curve.loss, whole.state().curve.loss);
      EXPECT_EQ(resumed.state().curve.gradient_norm, whole.state().curve.gradient_norm);
      EXPECT_EQ(resumed.state().curve.evaluation_step, (std::vector<int64_t>{0, 4, 8, 12}));
      EXPECT_EQ(resumed.state().curve.evaluation_loss, whole.state().curve.evaluation_loss);
    }
  }
}

TEST(TrainerTest, RedrawsFeaturesInTime) {
  const Corpus corpus = TinyCorpus();
  const TrainOptions options = Runs().back();
  Trainer trainer(options, corpus, kBytes);
  Transformer other(MakeModelConfig(options, kBytes.vocab_size()));
  for (uint64_t step = 1; step <= 7; ++step) {
    trainer.Step();
    other.DrawFeatures(options.seed, (step - 1) / 3);
    EXPECT_TRUE(SameBits(trainer.state().model.projections().span<float>(),
                         other.projections().span<float>()))
        << step;
  }
}

TEST(TrainerTest, AStepThatDivergesChangesNothing) {
  const Corpus corpus = TinyCorpus();
  TrainOptions options = TinyOptions();
  options.lr = 1e300;
  options.final_lr = 0;
  options.warmup = 0;
  Trainer trainer(options, corpus, kBytes);
  trainer.Step();
  EXPECT_THROW(trainer.CheckSound(), TrainingDiverged);
  const std::span<const float> weights = trainer.state().model.weights();
  const std::vector<float> before(weights.begin(), weights.end());
  try {
    trainer.Step();
    FAIL() << "a learning rate of 1e300 did no harm";
  } catch (const TrainingDiverged& error) {
    EXPECT_EQ(std::string(error.what()).find("train: step 2 of 12 gave a loss of "), 0u)
        << error.what();
  }
  EXPECT_EQ(trainer.state().step, 1);
  EXPECT_EQ(trainer.state().curve.loss.size(), 1u);
  EXPECT_TRUE(SameBits(before, trainer.state().model.weights()));
}

// In nats; by counting.
double UnigramEntropy(const std::vector<int32_t>& tokens) {
  std::array<double, 256> counts{};
  for (const int32_t token : tokens) ++counts.at(static_cast<size_t>(token));
  double entropy = 0;
  const auto total = static_cast<double>(tokens.size());
  for (const double count : counts) {
    if (count > 0) entropy -= count / total * std::log(count / total);
  }
  return entropy;
}

TEST(TrainerTest, LearnsWhatTheTextRepeats) {
  const Corpus corpus = TinyCorpus();
  const double entropy = UnigramEntropy(corpus.training);
  for (const Objective objective : {Objective::kCausal, Objective::kMasked}) {
    TrainOptions options = TinyOptions(objective);
    const bool causal = objective == Objective::kCausal;
    options.batch = causal ? 4 : 8;
    options.steps = causal ? 120 : 600;
    options.weight_decay = 0;
    options.lr = causal ? 1e-2 : 3e-3;
    options.evaluate_every = options.steps;
    Trainer trainer(options, corpus, kBytes);
    RunTraining(trainer, {});
    const Curve& curve = trainer.state().curve;
    EXPECT_NEAR(curve.loss.front(), std::log(258), 0.3);
    EXPECT_LE(curve.evaluation_loss.back(), 0.5 * entropy) << "of " << entropy;
  }
}

TEST(TrainerTest, RefusesAModelOfOtherOptions) {
  const Corpus corpus = TinyCorpus();
  TrainOptions options = TinyOptions();
  Transformer model(MakeModelConfig(options, kBytes.vocab_size()));
  options.theta = 500;
  EXPECT_THROW(Trainer(options, corpus, kBytes, TrainingState(std::move(model))),
               std::invalid_argument);
}

}  // namespace
}  // namespace rotary
