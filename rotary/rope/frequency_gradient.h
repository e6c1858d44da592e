// The gradient by frequencies, for rotations that learn them (RoPE-ViT mixed, Mochi, lucidrains'
// learned_freq). Derivation: a pair turned by the angle a = sum_x frequency[x] p_x moves at right
// angles to itself,
//   d y_first / d a = -g (sin a x_first + cos a x_second)
//   d y_second / d b = g (cos b x_first - sin b x_second)      b = a without second_frequency
// and the angle's gradient times p_x is that of the frequency on axis x.
#ifndef ROTARY_ROPE_FREQUENCY_GRADIENT_H_
#define ROTARY_ROPE_FREQUENCY_GRADIENT_H_

#include <vector>

#include "rotary/base/tensor.h"
#include "rotary/rope/phases.h"
#include "rotary/rope/rotate.h"

namespace rotary {

struct FrequencyGradient {
  // Shaped as in Rotation: [heads, pairs, axes]. The second one is empty for a group; a rotation
  // with second_frequency has a gradient for each list.
  std::vector<double> frequency, second_frequency;
};

// Of y = Rotate(table, positions, x) with the gradient `d_y` of the output: the sum over batch and
// tokens, and over heads where these are alike. Add those of queries and keys, and of layers that
// share their frequencies.
//   x, d_y     [tokens, heads, head_dim] or [batch, tokens, heads, head_dim], alike in shape and
//              dtype: f64, f32, bf16 or f16; any strides, but that of channels is 1
//   positions  as for Rotate
//   options    threads and centre; the direction must be kForward
//
// Accuracy: products and sums in double, 1e-13 of the sum of their magnitudes. Gradients grow with
// positions: those of a million tokens are a million times as large.
//
// Throws std::invalid_argument on a mismatch.
//
// Threads: tokens are split; the result is the same to the bit for any count.
FrequencyGradient RotateFrequencyGradient(const PhaseTable& table, ConstTensorView positions,
                                          ConstTensorView x, ConstTensorView d_y,
                                          const RotateOptions& options = {},
                                          Side side = Side::kQuery);

}  // namespace rotary

#endif  // ROTARY_ROPE_FREQUENCY_GRADIENT_H_
