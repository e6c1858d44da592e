// What the mask says of a tile of scores, queries by keys: which columns each row needs, so that
// tiles nobody sees are not computed and tiles everybody sees are not masked.
#ifndef ROTARY_ATTENTION_TILE_MASK_H_
#define ROTARY_ATTENTION_TILE_MASK_H_

#include <algorithm>
#include <cstdint>

#include "rotary/attention/attention_band.h"
#include "rotary/attention/attention_plan.h"
#include "rotary/attention/softmax_attention.h"

namespace rotary {

// Some keys of one batch row, packed for a kernel: those that exist, and their documents.
struct KeyBlock {
  // Of the keys `block` of batch row `b`. `hidden_scratch` and `documents_scratch` have room for
  // RoundUp(block.end - block.begin, kPad) numbers and must live as long.
  KeyBlock(const AttentionMask& mask, int64_t b, Range block, float* hidden_scratch,
           int32_t* documents_scratch)
      : keys(block) {
    if (!mask.key_lengths.empty()) {
      keys.end = std::min<int64_t>(keys.end, mask.key_lengths[static_cast<size_t>(b)]);
    }
    if (mask.key_padding.data() != nullptr) HidePadding(mask.key_padding, b, hidden_scratch);
    if (mask.key_documents.data() != nullptr) {
      const ConstTensorView& view = mask.key_documents;
      const int32_t* row = view.As<int32_t>() + b * view.stride(0);
      for (int64_t j = keys.begin; j < keys.end; ++j) {
        documents_scratch[j - keys.begin] = row[j * view.stride(1)];
      }
      documents = documents_scratch;
    }
  }

  Range keys;                          // outside of it no key of the block exists
  const float* hidden = nullptr;       // null, or by key: 1 where it does not exist, else 0
  const int32_t* documents = nullptr;  // null, or by key

 private:
  // Padding mostly lies at an end, where it shortens `keys` and costs nothing more.
  void HidePadding(const ConstTensorView& padding, int64_t b, float* scratch) {
    const uint8_t* row = padding.As<uint8_t>() + b * padding.stride(0);
    const auto exists = [&](int64_t j) { return row[j * padding.stride(1)] != 0; };
    while (!keys.empty() && !exists(keys.begin)) ++keys.begin;
    while (!keys.empty() && !exists(keys.end - 1)) --keys.end;
    for (int64_t j = keys.begin; j < keys.end; ++j) {
      scratch[j - keys.begin] = exists(j) ? 0.0f : 1.0f;
      if (!exists(j)) hidden = scratch;
    }
  }
};

// What one row of a tile knows of its query; columns count from the first key of the block.
struct RowMask {
  Range columns;                       // the scores, less those of hidden keys and other documents
  float log2_slope = 0;                // ALiBi
  int64_t beside = 0;                  // the column of the key beside the query; may lie outside
  const float* hidden = nullptr;       // as in KeyBlock
  const int32_t* documents = nullptr;  // null where all of `columns` are of the query's document
  int32_t document = 0;
};

// The scores of some queries of one head against a block of keys.
class TileMask {
 public:
  // `queries` is not empty.
  TileMask(const AttentionPlan& plan, int64_t b, int64_t head, const KeyBlock& block, Range queries)
      : band_(plan.band),
        block_(block),
        queries_(queries),
        visible_(Intersection(band_.Keys(queries), block.keys)),
        log2_slope_(plan.Log2Slope(head)) {
    if (block.documents == nullptr) return;
    const ConstTensorView& view = plan.mask.query_documents;
    query_documents_ = view.As<int32_t>() + b * view.stride(0);
    query_stride_ = view.stride(1);
    CutToDocuments();
  }

  // The columns that any row needs; columns count from the first key of the block.
  Range Columns() const { return FromFirst(visible_); }
  // The columns that any of `rows` (not empty) needs.
  Range Columns(Range rows) const {
    return FromFirst(Intersection(
        band_.Keys({queries_.begin + rows.begin, queries_.begin + rows.end}), visible_));
  }
  // The rows that need any of `columns` (not empty).
  Range Rows(Range columns) const {
    const Range rows = Intersection(
        band_.Queries({block_.keys.begin + columns.begin, block_.keys.begin + columns.end}),
        queries_);
    return {rows.begin - queries_.begin, rows.end - queries_.begin};
  }
  RowMask Row(int64_t r) const {
    return {.columns = Columns({r, r + 1}),
            .log2_slope = log2_slope_,
            .beside = queries_.begin + r + band_.offset - block_.keys.begin,
            .hidden = block_.hidden,
            .documents = mixed_ ? block_.documents : nullptr,
            .document = mixed_ ? QueryDocument(queries_.begin + r) : 0};
  }

 private:
  Range FromFirst(Range keys) const {
    return {keys.begin - block_.keys.begin, keys.end - block_.keys.begin};
  }
  int32_t QueryDocument(int64_t i) const { return query_documents_[i * query_stride_]; }
  int32_t KeyDocument(int64_t j) const { return block_.documents[j - block_.keys.begin]; }

  // Cuts the keys of documents that no query has off both ends, and looks whether one is left.
  void CutToDocuments() {
    int32_t least = QueryDocument(queries_.begin), most = least;
    for (int64_t i = queries_.begin; i < queries_.end; ++i) {
      least = std::min(least, QueryDocument(i));
      most = std::max(most, QueryDocument(i));
    }
    const auto other = [&](int64_t j) { return KeyDocument(j) < least || KeyDocument(j) > most; };
    while (!visible_.empty() && other(visible_.begin)) ++visible_.begin;
    while (!visible_.empty() && other(visible_.end - 1)) --visible_.end;
    mixed_ = least != most;
    for (int64_t j = visible_.begin; j < visible_.end; ++j) mixed_ |= KeyDocument(j) != least;
  }

  const Band& band_;
  const KeyBlock& block_;
  const Range queries_;
  Range visible_;
  const float log2_slope_;
  const int32_t* query_documents_ = nullptr;
  int64_t query_stride_ = 0;
  bool mixed_ = false;  // queries or visible keys are of more than one document
};

}  // namespace rotary

#endif  // ROTARY_ATTENTION_TILE_MASK_H_
