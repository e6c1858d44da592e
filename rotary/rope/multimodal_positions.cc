#include "rotary/rope/multimodal_positions.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

#include "rotary/base/error.h"

namespace rotary {
namespace {

bool IsText(const TokenRun& run) { return run.frames == 0; }

void Check(const std::vector<TokenRun>& runs, std::string_view operation) {
  for (const TokenRun& run : runs) {
    Require(run.text >= 0 && run.frames >= 0 && run.rows >= 0 && run.columns >= 0, operation,
            ": numbers of tokens must not be negative, got text ", run.text, ", frames ",
            run.frames, ", rows ", run.rows, ", columns ", run.columns);
    Require(run.text == 0 || IsText(run), operation, ": a run is text or frames, got ", run.text,
            " tokens of text and ", run.frames, " frames");
    Require(IsText(run) || (run.rows > 0 && run.columns > 0), operation,
            ": frames must have rows and columns, got ", run.rows, " x ", run.columns);
    Require(std::isfinite(run.seconds_per_frame) && run.seconds_per_frame >= 0, operation,
            ": seconds_per_frame must be finite and not negative, got ", run.seconds_per_frame);
  }
}

// The t of a frame, counted from that of the first.
int64_t TimeOf(int64_t frame, const TokenRun& run, const MropeOptions& options) {
  if (run.seconds_per_frame == 0) return frame;
  const bool whole = options.rounding == MropeOptions::Rounding::kWholeSeconds;
  const double seconds = whole ? std::floor(run.seconds_per_frame) : run.seconds_per_frame;
  const double time = static_cast<double>(frame) * (seconds * options.tokens_per_second);
  Require(time <= 0x1p53, "mrope positions: times must be at most 2^53, got ", time);
  return static_cast<int64_t>(time);
}

// Appends positions to a tensor, token by token, and keeps the largest number.
class Writer {
 public:
  Writer(int64_t tokens, int64_t axes) : positions_(DType::kI64, {1, tokens, axes}) {
    out_ = positions_.data<int64_t>();
  }

  void Write(std::initializer_list<int64_t> position) {
    out_ = std::copy(position.begin(), position.end(), out_);
    next_ = std::max(next_, std::max(position) + 1);
  }

  MultimodalPositions Finish() { return {std::move(positions_), next_}; }

 private:
  Tensor positions_;
  int64_t* out_;
  int64_t next_ = 0;
};

}  // namespace

MultimodalPositions MropePositions(const std::vector<TokenRun>& runs, const MropeOptions& options) {
  Check(runs, "mrope positions");
  Require(std::isfinite(options.tokens_per_second) && options.tokens_per_second >= 0,
          "mrope positions: tokens_per_second must be finite and not negative, got ",
          options.tokens_per_second);
  int64_t tokens = 0;
  for (const TokenRun& run : runs) tokens += run.text + run.frames * run.rows * run.columns;
  Writer writer(tokens, 3);
  int64_t start = 0;  // of the run
  for (const TokenRun& run : runs) {
    for (int64_t i = start; i < start + run.text; ++i) writer.Write({i, i, i});
    int64_t length = std::max(run.rows, run.columns);
    for (int64_t frame = 0; frame < run.frames; ++frame) {
      const int64_t time = TimeOf(frame, run, options);
      if (options.next == MropeOptions::Next::kPastLargest) length = std::max(length, time + 1);
      for (int64_t row = 0; row < run.rows; ++row) {
        for (int64_t column = 0; column < run.columns; ++column) {
          writer.Write({start + time, start + row, start + column});
        }
      }
    }
    start += IsText(run) ? run.text : length;
  }
  return writer.Finish();
}

MultimodalPositions XdropePositions(const std::vector<TokenRun>& runs) {
  Check(runs, "xdrope positions");
  int64_t tokens = 0;
  for (const TokenRun& run : runs) {
    Require(run.frames <= 1, "xdrope positions: an image has one frame, got ", run.frames);
    tokens += run.text + run.frames * run.rows * (run.columns + 1);
  }
  Writer writer(tokens, 4);
  int64_t position = 0, image = 0;
  for (const TokenRun& run : runs) {
    for (int64_t i = 0; i < run.text; ++i, ++position) {
      writer.Write({position, position, position, position});
    }
    if (IsText(run)) continue;
    for (int64_t row = 0; row < run.rows; ++row) {
      for (int64_t column = 0; column <= run.columns; ++column, ++position) {
        writer.Write({position, column, row, image});
      }
    }
    ++image;
  }
  return writer.Finish();
}

}  // namespace rotary
