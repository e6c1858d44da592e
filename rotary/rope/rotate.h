// Rotates channel pairs of queries and keys by position times frequency.
// Source: Su et al. 2021, arXiv:2104.09864, section 3.2.2 and eq. 34. Accuracy, speed:
// docs/rotate.md.
#ifndef ROTARY_ROPE_ROTATE_H_
#define ROTARY_ROPE_ROTATE_H_

#include "rotary/base/tensor.h"
#include "rotary/rope/phases.h"

namespace rotary {

// kGradient is the transpose of kForward times the same g, kInverse the negated angle divided by g:
// they differ unless g is 1.
enum class Direction { kForward, kInverse, kGradient };

struct RotateOptions {
  Direction direction = Direction::kForward;
  int threads = 0;    // 0: all cores
  double centre = 0;  // the position from which log_decay counts; ready phases have theirs
};

// Rotates `x` into `y`; `y` may be `x` itself (in place), and must not overlap it otherwise.
//   x, y       [tokens, heads, head_dim] or [batch, tokens, heads, head_dim], alike in shape and
//              dtype: f64, f32, bf16 or f16; any strides for batch, tokens and heads, the channel
//              stride is 1, any alignment
//   positions  as in phases.h; a batch of 1 (or none) serves every batch row
//
// Accuracy: |error| <= 2e-7 g |pair| in f32 (rotate_test.cc prints the measured maximum); 16-bit
// results are the f32 result rounded to nearest even.
//
// Throws std::invalid_argument on a mismatch, or for kInverse where !rotation.IsGroup(); `y` is
// then untouched.
//
// Threads: tokens are split; the result is the same to the bit for any count.
void Rotate(const PhaseTable& table, ConstTensorView positions, ConstTensorView x, TensorView y,
            const RotateOptions& options = {}, Side side = Side::kQuery);

// The same with phases that are ready (kF64 ones for f64 tensors, kF32 ones for all others). In f32
// the last bit may differ from that by a table.
void Rotate(const Phases& phases, ConstTensorView x, TensorView y,
            const RotateOptions& options = {});

// Queries and keys of the same tokens in one pass over the phases, in place. They may differ in
// their number of heads.
void RotateQK(const PhaseTable& table, ConstTensorView positions, TensorView q, TensorView k,
              const RotateOptions& options = {});
void RotateQK(const Phases& phases, TensorView q, TensorView k, const RotateOptions& options = {});

}  // namespace rotary

#endif  // ROTARY_ROPE_ROTATE_H_
