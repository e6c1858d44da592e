#include "bench/layers_bench.h"

#include <fmt/format.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "bench/limits.h"
#include "rotary/base/random.h"
#include "rotary/base/tensor.h"
#include "rotary/nn/adamw.h"
#include "rotary/nn/bias.h"
#include "rotary/nn/cross_entropy.h"
#include "rotary/nn/dropout.h"
#include "rotary/nn/embedding.h"
#include "rotary/nn/gelu.h"
#include "rotary/nn/layer_norm.h"
#include "rotary/nn/rms_norm.h"
#include "rotary/nn/swiglu.h"

namespace rotary {
namespace {

// The operands of any layer: matrices of one shape, and vectors of its rows and columns.
class Operands {
 public:
  Operands(int64_t rows, int64_t cols) : rows_(rows), cols_(cols) {
    for (auto& matrix : matrices_) {
      matrix = Tensor(DType::kF32, {rows, cols});
      const Random random(1, static_cast<uint64_t>(&matrix - matrices_));
      // A short run of random numbers, over and over: making them all would take longer than what
      // is measured.
      for (int64_t i = 0; i < matrix.count(); ++i) {
        matrix.data<float>()[i] = i < 4096
                                      ? static_cast<float>(random.Normal(static_cast<uint64_t>(i)))
                                      : matrix.data<float>()[i - 4096];
      }
    }
    for (auto& vector : by_cols_) vector = Tensor(DType::kF32, {cols});
    for (auto& vector : by_rows_) vector = Tensor(DType::kF32, {rows});
    for (float& gain : by_cols_[0].span<float>()) gain = 1;
    const auto draw = [&](int64_t below, uint64_t stream) {
      std::vector<int32_t> ids(static_cast<size_t>(rows));
      const Random random(2, stream);
      for (size_t i = 0; i < ids.size(); ++i)
        ids[i] = static_cast<int32_t>(random.Below(static_cast<uint64_t>(below), i));
      return ids;
    };
    row_ids_ = draw(rows, 0);
    col_ids_ = draw(cols, 1);
  }

  Matrix<float> matrix(int i) { return {matrices_[i].data<float>(), rows_, cols_}; }
  std::span<float> flat(int i) { return matrices_[i].span<float>(); }
  std::span<float> gain() { return by_cols_[0].span<float>(); }
  std::span<float> by_cols(int i) { return by_cols_[i].span<float>(); }
  NormSaved saved(int sum) {
    return {
        .sum = matrix(sum), .mean = by_rows_[0].span<float>(), .rstd = by_rows_[1].span<float>()};
  }
  // One id for each row: of a row, and of a column.
  std::span<const int32_t> row_ids() const { return row_ids_; }
  std::span<const int32_t> col_ids() const { return col_ids_; }

