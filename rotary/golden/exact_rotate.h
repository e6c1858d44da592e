// The exact result of a rotation, for the golden vectors: one sine and cosine of 200 bits for each
// token and pair, straight from the definition in rotation.h, rounded once.
#ifndef ROTARY_GOLDEN_EXACT_ROTATE_H_
#define ROTARY_GOLDEN_EXACT_ROTATE_H_

#include "rotary/base/tensor.h"
#include "rotary/golden/golden_case.h"

namespace rotary {

struct ExactRotated {
  Tensor f64, f32, bf16, f16;
};

// y = rotation(x) in the case's direction, of its side and centre.
//   positions  i64 or f64 [batch, tokens] or [batch, tokens, axes]
//   x          f32 [batch, tokens, heads, head_dim]
ExactRotated RotateExactly(const GoldenCase& golden, const Tensor& positions, const Tensor& x);

// The gradient by x for the gradient d_y of the result, f64: the transpose of the same matrix.
Tensor GradientExactly(const GoldenCase& golden, const Tensor& positions, const Tensor& d_y);

}  // namespace rotary

#endif  // ROTARY_GOLDEN_EXACT_ROTATE_H_
