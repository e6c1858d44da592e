// Held-out losses: over fixed windows, and over a text by a sliding window that scores the same
// targets at every length.
//
// A causal model scores every token of a stretch of text; each sees at least context - stride + 1
// tokens before it (or all there are):
//
//   tokens   0 1 2 3 4 5 6 7 8 9         context 4, stride 2, targets 1 .. 9
//            i i i i .                   inputs 0-3, scores targets 1-4
//                i i i i                 inputs 2-5, scores 5, 6
//                    i i i i             inputs 4-7, scores 7, 8
//                      i i i i           inputs 5-8, scores 9
//
// A masked model is scored as it was trained: 15% of the text's tokens are hidden at fixed places
// (80% by the mask, 10% by another word, 10% not at all), whatever the length, and a window scores
// the hidden tokens in its middle `stride` tokens, so that both sides have at least (context -
// stride) / 2 tokens where the text has them. That is no likelihood of the text, and not comparable
// with the loss of a causal model.
#ifndef ROTARY_TRAIN_EVALUATE_H_
#define ROTARY_TRAIN_EVALUATE_H_

#include <cstdint>
#include <functional>
#include <span>

#include "rotary/model/transformer.h"
#include "rotary/train/dataset.h"

namespace rotary {

// The loss over all windows, `rows` at a time.
Loss EvaluateWindows(const Transformer& model, const TokenBatch& windows, int64_t rows,
                     Workspace& workspace, int threads = 0);

struct SlidingOptions {
  int64_t context = 0;
  int64_t stride = 0;  // 0: half the context
  // The targets are tokens begin .. end - 1. To score the same ones at several lengths, keep begin
  // at or above the longest context (masked: half of it, on both sides), so that none sees less
  // than its length allows.
  int64_t begin = 1;
  int64_t end = 0;  // 0: to the end of the text
  Masking masking;  // for masked models
  int threads = 0;
  // Called after every pass with the share of the work that is done.
  std::function<void(double done)> progress;
};

// The loss of `tokens` under the model.
// Throws std::invalid_argument: a stride outside 1 .. context, targets that are not in the text,
// nothing to score; and as ComputeLoss does.
Loss EvaluateSliding(const Transformer& model, std::span<const int32_t> tokens,
                     const SlidingOptions& options);

// A loss in nats a token as bits a byte of text.
double BitsPerByte(double loss, int64_t tokens, int64_t bytes);

}  // namespace rotary

#endif  // ROTARY_TRAIN_EVALUATE_H_
