// Rotations by positions of several numbers, as images and videos have them: which axis of the
// position, and which frequency, each pair takes.
//
// A scheme is a choice of channels (Pairs) and a list of angles for them (frequency times the
// position on one axis). For two axes of 4 channels each, with a and b frequencies of each:
//
//   angles of AnglesInBlocks   h a, h b, w a, w b     the frequencies start anew on each axis
//   angles of AnglesInTurn     h a, w a, h b, w b     the same, axes alternating
//   angles of AnglesOnAxes     h a, h b, w c, w d     one spectrum a b c d, cut into sections
//
//   pairs kInterleaved over 8  (0 1) (2 3) (4 5) (6 7)
//   pairs kHalf over 8         (0 4) (1 5) (2 6) (3 7)    an axis has channels in both halves
//   PairsInBlocks kHalf 4, 4   (0 2) (1 3) (4 6) (5 7)    each axis has its own part of the head
#ifndef ROTARY_ROPE_AXES_H_
#define ROTARY_ROPE_AXES_H_

#include <cstdint>
#include <span>
#include <vector>

#include "rotary/rope/rotation.h"

namespace rotary {

struct Pairs {
  std::vector<int32_t> first, second;  // [pairs]
};

// The pairs of channels [offset, offset + dim) in a layout.
// Throws std::invalid_argument: dim odd or negative, offset negative.
Pairs PairsOf(int dim, Layout layout, int offset = 0);

// Those of consecutive blocks of dims[0], dims[1] .. channels, the layout applied inside each.
// Interleaved pairs are the same as those of the whole.
Pairs PairsInBlocks(std::span<const int> dims, Layout layout, int offset = 0);

struct Angle {
  int axis = 0;
  double frequency = 0;  // radians per unit of position
  bool operator==(const Angle&) const = default;
};

// frequency[i] on axis[i].
// Throws std::invalid_argument where there are not as many axes as frequencies.
std::vector<Angle> AnglesOnAxes(std::span<const double> frequency, std::span<const int> axis);

// Axis 0 with all of blocks[0], then axis 1 with all of blocks[1], and so on.
std::vector<Angle> AnglesInBlocks(std::span<const std::vector<double>> blocks);

// The first frequency of each axis, then the second of each, and so on.
// Throws std::invalid_argument where axes differ in their number of frequencies.
std::vector<Angle> AnglesInTurn(std::span<const std::vector<double>> blocks);

// Pair j turns by angle j.
// Throws std::invalid_argument: another number of angles than pairs, an axis outside [0, axes), and
// as CheckRotation does.
Rotation RotationOfAngles(int head_dim, int axes, const Pairs& pairs,
                          std::span<const Angle> angles);

// Pair j turns its first channel by first[j] and its second by second[j]: for tables that disagree
// with their pairing (V-JEPA 2, ERNIE-Image). Not a group, see Rotation::IsGroup.
Rotation RotationOfAngles(int head_dim, int axes, const Pairs& pairs, std::span<const Angle> first,
                          std::span<const Angle> second);

// A rotation of one axis, of any rule, as one of `axes` axes: pair j keeps its frequency and takes
// axis[j]. Equal numbers on all axes (text) turn as before. log_decay goes on reading axis 0.
// Throws std::invalid_argument: `one_axis` has several axes, or another number of pairs than
// `axis`; an axis outside [0, axes).
Rotation OnAxes(const Rotation& one_axis, int axes, std::span<const int> axis);

// `rotation` with frequency[j] for pair j of every head, on the axis that the pair reads; a pair
// that stands still reads axis 0. For lists from elsewhere, such as the inv_freq of a model. Throws
// std::invalid_argument: another number of frequencies than pairs, one that is not finite, a pair
// that reads several axes, a rotation whose heads differ or that has a second frequency.
Rotation WithFrequencies(Rotation rotation, std::span<const double> frequency);

// The axis of each pair. sections[x] counts pairs of axis x.
//
// Sections one after the other. Qwen2-VL: {16, 24, 24} = t, h, w. HunyuanVL's XD-RoPE:
// {16, 16, 16, 16}. GLM-4V, interleaved layout over half the head: {8, 12, 12}.
std::vector<int> ContiguousSections(std::span<const int> sections);

// Sections interleaved, the rest on axis 0 (Qwen3-VL): of `pairs` pairs, axis x > 0 takes pairs x,
// x + n, x + 2n .. below n sections[x], for n axes. Sections are therefore upper bounds:
//   64 pairs, {24, 20, 20}  thw 20 times, tttt
//   32 pairs, {11, 11, 10}  thw 10 times, th
//   32 pairs, {8, 12, 12}   thw 10 times, th
std::vector<int> InterleavedSections(int pairs, std::span<const int> sections);

// ERNIE 4.5 VL: {22, 22, 20} are h, w, t here, and axes of the position are t, h, w: of the first
// 44 pairs even ones take h (axis 1) and odd ones w (axis 2), the last 20 take t (axis 0).
// Throws std::invalid_argument where h and w differ, or one is negative.
std::vector<int> ErnieSections(int h, int w, int t);

// xPos (arXiv:2212.10554): pair i of n decays with zeta_i^((p_query - p_key) / scale_base), where
// zeta_i = (2i + 0.4 d) / (1.4 d), d = 2n; sets log_decay. Scores grow towards later keys, so it is
// for causal attention. Queries and keys must have the same centre (RotateOptions).
// Throws std::invalid_argument: scale_base not positive and finite.
Rotation WithXpos(Rotation rotation, double scale_base = 512);

}  // namespace rotary

#endif  // ROTARY_ROPE_AXES_H_
