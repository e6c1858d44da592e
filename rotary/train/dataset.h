// From the tokens of a text to batches: random windows for training, fixed ones for held-out
// losses.
//
//   causal   ids = w[0 .. T), targets = w[1 .. T + 1): every token predicts the next one
//   masked   ids = w[0 .. T) with some tokens hidden, targets = what was there (masking.h)
#ifndef ROTARY_TRAIN_DATASET_H_
#define ROTARY_TRAIN_DATASET_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "rotary/model/transformer.h"
#include "rotary/train/masking.h"

namespace rotary {

enum class Objective { kCausal, kMasked };

// What a run learns from and what it is judged by.
struct Corpus {
  std::vector<int32_t> training;
  std::vector<int32_t> held_out;
};

// Holds out the last `fraction` of the tokens, rounded down.
// Throws std::invalid_argument for a fraction outside (0, 1).
Corpus HoldOutTail(std::vector<int32_t> tokens, double fraction);

// The tokens of text that a row takes: one more than its context where the last target is the token
// after it.
inline int64_t WindowLength(Objective objective, int64_t context) {
  return objective == Objective::kCausal ? context + 1 : context;
}

// Rows with their targets. Owns what a Batch borrows.
struct TokenBatch {
  int64_t rows = 0;
  int64_t tokens = 0;
  std::vector<int32_t> ids;      // [rows, tokens]
  std::vector<int32_t> targets;  // [rows, tokens], kNoTarget where there is nothing to predict
  int64_t target_count = 0;

  Batch view() const { return view(0, rows); }
  Batch view(int64_t first_row, int64_t last_row) const;  // rows first_row .. last_row - 1
};

// Cuts windows out of a text. Borrows the tokens.
class WindowSource {
 public:
  //   text     names it in errors: "the text", "the held-out text"
  //   masking  read for kMasked only
  // Throws std::invalid_argument for a context below 1, or one that is longer than the text.
  WindowSource(std::span<const int32_t> tokens, Objective objective, int64_t context,
               const Masking& masking, const std::string& text);

  int64_t context() const { return context_; }

  // Rows first_row .. first_row + rows - 1 of a step's batch. A row depends on (seed, step, its
  // number) alone, so that a large batch and the small ones it is cut into hold the same rows.
  TokenBatch Draw(uint64_t seed, int64_t step, int64_t first_row, int64_t rows) const;

  // `count` windows spread evenly over the text, from its first token to its last; their masks are
  // the same in every run. Fewer where there are fewer different windows.
  TokenBatch Spread(int64_t count) const;

 private:
  // Appends the window that begins at token `start` as one more row.
  void Append(int64_t start, const Random& masks, int64_t row, TokenBatch& batch) const;

  std::span<const int32_t> tokens_;
  Objective objective_;
  int64_t context_;
  Masking masking_;
  int64_t starts_;  // windows begin at tokens 0 .. starts - 1
};

}  // namespace rotary

#endif  // ROTARY_TRAIN_DATASET_H_
