// Keys of a cache at other positions, without the hidden states that they were made from.
//
// A cached key is z(p) k, where z(p) = g e^(i p w) for each pair. Because turns add up,
//   moved by d     e^(i d w) z(p) k     with the attention factor left out: g is in there already
//   re-based       z'(p') / z(p) applied to z(p) k, for other frequencies, factor and position
//   un-rotated     Rotate with Direction::kInverse
// Each is one pass and one rounding. Errors of many passes add up: docs/cache.md has measurements.
// None exists for a rotation with a second frequency (Rotation::IsGroup): those are refused.
#ifndef ROTARY_ROPE_KEY_SHIFT_H_
#define ROTARY_ROPE_KEY_SHIFT_H_

#include "rotary/base/tensor.h"
#include "rotary/rope/phases.h"

namespace rotary {

// The table that moves keys of `rotation`: its angles, with an attention factor of 1. xPos's decay
// stays, as it depends on the position. Make it once for a rotation.
// Throws std::invalid_argument: not a group, and as CheckRotation does.
PhaseTable ShiftTable(Rotation rotation);

// Moves keys by deltas, in place (`out` is `keys`) or not: those at p become what they would be at
// p + delta, to 2e-7 of a pair's length in f32 and to the rounding of 16-bit dtypes.
//   shift   of ShiftTable
//   deltas  as positions of Rotate: i64 or f64 [tokens], [batch, tokens] or [batch, tokens, axes]
//   keys    as for Rotate
//
// Throws std::invalid_argument as Rotate does, and for a table with an attention factor; `out` is
// then untouched. Threads: the same bits for any count.
void ShiftKeys(const PhaseTable& shift, ConstTensorView deltas, ConstTensorView keys,
               TensorView out, int threads = 0);

struct RebaseOptions {
  double centre = 0;  // from where the decay of xPos counts, before and after
  int threads = 0;
};

// Gives keys that `from` rotated at `from_positions` the rotation `to` at `to_positions`: for
// frequencies that change with the length (dynamic NTK, LongRoPE) or when YaRN is turned on.
//   from_positions, to_positions  as for Rotate, alike in shape
//
// Accuracy: as ShiftKeys, where the product of the two is computed in double.
// Throws std::invalid_argument: rotations that pair other channels, differ in heads or are no
// group, a position or shape that Rotate refuses; `out` is then untouched. Threads: as ShiftKeys.
void RebaseKeys(const PhaseTable& from, ConstTensorView from_positions, const PhaseTable& to,
                ConstTensorView to_positions, ConstTensorView keys, TensorView out,
                const RebaseOptions& options = {});

}  // namespace rotary

#endif  // ROTARY_ROPE_KEY_SHIFT_H_