 private:
  int64_t rows_, cols_;
  Tensor matrices_[4];
  Tensor by_cols_[3];
  Tensor by_rows_[2];
  std::vector<int32_t> row_ids_, col_ids_;
};

struct Layer {
  const char* name;
  int reads;   // matrices that are read only
  int writes;  // matrices that are written, read before or not
  std::function<void(Operands&, int threads)> run;
};

constexpr DropoutMask kDropout = {.probability = 0.1, .seed = 1, .stream = 2};

std::vector<Layer> Layers() {
  return {
      {"layer-norm", 2, 2,
       [](Operands& op, int threads) {
         LayerNorm(op.matrix(0), op.matrix(1), op.gain(), op.by_cols(1), op.matrix(2), op.saved(3),
                   {.threads = threads});
       }},
      {"layer-norm/dropout", 2, 2,
       [](Operands& op, int threads) {
         LayerNorm(op.matrix(0), op.matrix(1), op.gain(), op.by_cols(1), op.matrix(2), op.saved(3),
                   {.dropout = kDropout, .threads = threads});
       }},
      {"layer-norm/backward", 2, 1,
       [](Operands& op, int threads) {
         LayerNormBackward(op.saved(0), op.gain(), op.matrix(1), 0, op.matrix(2), {}, op.by_cols(1),
                           op.by_cols(2), {.threads = threads});
       }},
      {"rms-norm", 2, 2,
       [](Operands& op, int threads) {
         RmsNorm(op.matrix(0), op.matrix(1), op.gain(), op.matrix(2), op.saved(3),
                 {.threads = threads});
       }},
      {"rms-norm/backward", 2, 1,
       [](Operands& op, int threads) {
         RmsNormBackward(op.saved(0), op.gain(), op.matrix(1), 1, op.matrix(2), {}, op.by_cols(1),
                         {.threads = threads});
       }},
      {"dropout", 0, 1,
       [](Operands& op, int threads) {
         ApplyDropout(kDropout, op.matrix(0), op.matrix(0), threads);
       }},
      {"gelu", 1, 2,
       [](Operands& op, int threads) {
         Gelu(op.matrix(0), {}, op.matrix(1), op.matrix(2), threads);
       }},
      {"gelu/backward", 2, 1,
       [](Operands& op, int threads) {
         GeluBackward(op.matrix(0), op.matrix(1), op.matrix(2), threads);
       }},
      {"swiglu", 2, 1,
       [](Operands& op, int threads) {
         SwiGlu(op.matrix(0), op.matrix(1), op.matrix(2), threads);
       }},
      {"swiglu/backward", 1, 2,
       [](Operands& op, int threads) {
         SwiGluBackward(op.matrix(0), op.matrix(1), op.matrix(2), op.matrix(0), op.matrix(1),
                        threads);
       }},
      {"bias", 0, 1,
       [](Operands& op, int threads) { AddBias(op.by_cols(1), op.matrix(0), threads); }},
      {"bias/backward", 1, 0,
       [](Operands& op, int threads) { AddRowSums(op.matrix(0), op.by_cols(1), threads); }},
      {"embed", 1, 1,
       [](Operands& op, int threads) {
         const Lookup lookup = {op.matrix(0), op.row_ids()};
         Embed({&lookup, 1}, op.matrix(1), threads);
       }},
      {"embed/backward", 1, 1,
       [](Operands& op, int threads) {
         EmbedBackward(op.row_ids(), op.matrix(0), op.matrix(1), threads);
       }},
      {"cross-entropy/gradient", 0, 1,
       [](Operands& op, int threads) {
         CrossEntropyGradient(op.matrix(0), op.col_ids(), 1, threads);
       }},
      {"adamw", 1, 3,
       [](Operands& op, int threads) {
         AdamW(op.flat(0), op.flat(1), op.flat(2), op.flat(3),
               {.learning_rate = 1e-9, .threads = threads});
       }},
      {"squared-norm", 1, 0, [](Operands& op, int threads) { SquaredNorm(op.flat(0), threads); }},
  };
}

}  // namespace

std::vector<BenchResult> BenchLayers(const BenchOptions& options) {
  std::vector<BenchResult> results;
  constexpr std::pair<int64_t, int64_t> kShapes[] = {{4096, 128}, {4096, 512}, {4096, 2048}};
  for (const auto& [rows, cols] : kShapes) {
    std::unique_ptr<Operands> operands;
    for (const Layer& layer : Layers()) {
      const std::string name = fmt::format("layers/{}/{}x{}", layer.name, rows, cols);
      if (!Wanted(options, name)) continue;
      if (!operands) operands = std::make_unique<Operands>(rows, cols);
      const double bytes = 4.0 * static_cast<double>(rows * cols);
      Tensor written(DType::kF32, {layer.writes, rows, cols});
      Tensor read(DType::kF32, {layer.reads, rows, cols});
      const Workload scale = ScaleWorkload({written.raw(), written.bytes()}, options.threads);
      const Workload sum = ReadWorkload({read.raw(), read.bytes()}, options.threads);
      const double work = bytes * (layer.reads + 2 * layer.writes);
      const Workload limit = {work, [&] {
                                scale.run();
                                sum.run();
                              }};
      const Workload candidate = {work, [&] { layer.run(*operands, options.threads); }};
      results.push_back(
          Measure({.name = name,
                   .unit = "GB/s",
                   .formula = fmt::format("{} matrices read, {} read and written; limit: "
                                          "reading and scaling as many",
                                          layer.reads, layer.writes)},
                  candidate, {&limit, 1}, options));
    }
  }
  return results;
}

}  // namespace rotary
