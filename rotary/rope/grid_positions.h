// Positions of patches, frames and events: a list of coordinates for each axis, and the grid of all
// their combinations, as Rotate takes them.
//
//   // 14 x 16 patches for a scheme that reads y, x
//   Tensor positions = Grid({Steps(14), Steps(16)});
//
//   scheme (image_rotations.h,       coordinates of an axis with n patches
//   video_rotations.h)
//   Qwen vision                      Steps(n), then InMergeBlocks
//   Llama 4 vision, VGGT             Steps(n, 1)
//   SAM 2, MoonViT, Pixtral, CroCo   Steps(n)
//   SAM 3                            Steps(n, 0, window / columns)
//   EVA-02, RoPE-ViT at other sizes  Rescaled(n, patches of the trained grid)
//   "pixel" bands                    EvenlySpaced(n, -1, 1)
//   DINOv3                           PatchCentres(n, n); "max", "min": of the larger, smaller axis
//   Mochi                            frames Steps(n); y, x Steps(n, (1 - n) / 2 s, s), s^2 the area
//                                    of 192 x 192 over that of the grid
//   Qwen-Image                       frames Steps(n); y, x Centred(n); text EqualOnAxes from the
//                                    larger half of y and x
//   Flux                             {0}, Steps(rows), Steps(columns); text all 0
//   ERNIE-Image                      {length of the text}, Steps(rows), Steps(columns)
//   Falcon-OCR                       {text before}; y EvenlySpaced(n, -r, r), r^2 = rows / columns;
//                                    x EvenlySpaced(n, -1 / r, 1 / r)
//   CogVideoX, crops                 EvenlySpaced(n, begin, end (n - 1) / n)
//   Cosmos, time                     Steps(n, 0, 24 / fps)
//   LTX                              Steps(n, -1, 2 scale patch / base)
//   seconds (RoTE, TMRoPE)           the times themselves; frames: Steps(n, 0, 1 / fps)
//
// Positions are f64, [1, tokens, axes]: one row for all of a batch.
#ifndef ROTARY_ROPE_GRID_POSITIONS_H_
#define ROTARY_ROPE_GRID_POSITIONS_H_

#include <cstdint>
#include <initializer_list>
#include <vector>

#include "rotary/base/tensor.h"

namespace rotary {

// Lists of coordinates. All throw std::invalid_argument for a negative count and for numbers that
// are not finite.

// first, first + step ..
std::vector<double> Steps(int64_t count, double first = 0, double step = 1);

// -(n - floor(n/2)) .. floor(n/2) - 1: whole numbers with 0 right of the middle.
std::vector<double> Centred(int64_t count);

// (i + offset) / count * reference: a grid of any size over the range of that of `reference`.
std::vector<double> Rescaled(int64_t count, double reference, double offset = 0);

// 2 (i + 0.5) / extent - 1: middles of patches, for an extent of `count` from -1 to 1.
// Throws std::invalid_argument: extent below 1.
std::vector<double> PatchCentres(int64_t count, int64_t extent);

// `count` numbers from first to last, both included; of one number, first.
std::vector<double> EvenlySpaced(int64_t count, double first, double last);

// Every combination of coordinates, those of the last list changing fastest: tokens row by row, and
// frame by frame before that. kTokens has numbers in the order of lists (y, x); kReversed the other
// way round (x, y) for the same order of tokens.
enum class AxisOrder { kTokens, kReversed };
Tensor Grid(const std::vector<std::vector<double>>& coordinates,
            AxisOrder order = AxisOrder::kTokens);

// first, first + step .. on all axes alike, as text among images has them; 0 for class tokens and
// registers that are not to turn.
Tensor EqualOnAxes(int64_t tokens, double first, int axes, double step = 1);

// The same positions with tokens by blocks: of each frame of rows x columns, the merge x merge
// patches that will become one token follow one another (Qwen vision, GLM-4V: merge 2).
//   positions  [1, frames rows columns, axes]
// Throws std::invalid_argument: merge does not divide rows and columns, or frames are not whole.
Tensor InMergeBlocks(const Tensor& positions, int64_t rows, int64_t columns, int64_t merge);

// One after the other: class tokens and patches, text and image. Throws std::invalid_argument where
// they differ in their number of axes.
Tensor Joined(std::initializer_list<const Tensor*> parts);

}  // namespace rotary

#endif  // ROTARY_ROPE_GRID_POSITIONS_H_
