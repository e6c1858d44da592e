// Properties: logits, losses and gradients of the production passes agree with the double twin, for
// every position encoding, both forms, each norm before the branch or after the sum, linear
// attention with every feature map, GQA, padding, documents, positions and token types; a change of
// the position encoding changes no other weight; the bits do not depend on the number of threads or
// on what the workspace held; dropout's gradient is that of the network it left; bad batches are
// refused with one sentence; a model given another rotation is the one made with it.
#include "rotary/model/transformer.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "rotary/base/error.h"
#include "rotary/base/random.h"
#include "rotary/base/test_thrown.h"
#include "rotary/model/transformer_ref.h"

namespace rotary {
namespace {

// A batch with its own memory: two rows of different lengths, positions, documents and types.
struct OwnedBatch {
  std::vector<int32_t> ids, token_types, documents, targets;
  std::vector<int64_t> positions;
  std::vector<uint8_t> padding;
  int64_t rows = 2, tokens = 0;

  Batch view() const {
    return {.rows = rows,
            .tokens = tokens,
            .ids = ids,
            .token_types = token_types,
            .positions = positions,
            .padding = padding,
            .documents = documents,
            .targets = targets};
  }
};

OwnedBatch MakeBatch(const ModelConfig& config, int64_t tokens) {
  OwnedBatch batch;
  batch.tokens = tokens;
  const Random random(11, 0);
  for (int64_t i = 0; i < 2 * tokens; ++i) {
    const auto index = static_cast<uint64_t>(i);
    const auto vocab = static_cast<uint64_t>(config.vocab_size);
    batch.ids.push_back(static_cast<int32_t>(random.Below(vocab, 3 * index)));
    const bool predict = random.Uniform(3 * index + 1) < 0.4;
    batch.targets.push_back(predict ? static_cast<int32_t>(random.Below(vocab, 3 * index + 2))
                                    : -1);
  }
  return batch;
}

// Weights that hide nothing: biases and gains are random too, projections large enough for scores
// to differ.
void RandomWeights(Transformer& model) {
  model.Initialise(5);
  const Random random(6, 0);
  uint64_t index = 0;
  for (const Parameter& parameter : model.layout().parameters()) {
    for (int64_t i = 0; i < parameter.count(); ++i) {
      float& weight = model.weights()[static_cast<size_t>(parameter.offset + i)];
      const auto noise = static_cast<float>(random.Normal(index++));
      weight = parameter.kind == Parameter::Kind::kGain ? 1 + 0.2f * noise : 0.25f * noise;
    }
  }
}

std::vector<double> DoubleWeights(const Transformer& model) {
  return {model.weights().begin(), model.weights().end()};
}

// Largest difference of the logits over the largest logit.
double LogitsError(const Transformer& model, const Batch& batch, int threads = 0) {
  Workspace workspace;
  const Tensor logits = Logits(model, batch, workspace, threads);
  const std::vector<double> weights = DoubleWeights(model);
  const auto parameters = BindParameters<const double>(model.config(), model.layout(), weights);
  double error = 0, largest = 0;
  for (int64_t row = 0; row < batch.rows; ++row) {
    const ref::Rows expected = ref::LogitsOfRow(model, parameters, batch, row);
    for (int64_t t = 0; t < batch.tokens; ++t) {
      const auto at = static_cast<size_t>(row * batch.tokens + t);
      if (!batch.padding.empty() && batch.padding[at] == 0)
        continue;  // nobody reads what stands at padding
      for (int64_t w = 0; w < model.config().vocab_size; ++w) {
        const double e = expected[static_cast<size_t>(t)][static_cast<size_t>(w)];
        const double got = static_cast<double>(
            logits.data<float>()[static_cast<int64_t>(at) * model.config().vocab_size + w]);
        error = std::max(error, std::isnan(got) ? 1e300 : std::abs(got - e));
        largest = std::max(largest, std::abs(e));
      }
    }
  }
  return error / largest;
}

// For each parameter the largest difference between the gradient and central differences of the
// twin, at up to four of its elements, over the largest gradient of that parameter's sample (or a
// thousandth of the model's, for those that are all but 0).
void CheckGradients(const Transformer& model, const Batch& batch) {
  const auto size = static_cast<size_t>(model.layout().size());
  std::vector<float> gradient(size);
  Workspace workspace;
  constexpr double kScale = 0.37;
  const Loss loss = LossAndGradient(model, batch, {}, kScale, gradient, workspace);
  std::vector<double> weights = DoubleWeights(model);
  const double expected_loss = ref::LossSum(model, weights, batch);
  EXPECT_LE(std::abs(loss.sum - expected_loss), 2e-5 * std::abs(expected_loss));
  double model_scale = 0;
  for (const float g : gradient)
    model_scale = std::max(model_scale, std::abs(static_cast<double>(g)));
  ASSERT_GT(model_scale, 0);
  const Random random(3, 9);
  uint64_t draw = 0;
  for (const Parameter& parameter : model.layout().parameters()) {
    double error = 0, scale = 1e-3 * model_scale;
    for (int sample = 0; sample < 4; ++sample) {
      const auto at = static_cast<size_t>(parameter.offset) +
                      random.Below(static_cast<uint64_t>(parameter.count()), draw++);
      const double kept = weights[at];
      constexpr double kStep = 1e-4;  // central differences: error of the order of the step squared
      weights[at] = kept + kStep;
      const double above = ref::LossSum(model, weights, batch);
      weights[at] = kept - kStep;
      const double below = ref::LossSum(model, weights, batch);
      weights[at] = kept;
      const double expected = kScale * (above - below) / (2 * kStep);
      const double got = static_cast<double>(gradient[at]);
      error = std::max(error, std::isnan(got) ? 1e300 : std::abs(got - expected));
      scale = std::max(scale, std::abs(expected));
    }
    EXPECT_LE(error, 2e-4 * scale) << parameter.name;
  }
}

ModelConfig Encoder() {
  return RoFormerConfig({.vocab_size = 23,
                         .layers = 2,
                         .model_dim = 24,
                         .heads = 3,
                         .inner_dim = 20,
                         .max_tokens = 12});
}
ModelConfig Decoder() {
  return LlamaConfig({.vocab_size = 23,
                      .layers = 2,
                      .model_dim = 24,
                      .heads = 4,
                      .kv_heads = 2,
                      .inner_dim = 20,
                      .max_tokens = 12});
}

struct Case {
  std::string name;
  ModelConfig config;
};

std::vector<Case> Cases() {
  std::vector<Case> cases;
  for (const std::string& name : PositionEncodingNames()) {
    for (const bool causal : {false, true}) {
      ModelConfig config = causal ? Decoder() : Encoder();
      config.positions = ParsePositionEncoding(name);
      cases.push_back({(causal ? "decoder " : "encoder ") + name, config});
    }
  }
  ModelConfig loud = Decoder();
  loud.positions = PositionEncoding::kSinusoidal;
  loud.sinusoidal_amplitude = 1.5;
  cases.push_back({"decoder sinusoidal of amplitude 1.5", loud});
  ModelConfig before = Decoder();
  before.norm_form = NormForm::kLayerNorm;
  cases.push_back({"LayerNorm before the branch", before});
  ModelConfig after = Encoder();
  after.norm_form = NormForm::kRmsNorm;
  cases.push_back({"RMS norm after the sum", after});
  ModelConfig narrow = Encoder();
  narrow.embedding_dim = 10;
  cases.push_back({"embedding_dim != model_dim", narrow});
  ModelConfig untied = Decoder();
  untied.tied = false;
  cases.push_back({"untied", untied});
  ModelConfig partial = Decoder();
  partial.rotation = MakeRotation(
      {.head_dim = 6, .rotary_dim = 4, .offset = 1, .theta = 50, .layout = Layout::kInterleaved});
  partial.rotation.attention_factor = 1.2;
  cases.push_back({"partial rotation with an attention factor", partial});
  ModelConfig decaying = Decoder();
  decaying.rotation.log_decay = {-0.03, -0.02, 0.01};
  cases.push_back({"xPos", decaying});
  ModelConfig by_head = Encoder();
  by_head.rotation.heads = 3;
  for (int head = 1; head < 3; ++head) {
    for (int pair = 0; pair < by_head.rotation.pairs(); ++pair) {
      by_head.rotation.frequency.push_back(0.1 * head + 0.3 * pair);
    }
  }
  cases.push_back({"a row of frequencies for each head", by_head});
  for (const std::string& map : FeatureMapNames()) {
    for (const bool causal : {false, true}) {
      ModelConfig config = causal ? Decoder() : Encoder();
      config.attention = AttentionForm::kLinear;
      config.feature_map = ParseFeatureMap(map);
      if (map == "performer") config.features = 10;
      config.rotation = MakeRotation({.head_dim = config.features});
      cases.push_back({(causal ? "decoder linear " : "encoder linear ") + map, config});
    }
  }
  ModelConfig none = Decoder();
  none.attention = AttentionForm::kLinear;
  none.positions = PositionEncoding::kNone;
  cases.push_back({"decoder linear without positions", none});
  return cases;
}

TEST(TransformerTest, LogitsAndGradientsAgreeWithTheTwin) {
  for (const Case& c : Cases()) {
    SCOPED_TRACE(c.name);
    Transformer model(c.config);
    RandomWeights(model);
    const OwnedBatch batch = MakeBatch(c.config, 9);
    // Linear attention divides signed sums: its rounding errors are those of a difference.
    EXPECT_LE(LogitsError(model, batch.view()),
              c.config.attention == AttentionForm::kLinear ? 1e-4 : 2e-5);
    CheckGradients(model, batch.view());
  }
}

TEST(TransformerTest, PaddingDocumentsPositionsAndTypes) {
  for (const bool causal : {false, true}) {
    SCOPED_TRACE(causal);
    const ModelConfig config = causal ? Decoder() : Encoder();
    Transformer model(config);
    RandomWeights(model);
    OwnedBatch batch = MakeBatch(config, 9);
    for (int64_t i = 0; i < 18; ++i) {
      const int64_t t = i % 9;
      batch.padding.push_back(i >= 9 && t >= 6 ? 0 : 1);  // the second row is shorter
      if (batch.padding.back() == 0) batch.targets[static_cast<size_t>(i)] = -1;
      batch.documents.push_back(t < 4 ? 0 : 1);
      batch.positions.push_back((i < 9 ? 100'003 : 7) +
                                (t < 4 ? t : t - 4));  // restarts with each document
      if (config.token_types > 0) batch.token_types.push_back(t < 4 ? 0 : 1);
    }
    EXPECT_LE(LogitsError(model, batch.view()), 2e-5);
    CheckGradients(model, batch.view());
  }
}

TEST(TransformerTest, OneTokenAndOneTarget) {
  Transformer model(Encoder());
  RandomWeights(model);
  OwnedBatch batch;
  batch.rows = 1;
  batch.tokens = 1;
  batch.ids = {4};
  batch.targets = {7};
  EXPECT_LE(LogitsError(model, batch.view()), 2e-5);
  CheckGradients(model, batch.view());
}

TEST(TransformerTest, NoTargetsNoLossNoGradient) {
  Transformer model(Decoder());
  RandomWeights(model);
  OwnedBatch batch = MakeBatch(model.config(), 5);
  batch.targets.assign(10, -1);
  std::vector<float> gradient(static_cast<size_t>(model.layout().size()), 0.5f);
  Workspace workspace;
  const Loss loss = LossAndGradient(model, batch.view(), {}, 1, gradient, workspace);
  EXPECT_EQ(loss.count, 0);
  EXPECT_EQ(loss.sum, 0);
  for (const float g : gradient) ASSERT_EQ(g, 0.5f);
}

TEST(TransformerTest, TokenLossesAddUp) {
  Transformer model(Decoder());
  RandomWeights(model);
  const OwnedBatch batch = MakeBatch(model.config(), 9);
  Workspace workspace;
  std::vector<float> losses(18, -1.0f);
  const Loss loss = ComputeLoss(model, batch.view(), losses, workspace);
  double sum = 0;
  for (size_t i = 0; i < losses.size(); ++i) {
    if (batch.targets[i] < 0) {
      EXPECT_EQ(losses[i], 0.0f);
    }
    sum += static_cast<double>(losses[i]);
  }
  EXPECT_NEAR(loss.sum, sum, 1e-5 * sum);
  EXPECT_NEAR(loss.sum, ref::LossSum(model, DoubleWeights(model), batch.view()), 2e-5 * sum);
}

TEST(TransformerTest, SameBitsForAnyThreadsAndAnyWorkspace) {
  for (const Case& c : Cases()) {
    SCOPED_TRACE(c.name);
    Transformer model(c.config);
    RandomWeights(model);
    const OwnedBatch large = MakeBatch(c.config, 12);
    const OwnedBatch small = MakeBatch(c.config, 5);
    const HiddenDropout dropout{.probability = 0.2, .seed = 1, .step = 2};
    const auto size = static_cast<size_t>(model.layout().size());
    std::vector<float> expected(size), again(size), ignored(size);
    Workspace fresh, used;
    LossAndGradient(model, large.view(), dropout, 1, ignored, used, 2);
    LossAndGradient(model, small.view(), dropout, 1, expected, fresh, 1);
    LossAndGradient(model, small.view(), dropout, 1, again, used, 3);
    EXPECT_EQ(expected, again);
  }
}

// With a mask held fixed the network is smooth: moving along the gradient changes the loss as the
// gradient says.
TEST(TransformerTest, DropoutGradientIsThatOfTheThinnedNetwork) {
  for (const bool causal : {false, true}) {
    SCOPED_TRACE(causal);
    Transformer model(causal ? Decoder() : Encoder());
    RandomWeights(model);
    const OwnedBatch batch = MakeBatch(model.config(), 9);
    const HiddenDropout dropout{.probability = 0.3, .seed = 4, .step = 1};
    const auto size = static_cast<size_t>(model.layout().size());
    std::vector<float> gradient(size), ignored(size);
    Workspace workspace;
    const Loss base = LossAndGradient(model, batch.view(), dropout, 1, gradient, workspace);
    EXPECT_NE(base.sum, LossAndGradient(model, batch.view(), {}, 1, ignored, workspace).sum);
    double squared = 0;
    for (const float g : gradient) squared += static_cast<double>(g) * static_cast<double>(g);
    const double step = 2e-3 / std::sqrt(squared);
    double losses[2];
    for (const int side : {0, 1}) {
      Transformer moved(model.config());
      for (size_t i = 0; i < size; ++i) {
        moved.weights()[i] =
            static_cast<float>(static_cast<double>(model.weights()[i]) +
                               (side == 0 ? step : -step) * static_cast<double>(gradient[i]));
      }
      losses[side] = LossAndGradient(moved, batch.view(), dropout, 1, ignored, workspace).sum;
    }
    EXPECT_NEAR((losses[0] - losses[1]) / (2 * step), squared, 5e-3 * squared);
  }
}

TEST(TransformerTest, APositionEncodingChangesNoOtherWeight) {
  Transformer rotary(Decoder());
  ModelConfig config = Decoder();
  config.positions = PositionEncoding::kLearned;
  Transformer learned(config);
  rotary.Initialise(3);
  learned.Initialise(3);
  for (const Parameter& parameter : rotary.layout().parameters()) {
    const Parameter& other = learned.layout().Find(parameter.name);
    for (int64_t i = 0; i < parameter.count(); ++i) {
      ASSERT_EQ(rotary.weights()[static_cast<size_t>(parameter.offset + i)],
                learned.weights()[static_cast<size_t>(other.offset + i)])
          << parameter.name;
    }
  }
  EXPECT_EQ(learned.layout().count() - rotary.layout().count(), 12 * 24);
}

TEST(TransformerTest, AnotherRotationIsThatOfAModelMadeWithIt) {
  ModelConfig config = Decoder();
  Transformer turned(config);
  RandomWeights(turned);
  for (double& frequency : config.rotation.frequency) frequency /= 2;
  config.rotation.attention_factor = 1.25;
  Transformer made(config);
  std::copy(turned.weights().begin(), turned.weights().end(), made.weights().begin());
  const OwnedBatch batch = MakeBatch(config, 9);
  Workspace workspace;
  const auto logits = [&](const Transformer& model) {
    const Tensor tensor = Logits(model, batch.view(), workspace);
    const std::span<const float> values = tensor.span<float>();
    return std::vector<float>(values.begin(), values.end());
  };
  const std::vector<float> before = logits(turned);
  EXPECT_EQ(Thrown<std::exception>([&] { turned.SetRotation(MakeRotation({.head_dim = 2})); }),
            Sentence("model: the rotation must be of ", config.head_dim, " channels, got 2"));
  EXPECT_EQ(logits(turned), before);
  turned.SetRotation(config.rotation);
  EXPECT_EQ(turned.config(), config);
  EXPECT_NE(logits(turned), before);
  EXPECT_EQ(logits(turned), logits(made));

  config.positions = PositionEncoding::kNone;
  Transformer none(config);
  EXPECT_EQ(Thrown<std::exception>([&] { none.SetRotation(config.rotation); }),
            "model: a rotation is for the encoding rotary, this model has none");
}

TEST(TransformerTest, BadBatchesAreRefused) {
  ModelConfig config = Decoder();
  config.positions = PositionEncoding::kLearned;
  const Transformer model(config);
  const auto sentence = [&](auto change) {
    OwnedBatch batch = MakeBatch(config, 5);
    change(batch);
    return Thrown<std::exception>([&] {
      Workspace workspace;
      Logits(model, batch.view(), workspace);
    });
  };
  EXPECT_EQ(sentence([](OwnedBatch&) {}), "nothing was thrown");
  EXPECT_EQ(sentence([](OwnedBatch& b) { b.ids.pop_back(); }),
            "model: the batch needs 10 ids, got 9");
  EXPECT_EQ(sentence([](OwnedBatch& b) { b.tokens = 0; }),
            "model: a batch has at least one row and one token, got 2 x 0");
  EXPECT_EQ(sentence([](OwnedBatch& b) { b.token_types.assign(10, 0); }),
            "model: this model has no token types");
  EXPECT_EQ(sentence([](OwnedBatch& b) { b.positions.assign(10, 12); }),
            "model: learned positions are 0 to 11, got 12");
  EXPECT_EQ(sentence([&](OwnedBatch& b) { b = MakeBatch(config, 13); }),
            "model: learned positions end at 12 tokens, got 13");
  EXPECT_NE(sentence([](OwnedBatch& b) { b.ids[3] = 23; }), "nothing was thrown");
}

TEST(ModelConfigTest, BrokenRulesAreRefused) {
  const auto sentence = [](auto change) {
    ModelConfig config = Decoder();
    change(config);
    return Thrown<std::exception>([&] { CheckModelConfig(config); });
  };
  EXPECT_EQ(sentence([](ModelConfig&) {}), "nothing was thrown");
  EXPECT_EQ(sentence([](ModelConfig& c) { c.kv_heads = 3; }),
            "model: heads must be a multiple of kv_heads, got 4 heads and 3 kv_heads");
  EXPECT_EQ(sentence([](ModelConfig& c) { c.rotation = MakeRotation({.head_dim = 8}); }),
            "model: the rotation must be of 6 channels, got 8");
  EXPECT_EQ(sentence([](ModelConfig& c) { c.sinusoidal_amplitude = 0; }),
            "model: sinusoidal_amplitude must be positive, got 0");
  EXPECT_EQ(sentence([](ModelConfig& c) {
              c.attention = AttentionForm::kLinear;
              c.positions = PositionEncoding::kAlibi;
            }),
            "model: ALiBi adds to scores, and linear attention has none; use softmax attention");
  EXPECT_EQ(
      Thrown<std::exception>([] { LlamaConfig({.vocab_size = 9, .model_dim = 30, .heads = 4}); }),
      "model: model_dim must be a multiple of heads, got model_dim 30 and 4 heads");
  EXPECT_EQ(
      Thrown<std::exception>([] { ParsePositionEncoding("rope"); }),
      "position encoding must be one of rotary, sinusoidal, learned, alibi, none, got \"rope\"");
}

}  // namespace
}  // namespace rotary
