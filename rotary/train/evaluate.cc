#include "rotary/train/evaluate.h"

#include <algorithm>
#include <numbers>
#include <vector>

#include "rotary/base/error.h"
#include "rotary/train/random_streams.h"

namespace rotary {
namespace {

// Tokens of one pass: enough for large matrix products, little enough for small machines.
constexpr int64_t kTokensPerPass = 4096;

// Inputs begin .. begin + length - 1, of which the targets first .. last - 1 are scored.
struct Window {
  int64_t begin, length, first, last;
};

std::vector<Window> CausalWindows(const SlidingOptions& options) {
  std::vector<Window> windows;
  for (int64_t first = options.begin; first < options.end;) {
    // The first window may score all that it sees.
    const int64_t reach = first == options.begin ? options.context + 1 : 0;
    const int64_t last = std::min(options.end, std::max(first + options.stride, reach));
    const int64_t begin = std::max<int64_t>(0, last - 1 - options.context);
    windows.push_back({begin, last - 1 - begin, first, last});
    first = last;
  }
  return windows;
}

std::vector<Window> MaskedWindows(const SlidingOptions& options, int64_t tokens) {
  std::vector<Window> windows;
  const int64_t length = std::min(options.context, tokens);
  for (int64_t first = options.begin; first < options.end; first += options.stride) {
    const int64_t last = std::min(options.end, first + options.stride);
    const int64_t begin =
        std::clamp<int64_t>(first - (length - options.stride) / 2, 0, tokens - length);
    windows.push_back({begin, length, first, last});
  }
  return windows;
}

// The text as the model sees it, and what there is to predict after (causal) or at (masked) each
// token.
struct ScoredText {
  std::vector<int32_t> ids, targets;
};

ScoredText CausalText(std::span<const int32_t> tokens) {
  ScoredText text{{tokens.begin(), tokens.end()}, {tokens.begin() + 1, tokens.end()}};
  text.targets.push_back(kNoTarget);
  return text;
}

ScoredText MaskedText(std::span<const int32_t> tokens, const Masking& masking) {
  ScoredText text{{tokens.begin(), tokens.end()}, std::vector<int32_t>(tokens.size())};
  MaskTokens(masking, HeldOutMasks(), 0, text.ids, text.targets);
  return text;
}

// Copies the windows [from, to) of one length into a batch. `shift` is how far a token's target
// lies behind it.
TokenBatch Gather(const ScoredText& text, std::span<const Window> windows, int64_t shift) {
  TokenBatch batch;
  batch.rows = static_cast<int64_t>(windows.size());
  batch.tokens = windows[0].length;
  batch.targets.assign(static_cast<size_t>(batch.rows * batch.tokens), kNoTarget);
  int64_t row_begin = 0;
  for (const Window& window : windows) {
    batch.ids.insert(batch.ids.end(), text.ids.begin() + window.begin,
                     text.ids.begin() + window.begin + window.length);
    for (int64_t target = window.first; target < window.last; ++target) {
      const int64_t token = target - shift;
      batch.targets[static_cast<size_t>(row_begin + token - window.begin)] =
          text.targets[static_cast<size_t>(token)];
    }
    row_begin += batch.tokens;
  }
  return batch;
}

}  // namespace

Loss EvaluateWindows(const Transformer& model, const TokenBatch& windows, int64_t rows,
                     Workspace& workspace, int threads) {
  Loss total;
  for (int64_t first = 0; first < windows.rows; first += rows) {
    const Loss loss = ComputeLoss(model, windows.view(first, std::min(windows.rows, first + rows)),
                                  {}, workspace, threads);
    total.sum += loss.sum;
    total.count += loss.count;
  }
  return total;
}

Loss EvaluateSliding(const Transformer& model, std::span<const int32_t> tokens,
                     const SlidingOptions& options) {
  const bool causal = model.config().causal;
  const auto length = static_cast<int64_t>(tokens.size());
  SlidingOptions sliding = options;
  if (sliding.stride == 0) sliding.stride = std::max<int64_t>(1, sliding.context / 2);
  if (sliding.end == 0) sliding.end = length;
  Require(sliding.context >= 1, "evaluate: the context must be at least 1 token, got ",
          sliding.context);
  Require(sliding.stride >= 1 && sliding.stride <= sliding.context,
          "evaluate: the stride must lie between 1 and the context (", sliding.context, "), got ",
          sliding.stride);
  Require(sliding.begin >= (causal ? 1 : 0) && sliding.begin < sliding.end && sliding.end <= length,
          "evaluate: targets ", sliding.begin, " to ", sliding.end - 1,
          " are not all in the text of ", length, " tokens");

  const ScoredText text = causal ? CausalText(tokens) : MaskedText(tokens, sliding.masking);
  const std::vector<Window> windows =
      causal ? CausalWindows(sliding) : MaskedWindows(sliding, length);
  const auto rows = static_cast<size_t>(std::max<int64_t>(1, kTokensPerPass / sliding.context));
  Workspace workspace;
  Loss total;
  for (size_t first = 0; first < windows.size();) {
    size_t last = first + 1;
    while (last < windows.size() && last - first < rows &&
           windows[last].length == windows[first].length) {
      ++last;
    }
    const TokenBatch batch =
        Gather(text, std::span(windows).subspan(first, last - first), causal ? 1 : 0);
    const Loss loss = ComputeLoss(model, batch.view(), {}, workspace, sliding.threads);
    total.sum += loss.sum;
    total.count += loss.count;
    first = last;
    if (sliding.progress) {
      sliding.progress(static_cast<double>(last) / static_cast<double>(windows.size()));
    }
  }
  Require(total.count > 0, "evaluate: chance hid none of the ", sliding.end - sliding.begin,
          " tokens: score more of them");
  return total;
}

double BitsPerByte(double loss, int64_t tokens, int64_t bytes) {
  return loss / std::numbers::ln2 * static_cast<double>(tokens) / static_cast<double>(bytes);
}

}  // namespace rotary
