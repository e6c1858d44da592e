// The rotations of published video and image generators, by positions of three numbers or more.
//
// Most of them give each axis a block of the head with a plain spectrum of its own, pairs
// (2i, 2i + 1): BlockRotation, with these channels for each axis.
//
//   model                  axes                   channels            theta
//   Flux.1                 0, y, x                16, 56, 56          10000
//   Flux.2                 t, y, x, sequence      32, 32, 32, 32      2000
//   Qwen-Image             frame, y, x (centred)  16, 56, 56          10000
//   Lumina 2               sequence, y, x         32, 32, 32          10000
//   HunyuanVideo           t, y, x                16, 56, 56          256
//   Wan 2.1, 2.2           t, y, x                WanBlocks           10000
//   CogVideoX              t, y, x                CogVideoXBlocks     10000
//   MiniMax-M3 vision      t, y, x                VJepa2Blocks, kHalf over all of them
//   Allegro                t, y, x                thirds, kHalf inside each: AxialHalfInBlocks
//
// Positions are counts of patches unless said otherwise; text tokens take zeros, or their own
// number on one axis. Source: huggingface/diffusers, the file of each model.
#ifndef ROTARY_ROPE_VIDEO_ROTATIONS_H_
#define ROTARY_ROPE_VIDEO_ROTATIONS_H_

#include <array>
#include <span>
#include <vector>

#include "rotary/rope/rotation.h"

namespace rotary {

// Axis x turns a block of channels[x] channels with theta^(-2i / channels[x]); channels beyond the
// blocks are left alone. kHalf pairs channels across the whole of the blocks.
// Throws std::invalid_argument: an odd or negative number of channels, or more than head_dim in
// all.
Rotation BlockRotation(int head_dim, std::span<const int> channels, double theta,
                       Layout layout = Layout::kInterleaved);

// Of an even head_dim; each throws std::invalid_argument below the smallest that has three blocks.
std::array<int, 3> WanBlocks(int head_dim);        // y, x: 2 floor(D / 6); t the rest
std::array<int, 3> CogVideoXBlocks(int head_dim);  // t: D / 4; y, x: 3 D / 8
std::array<int, 3> VJepa2Blocks(int head_dim);     // 2 floor(D / 6) each

// Cosmos: blocks as of Wan, kHalf over the head, and each axis stretched (NTK-aware): theta
// scale^(c / (c - 2)) for a block of c channels. Time: frames, or seconds times 24.
//   scale  for t, y, x
// Throws std::invalid_argument: a scale not positive and finite.
Rotation Cosmos(int head_dim, std::array<double, 3> scale = {2, 1, 1}, double theta = 10000);

// V-JEPA 2: blocks for frame, y and x, pairs (2i, 2i + 1), but a table made for kHalf: of c
// channels in a block, channel k turns by the angle of number k mod c/2. The published weights were
// trained with it; it is no group.
Rotation VJepa2(int head_dim, double theta = 10000);

// ERNIE-Image: pairs (i, i + D/2), but a table made for kInterleaved: channel k turns by angle
// floor(k / 2) of all axes' angles, so that members of a pair may even read different axes. No
// group. Positions of image tokens: length of the text, y, x; of text tokens: their number, 0, 0.
//   channels  of each axis, with sum head_dim
Rotation ErnieImage(int head_dim, std::span<const int> channels = std::array{32, 48, 48},
                    double theta = 256);

// LTX-Video, and LTX-2 with kInterleaved or kHalf ("split"): one list of angles over all heads,
// pi/2 theta^(k / (n - 1)) for k = 0 .. n - 1, axes alternating, n = floor(heads D / (2 axes)). The
// first pairs of head 0 stand still where the number of channels leaves a rest.
// Positions: 2 g - 1, with g the fraction of a base size: frames of 20, pixels of 2048; LTX-2:
// seconds of 20, middles of patches.
Rotation Ltx(int head_dim, int heads, int axes = 3, double theta = 10000,
             Layout layout = Layout::kInterleaved);

}  // namespace rotary

#endif  // ROTARY_ROPE_VIDEO_ROTATIONS_H_
