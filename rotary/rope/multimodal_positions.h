// Positions of text with images and videos in it, as M-RoPE (Qwen2-VL, arXiv:2409.12191, section
// 2.1) and XD-RoPE (HunyuanVL) count them. Source of the rules: huggingface/transformers.
//
//   // text, an image of 2 x 3 tokens, text
//   MultimodalPositions p = MropePositions({{.text = 2}, {.frames = 1, .rows = 2, .columns = 3},
//                                           {.text = 2}});
//
//   t  0 1 | 2 2 2 2 2 2 | 5 6      one number for the frame
//   h  0 1 | 2 2 2 3 3 3 | 5 6
//   w  0 1 | 2 3 4 2 3 4 | 5 6      text goes on after the largest number; the next token takes 7
#ifndef ROTARY_ROPE_MULTIMODAL_POSITIONS_H_
#define ROTARY_ROPE_MULTIMODAL_POSITIONS_H_

#include <cstdint>
#include <vector>

#include "rotary/base/tensor.h"

namespace rotary {

// Tokens of text, or those of an image (one frame) or a video. Rows and columns count tokens, that
// is, patches after they are merged.
struct TokenRun {
  int64_t text = 0;
  int64_t frames = 0, rows = 0, columns = 0;
  // Of a video whose frames count time (Qwen2.5-VL: temporal_patch_size / fps); 0: frames count by
  // one, as they do in images, Qwen2-VL and Qwen3-VL (which writes times as text between frames).
  double seconds_per_frame = 0;
};

struct MropeOptions {
  double tokens_per_second = 2;  // Qwen2.5-VL; 25 in Qwen2.5-Omni
  // The t of frame i of a video that counts time, with s seconds per frame: kProduct is
  // floor(i s tokens_per_second), as in most releases of transformers; kWholeSeconds is
  // floor(i floor(s) tokens_per_second), as in 5.16. They differ where s is not whole.
  enum class Rounding { kProduct, kWholeSeconds } rounding = Rounding::kProduct;
  // Where the token after an image or video stands: past its largest number, as in the paper; or
  // past its larger side, which ignores time, as transformers 5 does. They differ for long videos
  // only.
  enum class Next { kPastLargest, kPastLargerSide } next = Next::kPastLargest;
};

struct MultimodalPositions {
  Tensor positions;  // i64 [1, tokens, axes]
  // 1 + the largest number: the position, on all axes, of the first token that is generated.
  int64_t next = 0;
  // What generation adds to the number of tokens so far ("rope_deltas").
  int64_t Delta() const { return next - positions.shape(1); }
};

// Axes t, h, w; the frames of a video one after the other, each row by row.
// Throws std::invalid_argument: a run of both text and frames, frames without rows or columns, a
// negative number, seconds or tokens_per_second not finite, a time above 2^53.
MultimodalPositions MropePositions(const std::vector<TokenRun>& runs,
                                   const MropeOptions& options = {});

// Axes position, column, row, number of the image. Text has its position on all four; so have the
// tokens that begin and end an image, which are text here. An image of `columns` has one more token
// in each row (a line break), in the next column.
// Throws std::invalid_argument as above, and for several frames.
MultimodalPositions XdropePositions(const std::vector<TokenRun>& runs);

}  // namespace rotary

#endif  // ROTARY_ROPE_MULTIMODAL_POSITIONS_H_
