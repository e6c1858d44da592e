#include "rotary/train/dataset.h"

#include <algorithm>
#include <utility>

#include "rotary/base/error.h"
#include "rotary/train/random_streams.h"

namespace rotary {
Corpus HoldOutTail(std::vector<int32_t> tokens, double fraction) {
  Require(fraction > 0 && fraction < 1,
          "train: the held-out fraction must lie between 0 and 1, got ", fraction);
  const auto held_out = static_cast<int64_t>(fraction * static_cast<double>(tokens.size()));
  Corpus corpus;
  corpus.held_out.assign(tokens.end() - held_out, tokens.end());
  tokens.resize(tokens.size() - corpus.held_out.size());
  corpus.training = std::move(tokens);
  return corpus;
}

Batch TokenBatch::view(int64_t first_row, int64_t last_row) const {
  const auto begin = static_cast<size_t>(first_row * tokens);
  const auto count = static_cast<size_t>((last_row - first_row) * tokens);
  Batch batch;
  batch.rows = last_row - first_row;
  batch.tokens = tokens;
  batch.ids = std::span(ids).subspan(begin, count);
  batch.targets = std::span(targets).subspan(begin, count);
  return batch;
}

WindowSource::WindowSource(std::span<const int32_t> tokens, Objective objective, int64_t context,
                           const Masking& masking, const std::string& text)
    : tokens_(tokens), objective_(objective), context_(context), masking_(masking) {
  Require(context >= 1, "train: the context must be at least 1 token, got ", context);
  const auto length = static_cast<int64_t>(tokens.size());
  const int64_t window = WindowLength(objective, context);
  starts_ = length - window + 1;
  Require(starts_ > 0, "train: a context of ", context, " tokens needs ", window, " tokens, but ",
          text, " has ", length);
}

void WindowSource::Append(int64_t start, const Random& masks, int64_t row,
                          TokenBatch& batch) const {
  const auto begin = tokens_.begin() + start;
  batch.ids.insert(batch.ids.end(), begin, begin + context_);
  if (objective_ == Objective::kCausal) {
    batch.targets.insert(batch.targets.end(), begin + 1, begin + 1 + context_);
    batch.target_count += context_;
  } else {
    const auto length = static_cast<size_t>(context_);
    batch.targets.resize(batch.ids.size());
    batch.target_count +=
        MaskRow(masking_, masks, static_cast<uint64_t>(row * context_),
                std::span(batch.ids).last(length), std::span(batch.targets).last(length));
  }
  ++batch.rows;
}

TokenBatch WindowSource::Draw(uint64_t seed, int64_t step, int64_t first_row, int64_t rows) const {
  const Random windows = StepRandom(seed, Purpose::kWindows, step);
  const Random masks = StepRandom(seed, Purpose::kMasks, step);
  TokenBatch batch;
  batch.tokens = context_;
  for (int64_t row = first_row; row < first_row + rows; ++row) {
    const auto start = windows.Below(static_cast<uint64_t>(starts_), static_cast<uint64_t>(row));
    Append(static_cast<int64_t>(start), masks, row, batch);
  }
  return batch;
}

TokenBatch WindowSource::Spread(int64_t count) const {
  Require(count >= 1, "train: at least 1 held-out window is needed, got ", count);
  const Random masks = HeldOutMasks();
  const int64_t rows = std::min(count, starts_);
  TokenBatch batch;
  batch.tokens = context_;
  for (int64_t row = 0; row < rows; ++row) {
    Append(rows == 1 ? 0 : row * (starts_ - 1) / (rows - 1), masks, row, batch);
  }
  return batch;
}

}  // namespace rotary
