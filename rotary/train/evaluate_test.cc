// Proves: a sliding window scores each target once, with the context that the header draws (against
// one pass for each target); it scores the same targets at every length, causal and masked; windows
// in small batches have the loss of one large one; bad ranges give one sentence.
#include "rotary/train/evaluate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "rotary/base/random.h"
#include "rotary/io/test_folder.h"
#include "rotary/text/byte_tokenizer.h"
#include "rotary/train/random_streams.h"

namespace rotary {
namespace {

constexpr int32_t kWords = 50;
constexpr int32_t kMask = 50;
constexpr Masking kMasking{.mask_id = kMask, .words = kWords};

std::vector<int32_t> RandomText(size_t length) {
  std::vector<int32_t> tokens(length);
  const Random random(1, 1);
  for (size_t i = 0; i < length; ++i) tokens[i] = static_cast<int32_t>(random.Below(kWords, i));
  return tokens;
}

// An encoder that sees both sides, or only what came before.
ModelConfig SmallConfig(bool causal) {
  ModelConfig config = RoFormerConfig(
      {.vocab_size = kWords + 1, .layers = 2, .model_dim = 16, .heads = 2, .max_tokens = 64});
  config.causal = causal;
  return config;
}

Transformer SmallModel(bool causal) {
  ModelConfig config = SmallConfig(causal);
  config.initial_std = 0.5;  // so that what a token sees matters
  Transformer model(config);
  model.Initialise(3);
  return model;
}

// The loss of one target, with inputs begin .. begin + length - 1.
double LossOf(const Transformer& model, std::span<const int32_t> inputs, int64_t begin,
              int64_t length, int64_t at, int32_t target) {
  TokenBatch batch;
  batch.rows = 1;
  batch.tokens = length;
  batch.ids.assign(inputs.begin() + begin, inputs.begin() + begin + length);
  batch.targets.assign(static_cast<size_t>(length), kNoTarget);
  batch.targets.at(static_cast<size_t>(at - begin)) = target;
  Workspace workspace;
  return ComputeLoss(model, batch.view(), {}, workspace, 1).sum;
}

TEST(EvaluateTest, ACausalTargetSeesWhatTheHeaderDraws) {
  const Transformer model = SmallModel(true);
  const std::vector<int32_t> tokens = RandomText(40);
  for (const int64_t begin : {1, 3, 20}) {
    for (const auto& [context, stride] :
         {std::pair(4, 2), std::pair(7, 1), std::pair(8, 8), std::pair(64, 32)}) {
      double expected = 0;
      for (int64_t target = begin; target < 40; ++target) {
        // The end of the window that scores it: the first one reaches as far as its context allows.
        int64_t end = std::max<int64_t>(begin + stride, context + 1);
        if (begin > context) end = begin + stride;
        while (end <= target) end += stride;
        end = std::min<int64_t>(end, 40);
        const int64_t start = std::max<int64_t>(0, end - 1 - context);
        ASSERT_GE(target - start, std::min<int64_t>(target, context - stride + 1));
        expected += LossOf(model, tokens, start, end - 1 - start, target - 1,
                           tokens[static_cast<size_t>(target)]);
      }
      const Loss loss = EvaluateSliding(
          model, tokens, {.context = context, .stride = stride, .begin = begin, .threads = 1});
      EXPECT_EQ(loss.count, 40 - begin);
      EXPECT_NEAR(loss.sum, expected, 1e-5 * expected) << begin << " " << context << " " << stride;
    }
  }
}

TEST(EvaluateTest, AMaskedTargetStandsInTheMiddle) {
  const Transformer model = SmallModel(false);
  const std::vector<int32_t> tokens = RandomText(60);
  std::vector<int32_t> ids = tokens, targets(60);
  MaskTokens(kMasking, HeldOutMasks(), 0, ids, targets);
  double expected = 0;
  int64_t count = 0;
  for (int64_t target = 10; target < 50; ++target) {
    if (targets[static_cast<size_t>(target)] == kNoTarget) continue;
    ++count;
    expected += LossOf(model, ids, target - 4, 9, target, tokens[static_cast<size_t>(target)]);
  }
  ASSERT_GT(count, 2);
  const Loss loss = EvaluateSliding(
      model, tokens,
      {.context = 9, .stride = 1, .begin = 10, .end = 50, .masking = kMasking, .threads = 1});
  EXPECT_EQ(loss.count, count);
  EXPECT_NEAR(loss.sum, expected, 1e-5 * expected);
}

// With nothing but an output bias, a target's loss depends on the target alone, so equal sums are
// equal targets.
TEST(EvaluateTest, EveryLengthScoresTheSameTargets) {
  const std::vector<int32_t> tokens = RandomText(300);
  for (const bool causal : {true, false}) {
    Transformer model(SmallConfig(causal));
    const Parameter& bias = model.layout().Find("head.output.bias");
    std::vector<double> logits(kWords + 1);
    for (size_t word = 0; word < logits.size(); ++word) {
      logits[word] = std::sin(1.0 + static_cast<double>(word * word));
      model.weights()[static_cast<size_t>(bias.offset) + word] = static_cast<float>(logits[word]);
    }
    double total = 0;
    for (const double logit : logits) total += std::exp(logit);
    std::vector<int32_t> ids = tokens, targets(300);
    MaskTokens(kMasking, HeldOutMasks(), 0, ids, targets);
    double expected = 0;
    int64_t count = 0;
    for (size_t i = 64; i < 230; ++i) {
      if (!causal && targets[i] == kNoTarget) continue;
      expected += std::log(total) - logits[static_cast<size_t>(tokens[i])];
      ++count;
    }
    for (const int64_t context : {8, 16, 32, 64}) {
      for (const int64_t stride : {4, 7}) {
        double done = 0;
        const Loss loss = EvaluateSliding(model, tokens,
                                          {.context = context,
                                           .stride = stride,
                                           .begin = 64,
                                           .end = 230,
                                           .masking = kMasking,
                                           .threads = 1,
                                           .progress = [&](double share) { done = share; }});
        EXPECT_EQ(loss.count, count);
        EXPECT_NEAR(loss.sum, expected, 1e-5 * expected)
            << causal << " " << context << " " << stride;
        EXPECT_EQ(done, 1);
      }
    }
  }
}

TEST(EvaluateTest, SmallBatchesOfWindowsHaveTheLossOfALargeOne) {
  const Transformer model = SmallModel(true);
  const std::vector<int32_t> tokens = RandomText(200);
  const TokenBatch windows = WindowSource(tokens, Objective::kCausal, 16, {}, "the text").Spread(7);
  Workspace workspace;
  const Loss whole = ComputeLoss(model, windows.view(), {}, workspace, 1);
  for (const int64_t rows : {1, 3, 7, 50}) {
    const Loss loss = EvaluateWindows(model, windows, rows, workspace, 1);
    EXPECT_EQ(loss.count, whole.count);
    EXPECT_NEAR(loss.sum, whole.sum, 1e-6 * whole.sum);
  }
}

TEST(EvaluateTest, NamesTheBrokenRule) {
  const Transformer model = SmallModel(true);
  const std::vector<int32_t> tokens = RandomText(20);
  const auto complaint = [&](SlidingOptions options) {
    return Thrown<std::invalid_argument>([&] { EvaluateSliding(model, tokens, options); });
  };
  EXPECT_EQ(complaint({.context = 8, .stride = 9}),
            "evaluate: the stride must lie between 1 and the context (8), got 9");
  EXPECT_EQ(complaint({.context = 8, .stride = -1}),
            "evaluate: the stride must lie between 1 and the context (8), got -1");
  EXPECT_EQ(complaint({.context = 0}), "evaluate: the context must be at least 1 token, got 0");
  EXPECT_EQ(complaint({.context = 8, .begin = 0}),
            "evaluate: targets 0 to 19 are not all in the text of 20 tokens");
  EXPECT_EQ(complaint({.context = 8, .end = 21}),
            "evaluate: targets 1 to 20 are not all in the text of 20 tokens");
  EXPECT_EQ(Thrown<std::invalid_argument>([&] {
              EvaluateSliding(SmallModel(false), tokens,
                              {.context = 8, .begin = 0, .end = 20, .masking = {.chosen = 0}});
            }),
            "evaluate: chance hid none of the 20 tokens: score more of them");
}

TEST(EvaluateTest, BitsAByte) {
  EXPECT_DOUBLE_EQ(BitsPerByte(std::log(2.0), 100, 100), 1);
  EXPECT_DOUBLE_EQ(BitsPerByte(std::log(256.0), 100, 400), 2);
}

}  // namespace
}  // namespace rotary
