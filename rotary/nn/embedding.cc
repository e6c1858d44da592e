#include "rotary/nn/embedding.h"

#include "rotary/nn/indices.h"
#include "rotary/nn/row_ranges.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "rotary/nn/embedding.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "rotary/nn/columns-inl.h"

HWY_BEFORE_NAMESPACE();
namespace rotary {
namespace HWY_NAMESPACE {

// Rows [begin, end).
void EmbedRows(std::span<const Lookup> lookups, int64_t begin, int64_t end, Matrix<float> out) {
  for (int64_t i = begin; i < end; ++i) {
    float* row = out.Row(i);
    for (size_t l = 0; l < lookups.size(); ++l) {
      const float* entry = lookups[l].table.Row(lookups[l].ids[static_cast<size_t>(i)]);
      ForColumns(out.cols, [&](auto d, int64_t j) HWY_ATTR {
        const auto value = hn::LoadU(d, entry + j);
        hn::StoreU(l == 0 ? value : hn::Add(hn::LoadU(d, row + j), value), d, row + j);
      });
    }
  }
}

void EmbedBackwardRows(std::span<const int32_t> ids, Matrix<const float> d_out,
                       Matrix<float> d_table) {
  for (int64_t i = 0; i < d_out.rows; ++i) {
    const float* gradient = d_out.Row(i);
    float* entry = d_table.Row(ids[static_cast<size_t>(i)]);
    ForColumns(d_out.cols, [&](auto d, int64_t j) HWY_ATTR {
      hn::StoreU(hn::Add(hn::LoadU(d, entry + j), hn::LoadU(d, gradient + j)), d, entry + j);
    });
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace rotary
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rotary {
namespace {

HWY_EXPORT(EmbedRows);
HWY_EXPORT(EmbedBackwardRows);

}  // namespace

void Embed(std::span<const Lookup> lookups, Matrix<float> out, int threads) {
  Require(!lookups.empty(), "Embed: there must be a table at least");
  RequireShape(out, out.rows, out.cols, "Embed", "out");
  for (const Lookup& lookup : lookups) {
    RequireShape(lookup.table, lookup.table.rows, out.cols, "Embed", "table");
    RequireIndices(lookup.ids, out.rows, lookup.table.rows, "Embed", "id");
  }
  ForRows(out.rows, out.cols, threads, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(EmbedRows)(lookups, begin, end, out);
  });
}

void EmbedBackward(std::span<const int32_t> ids, Matrix<const float> d_out, Matrix<float> d_table,
                   int threads) {
  RequireShape(d_out, d_out.rows, d_out.cols, "EmbedBackward", "d_out");
  RequireShape(d_table, d_table.rows, d_out.cols, "EmbedBackward", "d_table");
  RequireIndices(ids, d_out.rows, d_table.rows, "EmbedBackward", "id");
  // Threads take columns, in runs of whole cache lines: every element is then summed in the order
  // of the rows.
  constexpr int64_t kRun = 16;
  const int64_t cols = d_out.cols;
  ForRows((cols + kRun - 1) / kRun, kRun * d_out.rows, threads, [&](int64_t begin, int64_t end) {
    const int64_t first = begin * kRun, last = std::min(cols, end * kRun);
    HWY_DYNAMIC_DISPATCH(EmbedBackwardRows)
    (ids, d_out.Cols(first, last), d_table.Cols(first, last));
  });
}

}  // namespace rotary
#endif  // HWY_ONCE
