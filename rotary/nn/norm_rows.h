// The rows of layer and RMS normalisation: one kernel, as RMS normalisation is layer normalisation
// with a mean of 0 and no bias.
#ifndef ROTARY_NN_NORM_ROWS_H_
#define ROTARY_NN_NORM_ROWS_H_

#include <span>

#include "rotary/nn/dropout.h"
#include "rotary/nn/layer_norm.h"
#include "rotary/nn/matrix.h"

namespace rotary::internal {

// The names of layer_norm.h; a bias may be empty and a residual without data.
struct NormForwardArguments {
  const char* operation;
  bool centred;  // layer normalisation: the mean is taken away
  double epsilon;
  const DropoutMask& dropout;
  Matrix<const float> x, residual;
  std::span<const float> gain, bias;
  Matrix<float> y;
  const NormSaved& saved;
  int threads;
};
void NormForward(const NormForwardArguments& arguments);

struct NormBackwardArguments {
  const char* operation;
  bool centred;
  const DropoutMask& dropout;
  const NormSaved& saved;
  std::span<const float> gain;
  Matrix<const float> d_y;
  float beta;
  Matrix<float> d_sum, d_x;
  std::span<float> d_gain, d_bias;
  int threads;
};
void NormBackward(const NormBackwardArguments& arguments);

}  // namespace rotary::internal

#endif  // ROTARY_NN_NORM_ROWS_H_
