// The gated unit of Llama: y = silu(gate) * up, silu(x) = x / (1 + exp(-x)).
// Source: Shazeer 2020, arXiv:2002.05202.
#ifndef ROTARY_NN_SWIGLU_H_
#define ROTARY_NN_SWIGLU_H_

#include "rotary/nn/matrix.h"

namespace rotary {

// y = silu(gate) * up, all [rows, inner]; gate and up may be the two halves of the columns of one
// matrix. Accuracy: docs/nn.md. Throws std::invalid_argument on a mismatch, as all functions here
// do. Threads: here and below, the result is the same to the bit for any count.
void SwiGlu(Matrix<const float> gate, Matrix<const float> up, Matrix<float> y, int threads = 0);

// The same for training: puts the derivatives of y in the place of what they are taken by, gate <-
// silu'(gate) * up and up <- silu(gate), which is all that the gradient needs to remember.
void SwiGluTraining(Matrix<float> gate, Matrix<float> up, Matrix<float> y, int threads = 0);

// d_gate = d_y * gate_slope and d_up = d_y * up_slope, with the slopes that SwiGluTraining left;
// each output may be its slope.
void SwiGluBackward(Matrix<const float> gate_slope, Matrix<const float> up_slope,
                    Matrix<const float> d_y, Matrix<float> d_gate, Matrix<float> d_up,
                    int threads = 0);

}  // namespace rotary

#endif  // ROTARY_NN_SWIGLU_H_
