#include "bench/train_bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "rotary/base/random.h"
#include "rotary/base/tensor.h"
#include "rotary/nn/matmul.h"
#include "rotary/train/trainer.h"

namespace rotary {
namespace {

// Words that no text has, the last one the mask: batches here are random ids.
class RandomWords final : public Tokenizer {
 public:
  explicit RandomWords(int64_t words) : words_(words) {}
  std::string_view name() const override { return "random words"; }
  int64_t vocab_size() const override { return words_; }
  int64_t text_vocab_size() const override { return words_ - 1; }
  std::optional<int32_t> special(SpecialToken token) const override {
    if (token == SpecialToken::kMask) return static_cast<int32_t>(words_ - 1);
    return std::nullopt;
  }
  std::vector<int32_t> Encode(std::string_view) const override { return {}; }
  std::string Decode(std::span<const int32_t>) const override { return {}; }

  Corpus Draw(int64_t tokens) const {
    const Random random(1, 0);
    Corpus corpus;
    for (int64_t i = 0; i < tokens; ++i) {
      corpus.training.push_back(static_cast<int32_t>(
          random.Below(static_cast<uint64_t>(text_vocab_size()), static_cast<uint64_t>(i))));
    }
    corpus.held_out = corpus.training;
    return corpus;
  }

 private:
  int64_t words_;
};

struct Case {
  std::string name;
  TrainOptions options;
  int64_t words = 0;
};

std::vector<Case> Cases() {
  Case large{.name = "train/roformer-23m/f32", .words = 8192};
  large.options.objective = Objective::kMasked;
  large.options.layers = 6;
  large.options.model_dim = 512;
  large.options.heads = 8;
  large.options.inner_dim = 2048;
  large.options.context = 256;
  large.options.batch = 16;
  Case demo{.name = "train/demo/f32", .words = 258};
  for (Case* each : {&large, &demo}) each->options.evaluation_windows = 1;
  return {large, demo};
}

// y = x w^T for x [rows, in] and w [out, in]: how often a step does it, forward and backward.
struct LinearShape {
  int64_t count, rows, in, out;
  double macs() const { return static_cast<double>(count * rows * in * out); }
};

std::vector<LinearShape> Linears(const ModelConfig& config, const TrainOptions& options) {
  const int64_t rows = options.batch * options.context;
  const int64_t up = config.feed_forward == FeedForward::kSwiGlu ? 2 : 1;
  std::vector<LinearShape> shapes = {
      {config.layers, rows, config.model_dim, config.qkv_dim()},
      {config.layers, rows, config.query_dim(), config.model_dim},
      {config.layers, rows, config.model_dim, up * config.inner_dim},
      {config.layers, rows, config.inner_dim, config.model_dim},
  };
  const bool masked = options.objective == Objective::kMasked;
  const int64_t predicted =
      masked ? std::llround(Masking().chosen * static_cast<double>(rows)) : rows;
  if (masked) shapes.push_back({1, predicted, config.model_dim, config.embedding_dim});
  shapes.push_back({1, predicted, config.embedding_dim, config.vocab_size});
  return shapes;
}

// Operations of a step: its matrix products, two for a multiply-add, backward twice as many as
// forward; attention's two products over the scores that exist.
double StepWork(const ModelConfig& config, const TrainOptions& options) {
  double macs = 0;
  for (const LinearShape& shape : Linears(config, options)) macs += shape.macs();
  const auto context = static_cast<double>(options.context);
  const double scores =
      static_cast<double>(options.batch) * context * (config.causal ? (context + 1) / 2 : context);
  macs += 2.0 * config.layers * scores * config.query_dim();
  return 6 * macs;
}

// Memory for any of the products. What they write is not read by others, so that values stay
// ordinary numbers.
struct Operands {
  Tensor x, y, w, result;

  explicit Operands(const std::vector<LinearShape>& shapes) {
    int64_t most_x = 0, most_y = 0, most_w = 0;
    for (const LinearShape& shape : shapes) {
      most_x = std::max(most_x, shape.rows * shape.in);
      most_y = std::max(most_y, shape.rows * shape.out);
      most_w = std::max(most_w, shape.in * shape.out);
    }
    x = Tensor(DType::kF32, {most_x});
    y = Tensor(DType::kF32, {most_y});
    w = Tensor(DType::kF32, {most_w});
    result = Tensor(DType::kF32, {std::max({most_x, most_y, most_w})});
    for (Tensor* tensor : {&x, &y, &w}) std::ranges::fill(tensor->span<float>(), 0.5f);
  }
};

// Of each linear layer: the forward product, the gradient by the input and the gradient by the
// weight.
std::vector<Workload> Products(const std::vector<LinearShape>& shapes, Operands& operands,
                               int threads) {
  constexpr Transpose kNo = Transpose::kNo, kYes = Transpose::kYes;
  std::vector<Workload> products;
  for (const LinearShape& shape : shapes) {
    const int64_t rows = shape.rows, in = shape.in, out = shape.out;
    const Matrix<const float> x(operands.x.data<float>(), rows, in);
    const Matrix<const float> y(operands.y.data<float>(), rows, out);
    const Matrix<const float> w(operands.w.data<float>(), out, in);
    float* result = operands.result.data<float>();
    const double work = 2.0 * static_cast<double>(rows * in * out);
    products.push_back(
        {work, [=, d = Matrix(result, rows, out)] { MatMul(kNo, kYes, x, w, 0, d, threads); }});
    products.push_back(
        {work, [=, d = Matrix(result, rows, in)] { MatMul(kNo, kNo, y, w, 0, d, threads); }});
    products.push_back(
        {work, [=, d = Matrix(result, out, in)] { MatMul(kYes, kNo, y, x, 1, d, threads); }});
  }
  return products;
}

BenchResult BenchCase(const Case& each, const BenchOptions& options) {
  TrainOptions train = each.options;
  train.threads = options.threads;
  const RandomWords words(each.words);
  const Corpus corpus = words.Draw(64 * train.context);
  Trainer trainer(train, corpus, words);
  const ModelConfig& config = trainer.state().model.config();
  // Before it has learned anything, a model gives every word about the same probability.
  CheckAnswer(each.name, trainer.Step().loss - std::log(static_cast<double>(each.words)), 0.3);

  const std::string formula = fmt::format(
      "6 x multiply-adds of the step's products: linear layers, attention's {}{}; limit: the "
      "fastest of its linear "
      "products, forward and backward, at their own shapes",
      config.causal ? "causal half" : "two products",
      train.objective == Objective::kMasked ? ", logits of 15% of the tokens" : "");
  const std::vector<LinearShape> linears = Linears(config, train);
  Operands operands(linears);
  return Measure({.name = each.name, .unit = "GFLOP/s", .formula = formula},
                 {StepWork(config, train), [&] { trainer.Step(); }},
                 Products(linears, operands, options.threads), options);
}

}  // namespace

std::vector<BenchResult> BenchTrain(const BenchOptions& options) {
  std::vector<BenchResult> results;
  for (const Case& each : Cases()) {
    if (Wanted(options, each.name)) results.push_back(BenchCase(each, options));
  }
  return results;
}

}  // namespace rotary
