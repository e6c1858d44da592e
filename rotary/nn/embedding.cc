#include "rotary/nn/embedding.h"

#include <algorithm>
#include <string>

#include "rotary/base/parallel.h"

namespace rotary {
namespace {

void RequireIds(std::span<const int32_t> ids, int64_t rows, int64_t entries,
                const char* operation) {
  Require(static_cast<int64_t>(ids.size()) == rows, operation, ": there must be ", rows,
          " ids, got ", ids.size());
  for (size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] < 0 || ids[i] >= entries) {
      throw std::out_of_range(Sentence(operation, ": id ", ids[i], " at row ", i,
                                       " is not inside a table of ", entries));
    }
  }
}

}  // namespace

void Embed(std::span<const Lookup> lookups, Matrix<float> out, int threads) {
  for (const Lookup& lookup : lookups) {
    RequireShape(lookup.table, lookup.table.rows, out.cols, "Embed", "table");
    RequireIds(lookup.ids, out.rows, lookup.table.rows, "Embed");
  }
  ParallelFor(out.rows, threads, 16, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      std::fill_n(out.Row(i), out.cols, 0.0f);
      for (const Lookup& lookup : lookups) {
        const float* row = lookup.table.Row(lookup.ids[static_cast<size_t>(i)]);
        for (int64_t j = 0; j < out.cols; ++j) out.Row(i)[j] += row[j];
      }
    }
  });
}

void EmbedBackward(std::span<const int32_t> ids, Matrix<const float> d_out, Matrix<float> d_table,
                   int threads) {
  RequireShape(d_table, d_table.rows, d_out.cols, "EmbedBackward", "d_table");
  RequireIds(ids, d_out.rows, d_table.rows, "EmbedBackward");
  ParallelFor(d_out.cols, threads, 16, [&](int64_t begin, int64_t end) {
    for (int64_t i = 0; i < d_out.rows; ++i) {
      float* row = d_table.Row(ids[static_cast<size_t>(i)]);
      for (int64_t j = begin; j < end; ++j) row[j] += d_out.Row(i)[j];
    }
  });
}

}  // namespace rotary
